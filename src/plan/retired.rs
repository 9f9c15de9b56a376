//! What people have to know of teams that leave beside what is deleted: what of them is not widctl's to delete, and
//! when nothing is left.

use crate::desired::state::Retired;
use crate::model::kinds::namespace::Namespaces;
use crate::model::shell;
use crate::model::text::TeamName;
use crate::plan::draft::{Context, Draft};
use crate::plan::kinds::marked;
use crate::plan::ownership::{ObjectOwner, Owner};
use crate::plan::refusals::{identity, kubernetes, prune};
use crate::plan::{notes, ownership};

/// Tells of the teams that leave.
pub(crate) fn tell(context: &Context<'_>, draft: &mut Draft) {
    let Retired { teams, .. } = &context.desired.retired;
    tell_identities(context, draft);
    tell_namespaces(context, draft);
    let all_read = prune::unread(context.observed).is_empty();
    for team in teams.iter().filter(|team| all_read && is_selected(context, team)) {
        if !draft.has_rows_of(team) {
            draft.notes.push(notes::retired_gone(team));
        }
    }
}

fn is_selected(context: &Context<'_>, team: &TeamName) -> bool {
    context.selection.has_leftover(Some(team), None)
}

/// Identities of others that the teams used.
fn tell_identities(context: &Context<'_>, draft: &mut Draft) {
    for (key, left) in &context.desired.retired.identities {
        let Some(live) = context.live_identity(key) else { continue };
        let is_nobodys =
            ownership::owner_by_tags(&context.desired.estate, &live.tags) == Owner::Nobody;
        if is_nobodys && is_selected(context, &left.team) {
            let command = identity::az("identity delete", "--name", key);
            draft.notes.push(notes::retired_stays(key, &left.team, command));
        }
    }
}

/// Namespaces of others in which only such teams had workloads.
fn tell_namespaces(context: &Context<'_>, draft: &mut Draft) {
    let desired = context.desired;
    for (key, team) in &desired.retired.namespaces {
        let is_used = desired.namespaces.contains_key(key)
            || context.trusted().has_namespace(&key.cluster, &key.namespace);
        let objects = marked::objects(context, &key.cluster).ok();
        let live = objects.and_then(|objects| objects.namespaces.found.get(key));
        let Some(live) = live.filter(|_| !is_used && is_selected(context, team)) else { continue };
        if ownership::owner_of_object::<Namespaces>(desired, key, live) == ObjectOwner::Nobody {
            let command = format!("delete namespace {}", shell::quote(key.namespace.as_str()));
            let command = kubernetes::kubectl(&desired.clusters[&key.cluster], &command);
            draft.notes.push(notes::retired_stays(key, team, command));
        }
    }
}
