//! Makes a world differ as a case says.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use uuid::Uuid;
use wildmatch::WildMatch;

use widctl::model::arm_id::ArmId;
use widctl::model::guid::{ClientId, PrincipalId, RoleDefinitionId, SubscriptionId};
use widctl::model::kinds::federated_credential::{
    ClaimsExpression, FederatedCredentialKey, LiveFederatedCredential,
};
use widctl::model::kinds::identity::{Identity, IdentityKey, LiveIdentity, Tags};
use widctl::model::kinds::marks::{
    Declared, Field, FieldOwner, LABEL_MANAGED_BY, LiveMarks, Operation,
};
use widctl::model::kinds::namespace::{LiveNamespace, NamespaceKey};
use widctl::model::kinds::rbac::{LiveRole, LiveRoleBinding};
use widctl::model::kinds::role_assignment::{LiveRoleAssignment, Role};
use widctl::model::kinds::service_account::{LiveServiceAccount, ServiceAccountKey};
use widctl::model::kinds::tools;
use widctl::model::location::Location;
use widctl::model::text::Issuer;
use widctl::observed::read::Read;
use widctl::observed::state::{
    ClusterObjects, CustomRole, IdentityBinding, ObservedState, Permission,
};
use widctl::observed::webhook::Webhook;

use super::super::world;
use super::unread::{forget, seek};
use super::{
    AccountFacts, AssignmentFacts, BindingFacts, ClusterFacts, CredentialFacts, IdentityFacts,
    ObjectFacts, Observed, RoleFacts,
};

const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";

/// Makes the world differ as the case says.
pub(crate) fn happen(world: &mut ObservedState, facts: &Observed) {
    if let Some(tenant) = &facts.tenant {
        world.tenant = Some(tenant.parse().unwrap());
    }
    for address in &facts.remove {
        assert!(remove(world, &WildMatch::new(address)), "nothing at {address}");
    }
    for identity in &facts.identity {
        set_identity(world, identity);
    }
    for credential in &facts.credential {
        set_credential(world, credential);
    }
    for BindingFacts { cluster, name, identity } in &facts.identity_binding {
        let all = world.identity_bindings.entry(cluster.as_str().into());
        let binding = IdentityBinding { name: name.as_str().into(), identity: key_of(identity) };
        self::facts(all.or_insert(Read::Facts(Vec::new()))).push(binding);
    }
    for assignment in &facts.role_assignment {
        set_assignment(world, assignment);
    }
    let wanted: Vec<_> = world.custom_roles.keys().cloned().collect();
    for key in wanted {
        let found = facts.custom_role.iter().find(|role| role.name == key.1.as_str());
        world.custom_roles.insert(key, Read::Facts(found.map(custom_role)));
    }
    for (name, cluster) in &facts.cluster {
        set_cluster(world, name, cluster);
    }
    set_objects(world, facts);
    if facts.no_resource_group {
        world.resource_groups.values_mut().for_each(|read| *read = Read::Facts(false));
    }
    for scope in &facts.unread {
        forget(world, scope);
    }
    seek(world, facts);
}

pub(super) fn facts<T>(read: &mut Read<T>) -> &mut T {
    match read {
        Read::Facts(facts) => facts,
        Read::Unread(_) => panic!("a fact in an unread scope"),
    }
}

fn objects(world: &mut ObservedState) -> impl Iterator<Item = &mut ClusterObjects> {
    let clusters = world.clusters.values_mut();
    clusters.filter_map(|cluster| cluster.objects.as_mut().map(facts))
}

fn remove(world: &mut ObservedState, glob: &WildMatch) -> bool {
    let mut found = false;
    let mut keeps = |address: &dyn Display| {
        let hit = glob.matches(&address.to_string());
        found |= hit;
        !hit
    };
    let mut gone = Vec::new();
    for all in world.identities.values_mut().map(facts) {
        gone.extend(all.keys().filter(|key| !keeps(key)).cloned());
        all.retain(|key, _| !gone.contains(key));
    }
    world.credentials.retain(|key, _| !gone.contains(key));
    for (identity, read) in &mut world.credentials {
        facts(read).retain(|live| keeps(&credential_key(identity, live)));
    }
    let names = principals(world);
    for all in world.role_assignments.values_mut().map(facts) {
        all.retain(|live| keeps(&assignment_address(&names, live)));
    }
    for all in objects(world) {
        all.namespaces.found.retain(|key, _| keeps(key));
        all.service_accounts.found.retain(|key, _| keeps(key));
        all.roles.found.retain(|key, _| keeps(key));
        all.role_bindings.found.retain(|key, _| keeps(key));
    }
    found
}

