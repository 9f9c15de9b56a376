//! The plan: a pure function of the desired and the observed state.
//!
//! Stages: [`crate::desired::state::DesiredState`] is linked with what was observed (issuers, role GUIDs,
//! identity ids), compared kind by kind, filtered by the plan's inputs, put in order.

pub mod action;
pub mod change;
pub mod inputs;
pub mod ownership;
pub mod row;
pub mod value;
