//! The Kubernetes side: writes, lists, connections, and what was observed.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod connections;
#[cfg(unix)]
mod echo;
#[cfg(unix)]
mod fields;
#[cfg(unix)]
mod fields_table;
mod files;
mod hostile;
mod hostile_kubeconfigs;
mod hostile_mutations;
mod hostile_servers;
pub(crate) mod issuers;
pub(crate) mod lists;
mod looks;
pub(crate) mod machine;
mod observed;
mod pods;
pub(crate) mod requests;
mod reviews;
pub(crate) mod script;
mod sources;
pub(crate) mod tls;
