//! Everything that the profile wants, one map per kind, complete: nothing in it is left to choose but what only
//! observation can tell (issuers of AKS clusters, GUIDs of custom roles, ids of identities).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::arm_id::ArmId;
use crate::model::guid::{SubscriptionId, TenantId};
use crate::model::kinds::federated_credential::FederatedCredentialKey;
use crate::model::kinds::identity::{IdentityKey, Tags};
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::kinds::rbac::{PolicyRule, RoleBindingKey, RoleKey};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::location::Location;
use crate::model::text::{
    Audience, ClusterName, Estate, Issuer, Namespace, ObjectName, Subject, TeamName,
};
use crate::profile::resolved::{Cluster, Policy, Remark, RoleChoice, Service};

/// How many subscriptions are read at most for what the profile no longer has, the named ones first. Those are read
/// however many they are.
pub const MOST_SUBSCRIPTIONS: usize = 50;

/// The desired state of an estate.
#[derive(Clone, PartialEq, Debug)]
pub struct DesiredState {
    /// The estate that owns it.
    pub estate: Estate,
    /// The tenant, where the profile pins it.
    pub tenant: Option<TenantId>,
    /// Guardrails that need observation.
    pub policy: Policy,
    /// What people should know of the profile.
    pub remarks: Vec<Remark>,
    /// The teams, those that leave among them.
    pub teams: BTreeSet<TeamName>,
    /// What the teams had that leave.
    pub retired: Retired,
    /// The subscriptions that the profile names beside those of what is desired in them.
    pub subscriptions: BTreeSet<SubscriptionId>,
    /// The clusters.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// The issuers that clusters had before, credentials for which are kept.
    pub retiring: BTreeMap<ClusterName, Vec<Issuer>>,
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
    /// The services and their teams. Nothing of them is written.
    pub services: Vec<(TeamName, Service)>,
}

/// What teams had that leave. None of it is wanted; it says where to look and whose a leftover is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Retired {
    /// The teams.
    pub teams: BTreeSet<TeamName>,
    /// Their identities.
    pub identities: BTreeMap<IdentityKey, DesiredIdentity>,
    /// The scopes of their roles.
    pub scopes: BTreeSet<ArmId>,
    /// The credentials of their workloads and federations, on whosever identity.
    pub credentials: BTreeMap<FederatedCredentialKey, TeamName>,
    /// The namespaces of their workloads.
    pub namespaces: BTreeMap<NamespaceKey, TeamName>,
    /// The accounts of their workloads.
    pub accounts: BTreeMap<ServiceAccountKey, TeamName>,
}

impl Retired {
    /// Of what teams wanted, what says where to look.
    pub fn of(left: DesiredState) -> Self {
        let credentials = left.credentials.into_iter();
        let namespaces = left.namespaces.into_iter();
        let accounts = left.service_accounts.into_iter();
        Self {
            teams: left.teams,
            identities: left.identities,
            scopes: left.role_assignments.into_iter().map(|assigned| assigned.scope).collect(),
            credentials: credentials.map(|(key, wanted)| (key, wanted.team)).collect(),
            namespaces: namespaces.map(|(key, wanted)| (key, wanted.team)).collect(),
            accounts: accounts.map(|(key, wanted)| (key, wanted.team)).collect(),
        }
    }
}

impl DesiredState {
    /// The subscriptions that something is in which is desired, or which a team had that leaves: its row needs what is
    /// read there.
    pub fn needed_subscriptions(&self) -> BTreeSet<SubscriptionId> {
        let identities = self.identities.keys().chain(self.retired.identities.keys());
        let scopes = self.role_assignments.iter().map(|assignment| &assignment.scope);
        let scopes = scopes.chain(&self.retired.scopes);
        identities.map(IdentityKey::id).chain(scopes).filter_map(ArmId::subscription).collect()
    }

    /// Every subscription that the profile names.
    pub fn named_subscriptions(&self) -> BTreeSet<SubscriptionId> {
        let clusters = self.clusters.values().filter_map(Cluster::id);
        let clusters = clusters.filter_map(ArmId::subscription);
        let mut named = self.needed_subscriptions();
        named.extend(clusters.chain(self.subscriptions.iter().copied()));
        named
    }

    /// Whether it annotates an account of a cluster that somebody else owns.
    pub fn annotates(&self, cluster: &ClusterName) -> bool {
        let mut accounts = self.service_accounts.iter();
        accounts.any(|(key, account)| key.cluster == *cluster && account.annotate_only)
    }

    /// Whether something with a key of its own has this address; a role assignment has none before its role is known.
    pub fn has_address(&self, address: &str) -> bool {
        fn has<'a>(
            address: &str,
            mut keys: impl Iterator<Item = &'a (impl ToString + 'a)>,
        ) -> bool {
            keys.any(|key| key.to_string() == address)
        }
        has(address, self.identities.keys())
            || has(address, self.credentials.keys())
            || has(address, self.namespaces.keys())
            || has(address, self.roles.keys())
            || has(address, self.role_bindings.keys())
            || has(address, self.service_accounts.keys())
    }

    /// Whether the profile names nothing in Azure or on a cluster that could be compared.
    pub fn is_empty(&self) -> bool {
        let Self {
            estate: _,
            tenant: _,
            policy: _,
            remarks: _,
            teams: _,
            retired: _,
            subscriptions: _,
            clusters: _,
            retiring: _,
            identities,
            credentials,
            role_assignments,
            namespaces,
            service_accounts,
            roles,
            role_bindings,
            services: _,
        } = self;
        identities.is_empty()
            && credentials.is_empty()
            && role_assignments.is_empty()
            && namespaces.is_empty()
            && service_accounts.is_empty()
            && roles.is_empty()
            && role_bindings.is_empty()
    }

    /// The issuers that a cluster had before.
    pub fn retiring(&self, cluster: &ClusterName) -> &[Issuer] {
        self.retiring.get(cluster).map_or(&[], Vec::as_slice)
    }

    /// What a cluster is called in names and marks: its ARM id in lower case, or its key where it has none.
    pub fn cluster_text<'a>(&'a self, name: &'a ClusterName) -> &'a str {
        match self.clusters.get(name).and_then(Cluster::id) {
            Some(id) => id.folded(),
            None => name.as_str(),
        }
    }
}

/// An identity that the profile names.
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

/// A federated credential that the profile wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredCredential {
    /// The team of the workload or federation.
    pub team: TeamName,
    /// Whom it trusts.
    pub trust: Trust,
    /// The tokens' audience.
    pub audience: Audience,
}

/// A role assignment that the profile wants.
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
    /// What narrows it.
    pub condition: Option<Arc<str>>,
}

/// A namespace that workloads need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredNamespace {
    /// The first team, by name, with a workload in it.
    pub team: TeamName,
    /// Whether it is created where it is missing.
    pub create: bool,
}

/// A `ServiceAccount` that the profile wants annotated.
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

/// A Role that the profile wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredRole {
    /// The workload's team.
    pub team: TeamName,
    /// Its rules, sorted.
    pub rules: Arc<[PolicyRule]>,
}

/// A `RoleBinding` that the profile wants: it grants the Role of the same name to one account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DesiredRoleBinding {
    /// The workload's team.
    pub team: TeamName,
    /// The account's namespace.
    pub namespace: Namespace,
    /// The account: the workload's own, or that of the controller that asks for its tokens.
    pub service_account: ObjectName,
}
