//! Asynchronous reads that make the observed state. Nothing is decided here.

pub mod azure;
pub mod cluster;
mod facts;
pub mod rights;
