//! Values that only an apply can know.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::guid::{ClientId, PrincipalId, TenantId};
use crate::model::kinds::identity::IdentityKey;

/// A value that an identity gives: known now, or once the identity has been created. The only unknown there is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Awaited<T> {
    /// Whose value it is.
    pub identity: IdentityKey,
    /// The value; `None` until the identity exists.
    pub value: Option<T>,
}

/// An id that identities have.
pub trait GivenId: fmt::Display + Copy {
    /// What it is, in plain words.
    const NAME: &'static str;
    /// The one among an identity's ids.
    fn of(output: &IdentityOutput) -> Self;
}

impl GivenId for ClientId {
    const NAME: &'static str = "client id";

    fn of(output: &IdentityOutput) -> Self {
        output.client_id
    }
}

impl GivenId for PrincipalId {
    const NAME: &'static str = "principal id";

    fn of(output: &IdentityOutput) -> Self {
        output.principal_id
    }
}

impl<T: GivenId> Awaited<T> {
    /// The value, once the identity exists.
    pub fn resolve(&self, outputs: &IdentityOutputs) -> Option<T> {
        self.value.or_else(|| outputs.get(&self.identity).map(T::of))
    }
}

/// Says whose value an unknown is, so that an approval cannot be used for another identity's.
impl<T: GivenId> fmt::Display for Awaited<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => value.fmt(formatter),
            None => {
                write!(formatter, "(known after apply: {} of {})", T::NAME, self.identity.name())
            }
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