fn credential_key(
    identity: &IdentityKey,
    live: &LiveFederatedCredential,
) -> FederatedCredentialKey {
    FederatedCredentialKey { identity: identity.clone(), name: live.name.clone() }
}

fn principals(world: &ObservedState) -> BTreeMap<PrincipalId, String> {
    let all = world.identities.values().filter_map(Read::facts).flatten();
    all.map(|(key, live)| (live.principal_id, key.name().to_owned())).collect()
}

/// The address of an observed assignment, its role by GUID.
fn assignment_address(names: &BTreeMap<PrincipalId, String>, live: &LiveRoleAssignment) -> String {
    let identity = names.get(&live.principal).map_or("?", String::as_str);
    format!("azure/role-assignment/{identity}/{}@{}", live.role, live.scope)
}

fn key_of(identity: &str) -> IdentityKey {
    IdentityKey::new(SUBSCRIPTION.parse().unwrap(), "rg-workload-identity", identity)
}

fn set_identity(world: &mut ObservedState, wanted: &IdentityFacts) {
    let subscription: SubscriptionId = SUBSCRIPTION.parse().unwrap();
    let key = key_of(&wanted.name);
    let all = facts(world.identities.get_mut(&subscription).unwrap());
    let mut live = all.get(&key).map_or_else(
        || {
            let written = Identity { location: Location::new("westeurope"), tags: Tags::new() };
            world::live_identity(&key, &written, world::ids(&key, 0))
        },
        |live| LiveIdentity::clone(live),
    );
    if let Some(location) = &wanted.location {
        live.location = Location::new(location.as_str());
    }
    for (name, value) in &wanted.tags {
        live.tags.remove(name.as_str());
        if !value.is_empty() {
            live.tags.insert(name.as_str().into(), value.as_str().into());
        }
    }
    if wanted.anew {
        let ids = world::ids(&key, 1);
        (live.client_id, live.principal_id) = (ids.client_id, ids.principal_id);
        world.credentials.remove(&key);
    }
    all.insert(key.clone(), Arc::new(live));
    world.credentials.entry(key).or_insert_with(|| Read::Facts(Vec::new()));
}

fn set_credential(world: &mut ObservedState, wanted: &CredentialFacts) {
    let change = |live: &mut LiveFederatedCredential, number: Option<usize>| {
        let numbered = |text: &str| number.map_or(text.to_owned(), |at| format!("{text}-{at}"));
        if let Some(name) = &wanted.name {
            live.name = numbered(name).as_str().into();
        }
        if let Some(issuer) = &wanted.issuer {
            live.issuer = Issuer::from(issuer.as_str());
        }
        if let Some(subject) = &wanted.subject {
            live.subject = Some(numbered(subject).as_str().into());
        }
        if let Some(audiences) = &wanted.audiences {
            live.audiences = audiences.iter().map(|text| text.as_str().into()).collect();
        }
        if wanted.flexible || wanted.expression.is_some() {
            live.subject = None;
        }
        live.expression = wanted
            .expression
            .as_ref()
            .map(|text| ClaimsExpression { text: text.as_str().into(), language: 1 });
    };
    if let Some(at) = &wanted.at {
        let (glob, mut found) = (WildMatch::new(at), false);
        for (identity, read) in &mut world.credentials {
            for live in facts(read) {
                if glob.matches(&credential_key(identity, live).to_string()) {
                    found = true;
                    change(Arc::make_mut(live), None);
                }
            }
        }
        assert!(found, "no credential at {at}");
        return;
    }
    let name = wanted.identity.as_deref().unwrap();
    let (_, list) = world.credentials.iter_mut().find(|(key, _)| key.name() == name).unwrap();
    let numbers: Vec<Option<usize>> = match wanted.count {
        None => vec![None],
        Some(count) => (1..=count).map(Some).collect(),
    };
    for number in numbers {
        let mut live = LiveFederatedCredential {
            name: "".into(),
            issuer: world::issuer("weu"),
            subject: Some("".into()),
            expression: None,
            audiences: vec!["api://AzureADTokenExchange".into()],
        };
        change(&mut live, number);
        facts(list).push(Arc::new(live));
    }
}

