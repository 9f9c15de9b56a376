//! What there may be only one of.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::arm_id::ArmId;
use crate::model::rule::{Rule, rules};
use crate::model::text::{ClusterName, Namespace, ObjectName, fold};
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::collections::Items;
use crate::profile::resolved::{Cluster, RoleChoice};
use crate::profile::source::{Span, quoted};

rules! {
    DUPLICATE_TEAM = "WID-DUPLICATE-TEAM", Check;
        "a team stands once in the profile",
        "A team lives in one file. Were it in two, one file's grants would cover what another file says.",
        "Merge the two tables, or give one team another name.";
    DUPLICATE_CLUSTER = "WID-DUPLICATE-CLUSTER", Check;
        "a cluster stands once in the root file",
        "Two keys for one cluster would make two credentials with the same issuer and subject, which Azure refuses.",
        "Remove one of the two keys, and name the other one in the teams.";
    DUPLICATE_IDENTITY = "WID-DUPLICATE-IDENTITY", Check;
        "an identity stands once in the profile",
        "Workloads name identities by name alone, and Azure compares names without regard to case. An identity per cluster takes the name `<name>-<cluster>`.",
        "Give one of the two another name.";
    DUPLICATE_WORKLOAD = "WID-DUPLICATE-WORKLOAD", Check;
        "a service account stands once per cluster and namespace",
        "A service account is annotated with one identity; two workloads for it would overwrite each other.",
        "Merge the two workloads: further identities go to `extra_identities`.";
    DUPLICATE_ROLE = "WID-DUPLICATE-ROLE", Check;
        "an identity has a role on a scope once",
        "Azure takes one assignment of a role to an identity on a scope.",
        "Remove one of the two entries.";
    DUPLICATE_FEDERATION = "WID-DUPLICATE-FEDERATION", Check;
        "federations of an identity differ in name and in issuer and subject",
        "Azure takes one federated credential per issuer and subject on an identity, whatever its name and audience, and the name decides which one is meant.",
        "Remove one of the two, or give it another name.";
    REPEATED_IDENTITY = "WID-REPEATED-IDENTITY", Check;
        "a workload names an identity once",
        "An identity that a workload has already trusts it; a second mention means that another one was meant.",
        "Remove the second mention, or name the identity that was meant.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] =
    &[teams, clusters, identities, workloads, roles, federations, repeated_identities];

/// Reports the second of two equal things, with the first beside it.
fn second(rule: &'static Rule, at: Span, first: Span, message: String, findings: &mut Findings) {
    findings.add(Finding::new(rule, at, message).related(first, "the first one"));
}

fn teams(merged: &Merged<'_>, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for team in &merged.teams {
        if let Some(first) = seen.insert(&team.name.value, team.name.at) {
            let message =
                format!("team {} stands twice in the profile", quoted(team.name.as_str()));
            second(&DUPLICATE_TEAM, team.name.at, first, message, findings);
        }
    }
}

fn clusters(merged: &Merged<'_>, findings: &mut Findings) {
    let mut by_id: BTreeMap<&ArmId, (&ClusterName, Span)> = BTreeMap::new();
    let mut by_issuer: BTreeMap<&str, (&ClusterName, Span)> = BTreeMap::new();
    for (name, cluster) in &merged.clusters {
        let entry = (name, cluster.key.at);
        let first = match &cluster.resolved {
            Cluster::Aks { id, .. } | Cluster::Arc { id, .. } => by_id.insert(id, entry),
            Cluster::Pinned { issuer, .. } => by_issuer.insert(issuer.as_str(), entry),
        };
        if let Some((first, at)) = first {
            let message = format!(
                "{} and {} are the same cluster",
                quoted(first.as_str()),
                quoted(name.as_str())
            );
            second(&DUPLICATE_CLUSTER, cluster.key.at, at, message, findings);
        }
    }
}

