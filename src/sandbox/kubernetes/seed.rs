//! What stands in a new cluster: the usual namespaces and a healthy identity webhook.

use serde_json::{Value, json};

use super::super::state::{Inner, id_of};
use super::{object, webhook};

const SYSTEM_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Fills a new cluster. The webhook stands in `kube-system` on AKS, where the add-on puts it, and
/// in `azure-workload-identity-system` elsewhere, where its chart does
/// (<https://azure.github.io/azure-workload-identity/docs/installation/mutating-admission-webhook.html>).
pub(in crate::sandbox) fn cluster(inner: &mut Inner, key: &str) {
    for name in SYSTEM_NAMESPACES {
        namespace(inner, key, name);
    }
    let is_aks = inner.state.clusters.get(key).is_some_and(|c| c.arm_path.is_some());
    let place = if is_aks { "kube-system" } else { "azure-workload-identity-system" };
    namespace(inner, key, place);
    service_account(inner, key, place, "azure-wi-webhook-admin");
    let labels = json!({
        "app": "workload-identity-webhook", "azure-workload-identity.io/system": "true",
    });
    for (kind, object) in running(place, &labels, &inner.state.tenant) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let path = format!("{kind}/{place}/{name}");
        add(inner, key, &path, object);
    }
    let (name, object) = (CONFIGURATION, configuration(place, &labels));
    add(inner, key, &format!("{}{name}", webhook::CONFIGURATIONS), object);
    cluster_roles(inner, key);
}

/// Of the roles that every API server makes for itself, and their bindings, those that differ in what they mean for
/// tokens of accounts, with the rules that count for it. `admin`, `edit` and `view` are bound to nobody
/// (<https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>).
fn cluster_roles(inner: &mut Inner, key: &str) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| json!({ "apiGroups": [group], "resources": resources, "verbs": verbs });
    let tokens = rule("", &["serviceaccounts/token"], &["create"]);
    let reads = rule("", &["pods", "serviceaccounts", "services"], &["get", "list", "watch"]);
    for (name, rules) in [
        ("cluster-admin", json!([rule("*", &["*"], &["*"])])),
        ("admin", json!([reads, tokens])),
        ("edit", json!([reads, tokens])),
        ("view", json!([reads])),
        ("system:kube-controller-manager", json!([tokens])),
        ("system:node", json!([tokens])),
    ] {
        let metadata = json!({ "name": name });
        let object = json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": metadata, "rules": rules });
        add(inner, key, &format!("{GROUP}/clusterroles//{name}"), object);
    }
    for (role, kind, subject) in [
        ("cluster-admin", "Group", "system:masters"),
        ("system:kube-controller-manager", "User", "system:kube-controller-manager"),
    ] {
        let object = json!({
            "apiVersion": format!("{GROUP}/v1"),
            "kind": "ClusterRoleBinding",
            "metadata": { "name": role },
            "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": role },
            "subjects": [{ "apiGroup": GROUP, "kind": kind, "name": subject }],
        });
        add(inner, key, &format!("{GROUP}/clusterrolebindings//{role}"), object);
    }
}

const CONFIGURATION: &str = "azure-wi-webhook-mutating-webhook-configuration";
const SERVICE: &str = "azure-wi-webhook-webhook-service";

/// What runs the webhook, each with the kind's part of its path.
fn running(place: &str, labels: &Value, tenant: &str) -> [(&'static str, Value); 4] {
    let metadata = |name: &str| json!({ "name": name, "namespace": place, "labels": labels });
    let deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata("azure-wi-webhook-controller-manager"),
        "spec": { "replicas": 2 },
        "status": { "replicas": 2, "readyReplicas": 2, "availableReplicas": 2, "updatedReplicas": 2 },
    });
    let settings = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata("azure-wi-webhook-config"),
        "data": { "AZURE_ENVIRONMENT": "AzurePublicCloud", "AZURE_TENANT_ID": tenant },
    });
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(SERVICE),
        "spec": { "ports": [{ "port": 443, "targetPort": 9443 }], "selector": labels },
    });
    let mut endpoints = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata("azure-wi-webhook-webhook-service-1"),
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.0.0.1", "10.0.0.2"], "conditions": { "ready": true } }],
        "ports": [{ "port": 9443, "protocol": "TCP" }],
    });
    endpoints["metadata"]["labels"]["kubernetes.io/service-name"] = Value::from(SERVICE);
    [
        ("apps/deployments", deployment),
        ("/configmaps", settings),
        ("/services", service),
        ("discovery.k8s.io/endpointslices", endpoints),
    ]
}

fn configuration(place: &str, labels: &Value) -> Value {
    let service =
        json!({ "namespace": place, "name": SERVICE, "path": "/mutate-v1-pod", "port": 443 });
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": CONFIGURATION, "labels": labels },
        "webhooks": [{
            "name": webhook::NAME,
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
    })
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
