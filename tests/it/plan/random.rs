//! Random profiles and worlds from small alphabets, so that collisions happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use widctl::desired::derive::derive;
use widctl::desired::state::DesiredState;
use widctl::model::arm_id::ArmId;
use widctl::model::guid::ClientId;
use widctl::model::guid::PrincipalId;
use widctl::model::guid::RoleDefinitionId;
use widctl::model::kinds::federated_credential::LiveFederatedCredential;
use widctl::model::kinds::identity::LiveIdentity;
use widctl::model::kinds::identity::TAG_ESTATE;
use widctl::model::kinds::identity::TAG_MANAGED_BY;
use widctl::model::kinds::identity::Tags;
use widctl::model::kinds::marks::Field;
use widctl::model::kinds::marks::FieldOwner;
use widctl::model::kinds::marks::LiveMarks;
use widctl::model::kinds::marks::Operation;
use widctl::model::kinds::rbac::PolicyRule;
use widctl::model::kinds::role_assignment::LiveRoleAssignment;
use widctl::model::kinds::role_assignment::Role;
use widctl::model::kinds::service_account::LiveServiceAccount;
use widctl::model::location::Location;
use widctl::model::text::Estate;
use widctl::model::text::Issuer;
use widctl::observed::read::Read;
use widctl::observed::read::Unread;
use widctl::observed::state::ClusterObjects;
use widctl::observed::state::ObservedState;
use widctl::plan::inputs::PlanInputs;
use widctl::profile::resolved::Cluster;
use widctl::profile::resolved::Federation;
use widctl::profile::resolved::Identity;
use widctl::profile::resolved::Mode;
use widctl::profile::resolved::Policy;
use widctl::profile::resolved::Preset;
use widctl::profile::resolved::Profile;
use widctl::profile::resolved::RoleChoice;
use widctl::profile::resolved::RoleGrant;
use widctl::profile::resolved::Team;
use widctl::profile::resolved::Workload;

use super::world;

const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";
const CLUSTERS: [&str; 3] = ["east", "west", "pinned"];

/// An identity, its team by its number.
#[derive(Clone, Debug)]
pub(crate) struct IdentitySpec {
    team: usize,
    create: bool,
    per_cluster: bool,
    roles: Vec<(usize, usize)>,
    federation: Option<usize>,
}

/// A workload of the identity's team.
#[derive(Clone, Debug)]
pub(crate) struct WorkloadSpec {
    identity: usize,
    extra: Option<usize>,
    account: usize,
    namespace: usize,
    clusters: Vec<usize>,
    mode: Mode,
    preset: bool,
    create_namespace: bool,
    audience: usize,
}

/// A profile.
#[derive(Clone, Debug)]
pub(crate) struct ProfileSpec {
    identities: Vec<IdentitySpec>,
    workloads: Vec<WorkloadSpec>,
}

fn identity_spec() -> impl Strategy<Value = IdentitySpec> {
    (
        0..2_usize,
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.2),
        vec((0..2_usize, 0..2_usize), 0..3),
        prop::option::of(0..2_usize),
    )
        .prop_map(
            |(team, create, per_cluster, roles, federation)| IdentitySpec {
                team,
                create,
                per_cluster,
                roles,
                federation,
            },
        )
}

fn workload_spec() -> impl Strategy<Value = WorkloadSpec> {
    let mode = prop_oneof![
        3 => Just(Mode::Manage),
        1 => Just(Mode::Annotate),
        1 => Just(Mode::TrustOnly)
    ];
    (
        (
            0..3_usize,
            prop::option::of(0..3_usize),
            0..2_usize,
            0..2_usize,
        ),
        vec(0..3_usize, 1..3),
        mode,
        (any::<bool>(), prop::bool::weighted(0.97)),
        0..2_usize,
    )
        .prop_map(
            |(names, clusters, mode, (preset, create_namespace), audience)| {
                let (identity, extra, account, namespace) = names;
                WorkloadSpec {
                    identity,
                    extra,
                    account,
                    namespace,
                    clusters,
                    mode,
                    preset,
                    create_namespace,
                    audience,
                }
            },
        )
}

pub(crate) fn profile_spec() -> impl Strategy<Value = ProfileSpec> {
    (vec(identity_spec(), 3), vec(workload_spec(), 0..5)).prop_map(|(identities, workloads)| {
        ProfileSpec {
            identities,
            workloads,
        }
    })
}

fn cluster(name: &str) -> Cluster {
    if name == "pinned" {
        return Cluster::Pinned {
            context: name.into(),
            issuer: Issuer::from("https://pinned.example"),
        };
    }
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-aks/providers/Microsoft.ContainerService/managedClusters/{name}"
    );
    Cluster::Aks {
        id: ArmId::parse(&id).unwrap(),
        context: None,
    }
}

