//! The Azure side, driven in process: no sockets, a paused clock.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod client;
mod pipeline;
mod stage;
