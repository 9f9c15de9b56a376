//! Derives the desired state: names, subjects, one owner for what several workloads share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::naming;
use crate::desired::naming::Trusted;
use crate::desired::state::{
    DesiredCredential, DesiredIdentity, DesiredNamespace, DesiredRole, DesiredRoleAssignment,
    DesiredRoleBinding, DesiredServiceAccount, DesiredState, Retired, Trust,
};
use crate::model::kinds::federated_credential::FederatedCredentialKey;
use crate::model::kinds::identity;
use crate::model::kinds::identity::{IdentityKey, Tags};
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::kinds::rbac::{RoleBindingKey, RoleKey};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::subject;
use crate::model::text::ClusterName;
use crate::profile::resolved::{Identity, Mode, Profile, Team, Workload};

/// Everything that a checked profile wants.
pub fn derive(profile: &Profile) -> DesiredState {
    let mut state = Deriver::of(profile, &profile.teams);
    if !profile.retired.is_empty() {
        let left = Deriver::of(profile, &profile.retired);
        state.teams.extend(left.teams.iter().cloned());
        state.retired = Retired::of(left);
    }
    state
}

/// The profile's identities by name, and the state as it grows.
struct Deriver<'a> {
    profile: &'a Profile,
    identities: BTreeMap<&'a str, &'a Identity>,
    /// Where identities with one per cluster are used.
    used_on: BTreeMap<&'a str, BTreeSet<&'a ClusterName>>,
    state: DesiredState,
}

impl<'a> Deriver<'a> {
    /// What these teams of a profile want.
    fn of(profile: &'a Profile, teams: &'a [Team]) -> DesiredState {
        let mut deriver = Self::new(profile, teams);
        for team in teams {
            for identity in &team.identities {
                deriver.identity(team, identity);
            }
            for workload in &team.workloads {
                for cluster in &workload.clusters {
                    deriver.workload(team, workload, cluster);
                }
            }
        }
        deriver.state.role_assignments.sort_by(|one, other| {
            let key = |assignment: &DesiredRoleAssignment| {
                (assignment.identity.clone(), assignment.scope.clone())
            };
            key(one).cmp(&key(other))
        });
        deriver.state
    }

    fn new(profile: &'a Profile, teams: &'a [Team]) -> Self {
        let all = profile.teams.iter().chain(&profile.retired);
        let identities = all.flat_map(|team| &team.identities);
        let mut used_on: BTreeMap<&str, BTreeSet<&ClusterName>> = BTreeMap::new();
        for workload in teams.iter().flat_map(|team| &team.workloads) {
            for name in [&workload.identity].into_iter().chain(&workload.extra_identities) {
                used_on.entry(name).or_default().extend(&workload.clusters);
            }
        }
        let services = teams.iter().flat_map(|team| {
            team.services.iter().map(|service| (team.name.clone(), service.clone()))
        });
        Self {
            profile,
            identities: identities.map(|identity| (identity.name.as_str(), identity)).collect(),
            used_on,
            state: DesiredState {
                estate: profile.estate.clone(),
                tenant: profile.tenant,
                policy: profile.policy.clone(),
                remarks: profile.remarks.clone(),
                teams: teams.iter().map(|team| team.name.clone()).collect(),
                subscriptions: profile.subscriptions.clone(),
                clusters: profile.clusters.clone(),
                retiring: profile.retiring.clone(),
                identities: BTreeMap::new(),
                credentials: BTreeMap::new(),
                role_assignments: Vec::new(),
                namespaces: BTreeMap::new(),
                service_accounts: BTreeMap::new(),
                roles: BTreeMap::new(),
                role_bindings: BTreeMap::new(),
                services: services.collect(),
                retired: Retired::default(),
            },
        }
    }

