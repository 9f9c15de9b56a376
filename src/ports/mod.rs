//! What the edges must offer to the rest: reads, stores, and the one error they speak.

pub mod answer;
pub mod backoff;
pub mod chain;
pub mod error;
pub mod panic;
pub mod place;
pub mod read;
pub mod remedy;
pub mod request_log;
pub mod right;
pub mod secrets;
pub mod store;
pub mod tls;
pub mod turn;
pub mod workload;
