//! From [`crate::profile::resolved::Profile`] to everything that shall exist.

pub mod state;
