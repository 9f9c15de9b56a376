//! Patches of clusters' objects, and what is said beside the answer.

use axum::http::{HeaderName, Method, StatusCode, header};
use serde_json::{Value, json};

use super::support::{Caller, Reply, read, world};

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
async fn patches_that_follow_a_schema_are_refused_with_what_is_taken_instead() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account()).await;
    let before = caller.get(ACCOUNT).await.body;
    let label = json!({ "metadata": { "labels": { "a": "b" } } });
    for kind in [
        "application/strategic-merge-patch+json",
        "application/json-patch+json",
        "application/json",
    ] {
        let refused = send(&caller, (header::CONTENT_TYPE, kind), &label).await;
        assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(refused.body["reason"], "UnsupportedMediaType");
        assert_eq!(
            refused.message(),
            format!(
                "the sandbox takes server-side apply (application/apply-patch+yaml, as JSON) and merge patches (application/merge-patch+json), not {kind}; use `kubectl apply --server-side` or `kubectl patch --type=merge`, or a cluster with a real API server"
            )
        );
    }
    assert_eq!(caller.get(ACCOUNT).await.body, before);
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
    assert_eq!(patched.header("warning"), Some(r#"299 - "unknown field \"nonsense\"""#));
    assert!(patched.body["nonsense"].is_null());
}

#[tokio::test]
async fn nobody_acts_as_somebody_else() {
    let (_world, caller) = world().await;
    caller.post(ACCOUNTS, &account()).await;
    let ann = (HeaderName::from_static("impersonate-user"), "ann");
    let refused = send(&caller, ann, &json!({})).await;
    assert_eq!(refused.status, StatusCode::NOT_IMPLEMENTED);
    assert_eq!(refused.message(), "the sandbox does not imitate impersonation");
}
