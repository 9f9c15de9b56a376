//! Kubernetes objects of ours that the profile no longer has: deleted, released or kept.

use std::sync::Arc;

use wildmatch::WildMatch;

use crate::desired::naming::Origin;
use crate::model::kinds::Release;
use crate::model::kinds::marks::{
    Field, FieldOwner, LABEL_ANNOTATES, LABEL_ESTATE, LABEL_MANAGED_BY, LABEL_TEAM, LiveMarks,
    Marked, ObjectKey,
};
use crate::model::shell;
use crate::model::text::TeamName;
use crate::observed::state::{ClusterObjects, Objects};
use crate::plan::action::Action;
use crate::plan::change::Change;
use crate::plan::contents::KeptReason;
use crate::plan::draft::{Context, Draft};
use crate::plan::kinds::marked::{MarkedKind, everywhere};
use crate::plan::ownership::{ObjectOwner, Ours};
use crate::plan::refusals::kubernetes as refusals;
use crate::plan::{notes, ownership};

/// Why a release would leave an object marked.
const UNHELD: &str =
    "Kubernetes records its label of the estate as not widctl's, or not as widctl's alone";

/// A kind of marked objects that is taken away when it is left over.
pub(crate) trait Removable: MarkedKind<MayDelete = (), MayRelease = Release> {
    /// What follows for people when it is deleted or released.
    const LOSS: &'static str;

    /// The team that leaves and had it, where the object itself does not name its team.
    fn retired_team<'a>(_: &Context<'a>, _: &Self::Key) -> Option<&'a TeamName> {
        None
    }

    /// Whether the profile has something that needs it all the same.
    fn is_still_used(_: &Context<'_>, _: &Self::Key) -> bool {
        false
    }
}

/// Plans what the estate owns or annotates of these objects and the profile no longer has.
pub(crate) fn plan_leftovers<'a, K: Removable>(
    context: &Context<'a>,
    draft: &mut Draft,
    pick: impl Fn(&'a ClusterObjects) -> &'a Objects<K>,
    is_wanted: impl Fn(&K::Key) -> bool,
) {
    let objects = everywhere(context, pick).flat_map(|(_, objects)| objects);
    for (key, live) in objects.filter(|(key, _)| !is_wanted(key)) {
        match ownership::owner_of_object::<K>(context.desired, key, live) {
            ObjectOwner::Ours(origin) => {
                plan_leftover::<K>(context, draft, key, (live, Some(origin)));
            }
            ObjectOwner::AnnotatedByUs => {
                plan_leftover::<K>(context, draft, key, (live, None));
            }
            ObjectOwner::Misplaced => leave::<K>(context, draft, key, live),
            ObjectOwner::Estate(_) | ObjectOwner::AnnotatedFor(_) | ObjectOwner::Nobody => {}
        }
    }
}

/// What is left over: deleted if widctl made it and nothing needs it, else released.
fn plan_leftover<K: Removable>(
    context: &Context<'_>,
    draft: &mut Draft,
    key: &K::Key,
    (live, origin): (&Arc<K::Live>, Option<Origin>),
) {
    let team = team_of(live.marks()).or_else(|| K::retired_team(context, key).cloned());
    let cluster = key.cluster();
    if !context.selection.has_leftover(team.as_ref(), Some(cluster)) {
        return;
    }
    let still_used = K::is_still_used(context, key);
    let ours = Ours::created(context.desired, key, live).filter(|_| !still_used);
    if ours.is_none() && !K::owners(live).iter().any(FieldOwner::is_widctl) {
        // A release would change nothing, at every run again.
        let unlabel = unlabel::<K>(context, key, live.marks());
        draft.notes.push(notes::nothing_held(key, &unlabel));
        draft.never_release(key, UNHELD, unlabel);
        return;
    }
    let reason = match (context.inputs.prune, is_denied(context, key)) {
        (true, false) => None,
        (_, true) => Some(KeptReason::DeniedNamespace),
        (false, false) => Some(KeptReason::NotPruned),
    };
    if let Some(reason) = reason {
        draft.keep(key, team.as_ref(), Some(cluster), reason);
        or_release::<K>(context, draft, key, live, Release::Marks);
        return;
    }
    let left = context.why_left(team.as_ref());
    let reason = match origin {
        _ if ours.is_some() => left.to_owned(),
        _ if still_used => "the profile trusts the account but no longer manages it".to_owned(),
        Some(Origin::Created) => format!("{left}, and another tool manages it"),
        Some(Origin::Adopted) | None => format!("{left}, and widctl did not create it"),
    };
    let action = ours.map_or_else(
        || Action::Release { before: Arc::clone(live), may: Release::Fields },
        |before| Action::Delete { before },
    );
    draft.push::<K>(Change {
        key: key.clone(),
        team,
        cluster: Some(cluster.clone()),
        action,
        reason,
        effects: vec![K::LOSS.to_owned()],
    });
}

