//! Pods and workloads of the sandbox's clusters, which nothing runs, and what the identity webhook adds to them
//! beyond what the cluster contract says of it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::support::world;

const CLUSTER: &str = "/clusters/weu";
const PODS: &str = "/clusters/weu/api/v1/namespaces/data-eng/pods";
const CONFIGURATION: &str = "/clusters/weu/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azure-wi-webhook-mutating-webhook-configuration";

/// A pod that asks for an identity.
fn pod(spec: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "runner", "labels": { "azure.workload.identity/use": "true" } },
        "spec": spec,
    })
}

#[tokio::test]
async fn a_dry_run_of_a_pod_shows_what_the_webhook_would_give_it() {
    let (world, caller) = world().await;
    let spec = json!({ "containers": [{ "name": "main" }] });
    let made = caller.post(&format!("{PODS}?dryRun=All"), &pod(&spec)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let volume = made.body["spec"]["volumes"][0]["name"].clone();
    let file = "/var/run/secrets/azure/wi/token/azure-identity-token";
    assert_eq!(
        made.body["spec"],
        json!({
            "containers": [{
                "name": "main",
                "env": [
                    { "name": "AZURE_TENANT_ID", "value": world.tenant() },
                    { "name": "AZURE_FEDERATED_TOKEN_FILE", "value": file },
                    { "name": "AZURE_AUTHORITY_HOST", "value": "https://login.microsoftonline.com/" },
                ],
                "volumeMounts": [
                    { "name": volume, "readOnly": true, "mountPath": "/var/run/secrets/azure/wi" },
                ],
            }],
            "serviceAccountName": "default",
            "volumes": [{ "name": volume, "projected": { "sources": [{ "serviceAccountToken": {
                "audience": "api://AzureADTokenExchange", "expirationSeconds": 3600,
                "path": "token/azure-identity-token",
            }}]}}],
        })
    );
    assert_eq!(volume.as_str().unwrap().len(), 63);
    let list = caller.get(PODS).await;
    assert_eq!(list.body["items"], json!([]));
}

#[tokio::test]
async fn a_proxy_sidecar_is_told_of_and_not_injected() {
    let (_world, caller) = world().await;
    let mut pod = pod(&json!({ "containers": [{ "name": "main" }] }));
    pod["metadata"]["annotations"] =
        json!({ "azure.workload.identity/inject-proxy-sidecar": "true" });
    let made = caller.post(PODS, &pod).await;
    assert_eq!(
        made.header("warning"),
        Some(
            r#"299 - "the sandbox injects no proxy sidecar: azure.workload.identity/inject-proxy-sidecar does nothing here""#
        )
    );
    assert_eq!(made.body["spec"]["containers"].as_array().unwrap().len(), 1);
    assert!(made.body["spec"]["initContainers"].is_null());
}

#[tokio::test]
async fn a_cluster_without_the_webhook_gives_its_pods_nothing() {
    let (_world, caller) = world().await;
    assert_eq!(caller.delete(CONFIGURATION).await.status, StatusCode::OK);
    let spec = json!({ "containers": [{ "name": "main" }] });
    let made = caller.post(PODS, &pod(&spec)).await;
    assert_eq!(made.body["spec"]["containers"], spec["containers"]);
    assert!(made.body["spec"]["volumes"].is_null());
}

#[tokio::test]
async fn a_pod_of_a_strange_shape_harms_nobody() {
    let (_world, caller) = world().await;
    for spec in [
        json!({}),
        json!({ "serviceAccountName": 1, "containers": 1, "volumes": "x" }),
        json!({ "containers": ["x", 1, { "name": [], "env": {}, "volumeMounts": 1 }, null] }),
        json!({ "initContainers": [[]], "volumes": [1] }),
    ] {
        let made = caller.post(&format!("{PODS}?dryRun=All"), &pod(&spec)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{spec}");
    }
    let refused = caller.post(PODS, &pod(&json!([]))).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn workloads_are_documents() {
    let (_world, caller) = world().await;
    for (group, plural, kind) in [
        ("api/v1", "pods", "Pod"),
        ("apis/batch/v1", "jobs", "Job"),
        ("apis/batch/v1", "cronjobs", "CronJob"),
        ("apis/apps/v1", "deployments", "Deployment"),
        ("apis/apps/v1", "statefulsets", "StatefulSet"),
        ("apis/apps/v1", "daemonsets", "DaemonSet"),
        ("apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
    ] {
        let list = format!("{CLUSTER}/{group}/namespaces/data-eng/{plural}");
        let version = group.split_once('/').unwrap().1;
        let mut object = json!({
            "apiVersion": version, "kind": kind,
            "metadata": { "name": "one", "labels": { "team": "data" } },
        });
        if kind == "EndpointSlice" {
            object["addressType"] = json!("IPv4");
        } else {
            object["spec"] = json!({ "template": { "spec": { "containers": [] } } });
        }
        let made = caller.post(&list, &object).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let one = format!("{list}/one");
        let found = caller.get(&one).await.body;
        assert_eq!(found, made.body);
        let listed = caller.get(&format!("{list}?labelSelector=team=data")).await;
        assert_eq!(listed.body["kind"], format!("{kind}List"));
        assert_eq!(listed.body["items"][0]["metadata"], found["metadata"]);
        assert_eq!(caller.delete(&one).await.status, StatusCode::OK);
        assert_eq!(caller.get(&one).await.status, StatusCode::NOT_FOUND);
    }
}