fn set_assignment(world: &mut ObservedState, wanted: &AssignmentFacts) {
    let (glob, mut found) = (WildMatch::new(&wanted.at), false);
    let names = principals(world);
    for live in world.role_assignments.values_mut().flat_map(facts) {
        if glob.matches(&assignment_address(&names, live)) {
            found = true;
            let live = Arc::make_mut(live);
            if let Some(name) = wanted.name {
                let (start, _) = live.id.as_str().rsplit_once('/').unwrap();
                live.id = ArmId::parse(&format!("{start}/{name}")).unwrap();
                live.description = None;
            }
            if let Some(description) = &wanted.description {
                live.description = Some(description.as_str().into());
            }
            live.condition = wanted.condition.as_deref().map(Into::into);
        }
    }
    assert!(found, "no role assignment at {}", wanted.at);
}

fn custom_role(facts: &RoleFacts) -> CustomRole {
    let texts = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect();
    CustomRole {
        role: Role {
            id: RoleDefinitionId::new(facts.guid.unwrap_or(Uuid::from_u128(0xc0))),
            name: facts.name.as_str().into(),
        },
        permissions: vec![Permission {
            actions: texts(&facts.actions),
            not_actions: texts(&facts.not_actions),
            data_actions: texts(&facts.data_actions),
            not_data_actions: Vec::new(),
        }],
    }
}

fn set_cluster(world: &mut ObservedState, name: &str, wanted: &ClusterFacts) {
    let cluster = world.clusters.get_mut(name).unwrap();
    if let Some(read) = &mut cluster.managed {
        let managed = facts(read).as_mut().unwrap();
        managed.issuer_enabled = wanted.issuer_enabled.unwrap_or(true);
        managed.workload_identity = wanted.workload_identity.unwrap_or(true);
        if let Some(issuer) = &wanted.issuer {
            managed.issuer = Some(issuer.as_str().into());
        }
        if wanted.missing {
            *read = Read::Facts(None);
        }
    }
    if let Some(issuer) = wanted.discovered.as_ref().or(wanted.issuer.as_ref()) {
        cluster.discovered_issuer = Some(Read::Facts(issuer.as_str().into()));
    }
    let objects = facts(cluster.objects.as_mut().unwrap());
    let webhook = wanted.webhook.unwrap_or(true);
    objects.webhook = Read::Facts(webhook.then(Webhook::default));
}

fn set_objects(world: &mut ObservedState, facts_of: &Observed) {
    for wanted in &facts_of.namespace {
        let (cluster, name) = wanted.at.split_once("/namespace/").unwrap();
        let key = NamespaceKey { cluster: cluster.into(), namespace: name.into() };
        let objects = world.clusters.get_mut(cluster).unwrap().objects.as_mut().unwrap();
        let all = &mut facts(objects).namespaces.found;
        let live = all.entry(key).or_insert_with(|| {
            Arc::new(LiveNamespace {
                marks: LiveMarks::default(),
                terminating: false,
                owners: Vec::new(),
            })
        });
        let live = Arc::make_mut(live);
        live.terminating = wanted.terminating;
        if let Some(managed_by) = &wanted.managed_by {
            live.marks.managed_by = Some(managed_by.as_str().into());
        }
        hold(&mut live.owners, &wanted.held);
    }
    for wanted in &facts_of.account {
        set_account(world, wanted);
    }
    for wanted in &facts_of.role {
        let all = objects(world).flat_map(|all| all.roles.found.iter_mut());
        let found = all.filter(|(key, _)| WildMatch::new(&wanted.at).matches(&key.to_string()));
        for (_, live) in found {
            set_role(Arc::make_mut(live), wanted);
        }
    }
    for wanted in &facts_of.binding {
        let all = objects(world).flat_map(|all| all.role_bindings.found.iter_mut());
        let found = all.filter(|(key, _)| WildMatch::new(&wanted.at).matches(&key.to_string()));
        for (_, live) in found {
            set_binding(Arc::make_mut(live), wanted);
        }
    }
}

/// The account at an address as `kubectl get` and `kubectl create` copy it.
fn copied(world: &mut ObservedState, at: &str, with_managers: bool) -> LiveServiceAccount {
    let mut all = objects(world).flat_map(|all| all.service_accounts.found.iter());
    let (_, live) = all.find(|(key, _)| key.to_string() == at).unwrap();
    let mut copied = LiveServiceAccount::clone(live);
    if !with_managers {
        for owner in &mut copied.owners {
            (owner.manager, owner.operation) = ("kubectl-create".into(), Operation::Update);
        }
    }
    copied
}

