//! What all Kubernetes objects with marks of ownership have in common.

use std::fmt::Display;
use std::sync::Arc;

use crate::model::kinds::marks::{Field, FieldOwner, Marked, Marks, Operation};
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::text::{ClusterName, Namespace, TeamName};
use crate::observed::read::Read;
use crate::observed::state::ClusterObjects;
use crate::plan::action::{Action, Force};
use crate::plan::change::Change;
use crate::plan::contents::KeptReason;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::FieldRow;
use crate::plan::inputs::PlanInputs;
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::namespace::{State, States};
use crate::plan::ownership::{Ours, Owner};
use crate::plan::refusals::Refusal;
use crate::plan::refusals::kubernetes as refusals;
use crate::plan::relation::Point;
use crate::plan::{link, notes, ownership};

/// A kind of marked objects.
pub(crate) trait MarkedKind: PlannedKind<Live: Marked> {
    /// What others need of the object.
    fn offers(_: &Self::Key) -> Option<Point<'_>> {
        None
    }

    /// What follows for people when these fields change on an object that exists.
    fn effects(_: &Self::Key, _: &[FieldRow<'_>]) -> Vec<String> {
        Vec::new()
    }

    /// Why it changes, where the kind knows better than "it differs".
    fn reason(_: &Context<'_>, _: &[FieldRow<'_>]) -> Option<String> {
        None
    }
}

/// A kind of marked objects that is taken away when it is left over.
pub(crate) trait Removable: MarkedKind<MayDelete = (), MayRelease = ()> {
    /// What follows for people when it is deleted or released.
    const LOSS: &'static str;
}

/// An object that is wanted.
pub(crate) struct WantedObject<'a, K: MarkedKind> {
    /// Its key.
    pub(crate) key: &'a K::Key,
    /// Its team.
    pub(crate) team: &'a TeamName,
    /// Its cluster.
    pub(crate) cluster: &'a ClusterName,
}

impl<K: MarkedKind> Clone for WantedObject<'_, K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: MarkedKind> Copy for WantedObject<'_, K> {}

/// How a change of an existing object came about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is ours, or the profile says to annotate it.
    Drift,
    /// The caller asked to take it over.
    Adoption,
}

/// Plans an object that widctl shall own. `planned` makes it with the given marks.
pub(crate) fn plan<K: MarkedKind>(
    context: &Context<'_>,
    draft: &mut Draft,
    object: WantedObject<'_, K>,
    live: Option<&Arc<K::Live>>,
    planned: impl Fn(Marks) -> K::Planned,
) {
    let marked = |created| planned(Marks { estate: context.desired.estate.clone(), created });
    let Some(live) = live else {
        let action = Action::Create { after: Arc::new(marked(true)) };
        draft.push(object.change(action, "it does not exist".to_owned(), Vec::new()));
        return;
    };
    let created = ownership::is_created(live.marks());
    match ownership::owner_by_marks(&context.desired.estate, live.marks()) {
        Owner::Estate(other) => {
            object.refuse(draft, refusals::other_estate(object.key, other));
        }
        Owner::Ours => plan_existing(context, draft, object, (live, marked(created)), Cause::Drift),
        Owner::Nobody if context.inputs.adopt => {
            plan_existing(context, draft, object, (live, marked(false)), Cause::Adoption);
        }
        Owner::Nobody => use_as_it_is(draft, object, live, &marked(created)),
    }
}

/// An object without our marks is never changed; it serves if it is as it shall be.
fn use_as_it_is<K: MarkedKind>(
    draft: &mut Draft,
    object: WantedObject<'_, K>,
    live: &K::Live,
    wanted: &K::Planned,
) {
    let rows = K::fields(Some((object.key, live)), Some((object.key, wanted)));
    let differing: Vec<&str> =
        rows.iter().filter(|row| row.differs() && !is_mark(row)).map(|row| &*row.name).collect();
    if differing.is_empty() {
        draft.unchanged += 1;
        draft.notes.push(notes::foreign_object(object.key));
    } else {
        object.refuse(draft, refusals::not_ours(object.key, &differing));
    }
}

fn is_mark(row: &FieldRow<'_>) -> bool {
    matches!(row.field, Some(Field::ManagedBy | Field::Estate | Field::Created))
}

/// Plans the change of an object that exists, if any field differs.
pub(crate) fn plan_existing<K: MarkedKind>(
    context: &Context<'_>,
    draft: &mut Draft,
    object: WantedObject<'_, K>,
    (live, after): (&Arc<K::Live>, K::Planned),
    cause: Cause,
) {
    let mut rows = K::fields(Some((object.key, live)), Some((object.key, &after)));
    rows.retain(FieldRow::differs);
    if rows.is_empty() {
        draft.unchanged += 1;
        return;
    }
    let owners = K::owners(live);
    let force = match force(context.inputs, &rows, owners) {
        Ok(force) => force,
        Err(held) => {
            object.refuse(draft, refusals::held(object.key, &held));
            return;
        }
    };
    let effects = K::effects(object.key, &rows);
    let reason = match cause {
        Cause::Adoption => "it exists without widctl's marks and --adopt was given".to_owned(),
        Cause::Drift => meddled(&rows, owners)
            .or_else(|| K::reason(context, &rows))
            .unwrap_or_else(|| "it differs from the profile".to_owned()),
    };
    let (before, after) = (Arc::clone(live), Arc::new(after));
    let action = match cause {
        Cause::Adoption => Action::Adopt { before, after, force },
        Cause::Drift => Action::Update { before, after, force },
    };
    draft.push(object.change(action, reason, effects));
}

