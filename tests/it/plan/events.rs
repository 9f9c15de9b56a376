//! What happens to a random world outside of widctl, and what of it cannot be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use widctl::model::arm_id::ArmId;
use widctl::model::guid::{ClientId, PrincipalId};
use widctl::model::kinds::federated_credential::LiveFederatedCredential;
use widctl::model::kinds::identity::{LiveIdentity, TAG_ESTATE, TAG_MANAGED_BY};
use widctl::model::kinds::marks::{Field, FieldOwner, LiveMarks, Operation};
use widctl::model::kinds::rbac::PolicyRule;
use widctl::model::kinds::role_assignment::LiveRoleAssignment;
use widctl::model::kinds::service_account::LiveServiceAccount;
use widctl::model::text::Issuer;
use widctl::observed::read::{Read, Unread};
use widctl::observed::state::{ClusterObjects, Looked, ObservedState};

use super::world;

/// Something that happens outside of widctl; the number picks among what exists.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Credential(usize, OfCredential),
    ForeignCredentials(usize, usize),
    Identity(usize, OfIdentity),
    Assignment(usize, OfAssignment),
    Account(usize, OfAccount),
    RoleEdited(usize),
    BindingOfAnotherRole(usize),
    BindingEmptied(usize),
    NamespaceRemoved(usize),
    Disowned(usize, Option<&'static str>),
    ClusterMadeAnew(usize),
    SlashDiscovered(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum OfCredential {
    Removed,
    RenamedByHand,
    RenamedToBinding,
    OtherTail,
    OtherSlash,
    OldIssuer,
    IssuerOf(&'static str),
    OtherAudience,
    Flexible,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum OfIdentity {
    Removed,
    MadeAnew,
    OtherEstate,
    Untagged,
    OtherManager,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum OfAssignment {
    Removed,
    MadeByHand,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum OfAccount {
    Removed,
    EditedByHand,
    EditedByHelm,
    AnnotationRemoved,
    Unmarked,
    OtherEstate,
    NotCreated,
    ManagedByHelm,
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = || 0..6_usize;
    let credential = prop::sample::select(vec![
        OfCredential::Removed,
        OfCredential::RenamedByHand,
        OfCredential::RenamedToBinding,
        OfCredential::OtherTail,
        OfCredential::OtherSlash,
        OfCredential::OldIssuer,
        OfCredential::IssuerOf("east"),
        OfCredential::IssuerOf("west"),
        OfCredential::OtherAudience,
        OfCredential::Flexible,
    ]);
    let identity = prop::sample::select(vec![
        OfIdentity::Removed,
        OfIdentity::MadeAnew,
        OfIdentity::OtherEstate,
        OfIdentity::Untagged,
        OfIdentity::OtherManager,
    ]);
    let assignment = prop::sample::select(vec![OfAssignment::Removed, OfAssignment::MadeByHand]);
    let account = prop::sample::select(vec![
        OfAccount::Removed,
        OfAccount::EditedByHand,
        OfAccount::EditedByHelm,
        OfAccount::AnnotationRemoved,
        OfAccount::Unmarked,
        OfAccount::OtherEstate,
        OfAccount::NotCreated,
        OfAccount::ManagedByHelm,
    ]);
    let event = prop_oneof![
        4 => (one(), credential).prop_map(|(at, what)| Event::Credential(at, what)),
        1 => (one(), 0..20_usize).prop_map(|(at, count)| Event::ForeignCredentials(at, count)),
        3 => (one(), identity).prop_map(|(at, what)| Event::Identity(at, what)),
        2 => (one(), assignment).prop_map(|(at, what)| Event::Assignment(at, what)),
        3 => (one(), account).prop_map(|(at, what)| Event::Account(at, what)),
        1 => one().prop_map(Event::RoleEdited),
        1 => one().prop_map(Event::BindingOfAnotherRole),
        1 => one().prop_map(Event::BindingEmptied),
        1 => one().prop_map(Event::NamespaceRemoved),
        3 => (0..18_usize, prop::sample::select(vec![None, Some("other")]))
            .prop_map(|(at, estate)| Event::Disowned(at, estate)),
        1 => (0..2_usize).prop_map(Event::ClusterMadeAnew),
        1 => (0..2_usize).prop_map(Event::SlashDiscovered),
    ];
    vec(event, 0..6)
}

fn pick<T>(all: Vec<T>, at: usize) -> Option<T> {
    let count = all.len();
    all.into_iter().nth(at % count.max(1))
}

pub(crate) fn facts<T>(read: &mut Read<T>) -> Option<&mut T> {
    match read {
        Read::Facts(facts) => Some(facts),
        Read::Unread(_) => None,
    }
}

type Credentials = Vec<Arc<LiveFederatedCredential>>;

/// A credential and where it lies.
fn credential(world: &mut ObservedState, at: usize) -> Option<(&mut Credentials, usize)> {
    let lists = world.credentials.values_mut().filter_map(facts);
    let all: Vec<(usize, usize)> = lists
        .enumerate()
        .flat_map(|(list, all)| (0..all.len()).map(move |index| (list, index)))
        .collect();
    let (list, index) = pick(all, at)?;
    let list = world.credentials.values_mut().filter_map(facts).nth(list)?;
    Some((list, index))
}

fn change_credential(
    world: &mut ObservedState,
    at: usize,
    change: impl FnOnce(&mut LiveFederatedCredential),
) {
    if let Some((list, index)) = credential(world, at) {
        let mut changed = LiveFederatedCredential::clone(&list[index]);
        change(&mut changed);
        let clash = list.iter().enumerate().any(|(other, live)| {
            let pair = live.issuer == changed.issuer && live.subject == changed.subject;
            other != index && (live.name == changed.name || pair)
        });
        if !clash {
            list[index] = Arc::new(changed);
        }
    }
}

fn cluster_objects(world: &mut ObservedState) -> impl Iterator<Item = &mut ClusterObjects> {
    let clusters = world.clusters.values_mut();
    clusters.filter_map(|cluster| facts(cluster.objects.as_mut()?))
}

fn change_nth<K: Ord + Clone, L: Clone>(
    maps: Vec<&mut BTreeMap<K, Arc<L>>>,
    at: usize,
    change: impl FnOnce(&K, &mut Option<L>),
) {
    let sizes: usize = maps.iter().map(|map| map.len()).sum();
    let mut at = at % sizes.max(1);
    for map in maps {
        if at < map.len() {
            let key = map.keys().nth(at).unwrap().clone();
            let mut live = map.remove(&key).map(|live| L::clone(&live));
            change(&key, &mut live);
            map.extend(live.map(|live| (key, Arc::new(live))));
            return;
        }
        at -= map.len();
    }
}

fn change_account(
    world: &mut ObservedState,
    at: usize,
    change: impl FnOnce(&mut Option<LiveServiceAccount>),
) {
    let maps = cluster_objects(world).map(|all| &mut all.service_accounts.found);
    change_nth(maps.collect(), at, |_, live| change(live));
}

fn change_identity(
    world: &mut ObservedState,
    at: usize,
    change: impl FnOnce(&mut Option<LiveIdentity>),
) {
    let maps: Vec<_> = world.identities.values_mut().filter_map(facts).collect();
    let mut gone = None;
    change_nth(maps, at, |key, live| {
        let before = live.as_ref().map(|live| live.client_id);
        change(live);
        if live.as_ref().map(|live| live.client_id) != before {
            gone = Some((key.clone(), live.is_some()));
        }
    });
    // An identity takes its credentials with it.
    if let Some((key, anew)) = gone {
        world.credentials.remove(&key);
        if anew {
            world.credentials.insert(key, Read::Facts(Vec::new()));
        }
    }
}

fn edited(owners: &mut Vec<FieldOwner>, field: Field, manager: &str, operation: Operation) {
    owners.retain(|owner| owner.field != field);
    owners.push(FieldOwner { field, manager: manager.into(), operation });
}

/// Lets an event happen.
pub(crate) fn happen(world: &mut ObservedState, event: &Event) {
    match *event {
        Event::Credential(at, what) => to_credential(world, at, what),
        Event::ForeignCredentials(at, count) => add_credentials(world, at, count),
        Event::Identity(at, what) => change_identity(world, at, |live| to_identity(live, what)),
        Event::Assignment(at, what) => to_assignment(world, at, what),
        Event::Account(at, what) => change_account(world, at, |live| to_account(live, what)),
        Event::RoleEdited(at) => edit_role(world, at),
        Event::BindingOfAnotherRole(at) => edit_binding(world, at, true),
        Event::BindingEmptied(at) => edit_binding(world, at, false),
        Event::NamespaceRemoved(at) => remove_namespace(world, at),
        Event::Disowned(at, estate) => disown(world, at, estate),
        Event::ClusterMadeAnew(at) => set_issuer(world, at, ("anew", "/"), ("anew", "/")),
        Event::SlashDiscovered(at) => set_issuer(world, at, ("slash", "/"), ("slash", "")),
    }
}

fn to_credential(world: &mut ObservedState, at: usize, what: OfCredential) {
    if let OfCredential::Removed = what {
        if let Some((list, index)) = credential(world, at) {
            list.remove(index);
        }
        return;
    }
    change_credential(world, at, |live| {
        let (name, issuer) = (live.name.as_str(), live.issuer.as_str());
        match what {
            OfCredential::Removed => {}
            OfCredential::RenamedByHand => live.name = "manual".into(),
            OfCredential::RenamedToBinding => live.name = "aks-identity-binding".into(),
            OfCredential::OtherTail => live.name = format!("{name}-renamed").as_str().into(),
            OfCredential::OtherSlash => {
                let bare = issuer.strip_suffix('/').map(str::to_owned);
                live.issuer = Issuer::new(bare.unwrap_or_else(|| format!("{issuer}/")));
            }
            OfCredential::OldIssuer => live.issuer = "https://old.example/".into(),
            OfCredential::IssuerOf(cluster) => live.issuer = world::issuer(cluster),
            OfCredential::OtherAudience => live.audiences = vec!["aud-other".into()],
            OfCredential::Flexible => live.subject = None,
        }
    });
}

fn add_credentials(world: &mut ObservedState, at: usize, count: usize) {
    let Some((list, _)) = credential(world, at) else {
        return;
    };
    for number in 0..count.min(20 - list.len().min(20)) {
        let name = format!("foreign-{number}");
        if !list.iter().any(|live| live.name.as_str() == name) {
            list.push(Arc::new(LiveFederatedCredential {
                issuer: Issuer::from("https://foreign.example"),
                subject: Some(name.as_str().into()),
                expression: None,
                audiences: vec!["aud-0".into()],
                name: name.as_str().into(),
            }));
        }
    }
}

fn to_identity(live: &mut Option<LiveIdentity>, what: OfIdentity) {
    let Some(exists) = live else { return };
    match what {
        OfIdentity::Removed => *live = None,
        OfIdentity::MadeAnew => {
            let next = |id: Uuid| Uuid::from_u128(id.as_u128() ^ 1);
            exists.client_id = ClientId::new(next(exists.client_id.guid()));
            exists.principal_id = PrincipalId::new(next(exists.principal_id.guid()));
        }
        OfIdentity::OtherEstate => drop(exists.tags.insert(TAG_ESTATE.into(), "other".into())),
        OfIdentity::Untagged => drop(exists.tags.remove(TAG_ESTATE)),
        OfIdentity::OtherManager => {
            exists.tags.insert(TAG_MANAGED_BY.into(), "terraform".into());
        }
    }
}

fn to_assignment(world: &mut ObservedState, at: usize, what: OfAssignment) {
    let list = world.role_assignments.values_mut().find_map(facts);
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        return;
    };
    let live = list.remove(at % list.len());
    if let OfAssignment::MadeByHand = what {
        let (start, _) = live.id.as_str().rsplit_once('/').unwrap();
        let id = ArmId::parse(&format!("{start}/{}", Uuid::from_u128(7))).unwrap();
        list.push(Arc::new(LiveRoleAssignment { id, ..LiveRoleAssignment::clone(&live) }));
    }
}

fn to_account(live: &mut Option<LiveServiceAccount>, what: OfAccount) {
    let Some(exists) = live else { return };
    let owners = &mut exists.owners;
    match what {
        OfAccount::Removed => *live = None,
        OfAccount::EditedByHand => {
            exists.client_id = Some(DEAD_CLIENT.into());
            edited(owners, Field::ClientId, "kubectl-edit", Operation::Update);
        }
        OfAccount::EditedByHelm => {
            exists.client_id = Some(DEAD_CLIENT.into());
            edited(owners, Field::ClientId, "helm", Operation::Apply);
        }
        OfAccount::AnnotationRemoved => {
            exists.client_id = None;
            owners.retain(|owner| owner.field != Field::ClientId);
        }
        OfAccount::Unmarked => {
            exists.marks = LiveMarks::default();
            // Nobody owns a label that is gone.
            owners.retain(|owner| owner.field != Field::ManagedBy);
        }
        OfAccount::OtherEstate => exists.marks.estate = Some("other".into()),
        OfAccount::NotCreated => exists.marks.created = Some("adopted-0000000000000000".into()),
        OfAccount::ManagedByHelm => {
            exists.marks.managed_by = Some("Helm".into());
            edited(owners, Field::ManagedBy, "helm", Operation::Update);
        }
    }
}

/// The client id of an identity that is no more.
const DEAD_CLIENT: &str = "00000000-0000-0000-0000-00000000dead";

fn edit_role(world: &mut ObservedState, at: usize) {
    let maps = cluster_objects(world).map(|all| &mut all.roles.found);
    change_nth(maps.collect(), at, |_, live| {
        if let Some(live) = live {
            live.rules = Arc::new([PolicyRule::default()]);
            edited(&mut live.owners, Field::Rules, "kubectl-edit", Operation::Update);
        }
    });
}

fn edit_binding(world: &mut ObservedState, at: usize, other_role: bool) {
    let maps = cluster_objects(world).map(|all| &mut all.role_bindings.found);
    change_nth(maps.collect(), at, |_, live| match live {
        Some(live) if other_role => live.role.name = "edit".into(),
        Some(live) => live.subjects.clear(),
        None => {}
    });
}

fn remove_namespace(world: &mut ObservedState, at: usize) {
    for all in cluster_objects(world) {
        let namespaces = &mut all.namespaces.found;
        let Some(gone) = namespaces.keys().nth(at % 2).cloned() else {
            continue;
        };
        namespaces.remove(&gone);
        let gone = gone.namespace;
        all.service_accounts.found.retain(|key, _| key.namespace != gone);
        all.roles.found.retain(|key, _| key.namespace != gone);
        all.role_bindings.found.retain(|key, _| key.namespace != gone);
    }
}

/// Makes a Role, a binding or a namespace another estate's, or nobody's.
fn disown(world: &mut ObservedState, at: usize, estate: Option<&str>) {
    let disowned = |marks: &mut LiveMarks| match estate {
        Some(estate) => marks.estate = Some(estate.into()),
        None => *marks = LiveMarks::default(),
    };
    macro_rules! change {
        ($($kind:ident)+) => {{
            let kinds = [$(stringify!($kind)),+];
            $(if kinds[at % kinds.len()] == stringify!($kind) {
                let maps = cluster_objects(world).map(|all| &mut all.$kind.found);
                change_nth(maps.collect(), at / kinds.len(), |_, live| {
                    if let Some(live) = live {
                        disowned(&mut live.marks);
                    }
                });
            })+
        }};
    }
    change!(roles role_bindings namespaces);
}

/// What ARM and the discovery document say of a cluster, each as a host and what ends it.
fn set_issuer(world: &mut ObservedState, at: usize, arm: (&str, &str), discovered: (&str, &str)) {
    let name = ["east", "west"][at % 2];
    let issuer =
        |(host, end): (&str, &str)| Issuer::new(format!("https://{host}.example/{name}{end}"));
    let cluster = world.clusters.get_mut(name).unwrap();
    if let Some(Some(managed)) = cluster.managed.as_mut().and_then(facts) {
        managed.issuer = Some(issuer(arm));
    }
    cluster.discovered_issuer = Some(Read::Facts(issuer(discovered)));
}

/// Makes one scope unreadable; the number picks which.
pub(crate) fn forget(world: &mut ObservedState, at: usize) {
    let mut left = at;
    let mut hit = |count: usize| {
        let found = left < count;
        if !found {
            left -= count;
        }
        found.then_some(left)
    };
    let count = world.identities.len();
    if let Some(at) = hit(count) {
        *world.identities.values_mut().nth(at).unwrap() = unread();
        return;
    }
    let count = world.credentials.len();
    if let Some(at) = hit(count) {
        *world.credentials.values_mut().nth(at).unwrap() = unread();
        return;
    }
    let count = world.role_assignments.len();
    if let Some(at) = hit(count) {
        *world.role_assignments.values_mut().nth(at).unwrap() = unread();
        return;
    }
    for cluster in world.clusters.values_mut() {
        match hit(3 + 4 * WAYS) {
            None => continue,
            Some(0) => cluster.managed = cluster.managed.is_some().then(unread),
            Some(1) => cluster.discovered_issuer = Some(unread()),
            Some(2) => cluster.objects = Some(unread()),
            Some(at) => {
                let Some(objects) = cluster.objects.as_mut().and_then(facts) else {
                    return;
                };
                let way = (at - 3) / 4;
                match (at - 3) % 4 {
                    0 => forget_kind(&mut objects.namespaces, way),
                    1 => forget_kind(&mut objects.service_accounts, way),
                    2 => forget_kind(&mut objects.roles, way),
                    _ => forget_kind(&mut objects.role_bindings, way),
                }
            }
        }
        return;
    }
}

/// How many ways there are to know less of a kind.
const WAYS: usize = 6;

/// Knows less of one kind: nothing at all, nothing but what was asked for by name, or nothing of one of its
/// objects.
fn forget_kind<K: Ord + Clone, L>(kind: &mut Looked<K, L>, way: usize) {
    match way {
        0 => {
            kind.everywhere = Some(unread());
            kind.found.clear();
            kind.missing.values_mut().for_each(|read| *read = unread());
        }
        1 => {
            kind.everywhere = Some(unread());
            kind.found.retain(|key, _| kind.missing.contains_key(key));
        }
        _ => {
            let nth = kind.missing.keys().nth(way - 2).cloned();
            if let Some(key) = nth {
                kind.found.remove(&key);
                kind.missing.insert(key, unread());
            }
        }
    }
}

fn unread<T>() -> Read<T> {
    Read::Unread(Unread { refused: false, why: "it did not answer".into() })
}
