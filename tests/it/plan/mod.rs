//! The planner: golden cases, properties over random worlds, saved plans and approvals.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod events;
mod properties;
mod random;
mod world;
