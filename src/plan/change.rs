//! One change, and the closed enum over all kinds.

use std::fmt;

use crate::model::kinds::Kind;
use crate::model::kinds::federated_credential::FederatedCredentials;
use crate::model::kinds::identity::Identities;
use crate::model::kinds::namespace::Namespaces;
use crate::model::kinds::rbac::{RoleBindings, Roles};
use crate::model::kinds::role_assignment::RoleAssignments;
use crate::model::kinds::service_account::ServiceAccounts;
use crate::model::text::{ClusterName, TeamName};
use crate::plan::action::{Action, ActionName};

/// One change of one resource.
#[derive(Debug)]
pub struct Change<K: Kind> {
    /// The resource.
    pub key: K::Key,
    /// The team it belongs to, where that is known.
    pub team: Option<TeamName>,
    /// Its cluster; for a federated credential the cluster that it trusts.
    pub cluster: Option<ClusterName>,
    /// What is done.
    pub action: Action<K>,
    /// Why, for people; nothing is decided by it.
    pub reason: String,
    /// What follows for people: "pods started before this keep the old client id".
    pub effects: Vec<String>,
}

impl<K: Kind> Clone for Change<K> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            team: self.team.clone(),
            cluster: self.cluster.clone(),
            action: self.action.clone(),
            reason: self.reason.clone(),
            effects: self.effects.clone(),
        }
    }
}

/// A change of any kind. Matches on it are exhaustive, so a new kind breaks compilation wherever
/// someone must think.
#[derive(Clone, Debug)]
pub enum AnyChange {
    /// Of an identity.
    Identity(Change<Identities>),
    /// Of a role assignment.
    RoleAssignment(Change<RoleAssignments>),
    /// Of a federated credential.
    FederatedCredential(Change<FederatedCredentials>),
    /// Of a namespace.
    Namespace(Change<Namespaces>),
    /// Of a Role.
    Role(Change<Roles>),
    /// Of a `RoleBinding`.
    RoleBinding(Change<RoleBindings>),
    /// Of a `ServiceAccount`.
    ServiceAccount(Change<ServiceAccounts>),
}

/// Runs one expression on the change inside an [`AnyChange`], whatever its kind.
#[macro_export]
macro_rules! with_change {
    ($any:expr, $change:ident => $body:expr) => {
        match $any {
            $crate::plan::change::AnyChange::Identity($change) => $body,
            $crate::plan::change::AnyChange::RoleAssignment($change) => $body,
            $crate::plan::change::AnyChange::FederatedCredential($change) => $body,
            $crate::plan::change::AnyChange::Namespace($change) => $body,
            $crate::plan::change::AnyChange::Role($change) => $body,
            $crate::plan::change::AnyChange::RoleBinding($change) => $body,
            $crate::plan::change::AnyChange::ServiceAccount($change) => $body,
        }
    };
}

impl AnyChange {
    /// The resource's address.
    pub fn address(&self) -> String {
        with_change!(self, change => change.key.to_string())
    }

    /// What is done.
    pub fn action(&self) -> ActionName {
        with_change!(self, change => change.action.name())
    }

    /// The team, where that is known.
    pub fn team(&self) -> Option<&TeamName> {
        with_change!(self, change => change.team.as_ref())
    }

    /// The cluster.
    pub fn cluster(&self) -> Option<&ClusterName> {
        with_change!(self, change => change.cluster.as_ref())
    }
}

impl fmt::Display for AnyChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.action(), self.address())
    }
}
