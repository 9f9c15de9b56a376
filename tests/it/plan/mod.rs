//! The planner: golden cases, properties over random worlds, saved plans and approvals.

mod properties;
mod random;
mod world;
