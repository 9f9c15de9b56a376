//! The Kubernetes side: one [`client::ClusterClient`] per cluster reads and writes its namespaces, Roles,
//! RoleBindings and ServiceAccounts.
//!
//! Each kind is a file of its own with its wire type beside the mapping; `object` writes and `list` reads
//! any of them. Writes are server-side applies of exactly the fields that widctl owns
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/>), so whatever else is on an object
//! stays as it is.

mod access_review;
pub mod aks_credentials;
pub mod client;
pub mod environment;
pub mod kubeconfig;
pub mod plugin_process;
mod pod_facts;
#[cfg(feature = "testing")]
pub mod testing;
pub mod token;

mod aks_kubeconfig;
pub(crate) mod audience;
mod cause;
mod cluster_roles;
mod controllers;
mod entries;
mod error;
mod exec_plugin;
mod kind;
mod kubelogin;
mod list;
mod metadata;
mod namesakes;
mod namespace;
mod object;
mod proxy;
mod read;
mod request;
mod role;
mod role_binding;
mod service_account;
mod source;
mod texts;
mod token_file;
mod webhook;
mod workload_token;
mod workloads;
