//! Server-side apply and who owns which field.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::support::{Caller, Reply, world};

const ACCOUNT: &str = "/clusters/weu/api/v1/namespaces/data-eng/serviceaccounts/worker";

fn account(annotations: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": "worker", "annotations": annotations },
    })
}

/// The managers of an object as `name operation`, with the annotations that each owns.
fn owners(reply: &Reply) -> Vec<(String, Vec<String>)> {
    let entries = reply.body["metadata"]["managedFields"].as_array().unwrap();
    let owner = |entry: &Value| {
        let name = format!(
            "{} {}",
            entry["manager"].as_str().unwrap(),
            entry["operation"].as_str().unwrap()
        );
        let owned = entry["fieldsV1"]["f:metadata"]["f:annotations"].as_object();
        let keys = owned.into_iter().flatten().map(|(key, _)| key.clone());
        (name, keys.filter(|key| key != ".").collect())
    };
    entries.iter().map(owner).collect()
}

fn owner(name: &str, annotations: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), annotations.iter().map(|key| format!("f:{key}")).collect())
}

async fn applied(annotations: &Value) -> Caller {
    let (_world, caller) = world().await;
    let made = caller.apply(ACCOUNT, "widctl", false, &account(annotations)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    caller
}

#[tokio::test]
async fn applying_a_missing_object_creates_it_with_what_the_server_adds() {
    let (_world, caller) = world().await;
    let made = caller.apply(ACCOUNT, "widctl", false, &account(&json!({ "a": "1" }))).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let metadata = &made.body["metadata"];
    assert_eq!(metadata["namespace"], "data-eng");
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        assert!(metadata[field].is_string(), "{field}");
    }
    let entry = &metadata["managedFields"][0];
    assert_eq!(entry["apiVersion"], "v1");
    assert_eq!(entry["fieldsType"], "FieldsV1");
    assert_eq!(entry["fieldsV1"], json!({ "f:metadata": { "f:annotations": { "f:a": {} } } }));
    assert_eq!(owners(&made), [owner("widctl Apply", &["a"])]);
}

#[tokio::test]
async fn applying_the_same_again_changes_nothing_at_all() {
    let caller = applied(&json!({ "a": "1" })).await;
    let before = caller.get(ACCOUNT).await;
    let again = caller.apply(ACCOUNT, "widctl", false, &account(&json!({ "a": "1" }))).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.body, before.body);
    assert_eq!(caller.get(ACCOUNT).await.body, before.body);
}

#[tokio::test]
async fn a_key_that_is_no_longer_applied_is_removed_and_foreign_keys_stay() {
    let caller = applied(&json!({ "a": "1", "b": "2" })).await;
    caller.patch(ACCOUNT, &json!({ "metadata": { "annotations": { "theirs": "x" } } })).await;
    let after = caller.apply(ACCOUNT, "widctl", false, &account(&json!({ "a": "1" }))).await;
    assert_eq!(after.body["metadata"]["annotations"], json!({ "a": "1", "theirs": "x" }));
}

#[tokio::test]
async fn a_key_that_another_manager_applied_too_outlives_the_first() {
    let caller = applied(&json!({ "a": "1" })).await;
    let shared = caller.apply(ACCOUNT, "helm", false, &account(&json!({ "a": "1" }))).await;
    assert_eq!(owners(&shared), [owner("helm Apply", &["a"]), owner("widctl Apply", &["a"])]);
    let left = caller.apply(ACCOUNT, "widctl", false, &account(&json!({ "b": "2" }))).await;
    assert_eq!(left.body["metadata"]["annotations"], json!({ "a": "1", "b": "2" }));
}

#[tokio::test]
async fn a_conflict_names_the_manager_and_the_field() {
    let (_world, caller) = world().await;
    let key = "azure.workload.identity/client-id";
    caller.apply(ACCOUNT, "helm", false, &account(&json!({ key: "theirs" }))).await;
    let refused = caller.apply(ACCOUNT, "widctl", false, &account(&json!({ key: "ours" }))).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(
        refused.body,
        json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "Apply failed with 1 conflict: conflict with \"helm\": .metadata.annotations.azure.workload.identity/client-id",
            "reason": "Conflict",
            "details": { "causes": [{
                "reason": "FieldManagerConflict",
                "message": "conflict with \"helm\"",
                "field": ".metadata.annotations.azure.workload.identity/client-id",
            }]},
            "code": 409,
        })
    );
    assert_eq!(caller.get(ACCOUNT).await.body["metadata"]["annotations"][key], "theirs");
}

