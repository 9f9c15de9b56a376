//! Root and teams become one: defaults filled, names resolved. What cannot be completed is reported here
//! and left out; the checks see complete teams only.

pub(crate) mod claims;
pub(crate) mod clusters;
pub(crate) mod identities;
pub(crate) mod policy;
pub(crate) mod retired;
pub(crate) mod services;
pub(crate) mod workloads;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use self::claims::TeamNames;
use self::clusters::MergedCluster;
pub(crate) use self::identities::MergedIdentity;
use self::policy::Policy;
pub(crate) use self::services::MergedService;
pub(crate) use self::workloads::MergedWorkload;
use super::files::TeamEntry;
use super::findings::Findings;
use super::read::At;
use super::read::collections::Items;
use super::resolved::Profile;
use super::schema::{IdentityTable, RootFile, TeamTable};
use super::{resolved, roles};
use crate::model::text::{ClusterName, RoleName, TeamName};

/// A profile whose parts know each other.
#[derive(Debug)]
pub(crate) struct Merged<'a> {
    /// The root file.
    pub(crate) root: &'a RootFile,
    /// The guardrails, defaults filled.
    pub(crate) policy: Policy<'a>,
    /// The complete clusters.
    pub(crate) clusters: BTreeMap<ClusterName, MergedCluster<'a>>,
    /// The teams in the order of files and places.
    pub(crate) teams: Vec<MergedTeam<'a>>,
    /// The complete services of all teams.
    pub(crate) services: Vec<MergedService<'a>>,
    /// The names of all teams.
    pub(crate) names: TeamNames<'a>,
    /// How many accounts each identity trusts, by cluster.
    trust: BTreeMap<IdentityIndex, Trust>,
}

/// How many accounts an identity trusts on each cluster.
pub(crate) type Trust = BTreeMap<ClusterName, usize>;

/// A team.
#[derive(Debug)]
pub(crate) struct MergedTeam<'a> {
    /// The table.
    pub(crate) table: &'a At<TeamTable>,
    /// Its name.
    pub(crate) name: &'a At<TeamName>,
    /// Whether it stands in the root file.
    pub(crate) trusted: bool,
    /// Its complete identities.
    pub(crate) identities: Vec<MergedIdentity<'a>>,
    /// Its complete workloads.
    pub(crate) workloads: Vec<MergedWorkload<'a>>,
}

/// An identity by its team's index and its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct IdentityIndex {
    /// The team's index.
    pub(crate) team: usize,
    /// The identity's index in the team.
    pub(crate) identity: usize,
}

impl<'a> Merged<'a> {
    /// The identity at an index.
    pub(crate) fn identity(&self, index: IdentityIndex) -> &MergedIdentity<'a> {
        &self.teams[index.team].identities[index.identity]
    }

    /// How many accounts an identity trusts on each cluster.
    pub(crate) fn trust(&self, index: IdentityIndex) -> &Trust {
        static NONE: Trust = Trust::new();
        self.trust.get(&index).unwrap_or(&NONE)
    }

    /// Every team's workloads.
    pub(crate) fn workloads(&self) -> impl Iterator<Item = (usize, &MergedWorkload<'a>)> {
        let teams = self.teams.iter().enumerate();
        teams.flat_map(|(index, team)| team.workloads.iter().map(move |workload| (index, workload)))
    }

    /// Every team's tables of identities, complete or not, with the team's index.
    pub(crate) fn identity_tables(&self) -> impl Iterator<Item = (usize, &'a At<IdentityTable>)> {
        let teams = self.teams.iter().enumerate();
        teams.flat_map(|(index, team)| {
            team.table.identity.items().iter().map(move |table| (index, table))
        })
    }

    /// Every team's complete identities.
    pub(crate) fn identities(&self) -> impl Iterator<Item = (IdentityIndex, &MergedIdentity<'a>)> {
        self.teams.iter().enumerate().flat_map(|(team, merged)| {
            let identities = merged.identities.iter().enumerate();
            identities.map(move |(identity, merged)| (IdentityIndex { team, identity }, merged))
        })
    }
}

/// Merges the root with the teams of all files.
pub(crate) fn merge<'a>(
    root: &'a RootFile,
    entries: &'a [TeamEntry],
    findings: &mut Findings,
) -> Merged<'a> {
    let policy = Policy::new(root);
    let clusters = clusters::merge(root, findings);
    let all = entries.len();
    let entries: Vec<(&TeamEntry, &At<TeamName>)> =
        entries.iter().filter_map(|entry| Some((entry, entry.table.name.get()?))).collect();
    let tables: Vec<&At<TeamTable>> = entries.iter().map(|(entry, _)| &entry.table).collect();
    let (identities, names) = identities::merge(root, &tables, findings);
    let workloads =
        workloads::Workloads { root, clusters: &clusters, names: &names, pairs: Cell::new(0) };
    let teams = entries.iter().zip(identities);
    let teams = teams.map(|((entry, name), identities)| MergedTeam {
        table: &entry.table,
        name,
        trusted: entry.trusted,
        workloads: workloads.merge(&entry.table, findings),
        identities,
    });
    let teams: Vec<MergedTeam<'_>> = teams.collect();
    let clusters =
        clusters.into_iter().filter_map(|(name, cluster)| Some((name, cluster?))).collect();
    let trust = trust(&teams);
    let services = services::merge(&teams, teams.len() == all, findings);
    let places = teams.iter().map(|team| (team.name.as_str(), team.name.at));
    let names = TeamNames::new(places, policy.named_teams());
    Merged { root, policy, clusters, teams, services, names, trust }
}

