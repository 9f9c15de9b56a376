//! What exists, as plain facts.

pub mod read;
pub mod state;
