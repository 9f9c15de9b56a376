//! What is sent to an API server, and what its answers become.

use std::time::Duration;

use serde_json::{Value, json};
use widctl::event::{Event, RequestClass};
use widctl::model::guid::{ClientId, TenantId};
use widctl::model::kinds::Release;
use widctl::model::kinds::marks::{Claim, LiveMarks, Marks};
use widctl::model::kinds::service_account::{
    LiveServiceAccount, ServiceAccount, ServiceAccountKey,
};
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::store::WriteMode;

use super::lists::WholeLists;
use super::script::{Script, account, status};

pub(crate) fn key(namespace: &str, name: &str) -> ServiceAccountKey {
    ServiceAccountKey::new("weu", namespace, name)
}

pub(crate) fn annotated(marks: Option<Marks>) -> ServiceAccount<ClientId> {
    let id = "11111111-1111-1111-1111-111111111111";
    ServiceAccount {
        client_id: id.parse::<ClientId>().unwrap(),
        tenant_id: id.parse::<TenantId>().unwrap(),
        token_expiration: 3600,
        claim: marks.map_or(Claim::Annotates("prod".into()), Claim::Owns),
    }
}

pub(crate) fn ours() -> Marks {
    Marks { estate: "prod".into(), team: "data".into(), created: "0123456789abcdef".into() }
}

/// The error as a person sees it, with its hint.
fn shown(error: &PortError) -> String {
    format!("{error}\nhint: {}", error.help())
}

fn forbidden(message: &str) -> Value {
    status(403, "Forbidden", message, &json!({ "kind": "serviceaccounts" }))
}

async fn put(
    script: &Script,
    write: ServiceAccount<ClientId>,
    mode: WriteMode,
) -> Result<LiveServiceAccount, PortError> {
    let stores = script.cluster().stores();
    let key = key("data", "flows");
    stores.service_accounts.put(&key, &write, mode).await.map(|put| put.live)
}

async fn refused(script: &Script, mode: WriteMode) -> PortError {
    put(script, annotated(Some(ours())), mode).await.unwrap_err()
}

async fn delete(script: &Script, live: &LiveServiceAccount) -> Result<(), PortError> {
    let stores = script.cluster().stores();
    let key = key("data", "flows");
    stores.service_accounts.delete(&key, live, ()).await
}

