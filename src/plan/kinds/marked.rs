//! What all Kubernetes objects with marks of ownership have in common.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use crate::desired::naming::Origin;
use crate::model::kinds::marks::{Field, FieldOwner, LiveMarks, Marked, Marks, ObjectKey};
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::text::{ClusterName, Namespace, TeamName};
use crate::observed::read::Read;
use crate::observed::state::{ClusterObjects, Looked};
use crate::plan::action::{Action, Force};
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{Declarer, FieldRow};
use crate::plan::inputs::PlanInputs;
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::namespace;
use crate::plan::kinds::namespace::{State, States};
use crate::plan::ownership::ObjectOwner;
use crate::plan::refusals::Refusal;
use crate::plan::refusals::kubernetes as refusals;
use crate::plan::relation::Point;
use crate::plan::{link, notes, ownership};

/// A kind of marked objects.
pub(crate) trait MarkedKind: PlannedKind<Key: ObjectKey, Live: Marked> {
    /// What others need of the object.
    fn offers(_: &Self::Key) -> Option<Point<'_>> {
        None
    }

    /// What follows for people when these fields change on an object that exists.
    fn effects(_: &Self::Key, _: &[FieldRow<'_>]) -> Vec<String> {
        Vec::new()
    }

    /// Why it changes, where the kind knows better than "it differs".
    fn reason(_: &Context<'_>, _: &[FieldRow<'_>], _: Cause) -> Option<String> {
        None
    }
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

/// Why an existing object is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It is ours, or annotated by us.
    Drift,
    /// The profile says to annotate what nobody has annotated for this estate so far.
    Annotation,
    /// The caller asked to take it over; with the reason.
    Adoption(&'static str),
}

/// Plans an object that widctl owns or will own. `planned` makes it with the given marks.
pub(crate) fn plan<K: MarkedKind>(
    context: &Context<'_>,
    draft: &mut Draft,
    object: WantedObject<'_, K>,
    live: Option<&Arc<K::Live>>,
    planned: impl Fn(Marks) -> K::Planned,
) {
    let marked =
        |origin| planned(ownership::marks::<K>(context.desired, (object.key, object.team), origin));
    let Some(live) = live else {
        let action = Action::Create { after: Arc::new(marked(Origin::Created)) };
        draft.push(object.change(action, "it does not exist".to_owned(), Vec::new()));
        return;
    };
    let owner = ownership::owner_of_object::<K>(context.desired, object.key, live);
    match owner {
        ObjectOwner::Estate(other) => {
            object.refuse(draft, refusals::other_estate(object.key, other));
        }
        ObjectOwner::AnnotatedFor(other) => {
            object.refuse(draft, refusals::annotated_for(object.key, other));
        }
        ObjectOwner::Ours(origin) => {
            plan_existing(context, draft, object, (live, marked(origin)), Cause::Drift);
        }
        ObjectOwner::Misplaced | ObjectOwner::AnnotatedByUs | ObjectOwner::Nobody => {
            let after = marked(Origin::Adopted);
            // Who manages an object is said by one label, and Helm refuses an object that names another:
            // <https://github.com/helm/helm/blob/v3.18.0/pkg/action/validate.go>
            if context.inputs.adopt && !ownership::is_managed_by_other(live.marks()) {
                let cause = Cause::Adoption(adoption(owner));
                plan_existing(context, draft, object, (live, after), cause);
            } else {
                use_as_it_is(draft, object, (live, &after), owner);
            }
        }
    }
}

