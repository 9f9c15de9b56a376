//! Patches of clusters' objects, and what is said beside the answer.

use axum::http::HeaderName;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use serde_json::Value;
use serde_json::json;

use super::support::Caller;
use super::support::Reply;
use super::support::read;
use super::support::world;

const ACCOUNTS: &str = "/clusters/weu/api/v1/namespaces/data-eng/serviceaccounts";
const ACCOUNT: &str = "/clusters/weu/api/v1/namespaces/data-eng/serviceaccounts/worker";

fn account() -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "worker" } })
}

async fn send(caller: &Caller, (name, value): (HeaderName, &str), patch: &Value) -> Reply {
    let mut request = caller.request(&Method::PATCH, ACCOUNT, Some(patch));
    request.headers_mut().insert(name, value.parse().unwrap());
    read(caller.send(request).await).await
}

#[tokio::test]
async fn a_json_patch_reaches_into_lists() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account()).await;
    let kind = (header::CONTENT_TYPE, "application/json-patch+json");
    let patch = json!([
        { "op": "add", "path": "/imagePullSecrets", "value": [{ "name": "one" }] },
        { "op": "add", "path": "/imagePullSecrets/-", "value": { "name": "two" } },
        { "op": "copy", "from": "/imagePullSecrets/1", "path": "/imagePullSecrets/0" },
        { "op": "remove", "path": "/imagePullSecrets/1" },
    ]);
    let patched = send(&caller, kind.clone(), &patch).await;
    let secrets = json!([{ "name": "two" }, { "name": "two" }]);
    assert_eq!(patched.body["imagePullSecrets"], secrets);
    let beyond = json!([{ "op": "add", "path": "/imagePullSecrets/3", "value": {} }]);
    let refused = send(&caller, kind, &beyond).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_strategic_patch_merges_lists_by_their_key_and_keeps_their_order() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account()).await;
    let kind = (
        header::CONTENT_TYPE,
        "application/strategic-merge-patch+json",
    );
    let first = json!({ "secrets": [{ "name": "a" }, { "name": "b" }] });
    send(&caller, kind.clone(), &first).await;
    let second = json!({
        "secrets": [{ "name": "c" }, { "name": "a", "$patch": "delete" }],
        "$setElementOrder/secrets": [{ "name": "b" }, { "name": "c" }],
    });
    let patched = send(&caller, kind, &second).await;
    assert_eq!(
        patched.body["secrets"],
        json!([{ "name": "b" }, { "name": "c" }])
    );
}

#[tokio::test]
async fn what_was_made_without_fields_belongs_to_nobody_until_it_is_applied() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account()).await;
    let note = |text: &str| json!({ "metadata": { "annotations": { "note": text } } });
    let edited = caller.patch(ACCOUNT, &note("theirs")).await;
    assert!(edited.body["metadata"]["managedFields"].is_null());
    let mut applied = account();
    applied["metadata"]["annotations"] = json!({ "note": "ours" });
    let refused = caller.apply(ACCOUNT, "widctl", false, &applied).await;
    assert_eq!(
        refused.message(),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using v1: .metadata.annotations.note"
    );
}

#[tokio::test]
async fn fields_that_a_kind_does_not_have_are_warned_of() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account()).await;
    let patched = caller.patch(ACCOUNT, &json!({ "nonsense": 1 })).await;
    assert_eq!(patched.status, StatusCode::OK);
    assert_eq!(
        patched.header("warning"),
        Some(r#"299 - "unknown field \"nonsense\"""#)
    );
    assert!(patched.body["nonsense"].is_null());
}

#[tokio::test]
async fn nobody_acts_as_somebody_else() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account()).await;
    let ann = (HeaderName::from_static("impersonate-user"), "ann");
    let refused = send(&caller, ann, &json!({})).await;
    assert_eq!(refused.status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(
        refused.message(),
        "the sandbox does not imitate impersonation"
    );
}