#[tokio::test]
async fn several_conflicts_are_listed_by_manager() {
    let caller = applied(&json!({ "a": "1" })).await;
    caller.apply(ACCOUNT, "argocd", false, &account(&json!({ "b": "1", "c": "1" }))).await;
    caller.patch(ACCOUNT, &json!({ "metadata": { "annotations": { "d": "1" } } })).await;
    let all = account(&json!({ "a": "2", "b": "2", "c": "2", "d": "2" }));
    let refused = caller.apply(ACCOUNT, "widctl", false, &all).await;
    assert_eq!(
        refused.message(),
        "Apply failed with 3 conflicts: conflicts with \"argocd\":\n- .metadata.annotations.b\n- .metadata.annotations.c\nconflicts with \"curl\" using v1:\n- .metadata.annotations.d"
    );
}

#[tokio::test]
async fn force_takes_the_field_away_from_the_others() {
    let caller = applied(&json!({ "a": "1" })).await;
    caller.apply(ACCOUNT, "helm", false, &account(&json!({ "b": "1" }))).await;
    let both = account(&json!({ "a": "1", "b": "2" }));
    let forced = caller.apply(ACCOUNT, "widctl", true, &both).await;
    assert_eq!(forced.status, StatusCode::OK);
    assert_eq!(forced.body["metadata"]["annotations"], json!({ "a": "1", "b": "2" }));
    assert_eq!(owners(&forced), [owner("widctl Apply", &["a", "b"])]);
}

#[tokio::test]
async fn an_edit_by_hand_takes_the_field_and_the_next_apply_conflicts_with_it() {
    let caller = applied(&json!({ "a": "1", "b": "1" })).await;
    let edit = json!({ "metadata": { "annotations": { "a": "edited" } } });
    let edited = caller.patch(ACCOUNT, &edit).await;
    assert_eq!(owners(&edited), [owner("widctl Apply", &["b"]), owner("curl Update", &["a"])]);
    let both = account(&json!({ "a": "1", "b": "1" }));
    let refused = caller.apply(ACCOUNT, "widctl", false, &both).await;
    assert_eq!(
        refused.message(),
        "Apply failed with 1 conflict: conflict with \"curl\" using v1: .metadata.annotations.a"
    );
    let repaired = caller.apply(ACCOUNT, "widctl", true, &both).await;
    assert_eq!(repaired.body["metadata"]["annotations"]["a"], "1");
    assert_eq!(owners(&repaired), [owner("widctl Apply", &["a", "b"])]);
}

#[tokio::test]
async fn the_rules_of_a_role_are_owned_as_a_whole() {
    let (_world, caller) = world().await;
    let path = "/clusters/weu/apis/rbac.authorization.k8s.io/v1/namespaces/data-eng/roles/runner";
    let role = |verbs: &[&str]| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": { "name": "runner" },
            "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": verbs }],
        })
    };
    let made = caller.apply(path, "widctl", false, &role(&["get"])).await;
    let fields = &made.body["metadata"]["managedFields"][0]["fieldsV1"];
    assert_eq!(*fields, json!({ "f:rules": {} }));
    let refused = caller.apply(path, "helm", false, &role(&["get", "list"])).await;
    assert_eq!(refused.message(), "Apply failed with 1 conflict: conflict with \"widctl\": .rules");
}

#[tokio::test]
async fn a_dry_run_shows_the_result_and_keeps_nothing() {
    let caller = applied(&json!({ "a": "1" })).await;
    let before = caller.get(ACCOUNT).await;
    let path = format!("{ACCOUNT}?fieldManager=widctl&dryRun=All");
    let mut request = caller.request(&Method::PATCH, &path, Some(&account(&json!({ "a": "2" }))));
    request.headers_mut().insert("content-type", "application/apply-patch+yaml".parse().unwrap());
    let shown = super::support::read(caller.send(request).await).await;
    assert_eq!(shown.body["metadata"]["annotations"]["a"], "2");
    assert_eq!(caller.get(ACCOUNT).await.body, before.body);
}

#[tokio::test]
async fn apply_needs_a_field_manager() {
    let (_world, caller) = world().await;
    let refused = caller.apply(ACCOUNT, "", false, &account(&json!({}))).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        refused.message(),
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
}