fn grant((role, scope): (usize, usize)) -> RoleGrant {
    let scope = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-{scope}/providers/Microsoft.KeyVault/vaults/kv"
    );
    RoleGrant {
        role: RoleChoice::Known(Role {
            id: RoleDefinitionId::new(Uuid::from_u128(role as u128 + 1)),
            name: format!("Role {role}").as_str().into(),
        }),
        scope: ArmId::parse(&scope).unwrap(),
    }
}

fn resolved_identity(index: usize, spec: &IdentitySpec) -> Identity {
    let mut roles: Vec<RoleGrant> = Vec::new();
    for role in &spec.roles {
        let grant = grant(*role);
        if !roles.contains(&grant) {
            roles.push(grant);
        }
    }
    let federations = spec.federation.map(|subject| Federation {
        name: "github".into(),
        issuer: Issuer::from("https://token.actions.githubusercontent.com"),
        subject: format!("repo:contoso/{subject}").as_str().into(),
        audience: "aud-0".into(),
    });
    Identity {
        name: format!("id-{index}"),
        subscription: SUBSCRIPTION.parse().unwrap(),
        resource_group: "rg-ids".into(),
        location: Location::new("westeurope"),
        tags: Tags::from([("cost".into(), "42".into())]),
        create: spec.create,
        per_cluster: spec.per_cluster,
        roles,
        federations: federations.into_iter().collect(),
    }
}

/// The profile of a spec; what its checks would refuse is left out. `reversed` states
/// what each team has in another order.
pub(crate) fn desired(spec: &ProfileSpec, reversed: bool) -> DesiredState {
    let mut taken = std::collections::BTreeSet::new();
    let mut teams: Vec<Team> = (0..2)
        .map(|team| Team {
            name: format!("team-{team}").as_str().into(),
            owner: None,
            identities: Vec::new(),
            workloads: Vec::new(),
        })
        .collect();
    for (index, identity) in spec.identities.iter().enumerate() {
        teams[identity.team]
            .identities
            .push(resolved_identity(index, identity));
    }
    for workload in &spec.workloads {
        let mut clusters: Vec<usize> = workload.clusters.clone();
        clusters.sort_unstable();
        clusters.dedup();
        clusters.retain(|cluster| taken.insert((*cluster, workload.account, workload.namespace)));
        if clusters.is_empty() {
            continue;
        }
        let team = spec.identities[workload.identity].team;
        let preset =
            (workload.preset && workload.mode == Mode::Manage).then_some(Preset::PrefectWorker);
        teams[team].workloads.push(Workload {
            service_account: format!("sa-{}", workload.account).as_str().into(),
            namespace: format!("ns-{}", workload.namespace).as_str().into(),
            create_namespace: workload.create_namespace,
            clusters: clusters
                .into_iter()
                .map(|index| CLUSTERS[index].into())
                .collect(),
            identity: format!("id-{}", workload.identity),
            extra_identities: workload
                .extra
                .map(|extra| format!("id-{extra}"))
                .into_iter()
                .collect(),
            audience: format!("aud-{}", workload.audience).as_str().into(),
            token_expiration: 3600,
            mode: workload.mode,
            preset,
            rules: Vec::new(),
        });
    }
    if reversed {
        for team in &mut teams {
            team.workloads.reverse();
            team.identities.reverse();
        }
    }
    derive(&Profile {
        estate: Estate::from("e"),
        cloud: "public".into(),
        tenant: None,
        clusters: CLUSTERS
            .iter()
            .map(|name| ((*name).into(), cluster(name)))
            .collect(),
        policy: Policy {
            denied_roles: Vec::new(),
            deny_privileged_roles: true,
        },
        teams,
        sha256: String::new(),
    })
}

