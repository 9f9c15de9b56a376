//! What is read of Azure for a desired state, and how many requests that takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::time::Instant;
use widctl::desired::state::{DesiredIdentity, DesiredRoleAssignment, DesiredState, Retired};
use widctl::event::{RequestClass, Silent};
use widctl::gather::azure::observe;
use widctl::model::arm_id::ArmId;
use widctl::model::guid::SubscriptionId;
use widctl::model::kinds::federated_credential::LiveFederatedCredential;
use widctl::model::kinds::identity::{IdentityKey, LiveIdentity, Tags};
use widctl::model::kinds::role_assignment::{LiveRoleAssignment, Role};
use widctl::model::location::Location;
use widctl::model::text::RoleName;
use widctl::observed::state::{CustomRole, IdentityBinding, ManagedCluster, Permission};
use widctl::ports::error::PortError;
use widctl::ports::read::{AzureRead, Pages, SignedIn};
use widctl::ports::right::ArmRights;
use widctl::profile::resolved::{Cluster, ForeignVerdict, MassDelete, Policy, RoleChoice};
use widctl::sandbox::{Effect, FaultRule, Faults, Latency, ScriptedAnswer, World};

use super::stage::{Remembered, SUBSCRIPTION, client_of_world, cluster_id, grown_world, identity};

/// Identities of these names with a role each, and the one cluster.
fn desired_identity() -> DesiredIdentity {
    DesiredIdentity {
        team: "data-eng".into(),
        location: Location::new("westeurope"),
        tags: Arc::new(Tags::new()),
        create: true,
    }
}

fn desired(names: &[&str], role: &RoleChoice) -> DesiredState {
    let wanted = desired_identity();
    let vault = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-wi/providers/Microsoft.KeyVault/vaults/kv"
    );
    let assignment = |name: &&str| DesiredRoleAssignment {
        team: "data-eng".into(),
        identity: identity(name),
        role: role.clone(),
        scope: ArmId::parse(&vault).unwrap(),
        condition: None,
    };
    DesiredState {
        remarks: Vec::new(),
        estate: "contoso-prod".into(),
        tenant: None,
        teams: BTreeSet::new(),
        retired: Retired::default(),
        retiring: BTreeMap::new(),
        subscriptions: BTreeSet::new(),
        policy: Policy {
            denied_roles: vec![],
            deny_privileged_roles: true,
            denied_namespaces: vec![],
            foreign_trust: ForeignVerdict::Warn,
            trusted: Vec::new(),
            mass_delete: MassDelete::default(),
        },
        clusters: BTreeMap::from([(
            "weu".into(),
            Cluster::Aks { id: cluster_id("aks-weu"), context: None, token_audience: None },
        )]),
        identities: names.iter().map(|name| (identity(name), wanted.clone())).collect(),
        credentials: BTreeMap::new(),
        role_assignments: names.iter().map(assignment).collect(),
        namespaces: BTreeMap::new(),
        service_accounts: BTreeMap::new(),
        roles: BTreeMap::new(),
        role_bindings: BTreeMap::new(),
        services: Vec::new(),
    }
}

fn known_role() -> RoleChoice {
    RoleChoice::Known(Role {
        id: "4633458b-17de-408a-b874-0445c86b69e6".parse().unwrap(),
        name: "Key Vault Secrets User".into(),
    })
}

