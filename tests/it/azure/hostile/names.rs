//! Answers that name something else than what was asked for.

use std::sync::Arc;

use serde_json::{Value, json};
use widctl::azure::client::AzureClient;
use widctl::model::arm_id::ArmId;
use widctl::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials,
};
use widctl::model::kinds::identity::{Identities, Identity, Tags};
use widctl::model::kinds::role_assignment;
use widctl::model::kinds::role_assignment::{
    LiveRoleAssignment, Role, RoleAssignment, RoleAssignmentKey, RoleAssignmentWrite,
    RoleAssignments,
};
use widctl::model::location::Location;
use widctl::model::text::Estate;
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::read::AzureRead;
use widctl::ports::store::{Store, WriteMode};

use super::super::stage::{
    SUBSCRIPTION, ScriptedArm, TENANT, answer, client_of, cluster_id, identity,
};

const OTHER: &str = "/subscriptions/99999999-9999-4999-8999-999999999999";
const IDENTITY: &str = "providers/Microsoft.ManagedIdentity/userAssignedIdentities";
const ASSIGNMENT: &str = "providers/Microsoft.Authorization/roleAssignments";
const GUID: &str = "22222222-2222-2222-2222-222222222222";
const ROLE: &str = "4633458b-17de-408a-b874-0445c86b69e6";

fn ours() -> String {
    format!("/subscriptions/{SUBSCRIPTION}")
}

fn answering(body: &Value) -> (ScriptedArm, AzureClient) {
    let arm = ScriptedArm::new([answer(200, body.to_string())]);
    let client = client_of(arm.router(), &Arc::default());
    (arm, client)
}

fn malformed<T>(read: Result<T, PortError>, what: &str) {
    let Err(error) = read else {
        panic!("{what} was believed");
    };
    assert_eq!(error.kind, PortErrorKind::Malformed, "{what}: {error}");
}

fn identity_body(id: &str) -> Value {
    json!({
        "id": id,
        "location": "westeurope",
        "properties": { "clientId": GUID, "principalId": GUID, "tenantId": TENANT },
    })
}

