//! A model of what Azure and Kubernetes do with a plan's changes, with the rules that matter to plans:
//! a pair of issuer and subject once per identity, at most 20 credentials, managers of fields.

mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use self::objects::{
    MARKS, account, changed_marks, facts, objects, own, put, release, release_marks, released,
    with, write_marks,
};
use widctl::desired::state::DesiredState;
use widctl::model::arm_id::ArmId;
use widctl::model::awaited::{IdentityOutput, IdentityOutputs};
use widctl::model::guid::{ClientId, PrincipalId, TenantId};
use widctl::model::kinds::federated_credential::{
    CREDENTIALS_PER_IDENTITY, FederatedCredential, FederatedCredentialKey, FederatedCredentials,
    IDENTITY_BINDING_NAME, LiveFederatedCredential,
};
use widctl::model::kinds::identity::{
    Identities, Identity, IdentityKey, LiveIdentity, Tags, is_mark,
};
use widctl::model::kinds::marks::{Field, LiveMarks};
use widctl::model::kinds::namespace::LiveNamespace;
use widctl::model::kinds::rbac::{LiveRole, LiveRoleBinding};
use widctl::model::kinds::role_assignment::{LiveRoleAssignment, RoleAssignmentWrite};
use widctl::model::kinds::{Kind, Release, role_assignment};
use widctl::model::text::Issuer;
use widctl::observed::read::Read;
use widctl::observed::state::{
    ClusterObjects, Looked, ManagedCluster, ObservedCluster, ObservedState,
};
use widctl::observed::webhook::Webhook;
use widctl::plan::action::Action;
use widctl::plan::change::{AnyChange, Change};
use widctl::plan::contents::Plan;
use widctl::profile::resolved::Cluster;

pub(crate) const TENANT: TenantId = TenantId::new(Uuid::from_u128(0xaaaa));

/// The issuer that a cluster of this name has, as AKS writes it.
pub(crate) fn issuer(cluster: &str) -> Issuer {
    Issuer::new(format!("https://{cluster}.oic.prod-aks.azure.com/t/1/"))
}

/// A world where everything that the profile needs beforehand exists, and nothing else.
pub(crate) fn empty(desired: &DesiredState) -> ObservedState {
    let mut world = ObservedState { tenant: Some(TENANT), ..ObservedState::default() };
    for key in desired.identities.keys() {
        let subscription = key.id().subscription().unwrap();
        world.identities.insert(subscription, Read::Facts(BTreeMap::new()));
        let group = ArmId::of_resource_group(subscription, key.id().resource_group().unwrap());
        world.resource_groups.insert(group, Read::Facts(true));
    }
    for assignment in &desired.role_assignments {
        let root = ArmId::of_subscription(assignment.scope.subscription().unwrap());
        world.role_assignments.insert(root, Read::Facts(Vec::new()));
    }
    for (name, cluster) in &desired.clusters {
        let managed = match cluster {
            Cluster::Pinned { .. } => None,
            Cluster::Aks { .. } | Cluster::Arc { .. } => Some(Read::Facts(Some(ManagedCluster {
                issuer_enabled: true,
                issuer: Some(issuer(name.as_str())),
                workload_identity: true,
            }))),
        };
        let discovered = match cluster {
            Cluster::Pinned { issuer, .. } => issuer.clone(),
            Cluster::Aks { .. } | Cluster::Arc { .. } => issuer(name.as_str()),
        };
        let observed = ObservedCluster {
            managed,
            discovered_issuer: Some(Read::Facts(discovered)),
            objects: Some(Read::Facts(ClusterObjects {
                namespaces: looked(),
                service_accounts: looked(),
                roles: looked(),
                role_bindings: looked(),
                webhook: Read::Facts(Some(Webhook::default())),
            })),
        };
        world.clusters.insert(name.clone(), observed);
    }
    ask(&mut world, desired);
    world
}

/// A kind that was looked for everywhere, and of which nothing is there.
fn looked<Key, Live>() -> Looked<Key, Live> {
    Looked { found: BTreeMap::new(), missing: BTreeMap::new(), everywhere: Some(Read::Facts(())) }
}

