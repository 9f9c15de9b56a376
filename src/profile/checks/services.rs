//! Services that could be mistaken for something else, or that nobody could call.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::rule::rules;
use crate::model::text::ClusterName;
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::services::SERVICE_AUDIENCE;
use crate::profile::resolved::Cluster;
use crate::profile::source::{Span, quoted};

rules! {
    DUPLICATE_SERVICE = "WID-DUPLICATE-SERVICE", Check;
        "a service stands once in its team, its audience once on a cluster, and a caller once in its service",
        "Of two services with one audience on a cluster each could call the other in the name of its callers.",
        "Give one of the two another name or audience, or remove it.";
    SERVICE_CLUSTER = "WID-SERVICE-CLUSTER", Check;
        "a service and each of its callers share a cluster",
        "The tokens of a cluster's accounts are taken on that cluster.",
        "Add a cluster of the service to the caller's workload, or remove the caller.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] = &[names, audiences, foreign_audiences, callers];

fn second(at: Span, first: Span, message: String, findings: &mut Findings) {
    findings.add(Finding::new(&DUPLICATE_SERVICE, at, message).related(first, "the first one"));
}

fn names(merged: &Merged<'_>, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for service in &merged.services {
        let key = (service.team, &service.name.value);
        if let Some(first) = seen.insert(key, service.name.at) {
            let message = format!("service {} stands twice in its team", quoted(&service.name.0));
            second(service.name.at, first, message, findings);
        }
    }
}

fn audiences(merged: &Merged<'_>, findings: &mut Findings) {
    let mut seen: BTreeMap<(&str, &ClusterName), Span> = BTreeMap::new();
    for service in &merged.services {
        let (audience, at) = (service.resolved.audience.as_str(), service.audience_at);
        let firsts = service.resolved.clusters.iter().filter_map(|cluster| {
            let first = *seen.entry((audience, cluster)).or_insert(at);
            (first != at).then_some((cluster, first))
        });
        if let Some((cluster, first)) = firsts.last() {
            let message = format!(
                "two services on cluster {} have the audience {}",
                quoted(cluster.as_str()),
                quoted(audience)
            );
            second(at, first, message, findings);
        }
    }
}

/// Audiences that something else takes, as the profile says.
fn foreign_audiences(merged: &Merged<'_>, findings: &mut Findings) {
    let exchanged: BTreeSet<&str> =
        merged.workloads().map(|(_, workload)| workload.resolved.audience.as_str()).collect();
    // An API server takes its issuer's name for an audience, unless it is told others.
    let issuers = merged.clusters.values().filter_map(|cluster| match &cluster.resolved {
        Cluster::Pinned { issuer, .. } => Some(issuer.as_str()),
        Cluster::Aks { .. } | Cluster::Arc { .. } => None,
    });
    let issuers: BTreeSet<&str> = issuers.collect();
    for service in &merged.services {
        let audience = service.resolved.audience.as_str();
        let whose = if exchanged.contains(audience) {
            "a workload exchanges such tokens at Entra"
        } else if issuers.contains(audience) {
            "it is the issuer of a cluster, whose API server takes it by default"
        } else {
            continue;
        };
        let message = format!("{} is not a service's audience: {whose}", quoted(audience));
        findings.add(Finding::new(&SERVICE_AUDIENCE, service.audience_at, message));
    }
}

fn callers(merged: &Merged<'_>, findings: &mut Findings) {
    for service in &merged.services {
        let mut seen = BTreeMap::new();
        for (caller, at) in service.resolved.callers.iter().zip(&service.callers_at) {
            let name = quoted(&caller.to_string());
            if caller.clusters.is_empty() {
                let message = format!("caller {name} is on no cluster of the service");
                let account = service.table.account.get().map_or(*at, |account| account.at);
                let finding = Finding::new(&SERVICE_CLUSTER, *at, message);
                findings.add(finding.related(account, "the service's account"));
            }
            if let Some(first) = seen.insert((&caller.team, &caller.account), *at) {
                second(*at, first, format!("caller {name} stands twice"), findings);
            }
        }
    }
}
