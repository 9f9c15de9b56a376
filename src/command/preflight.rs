//! Tells before anything is written what the caller is likely not allowed to write. It never refuses: the
//! write itself decides.

use crate::command::connection::Connection;
use crate::command::plan::Planned;
use crate::event::{Event, EventSink};
use crate::gather::rights::Authorities;
use crate::model::right::Right;
use crate::plan::change::AnyChange;
use crate::plan::contents::Plan;
use crate::plan::rights;
use crate::plan::rights::grouping;
use crate::plan::rights::grouping::Gap;
use crate::ports::remedy::{self, roles};
use crate::ports::right::ClusterRights;
use crate::report::missing::{MissingRight, Shared, WHOLE_CLUSTER};

/// Asks what the caller may do about a plan's writes, of Azure and of each cluster at most as many questions at a
/// time as requests to Azure may be in flight. A plan that writes nothing asks nothing.
pub async fn preflight(
    planned: &Planned,
    connection: &Connection,
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
    let known = &planned.observation.state.permissions;
    let azure = &*connection.azure;
    let authorities = Authorities::new(azure, known, clusters.collect(), azure.parallelism());
    let caller = connection.signed_in.object_id.as_deref();
    let missing = missing(&planned.plan, &authorities, caller).await;
    events.emit(Event::PhaseFinished);
    missing
}

/// What the caller does not seem to have of what a plan's writes need, sorted. What could not be found out is
/// left out.
async fn missing(
    plan: &Plan,
    authorities: &Authorities<'_>,
    caller: Option<&str>,
) -> Vec<MissingRight> {
    let needed = rights::needed(plan);
    let checked = authorities.check(needed.keys()).await;
    if let Some((right, why)) = checked.unchecked.first_key_value() {
        let count = checked.unchecked.len();
        tracing::debug!(count, ?right, %why, "could not check beforehand what may be written");
    }
    grouping::gaps(plan, &needed, &checked.denied).into_iter().map(|gap| row(gap, caller)).collect()
}

/// A gap with what closes it.
fn row(gap: Gap<'_>, caller: Option<&str>) -> MissingRight {
    let role = match &gap.right {
        Right::Arm(right) => roles::remedy(right, caller).map(|remedy| remedy.role.to_owned()),
        Right::Cluster(_) => None,
    };
    let (right, cluster) = match &gap.right {
        Right::Arm(right) => (right.action.to_owned(), None),
        Right::Cluster(right) => (
            format!("{} {}", gap.verbs.join(", "), right.resource),
            Some(right.cluster.to_string()),
        ),
    };
    let fix = |right: &Right| match right {
        Right::Arm(right) => roles::remedy(right, caller).map(|remedy| remedy.command),
        Right::Cluster(right) => Some(remedy::granting(right, &gap.verbs)),
    };
    let shared = gap.shared.as_ref();
    MissingRight {
        right,
        scope: scope(&gap.right),
        cluster,
        role,
        fix: fix(&gap.right),
        shared: shared.map(|shared| Shared { scope: scope(shared), fix: fix(shared) }),
        changes: gap.changes.into_iter().map(AnyChange::address).collect(),
    }
}

/// Where a right is missing.
fn scope(right: &Right) -> String {
    match right {
        Right::Arm(right) => right.scope.to_string(),
        Right::Cluster(right) => match &right.namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => WHOLE_CLUSTER.to_owned(),
        },
    }
}
