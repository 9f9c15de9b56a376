//! What exists, as plain facts.

pub mod evidence;
pub mod read;
pub mod state;
