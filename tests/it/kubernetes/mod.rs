//! The Kubernetes side: writes, lists, connections, and what was observed.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod connections;
mod estate;
mod issuers;
mod machine;
mod observed;
mod ownership;
mod requests;
mod script;
mod tls;
