//! Lists and writes: what goes over the wire and how answers are read.

use std::sync::Arc;

use serde_json::json;
use widctl::event::RequestClass;
use widctl::model::arm_id::ArmId;
use widctl::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials,
};
use widctl::model::kinds::identity::{Identities, Identity, Tags};
use widctl::model::kinds::role_assignment;
use widctl::model::kinds::role_assignment::{
    Role, RoleAssignment, RoleAssignmentKey, RoleAssignmentWrite, RoleAssignments,
};
use widctl::model::location::Location;
use widctl::model::text::Estate;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::AzureRead;
use widctl::ports::store::{Store, WriteMode};

use super::stage::{
    Remembered, SUBSCRIPTION, Scripted, ScriptedArm, TENANT, TOKEN, answer, client_of,
    client_of_world, cluster_id, failure, grown_world, identity,
};

const GROUP: &str = "/subscriptions/12345678-1234-5678-9012-123456789012/resourcegroups/rg-wi";

fn identity_body(name: &str) -> serde_json::Value {
    json!({
        "id": format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"),
        "name": name,
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
        "location": "westeurope",
        "tags": { "owner": "somebody", "managed-by": "widctl" },
        "systemData": null,
        "properties": {
            "clientId": "11111111-1111-1111-1111-111111111111",
            "principalId": "22222222-2222-2222-2222-222222222222",
            "tenantId": TENANT,
            "isolationScope": "None",
        },
    })
}

fn page(items: &[serde_json::Value], next: Option<&str>) -> Scripted {
    answer(200, json!({ "value": items, "nextLink": next }).to_string())
}

fn key() -> FederatedCredentialKey {
    FederatedCredentialKey { identity: identity("id-a"), name: "widctl-1".into() }
}

