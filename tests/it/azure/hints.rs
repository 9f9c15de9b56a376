//! What people are told when Azure says no.

use std::error::Error;
use std::sync::Arc;

use serde_json::json;
use widctl::model::arm_id::ArmId;
use widctl::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials,
};
use widctl::model::kinds::identity::{Identities, Identity};
use widctl::model::location::Location;
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::read::AzureRead;
use widctl::ports::store::{Store, WriteMode};

use super::stage::{
    SUBSCRIPTION, Scripted, ScriptedArm, answer, client_of, cluster_id, failure, identity,
};

/// The error with all that a person sees of it.
fn told(error: &PortError) -> String {
    let mut told = vec![format!("{:?}", error.kind), error.to_string()];
    let mut source = error.source();
    while let Some(below) = source {
        told.push(format!("  {below}"));
        source = below.source();
    }
    told.push(format!("=> {}", error.help()));
    // Every run has another.
    let run = error.correlation_id.as_deref().unwrap();
    told.join("\n").replace(run, "[run]")
}

async fn writing_identity(answer: Scripted) -> String {
    let arm = ScriptedArm::new([answer]);
    let client = client_of(arm.router(), &Arc::default());
    let store: &dyn Store<Identities> = &client;
    let wanted = Identity { location: Location::new("westeurope"), tags: [].into() };
    let key = identity("id-a");
    told(&store.put(&key, &wanted, WriteMode::Create).await.unwrap_err())
}

async fn writing_credential(answer: Scripted) -> String {
    let arm = ScriptedArm::new([answer]);
    let client = client_of(arm.router(), &Arc::default());
    let store: &dyn Store<FederatedCredentials> = &client;
    let key = FederatedCredentialKey { identity: identity("id-a"), name: "widctl-1".into() };
    let wanted = FederatedCredential {
        issuer: "https://i/".into(),
        subject: "s".into(),
        audience: "a".into(),
    };
    told(&store.put(&key, &wanted, WriteMode::Create).await.unwrap_err())
}

