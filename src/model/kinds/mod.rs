//! One file per resource kind: its key, what a plan wants of it, what was observed, what is written.
//!
//! A kind is a type; the closed enum over all kinds lives at the plan's seam (`plan::change`).

pub mod federated_credential;
pub mod identity;
pub mod marks;
pub mod namespace;
pub mod namespaced;
pub mod rbac;
pub mod role_assignment;
pub mod service_account;

use std::fmt::{Debug, Display};

use crate::model::awaited::IdentityOutputs;

/// A kind of resource that widctl manages.
pub trait Kind: Send + Sync + 'static {
    /// The kind's name in addresses, `federated-credential`.
    const NAME: &'static str;
    /// What identifies one resource; its `Display` is the address that people see.
    type Key: Clone + Ord + Debug + Display + Send + Sync;
    /// What the plan wants, with values that only the apply can know.
    type Planned: PartialEq + Debug + Send + Sync;
    /// What was observed.
    type Live: Debug + Send + Sync;
    /// What is written, everything known.
    type Write: Clone + Debug + Send + Sync;

    /// Fills in what the identities created so far have given; `None` while one is missing.
    fn resolve(
        key: &Self::Key,
        planned: &Self::Planned,
        identities: &IdentityOutputs,
    ) -> Option<Self::Write>;
}