/// Something that happens outside of widctl; numbers pick among what exists.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    CredentialRemoved(usize),
    CredentialRenamed(usize, usize),
    CredentialIssuer(usize, usize),
    CredentialAudience(usize),
    CredentialAdded(usize, usize),
    CredentialFlexible(usize),
    IdentityRemoved(usize),
    IdentityMadeAnew(usize),
    IdentityTagged(usize, usize),
    AssignmentRemoved(usize),
    AssignmentRenamed(usize),
    AccountRemoved(usize),
    AccountEdited(usize, usize),
    AccountMarks(usize, usize),
    RoleEdited(usize),
    BindingEdited(usize, usize),
    NamespaceRemoved(usize),
    ClusterMadeAnew(usize),
    SlashDiscovered(usize),
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = || 0..6_usize;
    let event = prop_oneof![
        one().prop_map(Event::CredentialRemoved),
        (one(), 0..3_usize).prop_map(|(at, how)| Event::CredentialRenamed(at, how)),
        (one(), 0..4_usize).prop_map(|(at, how)| Event::CredentialIssuer(at, how)),
        one().prop_map(Event::CredentialAudience),
        (one(), 0..20_usize).prop_map(|(at, count)| Event::CredentialAdded(at, count)),
        one().prop_map(Event::CredentialFlexible),
        one().prop_map(Event::IdentityRemoved),
        one().prop_map(Event::IdentityMadeAnew),
        (one(), 0..3_usize).prop_map(|(at, how)| Event::IdentityTagged(at, how)),
        one().prop_map(Event::AssignmentRemoved),
        one().prop_map(Event::AssignmentRenamed),
        one().prop_map(Event::AccountRemoved),
        (one(), 0..3_usize).prop_map(|(at, how)| Event::AccountEdited(at, how)),
        (one(), 0..4_usize).prop_map(|(at, how)| Event::AccountMarks(at, how)),
        one().prop_map(Event::RoleEdited),
        (one(), 0..2_usize).prop_map(|(at, how)| Event::BindingEdited(at, how)),
        one().prop_map(Event::NamespaceRemoved),
        (0..2_usize).prop_map(Event::ClusterMadeAnew),
        (0..2_usize).prop_map(Event::SlashDiscovered),
    ];
    vec(event, 0..6)
}

pub(crate) fn inputs() -> impl Strategy<Value = PlanInputs> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(prune, adopt, force_conflicts)| {
        PlanInputs {
            prune,
            allow_mass_delete: true,
            adopt,
            force_conflicts,
            ..PlanInputs::default()
        }
    })
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
    let maps = cluster_objects(world).filter_map(|all| facts(&mut all.service_accounts));
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
    owners.push(FieldOwner {
        field,
        manager: manager.into(),
        operation,
    });
}

/// Lets an event happen.
pub(crate) fn happen(world: &mut ObservedState, event: &Event) {
    match *event {
        Event::CredentialRemoved(at) => {
            if let Some((list, index)) = credential(world, at) {
                list.remove(index);
            }
        }
        Event::CredentialRenamed(at, how) => change_credential(world, at, |live| {
            let tail = live
                .name
                .as_str()
                .rsplit_once('-')
                .map_or("x", |(start, _)| start)
                .to_owned();
            live.name = match how {
                0 => "manual".into(),
                1 => "aks-identity-binding".into(),
                _ => format!("{tail}-renamed").as_str().into(),
            };
        }),
        Event::CredentialIssuer(at, how) => change_credential(world, at, |live| {
            let text = live.issuer.as_str();
            live.issuer = match how {
                0 => Issuer::new(
                    text.strip_suffix('/')
                        .map_or(format!("{text}/"), str::to_owned),
                ),
                1 => "https://old.example/".into(),
                2 => world::issuer("east"),
                _ => world::issuer("west"),
            };
        }),
        Event::CredentialAudience(at) => change_credential(world, at, |live| {
            live.audiences = vec!["aud-other".into()];
        }),
        Event::CredentialAdded(at, count) => {
            if let Some((list, _)) = credential(world, at) {
                for number in 0..count.min(20 - list.len().min(20)) {
                    let name = format!("foreign-{number}");
                    if !list.iter().any(|live| live.name.as_str() == name) {
                        list.push(Arc::new(LiveFederatedCredential {
                            issuer: Issuer::from("https://foreign.example"),
                            subject: Some(name.as_str().into()),
                            audiences: vec!["aud-0".into()],
                            name: name.as_str().into(),
                        }));
                    }
                }
            }
        }
        Event::CredentialFlexible(at) => change_credential(world, at, |live| live.subject = None),
        Event::IdentityRemoved(at) => change_identity(world, at, |live| *live = None),
        Event::IdentityMadeAnew(at) => change_identity(world, at, |live| {
            if let Some(live) = live {
                live.client_id =
                    ClientId::new(Uuid::from_u128(live.client_id.guid().as_u128() ^ 1));
                let principal = live.principal_id.guid().as_u128() ^ 1;
                live.principal_id = PrincipalId::new(Uuid::from_u128(principal));
            }
        }),
        Event::IdentityTagged(at, how) => change_identity(world, at, |live| {
            if let Some(live) = live {
                match how {
                    0 => drop(live.tags.insert(TAG_ESTATE.into(), "other".into())),
                    1 => drop(live.tags.remove(TAG_ESTATE)),
                    _ => drop(live.tags.insert(TAG_MANAGED_BY.into(), "terraform".into())),
                }
            }
        }),
        Event::AssignmentRemoved(at) => change_assignment(world, at, |_| None),
        Event::AssignmentRenamed(at) => change_assignment(world, at, |live| {
            let (start, _) = live.id.as_str().rsplit_once('/').unwrap();
            let id = ArmId::parse(&format!("{start}/{}", Uuid::from_u128(7))).unwrap();
            Some(LiveRoleAssignment { id, ..live })
        }),
        Event::AccountRemoved(at) => change_account(world, at, |live| *live = None),
        Event::AccountEdited(at, how) => change_account(world, at, |live| {
            let Some(live) = live else { return };
            live.client_id = Some("00000000-0000-0000-0000-00000000dead".into());
            let (manager, operation) = match how {
                0 => ("kubectl-edit", Operation::Update),
                1 => ("helm", Operation::Apply),
                _ => {
                    live.client_id = None;
                    return live.owners.retain(|owner| owner.field != Field::ClientId);
                }
            };
            edited(&mut live.owners, Field::ClientId, manager, operation);
        }),
        Event::AccountMarks(at, how) => change_account(world, at, |live| {
            let Some(live) = live else { return };
            match how {
                0 => live.marks = LiveMarks::default(),
                1 => live.marks.estate = Some("other".into()),
                2 => live.marks.created = Some("false".into()),
                _ => {
                    live.marks.managed_by = Some("Helm".into());
                    edited(
                        &mut live.owners,
                        Field::ManagedBy,
                        "helm",
                        Operation::Update,
                    );
                }
            }
        }),
        Event::RoleEdited(at) => {
            let maps = cluster_objects(world).filter_map(|all| facts(&mut all.roles));
            change_nth(maps.collect(), at, |_, live| {
                if let Some(live) = live {
                    live.rules = Arc::new([PolicyRule::default()]);
                    edited(
                        &mut live.owners,
                        Field::Rules,
                        "kubectl-edit",
                        Operation::Update,
                    );
                }
            });
        }
        Event::BindingEdited(at, how) => {
            let maps = cluster_objects(world).filter_map(|all| facts(&mut all.role_bindings));
            change_nth(maps.collect(), at, |_, live| {
                let Some(live) = live else { return };
                if how == 0 {
                    live.role.name = "edit".into();
                } else {
                    live.subjects.clear();
                }
            });
        }
        Event::NamespaceRemoved(at) => {
            for all in cluster_objects(world) {
                let Some(namespaces) = facts(&mut all.namespaces) else {
                    continue;
                };
                let Some(key) = namespaces.keys().nth(at % 2).cloned() else {
                    continue;
                };
                namespaces.remove(&key);
                let gone = |namespace: &str| namespace == key.namespace.as_str();
                if let Some(accounts) = facts(&mut all.service_accounts) {
                    accounts.retain(|key, _| !gone(key.namespace.as_str()));
                }
                if let Some(roles) = facts(&mut all.roles) {
                    roles.retain(|key, _| !gone(key.namespace.as_str()));
                }
                if let Some(bindings) = facts(&mut all.role_bindings) {
                    bindings.retain(|key, _| !gone(key.namespace.as_str()));
                }
            }
        }
        Event::ClusterMadeAnew(at) => set_issuer(
            world,
            at,
            "https://anew.example/1/",
            "https://anew.example/1/",
        ),
        Event::SlashDiscovered(at) => set_issuer(
            world,
            at,
            "https://slash.example/1/",
            "https://slash.example/1",
        ),
    }
}

