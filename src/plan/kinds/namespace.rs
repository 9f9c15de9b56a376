//! Namespaces: created on request, never deleted, and used as they are where they exist.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::desired::naming::Origin;
use crate::desired::state::DesiredNamespace;
use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::marks::FieldOwner;
use crate::model::kinds::namespace::{LiveNamespace, NamespaceKey, Namespaces, PlannedNamespace};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::right::Right;
use crate::model::shell;
use crate::model::text::{ClusterName, Namespace, ObjectName};
use crate::plan::action::Action;
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::marked::{Cause, MarkedKind, WantedObject};
use crate::plan::kinds::{leftovers, marked};
use crate::plan::ownership::ObjectOwner;
use crate::plan::refusals::Refusal;
use crate::plan::refusals::kubernetes as refusals;
use crate::plan::relation::{Limit, Point, Relations, Removal};
use crate::plan::row::Place;
use crate::plan::{fields, ownership, rights};

impl PlannedKind for Namespaces {
    const REMOVAL: Removal = Removal::Marks;

    fn fields<'a>(
        before: Side<'a, NamespaceKey, LiveNamespace>,
        after: Side<'a, NamespaceKey, PlannedNamespace>,
    ) -> Vec<FieldRow<'a>> {
        let live = before.map(|(_, live)| &live.marks);
        fields::marks(live, after.map(|(_, planned)| &planned.marks)).into()
    }

    fn owners(live: &LiveNamespace) -> &[FieldOwner] {
        &live.owners
    }

    fn place(key: &NamespaceKey) -> Place<'_> {
        Place::Cluster(&key.cluster)
    }

    fn limit(key: &NamespaceKey) -> Limit {
        Limit::Cluster(key.cluster.clone())
    }

    fn relations(change: &Change<Self>) -> Relations<'_> {
        let NamespaceKey { cluster, namespace } = &change.key;
        Relations { offers: vec![Point::Namespace(cluster, namespace)], ..Relations::default() }
    }

    fn rights(change: &Change<Self>, _: &IdentityOutputs) -> Vec<Right> {
        rights::on_cluster(&change.action, &change.key.cluster, None, ("", "namespaces"), false)
    }
}

impl MarkedKind for Namespaces {
    fn offers(key: &NamespaceKey) -> Option<Point<'_>> {
        Some(Point::Namespace(&key.cluster, &key.namespace))
    }
}

/// What objects in a namespace have to know of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It exists, or will when they are written.
    Ready,
    /// It does not exist, and only accounts of mode annotate wait for it.
    Awaited,
    /// It is refused, and its refusal says why.
    Refused,
    /// It could not be read.
    Unknown(Arc<str>),
}

/// The states of all desired namespaces.
pub(crate) type States<'a> = BTreeMap<&'a NamespaceKey, State>;

/// The state of a namespace that a desired object lives in.
pub(crate) fn state<'s>(
    states: &'s States<'_>,
    cluster: &ClusterName,
    namespace: &Namespace,
) -> &'s State {
    let key = NamespaceKey { cluster: cluster.clone(), namespace: namespace.clone() };
    states.get(&key).unwrap_or(&State::Ready)
}

/// Plans all namespaces.
pub(crate) fn plan<'a>(context: &Context<'a>, draft: &mut Draft) -> States<'a> {
    let mut states = States::new();
    for (key, wanted) in &context.desired.namespaces {
        let selected = context.selection.has_namespace(&key.cluster, &key.namespace);
        let live =
            marked::objects(context, &key.cluster).and_then(|objects| objects.namespaces.find(key));
        let state = match live {
            Err(why) => State::Unknown(why),
            Ok(Some(live)) if live.terminating => unusable(context, key),
            Ok(Some(_)) => State::Ready,
            Ok(None) if wanted.create => State::Ready,
            Ok(None) => unusable(context, key),
        };
        if selected {
            report(context, draft, (key, wanted), &state);
        }
        states.insert(key, state);
    }
    keep_leftovers(context, draft);
    states
}

/// Only an account that widctl itself would write makes a missing namespace an obstacle.
fn unusable(context: &Context<'_>, key: &NamespaceKey) -> State {
    let first =
        ServiceAccountKey::new(key.cluster.clone(), key.namespace.clone(), ObjectName::from(""));
    let inside = |account: &ServiceAccountKey| {
        account.cluster == key.cluster && account.namespace == key.namespace
    };
    let mut accounts =
        context.desired.service_accounts.range(first..).take_while(|(account, _)| inside(account));
    if accounts.any(|(_, account)| !account.annotate_only) {
        State::Refused
    } else {
        State::Awaited
    }
}

