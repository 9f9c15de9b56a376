//! A plan while it is made: changes by kind, and everything there is to say.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use crate::desired::state::{DesiredState, Trust};
use crate::model::kinds::Kind;
use crate::model::kinds::federated_credential::FederatedCredentials;
use crate::model::kinds::identity::Identities;
use crate::model::kinds::namespace::Namespaces;
use crate::model::kinds::rbac::{RoleBindings, Roles};
use crate::model::kinds::role_assignment::RoleAssignments;
use crate::model::kinds::service_account::ServiceAccounts;
use crate::model::subject;
use crate::model::text::{ClusterName, Namespace, Subject, TeamName};
use crate::observed::state::ObservedState;
use crate::plan::action::ActionName;
use crate::plan::change::Change;
use crate::plan::contents::{Kept, KeptReason, Note, Unknown};
use crate::plan::inputs::PlanInputs;
use crate::plan::link::Links;
use crate::plan::refusals::Refusal;
use crate::plan::select::Selection;

/// What every kind plans with.
pub(crate) struct Context<'a> {
    /// What shall exist.
    pub(crate) desired: &'a DesiredState,
    /// What exists.
    pub(crate) observed: &'a ObservedState,
    /// What the caller chose.
    pub(crate) inputs: &'a PlanInputs,
    /// Which rows are reported and written.
    pub(crate) selection: Selection<'a>,
    /// What observation adds to the desired state.
    pub(crate) links: Links<'a>,
    trusted: OnceCell<Trusted<'a>>,
}

/// The accounts that the profile trusts, in whatever mode. Only what is left over asks for them.
pub(crate) struct Trusted<'a> {
    accounts: BTreeSet<(&'a ClusterName, &'a Subject)>,
    namespaces: BTreeSet<(&'a ClusterName, &'a str)>,
}

impl<'a> Context<'a> {
    /// Links and selects.
    pub(crate) fn new(
        desired: &'a DesiredState,
        observed: &'a ObservedState,
        inputs: &'a PlanInputs,
    ) -> Self {
        Self {
            desired,
            observed,
            inputs,
            selection: Selection::new(desired, inputs),
            links: Links::new(desired, observed),
            trusted: OnceCell::new(),
        }
    }

    /// The accounts that the profile trusts.
    pub(crate) fn trusted(&self) -> &Trusted<'a> {
        self.trusted.get_or_init(|| Trusted::new(self.desired))
    }
}

impl<'a> Trusted<'a> {
    fn new(desired: &'a DesiredState) -> Self {
        let credentials = desired.credentials.values();
        let accounts: BTreeSet<_> = credentials
            .filter_map(|credential| match &credential.trust {
                Trust::Cluster { cluster, subject } => Some((cluster, subject)),
                Trust::Federation { .. } => None,
            })
            .collect();
        let namespaces = accounts.iter().filter_map(|(cluster, subject)| {
            let (namespace, _) = subject::account(subject)?;
            Some((*cluster, namespace))
        });
        Self { namespaces: namespaces.collect(), accounts }
    }

    /// Whether this account is trusted.
    pub(crate) fn has_account(&self, cluster: &ClusterName, subject: &Subject) -> bool {
        self.accounts.contains(&(cluster, subject))
    }

    /// Whether an account in this namespace is trusted.
    pub(crate) fn has_namespace(&self, cluster: &ClusterName, namespace: &Namespace) -> bool {
        self.namespaces.contains(&(cluster, namespace.as_str()))
    }
}

/// The plan so far.
#[derive(Default)]
pub(crate) struct Draft {
    /// Changes of identities.
    pub(crate) identities: Vec<Change<Identities>>,
    /// Changes of role assignments.
    pub(crate) role_assignments: Vec<Change<RoleAssignments>>,
    /// Changes of federated credentials.
    pub(crate) credentials: Vec<Change<FederatedCredentials>>,
    /// Changes of namespaces.
    pub(crate) namespaces: Vec<Change<Namespaces>>,
    /// Changes of Roles.
    pub(crate) roles: Vec<Change<Roles>>,
    /// Changes of `RoleBinding`s.
    pub(crate) role_bindings: Vec<Change<RoleBindings>>,
    /// Changes of `ServiceAccount`s.
    pub(crate) service_accounts: Vec<Change<ServiceAccounts>>,
    /// Owned things that are left.
    pub(crate) kept: Vec<Kept>,
    /// Rows that could not be compared.
    pub(crate) unknown: Vec<Unknown>,
    /// Remarks.
    pub(crate) notes: Vec<Note>,
    /// Why there is no plan.
    pub(crate) refusals: Vec<Refusal>,
    /// Rows that are as they shall be.
    pub(crate) unchanged: usize,
}

/// Where a kind's changes are collected.
pub(crate) trait Collect<K: Kind> {
    /// The changes of the kind so far.
    fn changes(&mut self) -> &mut Vec<Change<K>>;
}

macro_rules! collect {
    ($($kind:ty => $field:ident;)+) => {$(
        impl Collect<$kind> for Draft {
            fn changes(&mut self) -> &mut Vec<Change<$kind>> {
                &mut self.$field
            }
        }
    )+};
}

collect! {
    Identities => identities;
    RoleAssignments => role_assignments;
    FederatedCredentials => credentials;
    Namespaces => namespaces;
    Roles => roles;
    RoleBindings => role_bindings;
    ServiceAccounts => service_accounts;
}

impl Draft {
    /// A row that could not be compared.
    pub(crate) fn unknown(
        &mut self,
        address: impl Display,
        team: &TeamName,
        cluster: Option<&ClusterName>,
        why: &Arc<str>,
    ) {
        self.unknown.push(Unknown {
            address: address.to_string(),
            team: Some(team.clone()),
            cluster: cluster.cloned(),
            why: Arc::clone(why),
        });
    }

    /// Something owned that is left as it is.
    pub(crate) fn keep(
        &mut self,
        address: impl Display,
        team: Option<&TeamName>,
        cluster: Option<&ClusterName>,
        reason: KeptReason,
    ) {
        self.kept.push(Kept {
            address: address.to_string(),
            team: team.cloned(),
            cluster: cluster.cloned(),
            reason,
        });
    }

    /// How many changes of all kinds have one of these actions.
    pub(crate) fn count(&self, names: &[ActionName]) -> usize {
        fn of<K: Kind>(changes: &[Change<K>], names: &[ActionName]) -> usize {
            let is_one = |change: &&Change<K>| names.contains(&change.action.name());
            changes.iter().filter(is_one).count()
        }
        of(&self.identities, names)
            + of(&self.role_assignments, names)
            + of(&self.credentials, names)
            + of(&self.namespaces, names)
            + of(&self.roles, names)
            + of(&self.role_bindings, names)
            + of(&self.service_accounts, names)
    }
}