    fn identity(&mut self, team: &Team, identity: &Identity) {
        let keys: Vec<IdentityKey> = if identity.per_cluster {
            let clusters = self.used_on.get(identity.name.as_str()).into_iter().flatten();
            clusters.map(|cluster| identity.key_on(cluster)).collect()
        } else {
            let Identity { subscription, resource_group, name, .. } = identity;
            vec![IdentityKey::new(*subscription, resource_group, name)]
        };
        let tags = Arc::new(self.tags(team, identity));
        for key in keys {
            let desired = DesiredIdentity {
                team: team.name.clone(),
                location: identity.location.clone(),
                tags: Arc::clone(&tags),
                create: identity.create,
            };
            self.state.identities.insert(key.clone(), desired);
            self.state.role_assignments.extend(identity.roles.iter().map(|grant| {
                DesiredRoleAssignment {
                    team: team.name.clone(),
                    identity: key.clone(),
                    role: grant.role.clone(),
                    scope: grant.scope.clone(),
                    condition: grant.condition.clone(),
                }
            }));
            for federation in &identity.federations {
                let trusted = Trusted::Federation(&federation.name);
                let name = naming::credential_name(&self.state.estate, trusted, &federation.name);
                let credential = DesiredCredential {
                    team: team.name.clone(),
                    trust: Trust::Federation {
                        issuer: federation.issuer.clone(),
                        subject: federation.subject.clone(),
                    },
                    audience: federation.audience.clone(),
                };
                let key = FederatedCredentialKey { identity: key.clone(), name };
                self.state.credentials.insert(key, credential);
            }
        }
    }

    fn tags(&self, team: &Team, identity: &Identity) -> Tags {
        let mut tags = identity.tags.clone();
        tags.insert(identity::TAG_MANAGED_BY.into(), identity::MANAGED_BY_VALUE.into());
        tags.insert(identity::TAG_ESTATE.into(), self.profile.estate.shared());
        tags.insert(identity::TAG_TEAM.into(), team.name.shared());
        tags
    }

    fn workload(&mut self, team: &Team, workload: &Workload, cluster: &ClusterName) {
        let names = [&workload.identity].into_iter().chain(&workload.extra_identities);
        for name in names.collect::<BTreeSet<_>>() {
            self.credential(team, workload, cluster, name);
        }
        match workload.mode {
            Mode::TrustOnly => return,
            Mode::Annotate | Mode::Manage => {}
        }
        let namespace =
            NamespaceKey { cluster: cluster.clone(), namespace: workload.namespace.clone() };
        let create = workload.create_namespace && workload.mode == Mode::Manage;
        self.state
            .namespaces
            .entry(namespace)
            .and_modify(|shared| shared.create |= create)
            .or_insert_with(|| DesiredNamespace { team: team.name.clone(), create });
        let account = ServiceAccountKey::new(
            cluster.clone(),
            workload.namespace.clone(),
            workload.service_account.clone(),
        );
        let desired = DesiredServiceAccount {
            team: team.name.clone(),
            identity: self.identity_key(&workload.identity, cluster),
            token_expiration: workload.token_expiration,
            annotate_only: workload.mode == Mode::Annotate,
        };
        self.state.service_accounts.insert(account, desired);
        self.rbac(team, workload, cluster);
    }

    fn credential(
        &mut self,
        team: &Team,
        workload: &Workload,
        cluster: &ClusterName,
        identity: &str,
    ) {
        let Workload { namespace, service_account, .. } = workload;
        let subject = subject::of_service_account(namespace, service_account);
        let text = self.state.cluster_text(cluster);
        let trusted = Trusted::Account { cluster: text, subject: &subject };
        let tail = format!("{cluster}-{namespace}-{service_account}");
        let name = naming::credential_name(&self.state.estate, trusted, &tail);
        let key = FederatedCredentialKey { identity: self.identity_key(identity, cluster), name };
        let credential = DesiredCredential {
            team: team.name.clone(),
            trust: Trust::Cluster { cluster: cluster.clone(), subject },
            audience: workload.audience.clone(),
        };
        self.state.credentials.insert(key, credential);
    }

    fn rbac(&mut self, team: &Team, workload: &Workload, cluster: &ClusterName) {
        let account = &workload.service_account;
        let rules = workload.role_rules();
        if rules.is_empty() {
            return;
        }
        let name = naming::role_name(account);
        let own = (workload.namespace.clone(), account.clone());
        let key = RoleKey::new(cluster.clone(), own.0.clone(), name);
        let (namespace, service_account) = workload.controller.clone().unwrap_or(own);
        let binding =
            RoleBindingKey::new(key.cluster.clone(), key.namespace.clone(), key.name.clone());
        self.state.roles.insert(key, DesiredRole { team: team.name.clone(), rules: rules.into() });
        self.state.role_bindings.insert(
            binding,
            DesiredRoleBinding { team: team.name.clone(), namespace, service_account },
        );
    }

    /// The key of an identity that a checked profile has.
    fn identity_key(&self, name: &str, cluster: &ClusterName) -> IdentityKey {
        let identity = self.identities.get(name).expect("the profile's checks know every identity");
        identity.key_on(cluster)
    }
}

#[cfg(test)]
#[path = "derive_tests.rs"]
mod tests;
