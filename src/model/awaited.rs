//! Values that only an apply can know.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::guid::{ClientId, PrincipalId, TenantId};
use crate::model::kinds::identity::IdentityKey;

/// A value that is known now, or that the creation of an identity will give. The only unknown there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Awaited<T> {
    /// Known when the plan was made.
    Known(T),
    /// Known once this identity has been created.
    AfterApply(IdentityKey),
}

impl<T> Awaited<T> {
    /// The value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::AfterApply(_) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Awaited<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(formatter),
            Self::AfterApply(_) => formatter.write_str("(known after apply)"),
        }
    }
}

/// What the creation of an identity gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdentityOutput {
    /// What ServiceAccounts are annotated with.
    pub client_id: ClientId,
    /// What role assignments name.
    pub principal_id: PrincipalId,
    /// The tenant the identity lives in.
    pub tenant_id: TenantId,
}

/// The identities that exist so far, by key.
pub type IdentityOutputs = BTreeMap<IdentityKey, IdentityOutput>;

impl Awaited<ClientId> {
    /// The client id, once the identity exists.
    pub fn resolve(&self, outputs: &IdentityOutputs) -> Option<ClientId> {
        match self {
            Self::Known(value) => Some(*value),
            Self::AfterApply(key) => outputs.get(key).map(|output| output.client_id),
        }
    }
}

impl Awaited<PrincipalId> {
    /// The principal id, once the identity exists.
    pub fn resolve(&self, outputs: &IdentityOutputs) -> Option<PrincipalId> {
        match self {
            Self::Known(value) => Some(*value),
            Self::AfterApply(key) => outputs.get(key).map(|output| output.principal_id),
        }
    }
}