fn identities(merged: &Merged<'_>, findings: &mut Findings) {
    let mut names = BTreeMap::new();
    for table in merged.teams.iter().flat_map(|team| team.table.identity.items()) {
        let Some(name) = table.name.get() else {
            continue;
        };
        if let Some(first) = names.insert(name.folded(), name.at) {
            let message = format!("identity {} stands twice in the profile", quoted(&name.0));
            second(&DUPLICATE_IDENTITY, name.at, first, message, findings);
        }
    }
    for (index, identity) in merged.identities() {
        if !identity.resolved.per_cluster {
            continue;
        }
        for cluster in merged.trust(index).keys() {
            let name = format!("{}-{cluster}", identity.resolved.name);
            if let Some(first) = names.get(&fold(&name)) {
                let message = format!(
                    "identity {} takes the name {} on cluster {}, which another identity has",
                    quoted(&identity.resolved.name),
                    quoted(&name),
                    quoted(cluster.as_str())
                );
                second(&DUPLICATE_IDENTITY, identity.name_at, *first, message, findings);
            }
        }
    }
}

fn workloads(merged: &Merged<'_>, findings: &mut Findings) {
    let mut seen: BTreeMap<(&Namespace, &ObjectName, &ClusterName), Span> = BTreeMap::new();
    for (_, workload) in merged.workloads() {
        let (namespace, account) =
            (&workload.resolved.namespace, &workload.resolved.service_account);
        let firsts = workload.resolved.clusters.iter().filter_map(|cluster| {
            let first = *seen.entry((namespace, account, cluster)).or_insert(workload.name_at);
            (first != workload.name_at).then_some((cluster, first))
        });
        if let Some((cluster, first)) = firsts.last() {
            let message = format!(
                "service account {} of namespace {} on cluster {} has two workloads",
                quoted(account.as_str()),
                quoted(namespace.as_str()),
                quoted(cluster.as_str())
            );
            second(&DUPLICATE_WORKLOAD, workload.name_at, first, message, findings);
        }
    }
}

fn roles(merged: &Merged<'_>, findings: &mut Findings) {
    for (_, identity) in merged.identities() {
        let mut seen: BTreeMap<(String, &ArmId), Span> = BTreeMap::new();
        for grant in identity.table.roles.items() {
            let (Some(role), Some(scope)) = (grant.role.get(), grant.scope.get()) else {
                continue;
            };
            let key = match &role.value {
                RoleChoice::Known(role) => role.id.to_string(),
                RoleChoice::Custom(name) => fold(name.as_str()),
            };
            if let Some(first) = seen.insert((key, &scope.value), role.at) {
                let message = format!(
                    "identity {} has this role on this scope twice",
                    quoted(&identity.resolved.name)
                );
                second(&DUPLICATE_ROLE, role.at, first, message, findings);
            }
        }
    }
}

fn federations(merged: &Merged<'_>, findings: &mut Findings) {
    for (_, identity) in merged.identities() {
        let mut names = BTreeMap::new();
        let mut trusts = BTreeMap::new();
        for table in identity.table.federation.items() {
            let (Some(name), Some(issuer), Some(subject)) =
                (table.name.get(), table.issuer.get(), table.subject.get())
            else {
                continue;
            };
            if let Some(first) = names.insert(fold(&name.0), name.at) {
                let message =
                    format!("federation {} stands twice on this identity", quoted(&name.0));
                second(&DUPLICATE_FEDERATION, name.at, first, message, findings);
            }
            if let Some(first) = trusts.insert((issuer.as_str(), subject.as_str()), subject.at) {
                let message = format!(
                    "subject {} of this issuer is trusted twice by this identity",
                    quoted(subject.as_str())
                );
                second(&DUPLICATE_FEDERATION, subject.at, first, message, findings);
            }
        }
    }
}

fn repeated_identities(merged: &Merged<'_>, findings: &mut Findings) {
    for (_, workload) in merged.workloads() {
        let mut seen = BTreeSet::from([workload.identity.0]);
        for (index, at) in &workload.extra_identities {
            if !seen.insert(*index) {
                let message = format!(
                    "identity {} is named twice",
                    quoted(&merged.identity(*index).resolved.name)
                );
                findings.add(Finding::new(&REPEATED_IDENTITY, *at, message));
            }
        }
    }
}