async fn listing_assignments(answer: Scripted) -> String {
    let arm = ScriptedArm::new([answer]);
    let client = client_of(arm.router(), &Arc::default());
    let scope = ArmId::of_subscription(SUBSCRIPTION.parse().unwrap());
    told(&client.role_assignments(&scope).await.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_named_with_its_scope_and_the_smallest_role() {
    let refusal = failure(
        403,
        "AuthorizationFailed",
        "The client 'a1' with object id 'b2' does not have authorization to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write' over scope '/subscriptions/12345678-1234-5678-9012-123456789012/resourceGroups/rg-wi/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-a/federatedIdentityCredentials/widctl-1' or the scope is invalid. If access was recently granted, please refresh your credentials.",
    );
    let refusal = refusal.with_header("x-ms-request-id", "0f8fad5b-d9cb-469f-a165-70867728950e");
    insta::assert_snapshot!("refused_credential", writing_credential(refusal).await);
    insta::assert_snapshot!("refused_without_a_body", listing_assignments(answer(403, "")).await);
    let conditional = failure(
        403,
        "AuthorizationFailed",
        "The client 'a1' with object id 'b2' does not have authorization or an ABAC condition not fulfilled to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/12345678-1234-5678-9012-123456789012' or the scope is invalid.",
    );
    insta::assert_snapshot!("refused_by_a_condition", listing_assignments(conditional).await);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_named() {
    let bare = json!({ "error": { "code": "RequestDisallowedByPolicy", "message": "No.", "additionalInfo": null } });
    let told = writing_credential(answer(403, bare.to_string())).await;
    assert!(told.contains("an Azure Policy forbids it"), "{told}");
    let body = json!({ "error": { "code": "RequestDisallowedByPolicy", "target": "widctl-1",
        "message": "Resource 'widctl-1' was disallowed by policy.",
        "additionalInfo": [{ "type": "PolicyViolation", "info": { "policyDefinitionDisplayName": "No federated credentials", "policyDefinitionName": "d1", "policyAssignmentName": "deny-fic", "policyAssignmentId": "/subscriptions/1/providers/Microsoft.Authorization/policyAssignments/deny-fic" } }] } });
    insta::assert_snapshot!("policy", writing_credential(answer(403, body.to_string())).await);
    let in_words = failure(
        403,
        "RequestDisallowedByPolicy",
        r#"Resource 'widctl-1' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"deny-fic","id":"/subscriptions/1/providers/Microsoft.Authorization/policyAssignments/deny-fic; rm -r ~"},"policyDefinition":{"name":"no-fic"}}]'."#,
    );
    insta::assert_snapshot!("policy_in_words", writing_credential(in_words).await);
}

#[tokio::test(start_paused = true)]
async fn missing_preconditions_come_with_the_command_that_makes_them() {
    let group = failure(404, "ResourceGroupNotFound", "Resource group 'rg-wi' could not be found.");
    insta::assert_snapshot!("resource_group", writing_identity(group).await);
    let provider = failure(
        409,
        "MissingSubscriptionRegistration",
        "The subscription is not registered to use namespace 'Microsoft.ManagedIdentity'. See https://aka.ms/rps-not-found for how to register subscriptions.",
    );
    insta::assert_snapshot!("provider", writing_identity(provider).await);
}

#[tokio::test(start_paused = true)]
async fn what_azure_never_allows_says_so() {
    let elsewhere = failure(
        409,
        "InvalidResourceLocation",
        "The resource 'id-a' already exists in location 'northeurope' in resource group 'rg-wi'. A resource with the same name cannot be created in location 'westeurope'. Please select a new resource name.",
    );
    insta::assert_snapshot!("location", writing_identity(elsewhere).await);
    let locked = failure(
        409,
        "ScopeLocked",
        "The scope '/subscriptions/1/resourceGroups/rg-wi' cannot perform write operation because following scope(s) are locked.",
    );
    insta::assert_snapshot!("locked", writing_identity(locked).await);
    let disabled = failure(
        409,
        "ReadOnlyDisabledSubscription",
        "The subscription '1' is disabled and therefore marked as read only.",
    );
    insta::assert_snapshot!("disabled", writing_identity(disabled).await);
    let denied = failure(
        403,
        "DenyAssignmentAuthorizationFailed",
        "The client 'a1' with object id 'b2' has permission to perform action 'x/write' on scope '/y'; however, the access is denied because of the deny assignment with name 'z'.",
    );
    insta::assert_snapshot!("deny_assignment", writing_identity(denied).await);
    let region = failure(
        405,
        "MethodNotAllowed",
        "The request format was unexpected : Support for federated identity credentials not enabled",
    );
    insta::assert_snapshot!("region", writing_credential(region).await);
    let duplicate = failure(
        400,
        "BadRequest",
        "Issuer and subject combination already exists for this Managed Identity.",
    );
    insta::assert_snapshot!("duplicate", writing_credential(duplicate).await);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_tenant_and_an_unknown_subscription_are_told_apart() {
    let tenant = failure(
        401,
        "InvalidAuthenticationTokenTenant",
        "The access token is from the wrong issuer 'https://sts.windows.net/a/'. It must match the tenant 'https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/' associated with this subscription.",
    );
    insta::assert_snapshot!("tenant", listing_assignments(tenant).await);
    let subscription = failure(
        404,
        "SubscriptionNotFound",
        "The subscription '12345678-1234-5678-9012-123456789012' could not be found.",
    );
    insta::assert_snapshot!("subscription", listing_assignments(subscription.clone()).await);
    let client = client_of(ScriptedArm::new([subscription]).router(), &Arc::default());
    let error = client.managed_cluster(&cluster_id("aks")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid, "not: there is no such cluster");
}

#[tokio::test(start_paused = true)]
async fn a_servers_message_cannot_draw_on_the_terminal() {
    let hostile = failure(400, "BadRequest", "\u{1b}[2J\u{1b}[31mAll is well\r\n\u{9b}1A");
    insta::assert_snapshot!("hostile", writing_identity(hostile).await);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_hold_a_kubeconfig_is_never_quoted() {
    let secret = "c2VjcmV0LWt1YmVjb25maWc";
    for answer in [
        answer(200, format!("{{\"kubeconfigs\":[{{\"value\":\"{secret}!\"}}]}}")),
        answer(200, format!("{{\"kubeconfigs\":\"{secret}\"}}")),
        answer(200, format!("{{\"kubeconfigs\":[{{\"value\":\"{secret}")),
        failure(400, "BadRequest", secret),
        answer(502, secret),
    ] {
        let client = client_of(ScriptedArm::new([answer]).router(), &Arc::default());
        let error = client.list_cluster_user_credential(&cluster_id("aks")).await.unwrap_err();
        let told = format!("{}\n{error:?}", told(&error));
        assert!(!told.contains(&secret[..12]), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_elsewhere_is_named_with_that_place_and_no_role() {
    let linked = failure(
        403,
        "LinkedAuthorizationFailed",
        "The client 'a1' with object id 'b2' has permission to perform action 'Microsoft.ManagedIdentity/userAssignedIdentities/write' on scope '/subscriptions/1/resourceGroups/rg-wi'; however, it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/join/action' on the linked scope(s) '/subscriptions/1/resourceGroups/rg-net' (respectively) or the linked scope(s) are invalid.",
    );
    insta::assert_snapshot!("linked", writing_identity(linked).await);
    let bare = failure(403, "LinkedAuthorizationFailed", "No.");
    let told = writing_identity(bare).await;
    assert!(told.contains("`ACTION` on the linked scope LINKED_SCOPE"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_azure_refuses_for_other_reasons_than_roles_says_which() {
    let region = failure(
        403,
        "RequestDisallowedByAzure",
        "Resource 'id-a' was disallowed by Azure: This policy maintains a set of best available regions where your subscription can deploy resources.",
    );
    insta::assert_snapshot!("disallowed_by_azure", writing_identity(region).await);
    let unknown = failure(403, "SomethingNew", "No.");
    insta::assert_snapshot!("unknown_refusal", writing_identity(unknown).await);
}

#[tokio::test(start_paused = true)]
async fn multi_factor_authentication_comes_with_the_command_that_answers_the_challenge() {
    let message = "Resource 'id-a' was disallowed by policy. Reasons: 'Users must use MFA for Create operation.'.";
    let challenge = "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/authorize\", error=\"insufficient_claims\", claims=\"eyJhY3JzIjoicDEifQ==\"";
    let asked = failure(401, "RequestDisallowedByPolicy", message);
    let asked = asked.with_header("www-authenticate", challenge);
    insta::assert_snapshot!("mfa_by_challenge", writing_identity(asked).await);
    let in_words = failure(403, "RequestDisallowedByPolicy", message);
    insta::assert_snapshot!("mfa_in_words", writing_identity(in_words).await);
    let claims = failure(401, "InvalidAuthenticationToken", "Continuous access evaluation.");
    let claims = claims.with_header("www-authenticate", challenge);
    insta::assert_snapshot!("claims", writing_identity(claims).await);
}
