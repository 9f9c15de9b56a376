//! What a workflow may set itself about its pods, and what is said of each.

use serde_json::{Value, json};

use super::USE;
use crate::cluster::admission::table::changed;

/// A workflow that sets something itself.
pub(super) struct Override {
    /// What it sets.
    pub(super) name: &'static str,
    /// The workflow's specification.
    pub(super) spec: Value,
    /// How the refusal of its pod ends; empty where the pod passes.
    pub(super) says: String,
}

/// A workflow with the account and the label of the profile.
pub(super) fn workflow() -> Value {
    json!({
        "entrypoint": "main",
        "serviceAccountName": "flows",
        "podMetadata": { "labels": { USE: "true" } },
        "templates": [{ "name": "main", "container": { "image": "example.com/none", "command": ["x"] } }],
    })
}

/// Every place where a workflow sets account, labels, variables or tokens of its pods.
pub(super) fn table(namespace: &str) -> Vec<Override> {
    let account = format!(
        "account default is not one that the profile gives namespace {namespace} on cluster weu: set spec.serviceAccountName to flows, worker"
    );
    let label = "metadata.labels has no azure.workload.identity/use: \"true\", without which pods of account flows get no token for its identity: add the label";
    let other = "container main sets AZURE_CLIENT_ID to something else than the annotations of account flows: remove it";
    let file = "container main sets AZURE_FEDERATED_TOKEN_FILE, which wins over what the workload identity webhook sets for account flows: remove it";
    let token = "volume own projects a token for Azure of account flows: remove it; the workload identity webhook mounts one in pods with the label azure.workload.identity/use: \"true\"";
    let binding = "metadata.annotations has azure.workload.identity/use-identity-binding, which asks for a token that Entra does not take: remove it";
    let variable = |name: &str, value: &str| json!([{ "name": name, "value": value }]);
    let unlabelled = json!({ "labels": { USE: "false" } });
    let audience =
        json!({ "serviceAccountToken": { "audience": "api://AzureADTokenExchange", "path": "t" } });
    let volume = json!([{ "name": "own", "projected": { "sources": [audience] } }]);
    let bound =
        json!({ "annotations": { "azure.workload.identity/use-identity-binding": "true" } });
    let main = json!({ "containers": [{
        "name": "main", "env": variable("AZURE_CLIENT_ID", "33333333-3333-3333-3333-333333333333"),
    }] });
    let patched = json!({ "serviceAccountName": "default" }).to_string();
    let of_workflow = |name, change: Value, says: &str| {
        let spec = changed(workflow(), &change);
        Override { name, spec, says: says.to_owned() }
    };
    let of_template = |name, change: Value, says: &str| {
        let mut spec = workflow();
        spec["templates"][0] = changed(spec["templates"][0].take(), &change);
        Override { name, spec, says: says.to_owned() }
    };
    vec![
        of_workflow("nothing", json!({}), ""),
        of_template("a label beside it", json!({ "metadata": { "labels": { "own": "x" } } }), ""),
        of_workflow("its account", json!({ "serviceAccountName": "default" }), &account),
        of_workflow("no account", json!({ "serviceAccountName": null }), &account),
        of_workflow("no labels", json!({ "podMetadata": null }), label),
        of_workflow("its label", json!({ "podMetadata": unlabelled }), label),
        of_workflow("its patch's account", json!({ "podSpecPatch": patched }), &account),
        of_workflow("its patch's variable", json!({ "podSpecPatch": main.to_string() }), other),
        of_workflow("its volume", json!({ "volumes": volume }), token),
        of_workflow("its annotation", json!({ "podMetadata": bound }), binding),
        of_template("a template's account", json!({ "serviceAccountName": "default" }), &account),
        of_template("a template's label", json!({ "metadata": unlabelled }), label),
        of_template("a template's annotation", json!({ "metadata": bound }), binding),
        of_template("a template's patch's account", json!({ "podSpecPatch": patched }), &account),
        of_template(
            "a template's patch's variable",
            json!({ "podSpecPatch": main.to_string() }),
            other,
        ),
        of_template(
            "a template's variable",
            json!({ "container": { "env": variable("AZURE_FEDERATED_TOKEN_FILE", "/t") } }),
            file,
        ),
        of_template("a template's volume", json!({ "volumes": volume }), token),
    ]
}

/// The pod of a workflow's one template, as the controller makes it: the template's account and labels win over the
/// workflow's, patches come last, the workflow's before the template's.
pub(super) fn pod_of(spec: &Value) -> Value {
    let template = &spec["templates"][0];
    let mut metadata = json!({ "generateName": "etl-" });
    for own in [&spec["podMetadata"], &template["metadata"]] {
        if own.is_object() {
            metadata = changed(metadata, own);
        }
    }
    let accounts = [template, spec].map(|of| of["serviceAccountName"].clone());
    let account = accounts.into_iter().find(|name| !name.is_null()).unwrap_or_default();
    let volumes = [spec, template].map(|of| of["volumes"].as_array().cloned().unwrap_or_default());
    let mut container = template["container"].clone();
    container["name"] = "main".into();
    let mut pod = json!({
        "restartPolicy": "Never", "serviceAccountName": account, "volumes": volumes.concat(),
        "containers": [container],
    });
    for patch in [spec, template].into_iter().filter_map(|of| of["podSpecPatch"].as_str()) {
        pod = patched(pod, serde_json::from_str(patch).unwrap());
    }
    json!({ "metadata": metadata, "spec": pod })
}

/// A strategic merge: containers are merged by their names.
/// <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md>
fn patched(mut pod: Value, mut patch: Value) -> Value {
    for change in patch["containers"].take().as_array().into_iter().flatten() {
        let containers = pod["containers"].as_array_mut().unwrap();
        let found = containers.iter_mut().find(|container| container["name"] == change["name"]);
        let found = found.unwrap();
        *found = changed(found.take(), change);
    }
    patch.as_object_mut().unwrap().remove("containers");
    changed(pod, &patch)
}