/// Asks for all that a profile wants of the clusters.
pub(crate) fn ask(world: &mut ObservedState, desired: &DesiredState) {
    for (name, cluster) in &mut world.clusters {
        let all = facts(cluster.objects.as_mut().unwrap());
        let here = |cluster: &_| name == cluster;
        let keys = desired.namespaces.keys().filter(|key| here(&key.cluster)).cloned();
        all.namespaces.missing.extend(keys.map(|key| (key, Read::Facts(()))));
        let keys = desired.service_accounts.keys().filter(|key| here(&key.cluster)).cloned();
        all.service_accounts.missing.extend(keys.map(|key| (key, Read::Facts(()))));
        let keys = desired.roles.keys().filter(|key| here(&key.cluster)).cloned();
        all.roles.missing.extend(keys.map(|key| (key, Read::Facts(()))));
        let keys = desired.role_bindings.keys().filter(|key| here(&key.cluster)).cloned();
        all.role_bindings.missing.extend(keys.map(|key| (key, Read::Facts(()))));
    }
}

/// Lets everybody else create what the profile only uses.
pub(crate) fn add_foreign_identities(world: &mut ObservedState, desired: &DesiredState) {
    for (key, wanted) in desired.identities.iter().filter(|(_, wanted)| !wanted.create) {
        let written = Identity {
            location: wanted.location.clone(),
            tags: Tags::from([("made-by".into(), "terraform".into())]),
        };
        let live = live_identity(key, &written, ids(key, 0));
        let subscription = key.id().subscription().unwrap();
        facts(world.identities.get_mut(&subscription).unwrap()).insert(key.clone(), Arc::new(live));
        world.credentials.insert(key.clone(), Read::Facts(Vec::new()));
    }
}

/// Lets everybody else create the namespaces that the profile does not.
pub(crate) fn add_namespaces(world: &mut ObservedState, desired: &DesiredState) {
    for (key, _) in desired.namespaces.iter().filter(|(_, wanted)| !wanted.create) {
        let live =
            LiveNamespace { marks: LiveMarks::default(), terminating: false, owners: Vec::new() };
        let namespaces = &mut objects(world, &key.cluster).namespaces.found;
        namespaces.insert(key.clone(), Arc::new(live));
    }
}

/// The world after all changes of a plan, in their order.
pub(crate) fn apply(mut world: ObservedState, plan: &Plan) -> ObservedState {
    let mut outputs = plan.identities.clone();
    for change in &plan.changes {
        apply_one(&mut world, change, &mut outputs);
    }
    world
}