fn set_issuer(world: &mut ObservedState, at: usize, arm: &str, discovered: &str) {
    let name = CLUSTERS[at % 2];
    let cluster = world.clusters.get_mut(name).unwrap();
    if let Some(Some(managed)) = cluster.managed.as_mut().and_then(facts) {
        managed.issuer = Some(Issuer::new(arm.replace("/1", &format!("/{name}"))));
    }
    let discovered = Issuer::new(discovered.replace("/1", &format!("/{name}")));
    cluster.discovered_issuer = Some(Read::Facts(discovered));
}

fn change_assignment(
    world: &mut ObservedState,
    at: usize,
    change: impl FnOnce(LiveRoleAssignment) -> Option<LiveRoleAssignment>,
) {
    if let Some(list) = world.role_assignments.values_mut().filter_map(facts).next()
        && !list.is_empty()
    {
        let live = list.remove(at % list.len());
        list.extend(change(LiveRoleAssignment::clone(&live)).map(Arc::new));
    }
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
        match hit(7) {
            None => continue,
            Some(0) => cluster.managed = cluster.managed.is_some().then(unread),
            Some(1) => cluster.discovered_issuer = Some(unread()),
            Some(2) => cluster.objects = Some(unread()),
            Some(kind) => {
                let Some(objects) = cluster.objects.as_mut().and_then(facts) else {
                    return;
                };
                match kind {
                    3 => objects.namespaces = unread(),
                    4 => objects.service_accounts = unread(),
                    5 => objects.roles = unread(),
                    _ => objects.role_bindings = unread(),
                }
            }
        }
        return;
    }
}

fn unread<T>() -> Read<T> {
    Read::Unread(Unread {
        refused: false,
        why: "it did not answer".into(),
    })
}
