//! What is left to do after an apply, as commands to paste.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::outcome::Outcome;
use crate::event::Ended;
use crate::model::shell;
use crate::model::text::ClusterName;
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;
use crate::plan::contents::Plan;
use crate::plan::notes;
use crate::plan::refusals::kubernetes;
use crate::profile::resolved::Cluster;

/// The commands after what was written of these changes: restarts, one for each namespace of a cluster, and then
/// `verify`, if it is given and something of an identity was written.
pub fn commands(
    changes: &[AnyChange],
    outcome: &Outcome,
    clusters: &BTreeMap<ClusterName, Cluster>,
    verify: &[String],
) -> Vec<String> {
    let ended = changes.iter().zip(&outcome.changes);
    let written: Vec<&AnyChange> =
        ended.filter(|(_, end)| end.ended == Ended::Done).map(|(change, _)| change).collect();
    let stale: BTreeSet<_> = written
        .iter()
        .filter_map(|change| Some((change.cluster()?, change.outlived_by_pods()?)))
        .collect();
    let restarts = stale.into_iter().filter_map(|(cluster, namespace)| {
        let restart = kubernetes::restart(&shell::quote(namespace.as_str()));
        Some(kubernetes::kubectl(clusters.get(cluster)?, &restart))
    });
    let proves = written.iter().any(|change| change.identity().is_some() && gives(change.action()));
    let verify = (proves && !verify.is_empty()).then(|| shell::join(verify));
    restarts.chain(verify).collect()
}

/// The commands for what only people delete of the teams of which something was deleted or released.
pub fn by_hand(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let ended = plan.changes.iter().zip(&outcome.changes);
    let gone = ended.filter(|(change, end)| end.ended == Ended::Done && change.removal().is_some());
    let teams: BTreeSet<_> = gone.map(|(change, _)| change.team()).collect();
    let kept = plan.kept.iter().filter(|kept| teams.contains(&kept.team.as_ref()));
    let of_others = plan.notes.iter().filter(|note| note.code == notes::RETIRED_STAYS.code);
    let of_others = of_others.filter(|_| !teams.is_empty()).filter_map(|note| note.fix.clone());
    kept.filter_map(|kept| kept.by_hand.clone()).chain(of_others).collect()
}

fn gives(action: ActionName) -> bool {
    match action {
        ActionName::Create | ActionName::Update | ActionName::Adopt | ActionName::Replace => true,
        ActionName::Release | ActionName::Delete => false,
    }
}

/// What stands above commands for people.
pub const BY_HAND: &str = "widctl never deletes the rest. By hand, once nothing uses it";
/// What stands above commands that come next.
pub const NEXT: &str = "Next";

/// The commands as they follow the outcome, each on a line of its own; nothing of none.
pub fn text(heading: &str, commands: &[String]) -> Option<String> {
    (!commands.is_empty()).then(|| format!("{heading}:\n  {}", commands.join("\n  ")))
}