/// Applies one change.
pub(crate) fn apply_one(
    world: &mut ObservedState,
    change: &AnyChange,
    outputs: &mut IdentityOutputs,
) {
    match change {
        AnyChange::Identity(change) => identity(world, change, outputs),
        AnyChange::RoleAssignment(change) => role_assignment(world, change, outputs),
        AnyChange::FederatedCredential(change) => credential(world, change, outputs),
        AnyChange::Namespace(change) => {
            let live = &mut objects(world, &change.key.cluster).namespaces.found;
            put(live, change, outputs, |before, write, force| {
                let mut live = before.cloned().unwrap_or(LiveNamespace {
                    marks: LiveMarks::default(),
                    terminating: false,
                    owners: Vec::new(),
                });
                let old = live.marks.clone();
                write_marks(&mut live.marks, Some(&write.marks));
                let changed = changed_marks(&old, &live.marks);
                own(&mut live.owners, &MARKS, &changed, force);
                live
            });
            release(live, change, |live, ()| release_marks(&mut live.marks, &mut live.owners));
        }
        AnyChange::Role(change) => {
            let live = &mut objects(world, &change.key.cluster).roles.found;
            put(live, change, outputs, |before, write, force| {
                let mut live = before.cloned().unwrap_or(LiveRole {
                    rules: Arc::new([]),
                    marks: LiveMarks::default(),
                    owners: Vec::new(),
                });
                let old = live.marks.clone();
                write_marks(&mut live.marks, Some(&write.marks));
                let mut changed = changed_marks(&old, &live.marks);
                changed.extend((live.rules != write.rules).then_some(Field::Rules));
                live.rules = write.rules.clone();
                own(&mut live.owners, &with(&[Field::Rules]), &changed, force);
                live
            });
            release(live, change, |live, _| release_marks(&mut live.marks, &mut live.owners));
        }
        AnyChange::RoleBinding(change) => {
            let live = &mut objects(world, &change.key.cluster).role_bindings.found;
            put(live, change, outputs, |before, write, force| {
                let mut live = before.cloned().unwrap_or(LiveRoleBinding {
                    role: write.role.clone(),
                    subjects: Vec::new(),
                    marks: LiveMarks::default(),
                    owners: Vec::new(),
                });
                assert_eq!(live.role, write.role, "what a binding refers to cannot be changed");
                let old = live.marks.clone();
                write_marks(&mut live.marks, Some(&write.marks));
                let mut changed = changed_marks(&old, &live.marks);
                changed.extend((live.subjects != write.subjects).then_some(Field::Subjects));
                live.subjects.clone_from(&write.subjects);
                let fields = with(&[Field::RoleRef, Field::Subjects]);
                own(&mut live.owners, &fields, &changed, force);
                live
            });
            release(live, change, |live, _| release_marks(&mut live.marks, &mut live.owners));
        }
        AnyChange::ServiceAccount(change) => {
            let live = &mut objects(world, &change.key.cluster).service_accounts.found;
            put(live, change, outputs, account);
            release(live, change, |live, may| match may {
                Release::Marks => release_marks(&mut live.marks, &mut live.owners),
                Release::Fields => *live = released(live),
            });
        }
    }
}

/// The ids that an identity gets the nth time that it is made.
pub(crate) fn ids(key: &IdentityKey, times: usize) -> IdentityOutput {
    let id = |kind: &str| {
        let text = format!("{kind}{times}{}", key.id().folded());
        Uuid::new_v5(&Uuid::NAMESPACE_URL, text.as_bytes())
    };
    IdentityOutput {
        client_id: ClientId::new(id("client")),
        principal_id: PrincipalId::new(id("principal")),
        tenant_id: TENANT,
    }
}

/// Ids that nothing in the world remembers: Azure never gives the same again.
fn fresh_ids(world: &ObservedState, key: &IdentityKey) -> IdentityOutput {
    let known: String = format!("{:?} {:?}", world.role_assignments, world.clusters);
    let unseen = |ids: &IdentityOutput| {
        let texts = [ids.principal_id.to_string(), ids.client_id.to_string()];
        texts.iter().all(|id| !known.contains(id))
    };
    (0..100).map(|times| ids(key, times)).find(unseen).unwrap()
}

/// An identity as Azure answers it.
pub(crate) fn live_identity(
    key: &IdentityKey,
    written: &Identity,
    ids: IdentityOutput,
) -> LiveIdentity {
    let id = key.id().as_str().replace("resourceGroups", "resourcegroups");
    LiveIdentity {
        id: ArmId::parse(&id).unwrap(),
        client_id: ids.client_id,
        principal_id: ids.principal_id,
        tenant_id: ids.tenant_id,
        location: written.location.clone(),
        tags: written.tags.clone(),
    }
}

fn identity(world: &mut ObservedState, change: &Change<Identities>, outputs: &mut IdentityOutputs) {
    let subscription = change.key.id().subscription().unwrap();
    let ids = fresh_ids(world, &change.key);
    let all = facts(world.identities.get_mut(&subscription).unwrap());
    match &change.action {
        Action::Create { after } => {
            assert!(!all.contains_key(&change.key));
            let live = live_identity(&change.key, after, ids);
            all.insert(change.key.clone(), Arc::new(live));
            outputs.insert(change.key.clone(), ids);
            world.credentials.insert(change.key.clone(), Read::Facts(Vec::new()));
        }
        Action::Update { after, .. } | Action::Adopt { after, .. } => {
            let live = all.get_mut(&change.key).unwrap();
            let tags = after.tags.clone();
            *live = Arc::new(LiveIdentity { tags, ..LiveIdentity::clone(live) });
        }
        Action::Release { .. } => {
            let live = all.get_mut(&change.key).unwrap();
            let mut tags = live.tags.clone();
            tags.retain(|name, value| !is_mark(name, value));
            *live = Arc::new(LiveIdentity { tags, ..LiveIdentity::clone(live) });
        }
        Action::Replace { .. } | Action::Delete { .. } => {
            panic!("an identity is never replaced or deleted")
        }
    }
}

