//! The same client against the sandbox: signed in, written, read back.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;
use widctl::azure::client::AzureClient;
use widctl::event::RequestClass;
use widctl::model::arm_id::ArmId;
use widctl::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials,
};
use widctl::model::kinds::identity::{Identities, Identity, LiveIdentity};
use widctl::model::location::Location;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::AzureRead;
use widctl::ports::right::ArmRights;
use widctl::ports::store::{Store, WriteMode};
use widctl::sandbox::{
    Dropped, Effect, FaultRule, Faults, Latency, PRINCIPAL_CLIENT_ID, Throttling, Unverified, World,
};

use super::stage::{Remembered, SUBSCRIPTION, client_of_world, cluster_id, grown_world, identity};

async fn create(client: &AzureClient, name: &str) -> LiveIdentity {
    let wanted = Identity {
        location: Location::new("westeurope"),
        tags: [("widctl-estate".into(), "contoso-prod".into())].into(),
    };
    let store: &dyn Store<Identities> = client;
    let key = identity(name);
    store.put(&key, &wanted, WriteMode::Create).await.unwrap().live
}

fn credential(account: &str) -> FederatedCredential {
    FederatedCredential {
        issuer: "https://weu.oic.prod-aks.azure.com/t/g/".into(),
        subject: format!("system:serviceaccount:data-eng:{account}").as_str().into(),
        audience: "api://AzureADTokenExchange".into(),
    }
}

fn key(name: &str) -> FederatedCredentialKey {
    FederatedCredentialKey { identity: identity("id-a"), name: name.into() }
}

fn with_rule(world: &World, path: &str, method: &str, times: u64, effect: Effect) {
    world.set_faults(Faults {
        rules: vec![FaultRule {
            api: None,
            method: Some(method.into()),
            path: Some(path.into()),
            skip: 0,
            every: None,
            times: Some(times),
            effect,
        }],
        ..Faults::default()
    });
}

#[tokio::test(start_paused = true)]
async fn the_sandboxes_principal_signs_in_once_and_works() {
    let world = grown_world();
    let events = Arc::new(Remembered::default());
    let client = client_of_world(&world, &events);
    let signed_in = client.signed_in().await.unwrap();
    assert_eq!(signed_in.principal, PRINCIPAL_CLIENT_ID);
    assert_eq!(signed_in.tenant.to_string(), world.tenant());
    assert_eq!(signed_in.method, "environment");
    let live = create(&client, "id-a").await;
    assert!(live.id.as_str().contains("/resourcegroups/"), "as Azure spells it");
    let found = client.identities(SUBSCRIPTION.parse().unwrap()).await.unwrap();
    assert_eq!(found, [live]);
    assert_eq!(events.sent(RequestClass::Token), 1);
}

