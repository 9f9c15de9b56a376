//! What is refused: changes of a right pod, and what is said of each.

use serde_json::{Value, json};

use super::{FLOWS, TENANT, TOKEN_FILES, USE};

/// A merge patch: <https://datatracker.ietf.org/doc/html/rfc7386>.
pub(in crate::cluster) fn changed(mut object: Value, patch: &Value) -> Value {
    let Some(patch) = patch.as_object() else { return patch.clone() };
    if !object.is_object() {
        object = json!({});
    }
    let fields = object.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(name);
        } else {
            let old = fields.remove(name).unwrap_or_default();
            fields.insert(name.clone(), changed(old, value));
        }
    }
    object
}

/// A container that sets a variable.
pub(super) fn sets(list: &str, variable: &str, value: &Value) -> Value {
    let mut entry = json!({ "name": variable });
    let field = if value.is_object() { "valueFrom" } else { "value" };
    entry[field] = value.clone();
    let mut containers =
        vec![json!({ "name": "side", "image": "example.com/none", "env": [entry] })];
    if list == "containers" {
        containers.insert(0, json!({ "name": "main", "image": "example.com/none" }));
    }
    json!({ "spec": { list: containers } })
}

/// A volume with a token of the account.
pub(super) fn projects(volume: &str, audience: &str) -> Value {
    let token = json!({ "audience": audience, "path": "token" });
    json!({ "spec": { "volumes": [{
        "name": volume, "projected": { "sources": [{ "serviceAccountToken": token }] },
    }] } })
}

