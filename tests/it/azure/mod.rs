//! The Azure side, driven in process: no sockets but one, a paused clock.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod client;
mod gather;
mod hints;
mod hostile;
mod pipeline;
mod redaction;
mod rehearsal;
mod resource_graph;
mod sign_in;
mod stage;
