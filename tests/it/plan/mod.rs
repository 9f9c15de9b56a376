//! The planner: golden cases, properties over random worlds, saved plans and approvals.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod approval;
mod case;
mod events;
mod golden;
mod properties;
mod random;
mod rights;
mod world;
