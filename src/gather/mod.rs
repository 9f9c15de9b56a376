//! Asynchronous reads that make the observed state. Nothing is decided here.

pub mod cluster;
