//! One file per resource kind: its key, what a plan wants of it, what was observed, what is written.
//!
//! A kind is a type. `each_kind!` is the one list of them: the closed enum at the plan's seam, drafts, stores and
//! reads are made from it.

pub mod federated_credential;
pub mod identity;
pub mod marks;
pub mod namespace;
pub mod namespaced;
pub mod rbac;
pub mod role_assignment;
pub mod service_account;
pub mod tools;

use std::convert::Infallible;
use std::fmt::{Debug, Display};

use crate::model::awaited::{IdentityOutput, IdentityOutputs};
use crate::model::kinds::identity::IdentityKey;

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
    /// The right to delete what is ours: `()`, or `Infallible` for what is never deleted.
    type MayDelete: Copy + Debug + Send + Sync;
    /// The right to stop managing it, and how much goes with it: `()` where nothing but marks can go, `Infallible`
    /// where the resource's name is its mark.
    type MayRelease: Copy + Debug + Send + Sync + Into<Release>;

    /// What others wait for, as the service answered it: the ids of an identity, by its key.
    fn output(_: &Self::Key, _: &Self::Live) -> Option<(IdentityKey, IdentityOutput)> {
        None
    }

    /// Fills in what the identities created so far have given; `None` while one is missing.
    fn resolve(
        key: &Self::Key,
        planned: &Self::Planned,
        identities: &IdentityOutputs,
    ) -> Option<Self::Write>;
}

/// What a release takes off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Release {
    /// The marks of ownership: it stays as it is, and is nobody's.
    Marks,
    /// Everything that widctl applied.
    Fields,
}

impl From<()> for Release {
    fn from((): ()) -> Self {
        Self::Marks
    }
}

impl From<Infallible> for Release {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The one list of kinds, in the order of a plan: hands `$make!` the arguments, then for each kind the field that
/// holds it, its variant and its type, those of Azure before those of a cluster.
macro_rules! each_kind {
    ($make:ident $($arguments:tt)*) => {
        $make! {
            ($($arguments)*)
            azure {
                identities: Identity($crate::model::kinds::identity::Identities),
                role_assignments: RoleAssignment($crate::model::kinds::role_assignment::RoleAssignments),
                credentials: FederatedCredential(
                    $crate::model::kinds::federated_credential::FederatedCredentials
                ),
            }
            cluster {
                namespaces: Namespace($crate::model::kinds::namespace::Namespaces),
                roles: Role($crate::model::kinds::rbac::Roles),
                role_bindings: RoleBinding($crate::model::kinds::rbac::RoleBindings),
                service_accounts: ServiceAccount($crate::model::kinds::service_account::ServiceAccounts),
            }
        }
    };
}
pub(crate) use each_kind;

#[cfg(test)]
mod tests {
    use std::any::TypeId;

    use super::federated_credential::FederatedCredentials;
    use super::identity::Identities;
    use super::namespace::Namespaces;
    use super::rbac::{RoleBindings, Roles};
    use super::role_assignment::RoleAssignments;
    use super::service_account::ServiceAccounts;
    use super::{Kind, Release};

    fn rights<K: Kind<MayDelete: 'static, MayRelease: 'static>>() -> [bool; 2] {
        let some = [TypeId::of::<()>(), TypeId::of::<Release>()];
        [TypeId::of::<K::MayDelete>(), TypeId::of::<K::MayRelease>()]
            .map(|right| some.contains(&right))
    }

    #[test]
    fn identities_and_namespaces_are_never_deleted_and_what_its_name_marks_is_never_released() {
        assert_eq!(rights::<Identities>(), [false, true]);
        assert_eq!(rights::<FederatedCredentials>(), [true, false]);
        assert_eq!(rights::<RoleAssignments>(), [true, false]);
        assert_eq!(rights::<Namespaces>(), [false, true]);
        assert_eq!(rights::<Roles>(), [true, true]);
        assert_eq!(rights::<RoleBindings>(), [true, true]);
        assert_eq!(rights::<ServiceAccounts>(), [true, true]);
    }
}
