//! From [`crate::profile::resolved::Profile`] to everything that shall exist.

pub mod derive;
pub mod naming;
pub mod presets;
pub mod state;