/// The tool that is known by these labels and annotations.
fn declare(marks: &mut LiveMarks, others: &BTreeMap<String, String>) {
    let managed_by = marks.managed_by.clone();
    let get = |key: &str| match key {
        LABEL_MANAGED_BY => managed_by.as_deref(),
        other => others.get(other).map(String::as_str),
    };
    let found = tools::by_marks(get);
    marks.tool = found.map(|(tool, by)| Declared { tool, by: by.map(Into::into) });
}

fn adopt(marks: &mut LiveMarks) {
    let created = marks.created.as_deref().unwrap();
    marks.created = Some(format!("adopted-{created}").into());
}

fn set_account(world: &mut ObservedState, wanted: &AccountFacts) {
    let (cluster, rest) = wanted.at.split_once("/service-account/").unwrap();
    let (namespace, name) = rest.split_once('/').unwrap();
    let key = ServiceAccountKey::new(cluster, namespace, name);
    let client = wanted.client_id.as_deref().map(|text| client_id(world, text));
    let copied = wanted.copy_of.as_deref().map(|at| copied(world, at, wanted.with_managers));
    let objects = world.clusters.get_mut(cluster).unwrap().objects.as_mut().unwrap();
    let all = &mut facts(objects).service_accounts.found;
    let live =
        Arc::make_mut(all.entry(key).or_insert_with(|| Arc::new(LiveServiceAccount::default())));
    let set = |field: &mut Option<Arc<str>>, value: &Option<String>| {
        if let Some(value) = value {
            *field = Some(value.as_str().into());
        }
    };
    if wanted.unmarked {
        live.marks = LiveMarks::default();
    }
    set(&mut live.client_id, &client);
    set(&mut live.token_expiration, &wanted.token_expiration);
    set(&mut live.marks.estate, &wanted.estate);
    if let Some(copied) = copied {
        *live = copied;
    }
    if wanted.adopted {
        adopt(&mut live.marks);
    }
    set(&mut live.marks.created, &wanted.created);
    set(&mut live.marks.annotates, &wanted.annotates);
    set(&mut live.marks.managed_by, &wanted.managed_by);
    declare(&mut live.marks, &wanted.marks);
    hold(&mut live.owners, &wanted.held);
}

/// The client id of an identity by its name, or the text as it is.
fn client_id(world: &ObservedState, text: &str) -> String {
    let all = world.identities.values().filter_map(Read::facts).flatten();
    let found = all.filter(|(key, _)| key.name() == text).map(|(_, live)| live.client_id).next();
    found.as_ref().map_or(text.to_owned(), ClientId::to_string)
}

fn set_role(live: &mut LiveRole, wanted: &ObjectFacts) {
    if let Some(verbs) = &wanted.says {
        let mut rule = live.rules[0].clone();
        rule.verbs = verbs.split(',').map(Into::into).collect();
        live.rules = Arc::new([rule]);
    }
    set_marks(&mut live.marks, wanted);
    hold(&mut live.owners, &wanted.held);
}

fn set_binding(live: &mut LiveRoleBinding, wanted: &ObjectFacts) {
    if let Some(role) = &wanted.says {
        live.role.name = role.as_str().into();
    }
    set_marks(&mut live.marks, wanted);
    hold(&mut live.owners, &wanted.held);
}

fn set_marks(marks: &mut LiveMarks, wanted: &ObjectFacts) {
    if wanted.unmarked {
        *marks = LiveMarks::default();
    }
    if wanted.adopted {
        adopt(marks);
    }
    if let Some(created) = &wanted.created {
        marks.created = Some(created.as_str().into());
    }
    if let Some(managed_by) = &wanted.managed_by {
        marks.managed_by = Some(managed_by.as_str().into());
        declare(marks, &BTreeMap::new());
    }
}

fn hold(owners: &mut Vec<FieldOwner>, held: &BTreeMap<String, String>) {
    for (field, holder) in held {
        let field = match field.as_str() {
            "client-id" => Field::ClientId,
            "tenant-id" => Field::TenantId,
            "token-expiration" => Field::TokenExpiration,
            "managed-by" => Field::ManagedBy,
            "estate" => Field::Estate,
            "team" => Field::Team,
            "annotates" => Field::Annotates,
            "created" => Field::Created,
            "rules" => Field::Rules,
            other => panic!("no field {other}"),
        };
        let (manager, operation) = holder.split_once(' ').unwrap();
        owners.retain(|owner| owner.field != field);
        owners.push(FieldOwner {
            field,
            manager: manager.into(),
            operation: match operation {
                "apply" => Operation::Apply,
                "update" => Operation::Update,
                other => panic!("no operation {other}"),
            },
        });
    }
}