#[tokio::test]
async fn an_apply_holds_exactly_our_fields() {
    let script = Script::default().then(200, &account("data", "flows"));
    put(&script, annotated(Some(ours())), WriteMode::Update).await.unwrap();
    insta::assert_snapshot!(script.asked().join("\n"), @r#"PATCH /api/v1/namespaces/data/serviceaccounts/flows?&fieldManager=widctl&fieldValidation=Strict {"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"flows","namespace":"data","labels":{"app.kubernetes.io/managed-by":"widctl","widctl.dev/estate":"prod","widctl.dev/team":"data"},"annotations":{"widctl.dev/created":"0123456789abcdef","azure.workload.identity/client-id":"11111111-1111-1111-1111-111111111111","azure.workload.identity/tenant-id":"11111111-1111-1111-1111-111111111111","azure.workload.identity/service-account-token-expiration":"3600"}}}"#);
}

#[tokio::test]
async fn a_creation_looks_first_and_leaves_what_is_there_alone() {
    let script = Script::default().then(200, &account("data", "flows"));
    let error = refused(&script, WriteMode::Create).await;
    insta::assert_snapshot!(shown(&error), @"
could not create the service account `flows` in namespace `data`: cluster `weu` has changed meanwhile: it exists by now
hint: plan again
");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn somebody_elses_account_is_never_made_anew() {
    let gone = status(
        404,
        "NotFound",
        "serviceaccounts \"flows\" not found",
        &json!({ "kind": "serviceaccounts" }),
    );
    let script = Script::default().then(404, &gone);
    let error = put(&script, annotated(None), WriteMode::Update).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound);
    assert_eq!(script.asked(), ["GET /api/v1/namespaces/data/serviceaccounts/flows"]);
}

#[tokio::test]
async fn an_annotation_is_bound_to_the_account_that_was_read() {
    let script =
        Script::default().then(200, &account("data", "flows")).then(200, &account("data", "flows"));
    put(&script, annotated(None), WriteMode::Update).await.unwrap();
    insta::assert_snapshot!(script.asked()[1], @r#"PATCH /api/v1/namespaces/data/serviceaccounts/flows?&fieldManager=widctl&fieldValidation=Strict {"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"flows","namespace":"data","uid":"uid-flows","labels":{"widctl.dev/annotates":"prod"},"annotations":{"azure.workload.identity/client-id":"11111111-1111-1111-1111-111111111111","azure.workload.identity/tenant-id":"11111111-1111-1111-1111-111111111111","azure.workload.identity/service-account-token-expiration":"3600"}}}"#);
}

#[tokio::test]
async fn an_account_that_somebody_made_anew_meanwhile_is_planned_again() {
    let why = "Invalid value: \"uid-flows\": field is immutable";
    let details = json!({ "name": "flows", "kind": "ServiceAccount", "causes": [
        { "reason": "FieldValueInvalid", "message": why, "field": "metadata.uid" },
    ] });
    let message = format!("ServiceAccount \"flows\" is invalid: metadata.uid: {why}");
    let script = Script::default()
        .then(200, &account("data", "flows"))
        .then(422, &status(422, "Invalid", &message, &details));
    let error = put(&script, annotated(None), WriteMode::Update).await.unwrap_err();
    let managers = Vec::new();
    assert_eq!(error.kind, PortErrorKind::Conflict { managers });
    insta::assert_snapshot!(shown(&error), @r#"
could not apply the service account `flows` in namespace `data`: cluster `weu` answered 422 Invalid: ServiceAccount "flows" is invalid: metadata.uid: Invalid value: "uid-flows": field is immutable
hint: the object has changed since it was read: plan again
"#);
}

#[tokio::test]
async fn a_deletion_is_bound_to_the_object_that_the_plan_saw() {
    let script = Script::default()
        .then(200, &account("data", "flows"))
        .then(200, &json!({ "kind": "Status", "status": "Success" }));
    let live = LiveServiceAccount {
        marks: LiveMarks {
            managed_by: Some("widctl".into()),
            estate: Some("prod".into()),
            team: Some("data".into()),
            annotates: None,
            created: Some("0123456789abcdef".into()),
            tool: None,
        },
        ..LiveServiceAccount::default()
    };
    delete(&script, &live).await.unwrap();
    insta::assert_snapshot!(script.asked()[1], @r#"DELETE /api/v1/namespaces/data/serviceaccounts/flows? {"preconditions":{"resourceVersion":"7","uid":"uid-flows"}}"#);
}

#[tokio::test]
async fn an_account_that_changed_hands_is_not_deleted() {
    let script = Script::default().then(200, &account("data", "flows"));
    let error = delete(&script, &LiveServiceAccount::default()).await.unwrap_err();
    insta::assert_snapshot!(shown(&error), @"
could not delete the service account `flows` in namespace `data`: cluster `weu` has changed meanwhile: its ownership labels have changed
hint: plan again
");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn a_release_of_what_is_gone_makes_nothing() {
    let gone =
        status(404, "NotFound", "namespaces \"data\" not found", &json!({ "kind": "namespaces" }));
    let script = Script::default().then(404, &gone);
    let stores = script.cluster().stores();
    let live = LiveServiceAccount::default();
    stores.service_accounts.release(&key("data", "flows"), &live, Release::Fields).await.unwrap();
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn a_conflict_names_who_holds_the_fields() {
    let causes = json!({ "causes": [
        { "reason": "FieldManagerConflict", "message": "conflict with \"helm\" using v1",
          "field": ".metadata.annotations.azure.workload.identity/client-id" },
        { "reason": "FieldManagerConflict", "message": "conflict with \"helm\" using v1",
          "field": ".metadata.annotations.azure.workload.identity/tenant-id" },
        { "reason": "FieldManagerConflict", "message": "conflict with \"argocd\" with subresource \"x\" using v1" },
    ] });
    let conflict = status(409, "Conflict", "Apply failed with 3 conflicts", &causes);
    let error = refused(&Script::default().then(409, &conflict), WriteMode::Update).await;
    assert_eq!(
        error.kind,
        PortErrorKind::Conflict { managers: vec!["argocd".into(), "helm".into()] }
    );
    insta::assert_snapshot!(shown(&error), @"
could not apply the service account `flows` in namespace `data`: cluster `weu` answered 409 Conflict: Apply failed with 3 conflicts
hint: the fields are managed by argocd and helm: change them there, or take them with --force-conflicts
");
}

#[tokio::test]
async fn a_refusal_names_the_rule_that_is_missing() {
    let message = "serviceaccounts \"flows\" is forbidden: User \"ci\" cannot patch resource \
                   \"serviceaccounts\" in API group \"\" in the namespace \"data\"";
    let error = refused(&Script::default().then(403, &forbidden(message)), WriteMode::Update).await;
    assert_eq!(
        error.kind,
        PortErrorKind::Refused {
            action: Some("patch serviceaccounts".into()),
            scope: Some("namespace data".into()),
        }
    );
    insta::assert_snapshot!(shown(&error), @r#"
could not apply the service account `flows` in namespace `data`: cluster `weu` answered 403 Forbidden: serviceaccounts "flows" is forbidden: User "ci" cannot patch resource "serviceaccounts" in API group "" in the namespace "data"
hint: allow it in a Role of namespace data or in a ClusterRole: {apiGroups: [""], resources: ["serviceaccounts"], verbs: ["patch"]}
"#);
}

#[tokio::test]
async fn an_admission_policy_is_no_missing_right() {
    let denied = status(
        403,
        "Forbidden",
        "admission webhook \"validation.gatekeeper.sh\" denied the request: no",
        &json!({}),
    );
    let error = refused(&Script::default().then(403, &denied), WriteMode::Update).await;
    assert_eq!(error.kind, PortErrorKind::Forbidden);
}

#[tokio::test]
async fn a_namespace_on_its_way_out_is_named() {
    let details = json!({ "kind": "serviceaccounts", "causes": [
        { "reason": "NamespaceTerminating", "message": "namespace data is being terminated" },
    ] });
    let message = "serviceaccounts \"flows\" is forbidden: unable to create new content in namespace data \
                   because it is being terminated";
    let terminating = status(403, "Forbidden", message, &details);
    let error = refused(&Script::default().then(403, &terminating), WriteMode::Update).await;
    assert_eq!(error.kind, PortErrorKind::Forbidden);
    insta::assert_snapshot!(shown(&error), @r#"
could not apply the service account `flows` in namespace `data`: cluster `weu` answered 403 Forbidden: serviceaccounts "flows" is forbidden: unable to create new content in namespace data because it is being terminated
hint: the namespace is being deleted: run again once it is gone
"#);
}

#[tokio::test]
async fn a_missing_namespace_is_a_missing_parent() {
    let gone =
        status(404, "NotFound", "namespaces \"data\" not found", &json!({ "kind": "namespaces" }));
    let error = refused(&Script::default().then(404, &gone), WriteMode::Update).await;
    assert_eq!(error.kind, PortErrorKind::ParentNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_write_waits_as_long_as_it_is_told() {
    let throttled = status(429, "TooManyRequests", "slow down", &json!({}));
    let script = Script::default()
        .then_with(429, &[("retry-after", "20")], &throttled)
        .then(200, &account("data", "flows"));
    let begun = tokio::time::Instant::now();
    put(&script, annotated(Some(ours())), WriteMode::Update).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 20);
    assert_eq!(
        script.kept.events(),
        [
            Event::RequestSent(RequestClass::ClusterWrite),
            Event::Waiting {
                why: "throttled by cluster `weu`".into(),
                pause: Duration::from_secs(20),
            },
            Event::RequestSent(RequestClass::ClusterWrite),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_read_again_but_never_written_again() {
    let fault = status(503, "ServiceUnavailable", "etcd has no leader", &json!({}));
    let script = Script::default().then(503, &fault);
    let error = refused(&script, WriteMode::Update).await;
    assert_eq!(error.kind, PortErrorKind::ServiceFault);
    assert_eq!(script.asked().len(), 1);

    let script = Script::default().then(503, &fault).then(200, &json!({ "items": [] }));
    assert!(script.cluster().namespaces().await.unwrap().is_empty());
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_read_to_its_last_page_and_begins_anew_when_its_pages_expire() {
    let page = |name: &str, next: &str| json!({ "metadata": { "continue": next }, "items": [account("data", name)] });
    let expired = status(410, "Expired", "The provided continue parameter is too old", &json!({}));
    let script = Script::default()
        .then(200, &page("old", "p2"))
        .then(410, &expired)
        .then(200, &page("a", "q2"))
        .then(200, &page("b", ""));
    let accounts = script.cluster().service_accounts().await.unwrap();
    let names: Vec<_> = accounts.iter().map(|(key, _)| key.to_string()).collect();
    assert_eq!(names, ["weu/service-account/data/a", "weu/service-account/data/b"]);
    insta::assert_snapshot!(script.asked().join("\n"), @"
GET /api/v1/serviceaccounts?&limit=500
GET /api/v1/serviceaccounts?&limit=500&continue=p2
GET /api/v1/serviceaccounts?&limit=500
GET /api/v1/serviceaccounts?&limit=500&continue=q2
");
}

#[tokio::test]
async fn a_page_that_names_itself_ends_the_list_with_an_error() {
    let page = json!({ "metadata": { "continue": "again" }, "items": [] });
    let script = Script::default().then(200, &page).then(200, &page);
    let error = script.cluster().roles().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
}

#[tokio::test]
async fn an_answer_that_is_no_json_is_an_error_without_its_text() {
    let script = Script::default().then(200, &json!("a secret page"));
    let error = script.cluster().roles().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    assert!(!shown(&error).contains("secret"));
}

#[tokio::test]
async fn an_admission_denial_is_told_from_the_api_servers_own_validation_whatever_its_status() {
    let policy = "serviceaccounts \"flows\" is forbidden: ValidatingAdmissionPolicy 'no-tokens' with binding 'all' denied request: no";
    let webhook = "admission webhook \"v.kyverno.svc-fail\" denied the request: no";
    for (code, message) in
        [(400, webhook), (422, webhook), (403, webhook), (422, policy), (403, policy)]
    {
        let denied = status(code, "Invalid", message, &json!({}));
        let error = refused(&Script::default().then(code, &denied), WriteMode::Update).await;
        assert_eq!(error.kind, PortErrorKind::Forbidden, "{code} {message}");
        assert!(error.help().starts_with("an admission policy of the cluster"), "{error:?}");
    }
    let value = format!(
        "ServiceAccount \"flows\" is invalid: metadata.annotations: Invalid value: {webhook:?}"
    );
    for (code, message) in [(422, value.as_str()), (400, "the body could not be read")] {
        let invalid = status(code, "Invalid", message, &json!({}));
        let error = refused(&Script::default().then(code, &invalid), WriteMode::Update).await;
        assert_eq!(error.kind, PortErrorKind::Invalid, "{code} {message}");
    }
}

#[tokio::test]
async fn a_webhook_that_cannot_be_called_is_named_instead_of_the_api_servers_health() {
    let message = "Internal error occurred: failed calling webhook \"mutation.azure-workload-identity.io\": failed to call webhook: \
                   Post \"https://azure-wi-webhook-webhook-service.kube-system.svc:443/mutate-v1-pod?timeout=10s\": \
                   tls: failed to verify certificate: x509: certificate signed by unknown authority";
    let failed = status(500, "InternalError", message, &json!({}));
    let error = refused(&Script::default().then(500, &failed), WriteMode::Update).await;
    assert_eq!(error.kind, PortErrorKind::ServiceFault);
    insta::assert_snapshot!(error.help(), @"the webhook mutation.azure-workload-identity.io shows a certificate that its `caBundle` does not cover: restart what renews it, one of `kubectl get deployments --namespace kube-system`, then run again");
    let other = status(500, "InternalError", "etcdserver: request timed out", &json!({}));
    let error = refused(&Script::default().then(500, &other), WriteMode::Update).await;
    assert!(error.help().contains("is not healthy"), "{error:?}");
}

#[tokio::test]
async fn a_request_that_arrived_without_credentials_needs_those_and_no_rule() {
    let message = "serviceaccounts \"flows\" is forbidden: User \"system:anonymous\" cannot patch resource \
                   \"serviceaccounts\" in API group \"\" in the namespace \"data\"";
    let error = refused(&Script::default().then(403, &forbidden(message)), WriteMode::Update).await;
    assert_eq!(error.kind, PortErrorKind::Unauthenticated);
    insta::assert_snapshot!(error.help(), @"the API server took the request for one without credentials: fetch those of the test again, and look for a proxy that drops them; `kubectl auth whoami` shows who it takes you for");
}
