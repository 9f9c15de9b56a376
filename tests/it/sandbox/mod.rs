//! The sandbox against the vectors that its services are specified by, driven in process.

mod apply;
mod arm;
mod exchange;
mod support;