/// Something that is refused: what of a right pod of the account is changed, the sentence where a template is, and the
/// one where the pod itself is; empty where it passes.
pub(super) type Wrong = (&'static str, Value, String, String);

const CHOICE: &str = "asked, bare, eso, later, synced";
pub(super) const OVERRIDDEN: &str =
    ", which wins over what the workload identity webhook sets for account synced: remove it";
pub(super) const OTHERWISE: &str =
    " to something else than the annotations of account synced: remove it";
pub(super) const AUDIENCE: &str = "api://AzureADTokenExchange";

fn same(account: &'static str, change: Value, says: &str) -> Wrong {
    (account, change, says.to_owned(), says.to_owned())
}

/// Accounts that the profile does not give, however they are named.
pub(super) fn wrong_accounts(namespace: &str) -> Vec<Wrong> {
    let says = |name: &str| {
        format!(
            "account {name} is not one that the profile gives namespace {namespace} on cluster weu: set PLACEspec.serviceAccountName to {CHOICE}"
        )
    };
    let old = json!({ "spec": { "serviceAccountName": null, "serviceAccount": "stray" } });
    let none = json!({ "spec": { "serviceAccountName": null } });
    vec![
        same("stray", json!({}), &says("stray")),
        same("elsewhere", json!({}), &says("elsewhere")),
        same("loader", json!({}), &says("loader")),
        same("default", json!({}), &says("default")),
        same("synced", none, &says("default")),
        same("synced", old, &says("stray")),
    ]
}

/// Pods that the webhook would not see, or would see otherwise.
pub(super) fn wrong_labels() -> Vec<Wrong> {
    let says = "PLACEmetadata.labels has no azure.workload.identity/use: \"true\", without which pods of account synced get no token for its identity: add the label";
    let binding = "PLACEmetadata.annotations has azure.workload.identity/use-identity-binding, which asks for a token that Entra does not take: remove it";
    let label = |value: Value| json!({ "metadata": { "labels": { USE: value } } });
    let annotated =
        |name: &str, value: &str| json!({ "metadata": { "annotations": { name: value } } });
    let instead = changed(label(Value::Null), &annotated(USE, "true"));
    let opted = "azure.workload.identity/use-identity-binding";
    vec![
        same("synced", label(Value::Null), says),
        same("synced", label("false".into()), says),
        same("synced", label("True".into()), says),
        same("synced", label("".into()), says),
        same("synced", instead, says),
        same("synced", annotated(opted, "true"), binding),
        same("synced", annotated(opted, "True"), binding),
        same("bare", annotated(opted, "true"), binding),
    ]
}

/// Variables that win over the webhook's.
pub(super) fn wrong_variables() -> Vec<Wrong> {
    let wrong = |list: &str, name: &str, value: Value, pod: &str| -> Wrong {
        let says = format!("container side sets {name}");
        let pod = if pod.is_empty() { String::new() } else { format!("{says}{pod}") };
        ("synced", sets(list, name, &value), format!("{says}{OVERRIDDEN}"), pod)
    };
    let (all, first) = ("containers", "initContainers");
    let secret = json!({ "secretKeyRef": { "name": "x", "key": "x" } });
    let mut rows = vec![
        wrong(all, "AZURE_CLIENT_ID", "33333333-3333-3333-3333-333333333333".into(), OTHERWISE),
        wrong(all, "AZURE_CLIENT_ID", secret.clone(), OTHERWISE),
        wrong(all, "AZURE_CLIENT_ID", "".into(), OTHERWISE),
        wrong(first, "AZURE_CLIENT_ID", "x".into(), OTHERWISE),
        wrong(all, "AZURE_CLIENT_ID", FLOWS.into(), ""),
        wrong(all, "AZURE_TENANT_ID", "x".into(), OTHERWISE),
        wrong(first, "AZURE_TENANT_ID", secret.clone(), OTHERWISE),
        wrong(all, "AZURE_TENANT_ID", TENANT.into(), ""),
        wrong(all, "AZURE_FEDERATED_TOKEN_FILE", "/tmp/token".into(), OVERRIDDEN),
        wrong(all, "AZURE_FEDERATED_TOKEN_FILE", secret.clone(), OVERRIDDEN),
        wrong(first, "AZURE_AUTHORITY_HOST", "https://evil.example.com/".into(), OVERRIDDEN),
        wrong(all, "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/".into(), OVERRIDDEN),
        wrong(all, "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/".into(), ""),
    ];
    rows.extend(TOKEN_FILES.map(|file| wrong(all, "AZURE_FEDERATED_TOKEN_FILE", file.into(), "")));
    for name in ["AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_USERNAME"] {
        rows.push(wrong(all, name, "x".into(), OVERRIDDEN));
        rows.push(wrong(first, name, secret.clone(), OVERRIDDEN));
    }
    let bare = "container side sets AZURE_CLIENT_ID";
    rows.push((
        "bare",
        sets(all, "AZURE_CLIENT_ID", &FLOWS.into()),
        format!("{bare}{}", OVERRIDDEN.replace("synced", "bare")),
        format!("{bare} to something else than the annotations of account bare, which has no client id: remove it"),
    ));
    rows
}

/// Tokens for Azure that are not the webhook's.
pub(super) fn wrong_tokens() -> Vec<Wrong> {
    let says = |volume: &str, account: &str| {
        format!(
            "volume {volume} projects a token for Azure of account {account}: remove it; the workload identity webhook mounts one in pods with the label azure.workload.identity/use: \"true\""
        )
    };
    let unlabelled = json!({ "metadata": { "labels": { USE: null } } });
    let [old, new] = ["azure-identity-token", "azure-workload-identity-reserved-mine"];
    let mut rows = vec![
        same("synced", projects("own", "api://AKSIdentityBinding"), &says("own", "synced")),
        same("bare", projects("own", AUDIENCE), &says("own", "bare")),
    ];
    for name in ["own", old, new] {
        rows.push(same("synced", projects(name, AUDIENCE), &says(name, "synced")));
        let alone = changed(unlabelled.clone(), &projects(name, AUDIENCE));
        rows.push(if name == "own" || name == old {
            same("bare", alone, &says(name, "bare"))
        } else {
            same("asked", alone, &says(name, "asked"))
        });
    }
    rows
}
