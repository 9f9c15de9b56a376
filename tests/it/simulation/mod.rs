//! The real planner, executor, pipeline and adapters over the sandbox in process, on paused time, through
//! whatever interferes: faults, lag, other people, two runs at once, a kill at any request.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod attempt;
mod fault;
mod foreigners;
mod identities;
mod interference;
mod matrix;
mod panics;
mod pipelines;
mod reviewer;
pub(crate) mod run;
pub(crate) mod scenario;
pub(crate) mod seeds;
mod strangers;
mod trust;
