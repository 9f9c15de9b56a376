//! From [`crate::profile::resolved::Profile`] to everything that it wants to exist.

pub mod derive;
pub mod naming;
pub mod state;