fn credential() -> FederatedCredential {
    FederatedCredential {
        issuer: "https://weu.oic.prod-aks.azure.com/t/g/".into(),
        subject: "system:serviceaccount:data-eng:prefect-worker".into(),
        audience: "api://AzureADTokenExchange".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn identities_come_from_every_page() {
    let next = format!(
        "https://management.azure.com/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version=2023-01-31&$skiptoken=X'12345'"
    );
    let arm = ScriptedArm::new([
        page(&[identity_body("id-a")], Some(&next)),
        page(&[identity_body("id-b")], None),
    ]);
    let events = Arc::new(Remembered::default());
    let client = client_of(arm.router(), &events);
    let identities = client.identities(SUBSCRIPTION.parse().unwrap()).await.unwrap();
    let names: Vec<&str> = identities.iter().map(|found| found.id.name()).collect();
    assert_eq!(names, ["id-a", "id-b"]);
    assert_eq!(identities[0].id, *identity("id-a").id());
    assert_eq!(identities[0].tags.len(), 2);
    let seen = arm.seen();
    assert!(
        seen[1].target.ends_with("$skiptoken=X%2712345%27")
            || seen[1].target.ends_with("$skiptoken=X'12345'")
    );
    for request in &seen {
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(request.header("authorization"), Some(bearer.as_str()));
    }
    let run = seen[0].header("x-ms-correlation-request-id").unwrap();
    assert_eq!(seen[1].header("x-ms-correlation-request-id"), Some(run));
    assert_eq!(events.sent(RequestClass::ArmRead), 2);
    assert_eq!(events.sent(RequestClass::ArmWrite), 0);
}

#[tokio::test(start_paused = true)]
async fn a_next_link_to_another_origin_is_not_followed() {
    for next in [
        "https://management.azure.com.evil.example/page2",
        "http://management.azure.com/page2",
        "https://management.azure.com:8443/page2",
    ] {
        let arm = ScriptedArm::new([page(&[], Some(next))]);
        let client = client_of(arm.router(), &Arc::default());
        let error = client.identities(SUBSCRIPTION.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::ForeignOrigin);
        let error = client.credentials(&identity("id-a")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::ForeignOrigin);
        assert_eq!(arm.seen().len(), 2, "one request per list, none to {next}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_ends_is_given_up() {
    let here = format!(
        "https://management.azure.com{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?page=2"
    );
    let arm = ScriptedArm::new([page(&[], Some(&here))]);
    let client = client_of(arm.router(), &Arc::default());
    let error = client.identities(SUBSCRIPTION.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
}

#[tokio::test(start_paused = true)]
async fn a_claims_matching_credential_does_not_hide_the_others() {
    let arm = ScriptedArm::new([page(
        &[
            json!({ "name": "flexible", "properties": { "issuer": "https://token.actions.githubusercontent.com", "audiences": ["api://AzureADTokenExchange"], "claimsMatchingExpression": { "value": "claims['sub'] matches 'repo:contoso/*'", "languageVersion": 1 } } }),
            json!({ "name": "plain", "properties": { "issuer": "https://i/", "subject": "s", "audiences": ["a"] } }),
        ],
        None,
    )]);
    let client = client_of(arm.router(), &Arc::default());
    let credentials = client.credentials(&identity("id-a")).await.unwrap();
    assert_eq!(credentials[0].subject, None);
    let expression = credentials[0].expression.as_ref().unwrap();
    assert_eq!(
        (&*expression.text, expression.language),
        ("claims['sub'] matches 'repo:contoso/*'", 1)
    );
    assert_eq!(credentials[1].issuer.as_str(), "https://i/");
}

/// The identity with these tags.
fn tagged(tags: &serde_json::Value) -> serde_json::Value {
    let mut body = identity_body("id-a");
    body["tags"] = tags.clone();
    body
}

#[tokio::test(start_paused = true)]
async fn a_release_of_an_identity_takes_our_tags_off_what_is_read_right_before() {
    let ours = json!({ "Managed-By": "widctl", "widctl-estate": "acme", "WIDCTL-team": "web" });
    let mut more = ours.clone();
    more["owner"] = "somebody".into();
    let arm = ScriptedArm::new([
        page(&[tagged(&ours)], None),
        answer(200, tagged(&more).to_string()),
        answer(200, tagged(&json!({ "owner": "somebody" })).to_string()),
        answer(200, tagged(&json!({ "owner": "somebody" })).to_string()),
    ]);
    let client = client_of(arm.router(), &Arc::default());
    let live = client.identities(SUBSCRIPTION.parse().unwrap()).await.unwrap().remove(0);
    let store: &dyn Store<Identities> = &client;
    store.release(&identity("id-a"), &live, ()).await.unwrap();
    // What has no tag of an estate any more was released before.
    store.release(&identity("id-a"), &live, ()).await.unwrap();
    let sent: Vec<_> =
        arm.seen().into_iter().skip(1).map(|seen| (seen.method, seen.body)).collect();
    let patch = ("PATCH".to_owned(), r#"{"tags":{"owner":"somebody"}}"#.to_owned());
    assert_eq!(sent.len(), 3);
    assert_eq!((&sent[0].0, &sent[1], &sent[2].0), (&"GET".to_owned(), &patch, &"GET".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_identity_that_is_no_longer_ours_is_not_released() {
    let ours = tagged(&json!({ "managed-by": "widctl", "widctl-estate": "acme" }));
    let theirs = tagged(&json!({ "managed-by": "widctl", "widctl-estate": "beta" }));
    let mut anew = ours.clone();
    anew["properties"]["clientId"] = "33333333-3333-3333-3333-333333333333".into();
    for (found, written, said) in [
        (&theirs, None, "by now it is tagged for estate `beta`"),
        (&anew, None, "it was deleted and made again"),
        (&ours, Some(&ours), "its tags in the answer are not those that were written"),
    ] {
        let script = [page(std::slice::from_ref(&ours), None), answer(200, found.to_string())];
        let arm = ScriptedArm::new(
            script.into_iter().chain(written.map(|written| answer(200, written.to_string()))),
        );
        let client = client_of(arm.router(), &Arc::default());
        let live = client.identities(SUBSCRIPTION.parse().unwrap()).await.unwrap().remove(0);
        let store: &dyn Store<Identities> = &client;
        let error = store.release(&identity("id-a"), &live, ()).await.unwrap_err();
        assert_eq!(error.message.as_deref(), Some(said));
        assert!(matches!(error.kind, PortErrorKind::Conflict { .. }));
        let writes = arm.seen().iter().filter(|seen| seen.method == "PATCH").count();
        assert_eq!(writes, usize::from(written.is_some()), "{said}");
    }
}

/// The api-versions under which lists were asked for.
fn versions(arm: &ScriptedArm) -> Vec<String> {
    let seen = arm.seen().into_iter();
    seen.map(|seen| seen.target.split_once("api-version=").unwrap().1.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn credentials_are_listed_under_the_best_version_that_the_cloud_has_and_asked_for_once() {
    let hidden = json!({ "name": "flexible", "properties": { "issuer": "https://i/", "subject": null, "audiences": ["a"] } });
    let arm = ScriptedArm::new([
        failure(400, "NoRegisteredProviderFound", "no"),
        failure(404, "InvalidResourceType", "no"),
        page(&[hidden], None),
    ]);
    let client = client_of(arm.router(), &Arc::default());
    let credentials = client.credentials(&identity("id-a")).await.unwrap();
    assert_eq!((&credentials[0].subject, &credentials[0].expression), (&None, &None));
    client.credentials(&identity("id-b")).await.unwrap();
    assert_eq!(
        versions(&arm),
        ["2025-05-31-preview", "2025-01-31-preview", "2023-01-31", "2023-01-31"]
    );

    let arm = ScriptedArm::new([page(&[], None)]);
    let client = client_of(arm.router(), &Arc::default());
    for name in ["id-a", "id-b"] {
        client.credentials(&identity(name)).await.unwrap();
    }
    assert_eq!(versions(&arm), ["2025-05-31-preview"; 2]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_another_reason_than_the_version_is_not_asked_for_again() {
    for (status, code) in [(403, "AuthorizationFailed"), (400, "BadRequest"), (404, "NotFound")] {
        let arm = ScriptedArm::new([failure(status, code, "no")]);
        let client = client_of(arm.router(), &Arc::default());
        client.credentials(&identity("id-a")).await.unwrap_err();
        assert_eq!(arm.seen().len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_created_with_put_and_tagged_with_patch() {
    let arm = ScriptedArm::new([answer(201, identity_body("id-a").to_string())]);
    let client = client_of(arm.router(), &Arc::default());
    let wanted = Identity {
        location: Location::new("westeurope"),
        tags: [("managed-by".into(), "widctl".into())].into(),
    };
    let store: &dyn Store<Identities> = &client;
    let key = identity("id-a");
    let live = store.put(&key, &wanted, WriteMode::Create).await.unwrap().live;
    store.put(&key, &wanted, WriteMode::Update).await.unwrap();
    assert_eq!(live.client_id.to_string(), "11111111-1111-1111-1111-111111111111");
    assert!(store.is_written(&live, &wanted), "foreign tags do not matter");
    let sent: Vec<String> = arm
        .seen()
        .into_iter()
        .map(|seen| format!("{} {} {}", seen.method, seen.target, seen.body))
        .collect();
    insta::assert_snapshot!(sent.join("\n"), @r#"
    PUT /subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg-wi/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-a?api-version=2023-01-31 {"tags":{"managed-by":"widctl"},"location":"westeurope"}
    PATCH /subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg-wi/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-a?api-version=2023-01-31 {"tags":{"managed-by":"widctl"}}
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_write_says_whether_the_resource_existed() {
    let world = grown_world();
    let client = client_of_world(&world, &Arc::default());
    let (identities, credentials): (&dyn Store<Identities>, &dyn Store<FederatedCredentials>) =
        (&client, &client);
    let wanted = Identity { location: Location::new("westeurope"), tags: Tags::new() };
    let key_of_identity = identity("id-a");
    for existed in [false, true] {
        let put = identities.put(&key_of_identity, &wanted, WriteMode::Create).await.unwrap();
        assert_eq!(put.existed, existed);
        let put = credentials.put(&key(), &credential(), WriteMode::Create).await.unwrap();
        assert_eq!(put.existed, existed);
    }
    let put = identities.put(&key_of_identity, &wanted, WriteMode::Update).await.unwrap();
    assert!(put.existed);
}

#[tokio::test(start_paused = true)]
async fn what_was_throttled_or_collided_before_it_was_made_did_not_exist() {
    let body = json!({ "name": "widctl-1", "properties": { "issuer": "https://i/", "subject": "s", "audiences": ["a"] } });
    let concurrent = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";
    for (status, existed) in [(201, false), (200, true)] {
        let refusals = [failure(429, "TooManyRequests", "slow"), failure(409, concurrent, "busy")];
        let script = refusals.into_iter().chain([answer(status, body.to_string())]);
        let arm = ScriptedArm::new(script);
        let client = client_of(arm.router(), &Arc::default());
        let store: &dyn Store<FederatedCredentials> = &client;
        let put = store.put(&key(), &credential(), WriteMode::Create).await.unwrap();
        assert_eq!(put.existed, existed);
        assert_eq!(arm.seen().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_written_and_deleted() {
    let body = json!({ "name": "widctl-1", "properties": { "issuer": "https://weu.oic.prod-aks.azure.com/t/g/", "subject": "system:serviceaccount:data-eng:prefect-worker", "audiences": ["api://AzureADTokenExchange"] } });
    let arm = ScriptedArm::new([answer(201, body.to_string()), answer(200, ""), answer(204, "")]);
    let client = client_of(arm.router(), &Arc::default());
    let store: &dyn Store<FederatedCredentials> = &client;
    let live = store.put(&key(), &credential(), WriteMode::Create).await.unwrap().live;
    assert!(store.is_written(&live, &credential()));
    store.delete(&key(), &live, ()).await.unwrap();
    store.delete(&key(), &live, ()).await.unwrap();
    let seen = arm.seen();
    insta::assert_snapshot!(format!("{} {}\n{}", seen[0].method, seen[0].target, seen[0].body), @r#"
    PUT /subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg-wi/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-a/federatedIdentityCredentials/widctl-1?api-version=2023-01-31
    {"properties":{"issuer":"https://weu.oic.prod-aks.azure.com/t/g/","subject":"system:serviceaccount:data-eng:prefect-worker","audiences":["api://AzureADTokenExchange"]}}
    "#);
    assert_eq!(seen[2].method, "DELETE");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_would_change_the_path_is_never_sent() {
    let arm = ScriptedArm::new([answer(200, "{}")]);
    let client = client_of(arm.router(), &Arc::default());
    let store: &dyn Store<FederatedCredentials> = &client;
    for (name, identity_name) in [("a/b", "id-a"), ("widctl-1", "id%2Fa"), ("..", "id-a")] {
        let key = FederatedCredentialKey { identity: identity(identity_name), name: name.into() };
        let error = store.put(&key, &credential(), WriteMode::Create).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Invalid, "{name} {identity_name}");
    }
    assert!(arm.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn identity_bindings_are_listed_with_the_identities_that_they_are_of() {
    let cluster = cluster_id("aks-weu");
    let of = |id: &str| {
        json!({ "value": [{ "name": "payments", "properties": {
            "managedIdentity": { "resourceId": id }, "provisioningState": "Succeeded" } }] })
    };
    let wanted = identity("id-data-eng");
    let arm = ScriptedArm::new([
        answer(200, of(&wanted.id().to_string().to_uppercase()).to_string()),
        answer(200, of("somewhere").to_string()),
    ]);
    let client = client_of(arm.router(), &Arc::default());
    let found = client.identity_bindings(&cluster).await.unwrap();
    let found: Vec<_> = found.iter().map(|found| (&*found.name, &found.identity)).collect();
    assert_eq!(found, [("payments", &wanted)]);
    assert_eq!(arm.seen()[0].target, format!("{cluster}/identityBindings?api-version=2026-04-01"));
    let error = client.identity_bindings(&cluster).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
}

#[tokio::test(start_paused = true)]
async fn an_arc_cluster_is_read_in_the_preview_where_the_cloud_has_no_other() {
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-edge/providers/Microsoft.Kubernetes/connectedClusters/store-17"
    );
    let unknown = json!({ "error": { "code": "NoRegisteredProviderFound", "message": "none" } });
    let cluster = json!({ "id": id, "properties": { "oidcIssuerProfile": { "enabled": true,
        "issuerUrl": "https://weu.oic.prod-arc.azure.com/t/1/" } } });
    let arm =
        ScriptedArm::new([answer(400, unknown.to_string()), answer(200, cluster.to_string())]);
    let client = client_of(arm.router(), &Arc::default());
    let found = client.managed_cluster(&ArmId::parse(&id).unwrap()).await.unwrap().unwrap();
    assert_eq!(found.issuer.unwrap().as_str(), "https://weu.oic.prod-arc.azure.com/t/1/");
    assert!(found.issuer_enabled && !found.workload_identity);
    let asked: Vec<String> = arm.seen().into_iter().map(|seen| seen.target).collect();
    let versions = ["2026-05-01", "2024-07-15-preview"];
    let expected = versions.map(|version| format!("{id}?api-version={version}"));
    assert_eq!(asked, expected);
    // Any other refusal is the answer.
    let denied = json!({ "error": { "code": "AuthorizationFailed", "message": "no" } });
    let arm = ScriptedArm::new([answer(403, denied.to_string())]);
    let client = client_of(arm.router(), &Arc::default());
    let error = client.managed_cluster(&ArmId::parse(&id).unwrap()).await.unwrap_err();
    assert_eq!(error.status, Some(403));
}

fn assignment() -> (RoleAssignmentKey, RoleAssignmentWrite) {
    let vault = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-kv/providers/Microsoft.KeyVault/vaults/kv"
    );
    let scope = ArmId::parse(&vault).unwrap();
    let role = Role {
        id: "4633458b-17de-408a-b874-0445c86b69e6".parse().unwrap(),
        name: "Key Vault Secrets User".into(),
    };
    let assignment = RoleAssignment {
        scope: scope.clone(),
        role: role.id,
        principal: "22222222-2222-2222-2222-222222222222".parse().unwrap(),
        condition: None,
        estate: Estate::new("contoso-prod"),
    };
    let write = RoleAssignmentWrite { name: role_assignment::name(&assignment), assignment };
    let key = RoleAssignmentKey { identity: identity("id-a"), role, scope };
    (key, write)
}

#[tokio::test(start_paused = true)]
async fn a_role_is_assigned_to_a_service_principal_under_the_same_name_on_every_run() {
    let (key, write) = assignment();
    let body = json!({ "id": format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", key.scope, write.name), "name": write.name, "properties": {
        "scope": key.scope.as_str().to_uppercase().replace("/SUBSCRIPTIONS", "/subscriptions"), "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6",
        "principalId": write.assignment.principal, "description": "managed by widctl for estate contoso-prod" } });
    let arm = ScriptedArm::new([
        answer(201, body.to_string()),
        answer(200, body.to_string()),
        answer(204, ""),
    ]);
    let client = client_of(arm.router(), &Arc::default());
    let store: &dyn Store<RoleAssignments> = &client;
    let live = store.put(&key, &write, WriteMode::Create).await.unwrap().live;
    assert!(store.is_written(&live, &write), "whatever the case and the prefix");
    let mut narrowed = write.clone();
    narrowed.assignment.condition = Some("x".into());
    assert!(!store.is_written(&live, &narrowed));
    store.delete(&key, &live, ()).await.unwrap();
    store.delete(&key, &live, ()).await.unwrap();
    // Azure changes none, so one that it takes again is this very one.
    let again =
        client_of(ScriptedArm::new([answer(200, body.to_string())]).router(), &Arc::default());
    let again: &dyn Store<RoleAssignments> = &again;
    assert!(!again.put(&key, &write, WriteMode::Create).await.unwrap().existed);
    let seen = arm.seen();
    insta::assert_snapshot!(format!("{} {}\n{}", seen[0].method, seen[0].target, seen[0].body), @r#"
    PUT /subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg-kv/providers/Microsoft.KeyVault/vaults/kv/providers/Microsoft.Authorization/roleAssignments/ecbf1474-fc33-52e2-b9dc-4db6cb71d0b3?api-version=2022-04-01
    {"properties":{"roleDefinitionId":"/subscriptions/12345678-1234-5678-9012-123456789012/providers/Microsoft.Authorization/roleDefinitions/4633458b-17de-408a-b874-0445c86b69e6","principalId":"22222222-2222-2222-2222-222222222222","principalType":"ServicePrincipal","description":"managed by widctl for estate contoso-prod"}}
    "#);
}

#[tokio::test(start_paused = true)]
async fn an_equal_assignment_under_another_name_is_a_kind_of_its_own() {
    let (key, write) = assignment();
    let arm = ScriptedArm::new([failure(
        409,
        "RoleAssignmentExists",
        "The role assignment already exists. The ID of the existing role assignment is 05c5a614a7d64502b150c2fb455033ff.",
    )]);
    let client = client_of(arm.router(), &Arc::default());
    let store: &dyn Store<RoleAssignments> = &client;
    let error = store.put(&key, &write, WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::RoleAssignmentExists);
}

#[tokio::test(start_paused = true)]
async fn a_missing_scope_is_not_something_that_will_come_by_waiting() {
    let (key, write) = assignment();
    let message = "Resource group 'rg-kv' could not be found.";
    let arm = ScriptedArm::new([failure(404, "ResourceGroupNotFound", message)]);
    let client = client_of(arm.router(), &Arc::default());
    let store: &dyn Store<RoleAssignments> = &client;
    let error = store.put(&key, &write, WriteMode::Create).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound);
}