fn trust(teams: &[MergedTeam<'_>]) -> BTreeMap<IdentityIndex, Trust> {
    let mut trust: BTreeMap<IdentityIndex, Trust> = BTreeMap::new();
    for workload in teams.iter().flat_map(|team| &team.workloads) {
        let used = std::iter::once(&workload.identity).chain(&workload.extra_identities);
        for identity in used.map(|(index, _)| *index).collect::<BTreeSet<_>>() {
            for cluster in &workload.resolved.clusters {
                *trust.entry(identity).or_default().entry(cluster.clone()).or_default() += 1;
            }
        }
    }
    trust
}

/// The resolved profile. `None` where the root has no estate, which was reported.
pub(crate) fn finish(merged: Merged<'_>, sha256: String) -> Option<Profile> {
    let Merged { root, policy, clusters, teams, services, names: _, trust: _ } = merged;
    let azure = root.azure.as_ref();
    let read = azure.into_iter().flat_map(|azure| {
        let also_read = azure.also_read.items().iter();
        also_read.chain(&azure.subscription).map(|subscription| subscription.value)
    });
    let subscriptions = read.chain(policy.granted_subscriptions()).collect();
    let (staying, retired) = finish_teams(teams, services);
    let retiring = clusters.iter().filter(|(_, cluster)| !cluster.also_trust.is_empty());
    let retiring = retiring.map(|(name, cluster)| (name.clone(), cluster.also_trust.clone()));
    Some(Profile {
        retiring: retiring.collect(),
        estate: root.estate.get()?.value.clone(),
        cloud: azure
            .and_then(|azure| azure.cloud.as_ref())
            .map_or_else(|| "public".to_owned(), |cloud| cloud.0.to_string()),
        tenant: azure.and_then(|azure| azure.tenant.as_ref()).map(|tenant| tenant.value),
        subscriptions,
        clusters: clusters.into_iter().map(|(name, cluster)| (name, cluster.resolved)).collect(),
        policy: resolved::Policy {
            denied_roles: policy.denied_roles.iter().map(role_name).collect(),
            deny_privileged_roles: !policy.denied_roles.is_empty(),
            denied_namespaces: policy
                .denied_namespaces
                .iter()
                .map(|glob| glob.text_of_team("*").into())
                .collect(),
            foreign_trust: policy.foreign_trust,
            trusted: policy.trusted,
            mass_delete: policy.mass_delete,
        },
        teams: staying,
        retired,
        remarks: Vec::new(),
        placeholders: Vec::new(),
        sha256,
    })
}

/// The teams that stay and those that leave, each sorted by name, with their services.
fn finish_teams(
    teams: Vec<MergedTeam<'_>>,
    services: Vec<MergedService<'_>>,
) -> (Vec<resolved::Team>, Vec<resolved::Team>) {
    let leave: Vec<bool> = teams.iter().map(|team| retired::is_retired(team.table)).collect();
    let mut teams: Vec<resolved::Team> = teams.into_iter().map(finish_team).collect();
    for service in services {
        teams[service.team].services.push(service.resolved);
    }
    let (mut staying, mut retired) = (Vec::new(), Vec::new());
    for (mut team, leaves) in teams.into_iter().zip(leave) {
        team.services.sort_by(|a, b| a.name.cmp(&b.name));
        if leaves { retired.push(team) } else { staying.push(team) }
    }
    retired.sort_by(|a, b| a.name.cmp(&b.name));
    staying.sort_by(|a, b| a.name.cmp(&b.name));
    (staying, retired)
}

fn finish_team(team: MergedTeam<'_>) -> resolved::Team {
    let mut identities: Vec<_> =
        team.identities.into_iter().map(|identity| identity.resolved).collect();
    identities.sort_by(|a, b| a.name.cmp(&b.name));
    let mut workloads: Vec<_> =
        team.workloads.into_iter().map(|workload| workload.resolved).collect();
    workloads.sort_by(|a, b| {
        (&a.namespace, &a.service_account, &a.clusters).cmp(&(
            &b.namespace,
            &b.service_account,
            &b.clusters,
        ))
    });
    resolved::Team {
        name: team.name.value.clone(),
        owner: team.table.owner.as_ref().map(|owner| owner.0.to_string()),
        create_namespace: team.table.create_namespace.as_ref().is_some_and(|create| create.value),
        identities,
        workloads,
        services: Vec::new(),
    }
}

/// The name by which observation can recognise a denied role.
fn role_name(role: &resolved::RoleChoice) -> RoleName {
    match role {
        resolved::RoleChoice::Known(role) => roles::by_guid(role.id)
            .map_or_else(|| role.name.clone(), |known| known.role.name.clone()),
        resolved::RoleChoice::Custom(name) => name.clone(),
    }
}