/// What was just kept can be released instead, where that takes the mark off which says whose it is.
pub(crate) fn or_release<K: MarkedKind>(
    context: &Context<'_>,
    draft: &mut Draft,
    key: &K::Key,
    live: &Arc<K::Live>,
    may: K::MayRelease,
) {
    let is_owner = |owner: &&FieldOwner| matches!(owner.field, Field::Estate | Field::Annotates);
    let mut holders = K::owners(live).iter().filter(is_owner).peekable();
    let why = if is_denied(context, key) {
        "`denied_namespaces` of the policy has its namespace"
    } else if holders.peek().is_none() || !holders.all(FieldOwner::is_widctl) {
        UNHELD
    } else {
        draft.or_release::<K>(key, live, may, Vec::new());
        return;
    };
    draft.never_release(key, why, unlabel::<K>(context, key, live.marks()));
}

/// Tells of labels on an object that they do not belong to.
pub(crate) fn leave<K: MarkedKind>(
    context: &Context<'_>,
    draft: &mut Draft,
    key: &K::Key,
    live: &K::Live,
) {
    let marks = live.marks();
    if context.selection.has_leftover(team_of(marks).as_ref(), Some(key.cluster())) {
        let unlabel = unlabel::<K>(context, key, marks);
        draft.notes.push(notes::left(key, &unlabel));
        let why =
            "its `widctl.dev/created` names another object, or none, so it is not the estate's";
        draft.never_release(key, why, unlabel);
    }
}

/// The team that an object is labelled with.
pub(crate) fn team_of(marks: &LiveMarks) -> Option<TeamName> {
    marks.team.as_deref().map(TeamName::from)
}

/// Whether the policy keeps widctl out of the object's namespace.
fn is_denied(context: &Context<'_>, key: &impl ObjectKey) -> bool {
    let mut denied = context.desired.policy.denied_namespaces.iter();
    key.namespace()
        .is_some_and(|namespace| denied.any(|glob| WildMatch::new(glob).matches(namespace)))
}

/// The command that takes our labels off an object.
fn unlabel<K: MarkedKind>(context: &Context<'_>, key: &K::Key, marks: &LiveMarks) -> String {
    let labels = [
        (marks.estate.is_some(), LABEL_ESTATE),
        (marks.team.is_some(), LABEL_TEAM),
        (marks.annotates.is_some(), LABEL_ANNOTATES),
        (ownership::is_managed(marks), LABEL_MANAGED_BY),
    ];
    let labels = labels.into_iter().filter_map(|(found, label)| found.then_some(label));
    let namespace =
        key.namespace().map(|namespace| format!(" --namespace {}", shell::quote(namespace)));
    let command = format!(
        "label {} {}{} {}-",
        K::NAME.replace('-', ""),
        shell::quote(key.name()),
        namespace.unwrap_or_default(),
        labels.collect::<Vec<_>>().join("- ")
    );
    refusals::kubectl(&context.desired.clusters[key.cluster()], &command)
}
