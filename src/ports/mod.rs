//! What the edges must offer to the rest: reads, stores, and the one error they speak.

pub mod answer;
pub mod backoff;
pub mod chain;
pub mod error;
mod help;
pub mod panic;
pub mod read;
pub mod right;
pub mod secrets;
pub mod store;
