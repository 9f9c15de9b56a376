//! Everything that shall exist, one map per kind, complete: nothing in it is left to choose but what only
//! observation can tell (issuers of AKS clusters, GUIDs of custom roles, ids of identities).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::arm_id::ArmId;
use crate::model::guid::TenantId;
use crate::model::kinds::federated_credential::FederatedCredentialKey;
use crate::model::kinds::identity::{IdentityKey, Tags};
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::kinds::rbac::{PolicyRule, RoleBindingKey, RoleKey};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::location::Location;
use crate::model::text::{Audience, ClusterName, Estate, Issuer, ObjectName, Subject, TeamName};
use crate::profile::resolved::{Cluster, Policy, RoleChoice};

/// The desired state of an estate.
#[derive(Clone, PartialEq, Debug)]
pub struct DesiredState {
    /// The estate that owns it.
    pub estate: Estate,
    /// The tenant, where the profile pins it.
    pub tenant: Option<TenantId>,
    /// Guardrails that need observation.
    pub policy: Policy,
    /// The teams.
    pub teams: BTreeSet<TeamName>,
    /// The clusters.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// The identities.
    pub identities: BTreeMap<IdentityKey, DesiredIdentity>,
    /// The federated credentials, under the names that widctl gives them.
    pub credentials: BTreeMap<FederatedCredentialKey, DesiredCredential>,
    /// The role assignments, sorted by identity, scope and role.
    pub role_assignments: Vec<DesiredRoleAssignment>,
    /// The namespaces that workloads need.
    pub namespaces: BTreeMap<NamespaceKey, DesiredNamespace>,
    /// The ServiceAccounts of modes manage and annotate.
    pub service_accounts: BTreeMap<ServiceAccountKey, DesiredServiceAccount>,
    /// The Roles.
    pub roles: BTreeMap<RoleKey, DesiredRole>,
    /// The RoleBindings.
    pub role_bindings: BTreeMap<RoleBindingKey, DesiredRoleBinding>,
}

/// An identity that shall exist.
#[derive(Clone, PartialEq, Debug)]
pub struct DesiredIdentity {
    /// The team that it belongs to.
    pub team: TeamName,
    /// Its region.
    pub location: Location,
    /// The profile's tags and the marks of ownership.
    pub tags: Arc<Tags>,
    /// Whether widctl creates it; otherwise it must exist and is never tagged or changed.
    pub create: bool,
}

/// Whom a credential trusts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trust {
    /// A service account of a cluster; the issuer is the cluster's.
    Cluster {
        /// The cluster.
        cluster: ClusterName,
        /// The account's subject.
        subject: Subject,
    },
    /// A subject outside the clusters.
    Federation {
        /// Who signs the tokens.
        issuer: Issuer,
        /// Whom the tokens are about.
        subject: Subject,
    },
}

/// A federated credential that shall exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredCredential {
    /// The team of the workload or federation.
    pub team: TeamName,
    /// Whom it trusts.
    pub trust: Trust,
    /// The tokens' audience.
    pub audience: Audience,
}

/// A role assignment that shall exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredRoleAssignment {
    /// The identity's team.
    pub team: TeamName,
    /// Who gets the role.
    pub identity: IdentityKey,
    /// The role.
    pub role: RoleChoice,
    /// Where it holds.
    pub scope: ArmId,
}

/// A namespace that workloads need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredNamespace {
    /// The first team, by name, with a workload in it.
    pub team: TeamName,
    /// Whether it is created where it is missing.
    pub create: bool,
}

/// A `ServiceAccount` that shall be annotated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredServiceAccount {
    /// The workload's team.
    pub team: TeamName,
    /// The identity that its pods get by default.
    pub identity: IdentityKey,
    /// The lifetime of the projected token in seconds.
    pub token_expiration: u32,
    /// Whether somebody else owns the account (mode `annotate`).
    pub annotate_only: bool,
}

/// A Role that shall exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredRole {
    /// The workload's team.
    pub team: TeamName,
    /// Its rules, sorted.
    pub rules: Arc<[PolicyRule]>,
}

/// A `RoleBinding` that shall exist: it grants the Role of the same name to one account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredRoleBinding {
    /// The workload's team.
    pub team: TeamName,
    /// The account of the same namespace.
    pub service_account: ObjectName,
}