#[tokio::test(start_paused = true)]
async fn every_page_is_read_and_every_credential_can_be_deleted_twice() {
    let world = grown_world();
    world.set_faults(Faults {
        unverified: Unverified { page_size: 3, ..Unverified::default() },
        ..Faults::default()
    });
    let client = client_of_world(&world, &Arc::default());
    create(&client, "id-a").await;
    let store: &dyn Store<FederatedCredentials> = &client;
    for index in 0..10 {
        let (key, wanted) = (key(&format!("widctl-{index}")), credential(&index.to_string()));
        let live = store.put(&key, &wanted, WriteMode::Create).await.unwrap().live;
        assert!(store.is_written(&live, &wanted));
        assert_eq!(store.get(&key, &wanted).await.unwrap(), Some(live));
    }
    let listed = client.credentials(&identity("id-a")).await.unwrap();
    assert_eq!(listed.len(), 10);
    for _ in 0..2 {
        store.delete(&key("widctl-0"), &listed[0], ()).await.unwrap();
    }
    assert_eq!(store.get(&key("widctl-0"), &credential("0")).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_happened_though_its_answer_was_lost_can_be_read_back() {
    let world = grown_world();
    let client = client_of_world(&world, &Arc::default());
    create(&client, "id-a").await;
    let path = "*/federatedIdentityCredentials/*";
    with_rule(&world, path, "PUT", 1, Effect::Drop(Dropped::After));
    let store: &dyn Store<FederatedCredentials> = &client;
    let (key, wanted) = (key("widctl-1"), credential("a"));
    let error = store.put(&key, &wanted, WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::AnswerLost);
    let live = store.get(&key, &wanted).await.unwrap().unwrap();
    assert!(store.is_written(&live, &wanted));
}

#[tokio::test(start_paused = true)]
async fn the_documented_rates_slow_a_run_down_and_fail_nothing() {
    let world = grown_world();
    let events = Arc::new(Remembered::default());
    let client = client_of_world(&world, &events);
    world.set_faults(Faults {
        throttling: Throttling::Documented,
        latency: Latency { write_ms: 300, ..Latency::default() },
        ..Faults::default()
    });
    let (client, start) = (&client, Instant::now());
    let teams = (0..60).map(|team| async move {
        let name = format!("id-{team}");
        create(client, &name).await;
        let key = FederatedCredentialKey { identity: identity(&name), name: "widctl-1".into() };
        let store: &dyn Store<FederatedCredentials> = client;
        let wanted = credential(&name);
        store.put(&key, &wanted, WriteMode::Create).await.unwrap();
    });
    join_all(teams).await;
    let sent = events.sent(RequestClass::ArmWrite);
    assert!(sent <= 120 + 3, "{sent} requests for 120 writes");
    let (took, floor) = (start.elapsed(), Duration::from_mins(1));
    assert!(took < floor * 115 / 100, "{took:?} at two a second");
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_told_apart() {
    let client = client_of_world(&grown_world(), &Arc::default());
    let store: &dyn Store<FederatedCredentials> = &client;
    let error = store.put(&key("widctl-1"), &credential("a"), WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::ParentNotFound);
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(error.status, Some(404), "never an empty list");
    let group = |name: &str| ArmId::of_resource_group(SUBSCRIPTION.parse().unwrap(), name);
    assert!(client.resource_group_exists(&group("rg-wi")).await.unwrap());
    assert!(!client.resource_group_exists(&group("rg-none")).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn custom_roles_are_found_by_name_and_by_guid() {
    let client = client_of_world(&grown_world(), &Arc::default());
    let scope = ArmId::of_subscription(SUBSCRIPTION.parse().unwrap());
    let role =
        client.role_by_name(&scope, &"Key Vault Secrets User".into()).await.unwrap().unwrap();
    assert_eq!(role.role.id.to_string(), "4633458b-17de-408a-b874-0445c86b69e6");
    let reads = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
    let [permission] = &role.permissions[..] else {
        panic!("{role:?}");
    };
    assert!(permission.data_actions.iter().any(|action| &**action == reads));
    let by_guid = client
        .role_by_name(&scope, &"4633458b-17de-408a-b874-0445c86b69e6".into())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(by_guid.role.name.as_str(), "Key Vault Secrets User");
    let no_guid =
        client.role_by_name(&scope, &"00000000-0000-0000-0000-00000000dead".into()).await.unwrap();
    assert!(no_guid.is_none());
    let none = client.role_by_name(&scope, &"It's none".into()).await.unwrap();
    assert_eq!(none, None);
}

#[tokio::test(start_paused = true)]
async fn an_aks_cluster_tells_its_issuer_and_gives_its_kubeconfig() {
    let world = grown_world();
    let client = client_of_world(&world, &Arc::default());
    let id = cluster_id("aks-weu");
    let cluster = client.managed_cluster(&id).await.unwrap().unwrap();
    assert!(cluster.issuer_enabled && cluster.workload_identity);
    assert!(cluster.issuer.unwrap().as_str().ends_with('/'));
    let kubeconfig = client.list_cluster_user_credential(&id).await.unwrap();
    let text = String::from_utf8(kubeconfig.bytes().to_vec()).unwrap();
    assert!(text.contains("kubelogin"), "{text}");
    let gone = client.managed_cluster(&cluster_id("aks-none")).await;
    assert_eq!(gone.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_may_do_is_read_with_its_exceptions() {
    let world = grown_world();
    let events = Arc::new(Remembered::default());
    let client = client_of_world(&world, &events);
    let scope = ArmId::of_resource_group(SUBSCRIPTION.parse().unwrap(), "rg-wi");
    let assign = "Microsoft.Authorization/roleAssignments/write";
    let found = client.permissions(&scope).await.unwrap();
    assert!(found.iter().any(|permission| permission.allows(assign)));
    world.set_faults(Faults { denied_actions: vec![assign.to_owned()], ..Faults::default() });
    let found = client.permissions(&scope).await.unwrap();
    assert!(!found.is_empty());
    assert!(!found.iter().any(|permission| permission.allows(assign)));
    assert_eq!(events.sent(RequestClass::ArmRead), 2);
}
