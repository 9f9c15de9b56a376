//! The planner: golden cases, properties over random worlds, saved plans and approvals.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod approval;
mod case;
mod events;
mod gaps;
pub(crate) mod golden;
mod mass;
mod moving;
mod properties;
mod random;
mod rights;
pub(crate) mod world;
