//! One file per kind: how it is matched and compared, what is done about it and why.

pub(crate) mod federated_credential;
pub(crate) mod identity;
pub(crate) mod marked;
pub(crate) mod namespace;
pub(crate) mod role;
pub(crate) mod role_assignment;
pub(crate) mod role_binding;
pub(crate) mod service_account;
