//! What stands in a new cluster: the usual namespaces and a healthy identity webhook.

use serde_json::Value;
use serde_json::json;

use super::super::state::Inner;
use super::super::state::id_of;
use super::object;

const SYSTEM_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Fills a new cluster. The webhook stands in `kube-system` on AKS, where the add-on puts it, and
/// in `azure-workload-identity-system` elsewhere, where its chart does
/// (<https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>).
pub(in crate::sandbox) fn cluster(inner: &mut Inner, key: &str) {
    for name in SYSTEM_NAMESPACES {
        namespace(inner, key, name);
    }
    let is_aks = inner
        .state
        .clusters
        .get(key)
        .is_some_and(|c| c.arm_path.is_some());
    let place = if is_aks {
        "kube-system"
    } else {
        "azure-workload-identity-system"
    };
    namespace(inner, key, place);
    let tenant = inner.state.tenant.clone();
    let labels = json!({
        "app": "workload-identity-webhook", "azure-workload-identity.io/system": "true",
    });
    let name = "azure-wi-webhook-controller-manager";
    add(
        inner,
        key,
        &format!("apps/deployments/{place}/{name}"),
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name, "namespace": place, "labels": labels },
            "spec": { "replicas": 2 },
            "status": { "replicas": 2, "readyReplicas": 2, "availableReplicas": 2, "updatedReplicas": 2 },
        }),
    );
    let name = "azure-wi-webhook-config";
    add(
        inner,
        key,
        &format!("/configmaps/{place}/{name}"),
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": place, "labels": labels },
            "data": { "AZURE_ENVIRONMENT": "AzurePublicCloud", "AZURE_TENANT_ID": tenant },
        }),
    );
    let name = "azure-wi-webhook-webhook-service";
    add(
        inner,
        key,
        &format!("/services/{place}/{name}"),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": name, "namespace": place, "labels": labels },
            "spec": { "ports": [{ "port": 443, "targetPort": 9443 }], "selector": labels },
        }),
    );
    service_account(inner, key, place, "azure-wi-webhook-admin");
    webhook(inner, key, place, &labels);
}

fn webhook(inner: &mut Inner, key: &str, place: &str, labels: &Value) {
    let name = "azure-wi-webhook-mutating-webhook-configuration";
    let service = json!({
        "namespace": place, "name": "azure-wi-webhook-webhook-service", "path": "/mutate-v1-pod",
        "port": 443,
    });
    let path = format!("admissionregistration.k8s.io/mutatingwebhookconfigurations//{name}");
    add(
        inner,
        key,
        &path,
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": { "name": name, "labels": labels },
            "webhooks": [{
                "name": "mutation.azure-workload-identity.io",
                "admissionReviewVersions": ["v1", "v1beta1"],
                "clientConfig": { "caBundle": "c2FuZGJveA==", "service": service },
                "failurePolicy": "Fail",
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": { "matchLabels": { "azure.workload.identity/use": "true" } },
                "reinvocationPolicy": "IfNeeded",
                "rules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                    "resources": ["pods"], "scope": "*",
                }],
                "sideEffects": "None",
                "timeoutSeconds": 10,
            }],
        }),
    );
}

/// Adds a namespace with its default account; false if it is there or there is no such cluster.
pub(in crate::sandbox) fn namespace(inner: &mut Inner, cluster: &str, name: &str) -> bool {
    let added = add(
        inner,
        cluster,
        &format!("/namespaces//{name}"),
        json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": { "name": name, "labels": { "kubernetes.io/metadata.name": name } },
            "spec": { "finalizers": ["kubernetes"] },
            "status": { "phase": "Active" },
        }),
    );
    if added {
        service_account(inner, cluster, name, "default");
    }
    added
}

/// Adds a service account; false if it is there or there is no such cluster.
pub(in crate::sandbox) fn service_account(
    inner: &mut Inner,
    cluster: &str,
    namespace: &str,
    name: &str,
) -> bool {
    add(
        inner,
        cluster,
        &format!("/serviceaccounts/{namespace}/{name}"),
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": name, "namespace": namespace },
        }),
    )
}

fn add(inner: &mut Inner, cluster: &str, path: &str, mut object: Value) -> bool {
    let Some(found) = inner.state.clusters.get(cluster) else {
        return false;
    };
    if found.objects.contains_key(path) {
        return false;
    }
    let uid = id_of(&format!("object/{cluster}/{path}/{}", found.revision)).to_string();
    object["metadata"]["uid"] = Value::from(uid);
    object["metadata"]["creationTimestamp"] = Value::from(inner.clock.now_text());
    object::keep(inner, cluster, path, &mut object);
    true
}