fn role_assignment(
    world: &mut ObservedState,
    change: &Change<role_assignment::RoleAssignments>,
    outputs: &IdentityOutputs,
) {
    let scope = change.key.scope.clone();
    let root = world.role_assignments.keys().find(|root| root.contains(&scope)).unwrap().clone();
    let all = facts(world.role_assignments.get_mut(&root).unwrap());
    if let Action::Replace { before, .. } | Action::Delete { before } = &change.action {
        let count = all.len();
        all.retain(|live| live.id != before.live().id);
        assert_eq!(all.len(), count - 1);
    }
    if let Action::Create { after } | Action::Replace { after, .. } = &change.action {
        let RoleAssignmentWrite { name, assignment } =
            role_assignment::RoleAssignments::resolve(&change.key, after, outputs).unwrap();
        let equal = |live: &LiveRoleAssignment| {
            (&live.scope, live.role, live.principal)
                == (&assignment.scope, assignment.role, assignment.principal)
        };
        assert!(!all.iter().any(|live| equal(live)), "RoleAssignmentExists");
        all.push(Arc::new(live_role_assignment(&assignment, name)));
    }
}

/// An assignment as Azure answers it.
pub(crate) fn live_role_assignment(
    assignment: &role_assignment::RoleAssignment<PrincipalId>,
    name: Uuid,
) -> LiveRoleAssignment {
    let scope = &assignment.scope;
    let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
    LiveRoleAssignment {
        id: ArmId::parse(&id).unwrap(),
        scope: scope.clone(),
        role: assignment.role,
        principal: assignment.principal,
        description: Some(role_assignment::description(&assignment.estate).into()),
        condition: assignment.condition.clone(),
    }
}

fn credential(
    world: &mut ObservedState,
    change: &Change<FederatedCredentials>,
    outputs: &IdentityOutputs,
) {
    let FederatedCredentialKey { identity, name } = &change.key;
    let all = facts(world.credentials.get_mut(identity).unwrap());
    let removed = match &change.action {
        Action::Replace { before_key, .. } => Some(&before_key.name),
        Action::Delete { .. } => Some(name),
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Adopt { .. }
        | Action::Release { .. } => None,
    };
    if let Some(removed) = removed {
        assert_ne!(removed.as_str(), IDENTITY_BINDING_NAME);
        let count = all.len();
        all.retain(|live| live.name != *removed);
        assert_eq!(all.len(), count - 1, "{removed} was not there");
    }
    if let Action::Create { after } | Action::Update { after, .. } | Action::Replace { after, .. } =
        &change.action
    {
        let write: FederatedCredential =
            FederatedCredentials::resolve(&change.key, after, outputs).unwrap();
        let existed = all.iter().any(|live| live.name == *name);
        let creates = matches!(change.action, Action::Create { .. });
        assert!(!(existed && creates), "{name} would be overwritten");
        all.retain(|live| live.name != *name);
        let taken = all.iter().any(|live| {
            live.issuer == write.issuer && live.subject.as_ref() == Some(&write.subject)
        });
        assert!(!taken, "Issuer and subject combination already exists: {change:?}");
        all.push(Arc::new(LiveFederatedCredential {
            name: name.clone(),
            issuer: write.issuer,
            subject: Some(write.subject),
            expression: None,
            audiences: vec![write.audience],
        }));
        assert!(all.len() <= CREDENTIALS_PER_IDENTITY);
        all.sort_by(|one, other| one.name.cmp(&other.name));
    }
}