#[tokio::test(start_paused = true)]
async fn a_plan_of_t_identities_c_clusters_and_s_subscriptions_takes_t_plus_2c_plus_2s_plus_1_requests()
 {
    let world = grown_world();
    let names: Vec<String> = (0..25).map(|index| format!("id-{index}")).collect();
    for name in &names {
        world.grow_identity(SUBSCRIPTION, "rg-wi", name, "westeurope");
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let events = Arc::new(Remembered::default());
    let client = client_of_world(&world, &events);
    let state = observe(&client, &desired(&names, &known_role()), &Silent).await;
    assert_eq!(events.sent(RequestClass::ArmRead), 25 + 2 + 2 + 1);
    assert_eq!(events.sent(RequestClass::ArmWrite), 0);
    assert_eq!(events.sent(RequestClass::Token), 1);
    assert_eq!(state.tenant.unwrap().to_string(), world.tenant());
    assert_eq!(state.credentials.len(), 25);
    assert!(state.resource_groups.is_empty(), "the identities prove theirs");
    let managed = state.clusters["weu"].managed.as_ref().unwrap();
    assert!(managed.facts().unwrap().as_ref().unwrap().issuer_enabled);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_yet_is_asked_for_by_its_resource_group_alone() {
    let world = grown_world();
    let client = client_of_world(&world, &Arc::default());
    let state = observe(&client, &desired(&["id-a", "id-b"], &known_role()), &Silent).await;
    assert!(state.credentials.is_empty());
    let groups: Vec<_> = state.resource_groups.values().map(|group| group.facts()).collect();
    assert_eq!(groups, [Some(&true)]);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_the_profile_dropped_is_still_looked_into_if_it_is_ours() {
    let world = grown_world();
    for name in ["id-ours", "id-theirs"] {
        world.grow_identity(SUBSCRIPTION, "rg-wi", name, "westeurope");
    }
    let path = identity("id-ours").id().to_string();
    assert!(world.edit_resource(&path, |document| {
        document["tags"] = serde_json::json!({ "Widctl-Estate": "contoso-prod" });
    }));
    let client = client_of_world(&world, &Arc::default());
    let mut desired = desired(&["id-a"], &known_role());
    desired.role_assignments.clear();
    let state = observe(&client, &desired, &Silent).await;
    let looked_into: Vec<_> = state.credentials.keys().map(IdentityKey::name).collect();
    assert_eq!(looked_into, ["id-ours"]);
    assert_eq!(state.role_assignments.len(), 1, "dropped assignments are looked for too");
}

#[tokio::test(start_paused = true)]
async fn a_custom_role_is_looked_up_once_where_it_is_used() {
    let world = grown_world();
    let events = Arc::new(Remembered::default());
    let client = client_of_world(&world, &events);
    let role = RoleChoice::Custom("Key Vault Secrets User".into());
    let state = observe(&client, &desired(&["id-a", "id-b"], &role), &Silent).await;
    let found: Vec<_> = state.custom_roles.values().collect();
    assert_eq!(found.len(), 1);
    assert!(!found[0].facts().unwrap().as_ref().unwrap().permissions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_row_waits_for_identity_bindings_that_could_not_be_read() {
    let world = grown_world();
    for (status, code) in [(403, "AuthorizationFailed"), (404, "InvalidResourceType")] {
        let answer = ScriptedAnswer { status, code: code.into(), ..ScriptedAnswer::default() };
        let effect = Effect::Answer(answer);
        let rule = FaultRule { effect, ..refuse("*/identityBindings") };
        world.set_faults(Faults { rules: vec![rule], ..Faults::default() });
        let client = client_of_world(&world, &Arc::default());
        let state = observe(&client, &desired(&["id-a"], &known_role()), &Silent).await;
        let unread = state.identity_bindings["weu"].unread().unwrap();
        assert_eq!(unread.refused, status == 403);
        assert!(unread.why.contains(code), "{}", unread.why);
        assert!(state.scopes().iter().all(Result::is_ok));
    }
    let busy = ScriptedAnswer { status: 503, retry_after: Some(60), ..ScriptedAnswer::default() };
    let rule = FaultRule { effect: Effect::Answer(busy), ..refuse("*/identityBindings") };
    world.set_faults(Faults { rules: vec![rule], ..Faults::default() });
    let client = client_of_world(&world, &Arc::default());
    let state = observe(&client, &desired(&["id-a"], &known_role()), &Silent).await;
    let unread = state.identity_bindings["weu"].unread().unwrap();
    assert_eq!(&*unread.why, "there was no answer within 30 s");
}

/// Reads nothing but the identities; everything else trips over its own bug.
struct Tripping;

#[async_trait]
impl ArmRights for Tripping {
    async fn permissions(&self, _: &ArmId) -> Result<Vec<Permission>, PortError> {
        panic!("no permission")
    }
}

#[async_trait]
impl AzureRead for Tripping {
    async fn signed_in(&self) -> Result<SignedIn, PortError> {
        panic!("no claims")
    }
    async fn subscriptions(&self) -> Result<Vec<SubscriptionId>, PortError> {
        panic!("no subscription")
    }
    fn identity_pages(&self, _: SubscriptionId) -> Pages<'_, LiveIdentity> {
        let guid = SUBSCRIPTION;
        let page = Ok(vec![LiveIdentity {
            id: identity("id-a").id().clone(),
            client_id: guid.parse().unwrap(),
            principal_id: guid.parse().unwrap(),
            tenant_id: guid.parse().unwrap(),
            location: Location::new("westeurope"),
            tags: Tags::new(),
        }]);
        stream::iter([page]).boxed()
    }
    async fn credentials(
        &self,
        _: &IdentityKey,
    ) -> Result<Vec<LiveFederatedCredential>, PortError> {
        panic!("byte index 1 is not a char boundary")
    }
    async fn role_assignments(&self, _: &ArmId) -> Result<Vec<LiveRoleAssignment>, PortError> {
        panic!("attempt to subtract with overflow")
    }
    async fn role_by_name(&self, _: &ArmId, _: &RoleName) -> Result<Option<CustomRole>, PortError> {
        panic!("no role")
    }
    async fn resource_group_exists(&self, _: &ArmId) -> Result<bool, PortError> {
        panic!("no group")
    }
    async fn identity_bindings(&self, _: &ArmId) -> Result<Vec<IdentityBinding>, PortError> {
        panic!("no cluster")
    }

    async fn managed_cluster(&self, _: &ArmId) -> Result<Option<ManagedCluster>, PortError> {
        panic!("no cluster")
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_read_is_told_of_its_scope_and_the_others_stand() {
    let role = RoleChoice::Custom("My role".into());
    let mut desired = desired(&["id-a"], &role);
    let elsewhere = IdentityKey::new(SUBSCRIPTION.parse().unwrap(), "rg-other", "id-b");
    let wanted = desired.identities[&identity("id-a")].clone();
    desired.identities.insert(elsewhere, wanted);
    let state = observe(&Tripping, &desired, &Silent).await;
    assert!(state.tenant.is_none());
    let listed = state.identities.values().next().unwrap();
    assert!(listed.facts().is_some());
    let unread = [
        state.credentials[&identity("id-a")].unread().unwrap(),
        state.role_assignments.values().next().unwrap().unread().unwrap(),
        state.custom_roles.values().next().unwrap().unread().unwrap(),
        state.resource_groups.values().next().unwrap().unread().unwrap(),
        state.clusters["weu"].managed.as_ref().unwrap().unread().unwrap(),
    ];
    assert!(unread.iter().all(|unread| !unread.refused));
    let told: Vec<_> = unread.iter().map(|unread| unread.why.as_ref()).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    could not read the credentials of id-a: Azure Resource Manager was asked; internal error: a bug in widctl: byte index 1 is not a char boundary; report it to whoever maintains your widctl, with this message, the command and `widctl --version`; run again: completed writes are found and not repeated
    could not read the role assignments of /subscriptions/12345678-1234-5678-9012-123456789012: Azure Resource Manager was asked; internal error: a bug in widctl: attempt to subtract with overflow; report it to whoever maintains your widctl, with this message, the command and `widctl --version`; run again: completed writes are found and not repeated
    could not read the role My role: Azure Resource Manager was asked; internal error: a bug in widctl: no role; report it to whoever maintains your widctl, with this message, the command and `widctl --version`; run again: completed writes are found and not repeated
    could not read the resource group rg-other: Azure Resource Manager was asked; internal error: a bug in widctl: no group; report it to whoever maintains your widctl, with this message, the command and `widctl --version`; run again: completed writes are found and not repeated
    could not read the cluster aks-weu in Azure: Azure Resource Manager was asked; internal error: a bug in widctl: no cluster; report it to whoever maintains your widctl, with this message, the command and `widctl --version`; run again: completed writes are found and not repeated
    ");
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_cannot_be_read_says_so_and_the_others_stand() {
    let world = grown_world();
    world.grow_identity(SUBSCRIPTION, "rg-wi", "id-a", "westeurope");
    world.grow_identity(SUBSCRIPTION, "rg-wi", "id-b", "westeurope");
    let rule = |path: &str, effect| FaultRule {
        api: None,
        method: None,
        path: Some(path.into()),
        skip: 0,
        every: None,
        times: None,
        effect,
    };
    world.set_faults(Faults {
        rules: vec![
            rule("*/id-a/federatedIdentityCredentials", Effect::Forbidden),
            rule("*/roleAssignments", Effect::NotJson),
            rule("*/managedClusters/*", Effect::Truncate),
        ],
        ..Faults::default()
    });
    let client = client_of_world(&world, &Arc::default());
    let state = observe(&client, &desired(&["id-a", "id-b"], &known_role()), &Silent).await;
    let refused = state.credentials[&identity("id-a")].unread().unwrap();
    assert!(refused.refused);
    assert!(!refused.why.contains('\n'));
    let helps = "the smallest built-in role with it is `Reader`";
    assert!(refused.why.contains(helps), "{}", refused.why);
    assert!(state.credentials[&identity("id-b")].facts().is_some());
    let roles = state.role_assignments.values().next().unwrap();
    assert!(!roles.unread().unwrap().refused);
    let managed = state.clusters["weu"].managed.as_ref().unwrap();
    assert!(managed.unread().is_some());
}

/// A subscription of this number.
fn subscription(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// An identity of this name in a subscription, tagged for the estate.
fn leave(world: &World, subscription: &str, name: &str) -> IdentityKey {
    world.grow_identity(subscription, "rg-left", name, "westeurope");
    let key = IdentityKey::new(subscription.parse().unwrap(), "rg-left", name);
    assert!(world.edit_resource(key.id().as_str(), |document| {
        document["tags"] = serde_json::json!({ "widctl-estate": "contoso-prod" });
    }));
    key
}

fn refuse(path: &str) -> FaultRule {
    let path = Some(path.into());
    let effect = Effect::Forbidden;
    FaultRule { api: None, method: None, path, skip: 0, every: None, times: None, effect }
}

#[tokio::test(start_paused = true)]
async fn every_subscription_that_the_profile_names_or_the_caller_sees_is_read_for_what_is_left() {
    let world = grown_world();
    let [named, seen] = [subscription(1), subscription(2)];
    let left = [leave(&world, &named, "id-named"), leave(&world, &seen, "id-seen")];
    let client = client_of_world(&world, &Arc::default());
    let mut desired = desired(&[], &known_role());
    desired.subscriptions.insert(named.parse().unwrap());
    let state = observe(&client, &desired, &Silent).await;
    assert_eq!(state.credentials.keys().collect::<Vec<_>>(), left.iter().collect::<Vec<_>>());
    assert_eq!(state.role_assignments.len(), 3, "the cluster's subscription is named, too");
    let needed: Vec<bool> = state.subscriptions.values().map(|sought| sought.needed).collect();
    assert_eq!(needed, [false, false, false], "nothing is desired in any of them");
    assert!(state.knows_every_subscription());
}

#[tokio::test(start_paused = true)]
async fn of_more_than_fifty_subscriptions_the_named_ones_are_read_and_then_the_first() {
    let world = grown_world();
    for number in 1..=60 {
        world.grow_subscription(&subscription(number));
    }
    let events = Arc::new(Remembered::default());
    let client = client_of_world(&world, &events);
    let mut desired = desired(&[], &known_role());
    desired.subscriptions.insert(subscription(60).parse().unwrap());
    let state = observe(&client, &desired, &Silent).await;
    assert_eq!(state.subscriptions.len(), 50);
    let last = subscription(60).parse().unwrap();
    assert!(state.subscriptions.contains_key(&last));
    let beyond: Vec<String> = state.beyond.iter().map(ToString::to_string).collect();
    assert_eq!(beyond, (49..60).map(subscription).collect::<Vec<_>>());
    assert!(!state.knows_every_subscription());
    assert_eq!(events.sent(RequestClass::ArmRead), 2 + 2 * 50 + 1);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_merely_seen_and_refuses_is_told_apart_from_what_the_plan_needs() {
    let world = grown_world();
    let (refuses, hangs) = (subscription(1), subscription(2));
    for name in [&refuses, &hangs] {
        leave(&world, name, "id-left");
    }
    let busy = ScriptedAnswer { status: 503, retry_after: Some(60), ..ScriptedAnswer::default() };
    let silent = FaultRule { effect: Effect::Answer(busy), ..refuse(&format!("*/{hangs}/*")) };
    let rules = vec![refuse(&format!("*/{refuses}/*/roleAssignments")), silent];
    world.set_faults(Faults { rules, ..Faults::default() });
    let client = client_of_world(&world, &Arc::default());
    let state = observe(&client, &desired(&[], &known_role()), &Silent).await;
    assert!(state.scopes().iter().all(Result::is_ok), "{:?}", state.scopes());
    let read = |name: &String| &state.subscriptions[&name.parse().unwrap()].read;
    assert!(read(&refuses).unread().unwrap().refused);
    assert_eq!(&*read(&hangs).unread().unwrap().why, "there was no answer within 30 s");
    let left: Vec<&str> = state.credentials.keys().map(IdentityKey::name).collect();
    assert_eq!(left, ["id-left"], "what it did show is known");
    // So it is where the profile names the subscription, until something is desired in it.
    let mut desired = desired(&[], &known_role());
    let refuses = refuses.parse().unwrap();
    desired.subscriptions.insert(refuses);
    assert!(observe(&client, &desired, &Silent).await.scopes().iter().all(Result::is_ok));
    let wanted = desired_identity();
    desired.identities.insert(IdentityKey::new(refuses, "rg-left", "id-left"), wanted);
    assert!(observe(&client, &desired, &Silent).await.scopes().iter().any(Result::is_err));
}

#[tokio::test(start_paused = true)]
async fn without_the_list_of_subscriptions_the_named_ones_are_read_all_the_same() {
    let world = grown_world();
    let rules = vec![refuse("/subscriptions")];
    world.set_faults(Faults { rules, ..Faults::default() });
    let client = client_of_world(&world, &Arc::default());
    let state = observe(&client, &desired(&["id-a"], &known_role()), &Silent).await;
    assert!(state.unlisted.as_ref().unwrap().refused);
    assert!(state.scopes().iter().all(Result::is_ok));
    assert!(!state.knows_every_subscription());
}

/// A subscription of so many identities of others before the one of the profile, by their names, and its lists of
/// 100 ms.
fn with_pages(others: usize, own: &str) -> World {
    let world = grown_world();
    for number in 0..others {
        world.grow_identity(SUBSCRIPTION, "rg-wi", &format!("m-{number:04}"), "westeurope");
    }
    world.grow_identity(SUBSCRIPTION, "rg-wi", own, "westeurope");
    world.set_faults(Faults {
        latency: Latency { list_ms: 100, ..Latency::default() },
        ..Faults::default()
    });
    world
}

/// What reading takes, and the lists of credentials that were asked for.
async fn read(world: &World, names: &[&str]) -> (Duration, usize) {
    let client = client_of_world(world, &Arc::default());
    world.forget_requests();
    let start = Instant::now();
    let state = observe(&client, &desired(names, &known_role()), &Silent).await;
    let took = start.elapsed();
    let exists = |name: &&&str| world.resource(identity(name).id().as_str()).is_some();
    assert_eq!(state.credentials.len(), names.iter().filter(exists).count());
    assert!(state.credentials.values().all(|read| read.facts().is_some()));
    let lists = world.requests().into_iter();
    (took, lists.filter(|request| request.path.ends_with("/federatedIdentityCredentials")).count())
}

#[tokio::test(start_paused = true)]
async fn no_list_of_credentials_waits_for_the_last_page() {
    const LIST: Duration = Duration::from_millis(100);
    // Three pages. The first names the identity, or the last, which is asked for by name before.
    for own in ["a-own", "z-own"] {
        let (took, lists) = read(&with_pages(250, own), &[own]).await;
        assert_eq!((took.as_millis() / 10, lists), (3 * LIST.as_millis() / 10, 1), "{own}");
    }
    let (took, _) = read(&with_pages(0, "a-own"), &["a-own"]).await;
    assert_eq!(took.as_millis() / 10, 2 * LIST.as_millis() / 10, "one page names it first");
}

#[tokio::test(start_paused = true)]
async fn a_first_sync_asks_for_one_list_in_vain_where_there_are_pages_and_for_none_otherwise() {
    let names = ["id-a", "id-b", "id-c", "id-d"];
    assert_eq!(read(&with_pages(250, "of-others"), &names).await.1, 1);
    assert_eq!(read(&with_pages(0, "of-others"), &names).await.1, 0);
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_a_page_names_is_asked_again_where_it_did_not_exist_before() {
    let world = with_pages(250, "z-own");
    let answer = ScriptedAnswer { status: 404, ..ScriptedAnswer::default() };
    let rule = FaultRule {
        effect: Effect::Answer(answer),
        times: Some(1),
        ..refuse("*/z-own/federatedIdentityCredentials")
    };
    let latency = Latency { list_ms: 100, ..Latency::default() };
    world.set_faults(Faults { rules: vec![rule], latency, ..Faults::default() });
    assert_eq!(read(&world, &["z-own"]).await.1, 2);
}