/// Whether the apply has to take fields from others. A hand edit is repaired; what another manager
/// declares by server-side apply is that manager's, unless the caller says otherwise.
fn force<'r>(
    inputs: &PlanInputs,
    rows: &'r [FieldRow<'_>],
    owners: &'r [FieldOwner],
) -> Result<Force, Vec<(&'r str, &'r str)>> {
    let mut held = Vec::new();
    let mut taken = Force::No;
    for row in rows {
        for owner in row.other_owners(owners) {
            taken = Force::Yes;
            if owner.operation == Operation::Apply && !inputs.force_conflicts {
                held.push((&*row.name, &*owner.manager));
            }
        }
    }
    if held.is_empty() { Ok(taken) } else { Err(held) }
}

/// Who changed a field of ours, if somebody did.
fn meddled(rows: &[FieldRow<'_>], owners: &[FieldOwner]) -> Option<String> {
    rows.iter().find_map(|row| {
        let owner = row.other_owners(owners).next()?;
        Some(format!("{} changed {}", owner.manager, row.name))
    })
}

/// What is left over: deleted if widctl made it and nothing needs it, else released.
pub(crate) fn plan_leftover<K: Removable>(
    context: &Context<'_>,
    draft: &mut Draft,
    (key, cluster): (&K::Key, &ClusterName),
    live: &Arc<K::Live>,
    still_used: bool,
) {
    if !context.selection.has_leftover(None, Some(cluster)) {
        return;
    }
    if !context.inputs.prune {
        draft.keep(key, None, Some(cluster), KeptReason::NotPruned);
        return;
    }
    let ours = Ours::created(&context.desired.estate, live).filter(|_| !still_used);
    let (action, reason) = match ours {
        Some(before) => (Action::Delete { before }, "it is not in the profile"),
        None if still_used => (
            Action::Release { before: Arc::clone(live), may: () },
            "the profile trusts the account but no longer manages it",
        ),
        None => (
            Action::Release { before: Arc::clone(live), may: () },
            "it is not in the profile, and widctl did not create it",
        ),
    };
    draft.push::<K>(Change {
        key: key.clone(),
        team: None,
        cluster: Some(cluster.clone()),
        action,
        reason: reason.to_owned(),
        effects: vec![K::LOSS.to_owned()],
    });
}

impl<K: MarkedKind> WantedObject<'_, K> {
    /// A change of the object.
    pub(crate) fn change(
        &self,
        action: Action<K>,
        reason: String,
        effects: Vec<String>,
    ) -> Change<K> {
        Change {
            key: self.key.clone(),
            team: Some(self.team.clone()),
            cluster: Some(self.cluster.clone()),
            action,
            reason,
            effects,
        }
    }

    /// The object is refused.
    pub(crate) fn refuse(&self, draft: &mut Draft, refusal: Refusal) {
        draft.refuse(refusal, Some(self.team), Some(self.cluster), K::offers(self.key));
    }

    /// The object needs something refused.
    pub(crate) fn wait(&self, draft: &mut Draft, waits_for: impl Display) {
        draft.wait(self.key, Some(self.team), Some(self.cluster), waits_for);
    }

    /// The object could not be compared.
    pub(crate) fn unknown(&self, draft: &mut Draft, why: &Arc<str>) {
        draft.unknown(self.key, self.team, Some(self.cluster), why);
    }
}

/// The state of a namespace that a desired object lives in.
pub(crate) fn state<'s>(
    states: &'s States<'_>,
    cluster: &ClusterName,
    namespace: &Namespace,
) -> &'s State {
    let key = NamespaceKey { cluster: cluster.clone(), namespace: namespace.clone() };
    states.get(&key).unwrap_or(&State::Ready)
}

/// Whether an object's namespace lets it be planned; if nobody knows, the object is unknown as well.
pub(crate) fn is_ready<K: MarkedKind>(
    draft: &mut Draft,
    states: &States<'_>,
    object: WantedObject<'_, K>,
    namespace: &Namespace,
) -> bool {
    match state(states, object.cluster, namespace) {
        State::Ready => true,
        State::Awaited => false,
        State::Refused => {
            let cluster = object.cluster.clone();
            object.wait(draft, NamespaceKey { cluster, namespace: namespace.clone() });
            false
        }
        State::Unknown(why) => {
            object.unknown(draft, why);
            false
        }
    }
}

/// The objects of a cluster, or why they are unknown.
pub(crate) fn objects<'a>(
    context: &Context<'a>,
    cluster: &ClusterName,
) -> Result<&'a ClusterObjects, Arc<str>> {
    let observed = context.observed.clusters.get(cluster);
    match observed.and_then(|observed| observed.objects.as_ref()) {
        None => Err(link::unasked("the objects of the cluster")),
        Some(read) => facts(read),
    }
}

/// The facts of a scope, or why there are none.
pub(crate) fn facts<T>(read: &Read<T>) -> Result<&T, Arc<str>> {
    match read {
        Read::Facts(facts) => Ok(facts),
        Read::Unread(unread) => Err(Arc::clone(&unread.why)),
    }
}

/// All objects of one kind on all clusters whose scope was read.
pub(crate) fn everywhere<'a, T: 'a>(
    context: &Context<'a>,
    pick: impl Fn(&'a ClusterObjects) -> &'a Read<T>,
) -> impl Iterator<Item = (&'a ClusterName, &'a T)> {
    let clusters = context.observed.clusters.iter();
    clusters.filter_map(move |(name, observed)| {
        let objects = observed.objects.as_ref()?.facts()?;
        Some((name, pick(objects).facts()?))
    })
}
