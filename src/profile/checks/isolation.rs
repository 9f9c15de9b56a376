//! What two teams may not share.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::rule::rules;
use crate::model::text::{ClusterName, Namespace};
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::collections::Items;
use crate::profile::source::{Span, quoted};

rules! {
    SHARED_IDENTITY = "WID-SHARED-IDENTITY", Isolation;
        "an identity is used by one team",
        "Two teams with one identity have each other's access, and nobody can tell afterwards who did what.",
        "Give each team an identity of its own. Only `policy.shared_identities = true` in the root file lifts this.";
    SHARED_NAMESPACE = "WID-SHARED-NAMESPACE", Isolation;
        "a namespace of a cluster is used by one team",
        "Whoever may create pods in a namespace may use every service account in it, and with it every identity.",
        "Give each team a namespace of its own. Only `policy.shared_namespaces = true` in the root file lifts this.";
    SHARED_SUBJECT = "WID-SHARED-SUBJECT", Isolation;
        "a foreign subject is trusted by one team",
        "A pipeline that two teams' identities trust can act as both.",
        "Give each team a pipeline of its own. Only `policy.shared_identities = true` in the root file lifts this.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] = &[identities, namespaces, subjects];

fn identities(merged: &Merged<'_>, findings: &mut Findings) {
    if merged.policy.shared_identities {
        return;
    }
    for (team, workload) in merged.workloads() {
        let used = std::iter::once(&workload.identity).chain(&workload.extra_identities);
        for (index, at) in used.filter(|(index, _)| index.team != team) {
            let identity = merged.identity(*index);
            let message = format!(
                "identity {} belongs to team {}, not to team {}",
                quoted(&identity.resolved.name),
                quoted(merged.teams[index.team].name.as_str()),
                quoted(merged.teams[team].name.as_str())
            );
            findings.add(
                Finding::new(&SHARED_IDENTITY, *at, message)
                    .related(identity.name_at, "the identity"),
            );
        }
    }
}

fn namespaces(merged: &Merged<'_>, findings: &mut Findings) {
    if merged.policy.shared_namespaces {
        return;
    }
    let mut owners: BTreeMap<(&ClusterName, &Namespace), (usize, Span)> = BTreeMap::new();
    let mut reported = BTreeSet::new();
    for (team, workload) in merged.workloads() {
        let namespace = &workload.resolved.namespace;
        for cluster in &workload.resolved.clusters {
            let (owner, first) =
                *owners.entry((cluster, namespace)).or_insert((team, workload.namespace_at));
            if owner == team || !reported.insert((team, namespace)) {
                continue;
            }
            let message = format!(
                "namespace {} of cluster {} is used by team {} and by team {}",
                quoted(namespace.as_str()),
                quoted(cluster.as_str()),
                quoted(merged.teams[owner].name.as_str()),
                quoted(merged.teams[team].name.as_str())
            );
            findings.add(
                Finding::new(&SHARED_NAMESPACE, workload.namespace_at, message)
                    .related(first, "the other team's"),
            );
        }
    }
}

fn subjects(merged: &Merged<'_>, findings: &mut Findings) {
    if merged.policy.shared_identities {
        return;
    }
    let mut owners: BTreeMap<(&str, &str), (usize, Span)> = BTreeMap::new();
    for (index, identity) in merged.identities() {
        for table in identity.table.federation.items() {
            let (Some(issuer), Some(subject)) = (table.issuer.get(), table.subject.get()) else {
                continue;
            };
            let key = (issuer.as_str(), subject.as_str());
            let (owner, first) = *owners.entry(key).or_insert((index.team, subject.at));
            if owner == index.team {
                continue;
            }
            let message = format!(
                "subject {} is trusted by team {} and by team {}",
                quoted(subject.as_str()),
                quoted(merged.teams[owner].name.as_str()),
                quoted(merged.teams[index.team].name.as_str())
            );
            findings.add(
                Finding::new(&SHARED_SUBJECT, subject.at, message)
                    .related(first, "the other team's"),
            );
        }
    }
}
