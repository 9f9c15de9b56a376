//! `verify` end to end: what is healthy is green, each breakage fails its one check, and the printed command repairs it.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod breakages;
mod controllers;
mod estate;
mod federations;
mod hostile;
mod injection;
mod isolation;
mod junit;
mod life;
mod pod;
mod pod_checks;
mod pod_places;
mod probes;
pub(crate) mod process;
mod search;
mod services;
mod simulation;
