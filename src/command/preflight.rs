//! Tells before anything is written what the caller is likely not allowed to write. It never refuses: the
//! write itself decides.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::azure;
use crate::command::connection::Connection;
use crate::command::plan::Planned;
use crate::event::{Event, EventSink};
use crate::gather::rights::Authorities;
use crate::kubernetes::access_review;
use crate::model::right::{ArmRight, ClusterRight, Right};
use crate::plan::change::AnyChange;
use crate::plan::contents::Plan;
use crate::plan::rights;
use crate::ports::right::ClusterRights;
use crate::report::missing::{MissingRight, WHOLE_CLUSTER};

/// The most time that all questions may take together.
pub const LIMIT: Duration = Duration::from_secs(10);

/// Asks what the caller may do about a plan's writes, at most `parallelism` questions to Azure and to each
/// cluster at a time. A plan that writes nothing asks nothing.
pub async fn preflight(
    planned: &Planned,
    connection: &Connection,
    parallelism: usize,
    events: &dyn EventSink,
) -> Vec<MissingRight> {
    if planned.plan.changes.is_empty() {
        return Vec::new();
    }
    events.emit(Event::PhaseStarted {
        title: "Checking what may be written".to_owned(),
        steps: None,
    });
    let clusters = planned.observation.clusters.iter();
    let clusters = clusters.map(|(name, client)| (name.clone(), client as &dyn ClusterRights));
    let authorities = Authorities::new(&*connection.azure, clusters.collect(), parallelism, LIMIT);
    let missing = missing(&planned.plan, &authorities).await;
    events.emit(Event::PhaseFinished);
    missing
}

/// What the caller does not seem to have of what a plan's writes need, sorted. What could not be found out is
/// left out.
pub async fn missing(plan: &Plan, authorities: &Authorities<'_>) -> Vec<MissingRight> {
    let needed = rights::needed(plan);
    let checked = authorities.check(needed.keys()).await;
    if let Some((right, why)) = checked.unchecked.first_key_value() {
        let count = checked.unchecked.len();
        tracing::debug!(count, ?right, %why, "could not check beforehand what may be written");
    }
    rows(plan, &needed, &checked.denied)
}

/// One row for each action at a scope, and for each resource in a namespace with all verbs that are missing.
fn rows(
    plan: &Plan,
    needed: &BTreeMap<Right, Vec<usize>>,
    denied: &BTreeSet<Right>,
) -> Vec<MissingRight> {
    let changes = |places: BTreeSet<usize>| -> Vec<String> {
        let changes = places.into_iter().map(|place| &plan.changes[place]);
        changes.map(AnyChange::address).collect()
    };
    let places = |right: &Right| needed.get(right).into_iter().flatten().copied();
    let shared = shared(denied);
    let mut scopes: BTreeMap<ArmRight, BTreeSet<usize>> = BTreeMap::new();
    let mut resources: BTreeMap<ClusterRight, (Vec<&str>, BTreeSet<usize>)> = BTreeMap::new();
    for right in denied {
        match right {
            Right::Arm(arm) => {
                let found = scopes.entry(assignable(arm, &shared)).or_default();
                found.extend(places(right));
            }
            Right::Cluster(cluster) => {
                let resource = ClusterRight { verb: "", ..cluster.clone() };
                let (verbs, found) = resources.entry(resource).or_default();
                verbs.push(cluster.verb);
                found.extend(places(right));
            }
        }
    }
    let mut rows: Vec<MissingRight> =
        scopes.into_iter().map(|(right, places)| in_azure(&right, changes(places))).collect();
    for (resource, (verbs, places)) in resources {
        rows.push(on_cluster(&resource, &verbs, changes(places)));
    }
    rows
}

/// What is missing on several identities of a resource group, as rights on the group.
fn shared(denied: &BTreeSet<Right>) -> BTreeSet<ArmRight> {
    let (mut once, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for right in denied {
        if let Right::Arm(right) = right
            && right.action.starts_with("Microsoft.ManagedIdentity/")
        {
            let on_group = on_group(right);
            if !once.insert(on_group.clone()) {
                shared.insert(on_group);
            }
        }
    }
    shared
}

/// Where a right is best given: what several identities lack, on their group.
fn assignable(right: &ArmRight, shared: &BTreeSet<ArmRight>) -> ArmRight {
    let on_group = on_group(right);
    if shared.contains(&on_group) { on_group } else { right.clone() }
}

fn on_group(right: &ArmRight) -> ArmRight {
    ArmRight { scope: right.scope.enclosing_group(), ..right.clone() }
}

fn in_azure(right: &ArmRight, changes: Vec<String>) -> MissingRight {
    let remedy = azure::right::remedy(right);
    MissingRight {
        right: right.action.to_owned(),
        scope: right.scope.to_string(),
        cluster: None,
        role: remedy.as_ref().map(|remedy| remedy.role.to_owned()),
        fix: remedy.map(|remedy| remedy.command),
        changes,
    }
}

fn on_cluster(resource: &ClusterRight, verbs: &[&str], changes: Vec<String>) -> MissingRight {
    MissingRight {
        right: format!("{} {}", verbs.join(", "), resource.resource),
        scope: match &resource.namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => WHOLE_CLUSTER.to_owned(),
        },
        cluster: Some(resource.cluster.to_string()),
        role: None,
        fix: Some(access_review::rule(resource, verbs)),
        changes,
    }
}
