//! Damaged inputs for everything that reads what strangers wrote: profiles, saved plans, kubeconfigs, ARM's
//! answers, Entra's answers.
//!
//! Each target takes real inputs, damages them token by token, and says what must hold of whatever comes
//! out. `cargo test` replays every input that ever failed (`found/`) and a fixed number of damaged ones;
//! `just fuzz SECONDS` goes on for longer and keeps what fails. docs/testing.md tells how to add a seed.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod arm;
mod attack;
mod damage;
mod engine;
mod harm;
mod kubeconfig;
mod liar;
mod plan_file;
mod profile;
mod token;