/// Why an object is taken over.
fn adoption(owner: ObjectOwner<'_>) -> &'static str {
    if owner == ObjectOwner::Misplaced {
        "its `widctl.dev/created` does not name it and --adopt was given"
    } else {
        "it exists without widctl's ownership labels and --adopt was given"
    }
}

/// An object without our marks is never changed; it serves if it is as the profile wants it.
fn use_as_it_is<K: MarkedKind>(
    draft: &mut Draft,
    object: WantedObject<'_, K>,
    (live, wanted): (&K::Live, &K::Planned),
    owner: ObjectOwner<'_>,
) {
    let misplaced = owner == ObjectOwner::Misplaced;
    let rows = K::fields(Some((object.key, live)), Some((object.key, wanted)));
    let differing: Vec<&str> =
        rows.iter().filter(|row| row.differs() && !is_mark(row)).map(|row| &*row.name).collect();
    let marks = live.marks();
    let manager = marks.managed_by.as_deref();
    let manager = manager.filter(|_| ownership::is_managed_by_other(marks));
    if differing.is_empty() {
        draft.unchanged += 1;
        draft.notes.push(if misplaced {
            notes::misplaced(object.key)
        } else {
            notes::foreign_object(object.key, manager)
        });
    } else {
        object.refuse(
            draft,
            match manager {
                Some(manager) => {
                    let by = (manager, marks.tool.as_ref());
                    refusals::managed_by_other(
                        object.key,
                        by,
                        &differing,
                        K::Live::CAN_BE_ANNOTATED,
                    )
                }
                None => refusals::not_ours(object.key, &differing, misplaced),
            },
        );
    }
}

/// Whether the field is one of the marks of ownership.
pub(crate) fn is_mark(row: &FieldRow<'_>) -> bool {
    let marks = [Field::ManagedBy, Field::Estate, Field::Team, Field::Annotates, Field::Created];
    row.field.is_some_and(|field| marks.contains(&field))
}

/// Plans the change of an object that exists, if any field differs.
pub(crate) fn plan_existing<K: MarkedKind>(
    context: &Context<'_>,
    draft: &mut Draft,
    object: WantedObject<'_, K>,
    (live, after): (&Arc<K::Live>, K::Planned),
    cause: Cause,
) {
    let rows = K::fields(Some((object.key, live)), Some((object.key, &after)));
    let (rows, equal): (Vec<_>, Vec<_>) = rows.into_iter().partition(FieldRow::differs);
    let owners = K::owners(live);
    let force = match force(context.inputs, &rows, (owners, live.marks())) {
        Ok(force) => force,
        Err(held) => {
            object.refuse(draft, refusals::held(object.key, &held, K::Live::CAN_BE_ANNOTATED));
            return;
        }
    };
    let shared: Vec<Held<'_>> = declared(&equal, (owners, live.marks())).collect();
    if !shared.is_empty() {
        draft.notes.push(notes::shared(object.key, &shared));
    }
    if rows.is_empty() {
        draft.unchanged += 1;
        return;
    }
    let effects = K::effects(object.key, &rows);
    let reason = match cause {
        Cause::Adoption(reason) => Some(reason.to_owned()),
        Cause::Annotation => K::reason(context, &rows, cause),
        Cause::Drift => meddled(&rows, owners).or_else(|| K::reason(context, &rows, cause)),
    };
    let reason = reason.unwrap_or_else(|| "it differs from the profile".to_owned());
    let (before, after) = (Arc::clone(live), Arc::new(after));
    let action = match cause {
        Cause::Adoption(_) => Action::Adopt { before, after, force },
        Cause::Annotation | Cause::Drift => Action::Update { before, after, force },
    };
    draft.push(object.change(action, reason, effects));
}

/// A field that another tool declares.
pub(crate) struct Held<'a> {
    /// The field's name for people.
    pub(crate) field: &'a str,
    /// Whether it is one of the marks of ownership.
    pub(crate) is_mark: bool,
    /// Who declares it.
    pub(crate) by: Declarer<'a>,
}

/// Those of the fields that other tools declare.
fn declared<'r>(
    rows: &'r [FieldRow<'_>],
    (owners, marks): (&'r [FieldOwner], &'r LiveMarks),
) -> impl Iterator<Item = Held<'r>> {
    rows.iter().flat_map(move |row| {
        let owners = row.other_owners(owners);
        owners.filter_map(move |owner| {
            let by = Declarer::of(owner, marks)?;
            Some(Held { field: &row.name, is_mark: is_mark(row), by })
        })
    })
}

/// Whether the apply has to take fields from others. A hand edit is repaired; what another tool declares is
/// that tool's, unless the caller says otherwise.
fn force<'r>(
    inputs: &PlanInputs,
    rows: &'r [FieldRow<'_>],
    (owners, marks): (&'r [FieldOwner], &'r LiveMarks),
) -> Result<Force, Vec<Held<'r>>> {
    let held: Vec<Held<'r>> = declared(rows, (owners, marks)).collect();
    if !held.is_empty() && !inputs.force_conflicts {
        return Err(held);
    }
    let mut others = rows.iter().flat_map(|row| row.other_owners(owners));
    Ok(if others.next().is_some() { Force::Yes } else { Force::No })
}

/// Who changed a field of ours, if somebody did.
fn meddled(rows: &[FieldRow<'_>], owners: &[FieldOwner]) -> Option<String> {
    rows.iter().find_map(|row| {
        let owner = row.other_owners(owners).next()?;
        Some(format!("{} changed {}", owner.manager, row.name))
    })
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

/// Whether an object's namespace lets it be planned; if nobody knows, the object is unknown as well.
pub(crate) fn is_ready<K: MarkedKind>(
    draft: &mut Draft,
    states: &States<'_>,
    object: WantedObject<'_, K>,
    inside: &Namespace,
) -> bool {
    match namespace::state(states, object.cluster, inside) {
        State::Ready => true,
        State::Awaited => false,
        State::Refused => {
            let cluster = object.cluster.clone();
            object.wait(draft, NamespaceKey { cluster, namespace: inside.clone() });
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
        Some(Read::Facts(objects)) => Ok(objects),
        Some(Read::Unread(unread)) => Err(Arc::clone(&unread.why)),
    }
}

/// What was found of one kind on all clusters that were read.
pub(crate) fn everywhere<'a, Key: 'a, Live: 'a>(
    context: &Context<'a>,
    pick: impl Fn(&'a ClusterObjects) -> &'a Looked<Key, Live>,
) -> impl Iterator<Item = (&'a ClusterName, &'a BTreeMap<Key, Arc<Live>>)> {
    let clusters = context.observed.clusters.iter();
    clusters.filter_map(move |(name, observed)| {
        let objects = observed.objects.as_ref()?.facts()?;
        Some((name, &pick(objects).found))
    })
}
