//! What is left to do after an apply, as commands to paste.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::outcome::Outcome;
use crate::event::Ended;
use crate::model::shell;
use crate::model::text::ClusterName;
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;
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

fn gives(action: ActionName) -> bool {
    match action {
        ActionName::Create | ActionName::Update | ActionName::Adopt | ActionName::Replace => true,
        ActionName::Release | ActionName::Delete => false,
    }
}

/// The commands as they follow the outcome, each on a line of its own; nothing of none.
pub fn text(commands: &[String]) -> Option<String> {
    let lines: String = commands.iter().map(|command| format!("\n  {command}")).collect();
    (!commands.is_empty()).then(|| format!("Next:{lines}"))
}
