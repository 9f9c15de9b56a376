//! The sandbox against the vectors that its services are specified by, driven in process.

#![expect(clippy::unwrap_used, reason = "what a test builds on fails it by itself")]

mod apply;
mod arm;
mod authorization;
mod clusters;
mod exchange;
mod faults;
mod objects;
mod patches;
mod pods;
mod resource_graph;
mod served;
mod sign_in;
mod state_file;
mod support;