#[tokio::test(start_paused = true)]
async fn a_list_of_identities_with_one_from_elsewhere_is_no_list() {
    let ours = ours();
    for id in [
        format!("{OTHER}/resourceGroups/rg-wi/{IDENTITY}/id-a"),
        format!("{ours}/resourceGroups/rg-wi/providers/Microsoft.Compute/disks/id-a"),
        format!("{ours}/resourceGroups/rg-wi/{IDENTITY}/id-a/federatedIdentityCredentials/fc"),
        format!("{ours}/{IDENTITY}/id-a"),
        format!("{ours}/resourceGroups/rg-wi/{IDENTITY}/.."),
        format!("{ours}/resourceGroups/rg-wi/{IDENTITY}/a/b"),
        format!("{ours}/resourceGroups/rg-wi/{IDENTITY}/a%2fb"),
        format!("{ours}/resourceGroups/rg-wi/{IDENTITY}/a?x"),
        format!("{ours}/resourceGroups/rg-wi/{IDENTITY}/"),
        "/".to_owned(),
    ] {
        let (arm, client) = answering(&json!({ "value": [identity_body(&id)] }));
        let listed = client.identities(SUBSCRIPTION.parse().unwrap()).await;
        malformed(listed, &id);
        assert_eq!(arm.seen().len(), 1, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_ids_of_an_identity_are_guids() {
    let id = identity("id-a").id().to_string();
    for field in ["clientId", "principalId", "tenantId"] {
        for value in [json!("../x"), json!(""), json!(7), Value::Null] {
            let mut body = identity_body(&id);
            body["properties"][field] = value.clone();
            let (_, client) = answering(&json!({ "value": [body] }));
            let listed = client.identities(SUBSCRIPTION.parse().unwrap()).await;
            malformed(listed, &format!("{field} {value}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_another_identity_is_neither_read_nor_a_write_that_was_done() {
    let other = identity("id-b").id().to_string();
    let key = identity("id-a");
    let wanted = Identity { location: Location::new("westeurope"), tags: Tags::new() };
    let (_, client) = answering(&identity_body(&other));
    let store: &dyn Store<Identities> = &client;
    malformed(store.get(&key, &wanted).await, "get");
    for mode in [WriteMode::Create, WriteMode::Update] {
        malformed(store.put(&key, &wanted, mode).await, "put");
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_named_by_one_segment_below_its_own_identity() {
    let properties = json!({ "issuer": "https://i/", "subject": "s", "audiences": ["a"] });
    let own = identity("id-a").id().to_string();
    let elsewhere = identity("id-b").id().to_string();
    let below = "federatedIdentityCredentials";
    let long = "a".repeat(121);
    let mut answers: Vec<Value> = ["..", ".", "a/b", "/", "a%2fb", "a?x", "a#x", "a\\b", "", &long]
        .into_iter()
        .map(|name| json!({ "name": name, "properties": properties }))
        .collect();
    for id in [
        format!("{elsewhere}/{below}/widctl-1"),
        format!("{own}/{below}/widctl-2"),
        format!("{own}/other/widctl-1"),
        format!("{OTHER}/resourceGroups/rg-wi/{IDENTITY}/id-a/{below}/widctl-1"),
        "widctl-1".to_owned(),
    ] {
        answers.push(json!({ "id": id, "name": "widctl-1", "properties": properties }));
    }
    let key = FederatedCredentialKey { identity: identity("id-a"), name: "widctl-1".into() };
    let wanted = FederatedCredential {
        issuer: "https://i/".into(),
        subject: "s".into(),
        audience: "a".into(),
    };
    for wire in answers {
        let (_, client) = answering(&json!({ "value": [wire] }));
        malformed(client.credentials(&identity("id-a")).await, &wire.to_string());
        let (_, client) = answering(&wire);
        let store: &dyn Store<FederatedCredentials> = &client;
        malformed(store.get(&key, &wanted).await, &format!("get {wire}"));
        let written = store.put(&key, &wanted, WriteMode::Create).await;
        malformed(written, &format!("put {wire}"));
    }
    let azures = own.to_uppercase().replace("/SUBSCRIPTIONS/", "/subscriptions/");
    let honest = json!({ "id": format!("{azures}/{below}/widctl-1"), "name": "widctl-1", "properties": properties });
    let (_, client) = answering(&json!({ "value": [honest] }));
    let listed = client.credentials(&identity("id-a")).await.unwrap();
    assert_eq!(listed[0].name.as_str(), "widctl-1", "whatever the case of its id");
}

fn assignment_body(id: &str, scope: &str) -> Value {
    json!({ "id": id, "properties": {
        "scope": scope,
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"),
        "principalId": GUID,
    } })
}

/// Ids that are not those of an assignment at the resource group.
fn stray_assignments(group: &str) -> [String; 6] {
    [
        format!("{OTHER}/{ASSIGNMENT}/{GUID}"),
        format!("{group}/providers/Microsoft.KeyVault/vaults/kv/{ASSIGNMENT}/{GUID}"),
        format!("{group}/{IDENTITY}/id-a"),
        format!("{group}/{ASSIGNMENT}/a/b"),
        format!("{group}/{ASSIGNMENT}/.."),
        group.to_owned(),
    ]
}

#[tokio::test(start_paused = true)]
async fn an_assignment_whose_id_lies_elsewhere_than_its_scope_makes_no_list() {
    let subscription = ArmId::of_subscription(SUBSCRIPTION.parse().unwrap());
    let group = format!("{}/resourceGroups/rg", ours());
    for id in stray_assignments(&group) {
        let (_, client) = answering(&json!({ "value": [assignment_body(&id, &group)] }));
        malformed(client.role_assignments(&subscription).await, &id);
    }
    let above = "/providers/Microsoft.Management/managementGroups/mg";
    for scope in [OTHER, above, "/"] {
        let id = format!("{}/{ASSIGNMENT}/{GUID}", scope.trim_end_matches('/'));
        let (_, client) = answering(&json!({ "value": [assignment_body(&id, scope)] }));
        let listed = client.role_assignments(&subscription).await.unwrap();
        assert!(listed.is_empty(), "{scope} is not below the subscription");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deletion_goes_to_the_scope_that_the_plan_names_or_nowhere() {
    let group = format!("{}/resourceGroups/rg", ours());
    let scope = ArmId::parse(&group).unwrap();
    let role = Role { id: ROLE.parse().unwrap(), name: "Key Vault Secrets User".into() };
    let key =
        RoleAssignmentKey { identity: identity("id-a"), role: role.clone(), scope: scope.clone() };
    for id in stray_assignments(&group) {
        let Ok(id) = ArmId::parse(&id) else { continue };
        let (arm, client) = answering(&json!({}));
        let store: &dyn Store<RoleAssignments> = &client;
        let live = LiveRoleAssignment {
            id,
            scope: scope.clone(),
            role: role.id,
            principal: GUID.parse().unwrap(),
            description: None,
            condition: None,
        };
        let error = store.delete(&key, &live, ()).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Invalid, "{error}");
        assert!(arm.seen().is_empty(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_about_another_assignment_is_not_a_write_that_was_done() {
    let scope = ArmId::parse(&format!("{}/resourceGroups/rg", ours())).unwrap();
    let assignment = RoleAssignment {
        scope: scope.clone(),
        role: ROLE.parse().unwrap(),
        principal: GUID.parse().unwrap(),
        condition: None,
        estate: Estate::new("contoso-prod"),
    };
    let write = RoleAssignmentWrite { name: role_assignment::name(&assignment), assignment };
    let key = RoleAssignmentKey {
        identity: identity("id-a"),
        role: Role { id: ROLE.parse().unwrap(), name: "Key Vault Secrets User".into() },
        scope,
    };
    let other = format!("{}/{ASSIGNMENT}/{GUID}", key.scope);
    let (_, client) = answering(&assignment_body(&other, key.scope.as_str()));
    let store: &dyn Store<RoleAssignments> = &client;
    malformed(store.put(&key, &write, WriteMode::Create).await, "put");
    malformed(store.get(&key, &write).await, "get");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_a_group_and_a_role_are_the_ones_that_were_asked_for() {
    let other = cluster_id("other").to_string();
    let (_, client) = answering(&json!({ "id": other, "properties": {} }));
    malformed(client.managed_cluster(&cluster_id("weu")).await, "cluster");
    let group = ArmId::of_resource_group(SUBSCRIPTION.parse().unwrap(), "rg-wi");
    let (_, client) = answering(&json!({ "id": format!("{OTHER}/resourceGroups/rg-wi") }));
    malformed(client.resource_group_exists(&group).await, "group");
    let (_, client) = answering(
        &json!({ "name": GUID, "properties": { "roleName": "Owner", "permissions": [] } }),
    );
    malformed(client.role_by_name(&group, &ROLE.into()).await, "role");
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_azure_names_is_public_and_https() {
    let cluster = |issuer: &str| {
        json!({ "id": cluster_id("weu").to_string(), "properties": {
            "oidcIssuerProfile": { "enabled": true, "issuerURL": issuer },
        } })
    };
    let long = format!("https://weu.oic.prod-aks.azure.com/{}/", "a".repeat(600));
    for issuer in [
        "http://weu.oic.prod-aks.azure.com/t/g/",
        "http://127.0.0.1:8080/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://localhost/",
        "https://localhost./",
        "https://a.localhost/",
        "https://[::1]/",
        "https://0.0.0.0/",
        "https://169.254.169.254/metadata/",
        "https://2852039166/",
        "https://[fe80::1]/",
        "https://[::ffff:169.254.169.254]/",
        "file:///etc/passwd",
        "weu",
        &long,
    ] {
        let (_, client) = answering(&cluster(issuer));
        malformed(client.managed_cluster(&cluster_id("weu")).await, issuer);
    }
    let honest = "https://weu.oic.prod-aks.azure.com/t/g/";
    let (_, client) = answering(&cluster(honest));
    let found = client.managed_cluster(&cluster_id("weu")).await.unwrap();
    assert_eq!(found.unwrap().issuer.unwrap().as_str(), honest);
}