fn report(
    context: &Context<'_>,
    draft: &mut Draft,
    (key, wanted): (&NamespaceKey, &DesiredNamespace),
    state: &State,
) {
    let live = marked::objects(context, &key.cluster)
        .ok()
        .and_then(|objects| objects.namespaces.found.get(key));
    match (state, live) {
        (State::Unknown(why), _) => draft.unknown(key, &wanted.team, Some(&key.cluster), why),
        (State::Awaited, _) => {}
        (State::Refused, Some(_)) => refuse(draft, (key, wanted), refusals::terminating(key)),
        (State::Refused, None) => {
            let cluster = &context.desired.clusters[&key.cluster];
            refuse(draft, (key, wanted), refusals::namespace_missing(key, cluster));
        }
        (State::Ready, Some(live)) => compare(context, draft, (key, wanted), live),
        (State::Ready, None) => draft.push(create(context, key, wanted)),
    }
}

fn refuse(draft: &mut Draft, (key, wanted): (&NamespaceKey, &DesiredNamespace), refusal: Refusal) {
    let NamespaceKey { cluster, namespace } = key;
    let offers = Point::Namespace(cluster, namespace);
    draft.refuse(refusal, Some(&wanted.team), Some(cluster), Some(offers));
}

/// A namespace of others is used unchanged; the marks of one that widctl made are kept.
fn compare(
    context: &Context<'_>,
    draft: &mut Draft,
    (key, wanted): (&NamespaceKey, &DesiredNamespace),
    live: &Arc<LiveNamespace>,
) {
    let owner = ownership::owner_of_object::<Namespaces>(context.desired, key, live);
    if owner == ObjectOwner::Misplaced {
        leftovers::leave::<Namespaces>(context, draft, key, live);
    }
    let ObjectOwner::Ours(origin) = owner else {
        draft.unchanged += 1;
        return;
    };
    if !wanted.create {
        draft.unchanged += 1;
        return;
    }
    let object = WantedObject::<Namespaces> { key, team: &wanted.team, cluster: &key.cluster };
    let planned = planned(context, key, wanted, origin);
    marked::plan_existing(context, draft, object, (live, planned), Cause::Drift);
}

fn planned(
    context: &Context<'_>,
    key: &NamespaceKey,
    wanted: &DesiredNamespace,
    origin: Origin,
) -> PlannedNamespace {
    let marks = ownership::marks::<Namespaces>(context.desired, (key, &wanted.team), origin);
    PlannedNamespace { marks }
}

fn create(
    context: &Context<'_>,
    key: &NamespaceKey,
    wanted: &DesiredNamespace,
) -> Change<Namespaces> {
    let after = planned(context, key, wanted, Origin::Created);
    Change {
        key: key.clone(),
        team: Some(wanted.team.clone()),
        cluster: Some(key.cluster.clone()),
        action: Action::Create { after: Arc::new(after) },
        reason: "it does not exist and `create_namespace` is set".to_owned(),
        effects: vec!["widctl never deletes a namespace".to_owned()],
    }
}

fn keep_leftovers(context: &Context<'_>, draft: &mut Draft) {
    for (cluster, namespaces) in marked::everywhere(context, |objects| &objects.namespaces) {
        let left = namespaces.iter().filter(|(key, _)| {
            !context.desired.namespaces.contains_key(key)
                && !context.trusted().has_namespace(cluster, &key.namespace)
        });
        for (key, live) in left {
            let team = leftovers::team_of(&live.marks);
            match ownership::owner_of_object::<Namespaces>(context.desired, key, live) {
                ObjectOwner::Ours(_) if ownership::is_managed(&live.marks) => {
                    if context.selection.has_leftover(team.as_ref(), Some(cluster)) {
                        let at = &context.desired.clusters[cluster];
                        let command =
                            format!("delete namespace {}", shell::quote(key.namespace.as_str()));
                        let command = refusals::kubectl(at, &command);
                        draft.keep_for_people(key, team.as_ref(), Some(cluster), command);
                        leftovers::or_release::<Namespaces>(context, draft, key, live, ());
                    }
                }
                ObjectOwner::Misplaced => leftovers::leave::<Namespaces>(context, draft, key, live),
                ObjectOwner::Ours(_)
                | ObjectOwner::Estate(_)
                | ObjectOwner::AnnotatedByUs
                | ObjectOwner::AnnotatedFor(_)
                | ObjectOwner::Nobody => {}
            }
        }
    }
}
