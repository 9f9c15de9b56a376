//! Callers who may not do everything.

use k8s_openapi::api::authorization::v1::SelfSubjectAccessReview;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use widctl::sandbox::{Denied, Faults, World};

use super::cluster_wide::{make, remove};
use super::control_plane::ControlPlane;
use super::site::{Site, connect};

/// All verbs that an account's owner needs.
pub(super) const VERBS: [&str; 7] = ["create", "delete", "get", "list", "patch", "update", "watch"];

/// Denies a verb on a resource in the sandbox.
pub(crate) fn deny(world: &World, verb: &str, resource: &str) {
    world.set_faults(Faults {
        denied: vec![Denied {
            verb: Some(verb.into()),
            resource: Some(resource.into()),
            ..Denied::default()
        }],
        ..Faults::default()
    });
}

/// Grants the restricted user these rules in the site's namespace; the first one is in force on return.
pub(super) async fn allow(site: &Site, plane: &ControlPlane, granted: &Value) {
    let client = site.cluster.client();
    let rights = json!({ "metadata": { "name": "restricted" }, "rules": granted });
    let rights: Role = serde_json::from_value(rights).unwrap();
    let roles: Api<Role> = Api::namespaced(client.clone(), &site.namespace);
    roles.create(&PostParams::default(), &rights).await.unwrap();
    let binding = json!({
        "metadata": { "name": "restricted" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "restricted" },
        "subjects": [{
            "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": plane.restricted_user,
        }],
    });
    let binding: RoleBinding = serde_json::from_value(binding).unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(client.clone(), &site.namespace);
    let options = PostParams::default();
    let made = bindings.create(&options, &binding);
    made.await.unwrap();
    let restricted = connect(&plane.restricted_kubeconfig, &site.kept).await;
    let first = json!({ "spec": { "resourceAttributes": {
        "namespace": site.namespace,
        "verb": granted[0]["verbs"][0],
        "group": granted[0]["apiGroups"][0],
        "resource": granted[0]["resources"][0],
    } } });
    let first: SelfSubjectAccessReview = serde_json::from_value(first).unwrap();
    let reviews: Api<SelfSubjectAccessReview> = Api::all(restricted.client().clone());
    let is_allowed = async || {
        let review = reviews.create(&PostParams::default(), &first).await;
        review.unwrap().status.unwrap().allowed
    };
    site.until(is_allowed).await;
}

/// Grants a user the rights that the README's table of Kubernetes verbs names, for a team whose workloads
/// have no more rules than the preset of Prefect's worker, and those rules.
pub(super) async fn allow_as_documented(site: &Site, user: &str) {
    let client = site.cluster.client();
    let rights = json!({
        "metadata": { "name": site.namespace },
        "rules": [
            {
                "apiGroups": ["", "rbac.authorization.k8s.io"],
                "resources": ["namespaces", "serviceaccounts", "roles", "rolebindings"],
                "verbs": ["get", "list"],
            },
            {
                "apiGroups": ["admissionregistration.k8s.io"],
                "resources": ["mutatingwebhookconfigurations"], "verbs": ["get"],
            },
            { "nonResourceURLs": ["/.well-known/openid-configuration"], "verbs": ["get"] },
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "create", "patch"] },
            {
                "apiGroups": ["", "rbac.authorization.k8s.io"],
                "resources": ["serviceaccounts", "roles", "rolebindings"],
                "verbs": ["get", "create", "patch", "delete"],
            },
            {
                "apiGroups": [""], "resources": ["events", "pods", "pods/log", "pods/status"],
                "verbs": ["get", "list", "watch"],
            },
            {
                "apiGroups": ["batch"], "resources": ["jobs"],
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            },
        ],
    });
    make::<ClusterRole>(client, rights).await;
    let binding = json!({
        "metadata": { "name": site.namespace },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": site.namespace,
        },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    });
    make::<ClusterRoleBinding>(client, binding).await;
}

/// Takes them back.
pub(super) async fn disallow(site: &Site) {
    let client = site.cluster.client();
    remove::<ClusterRoleBinding>(client, &site.namespace).await;
    remove::<ClusterRole>(client, &site.namespace).await;
}

/// Grants the restricted user everything on what widctl writes, but one verb on one resource.
pub(super) async fn allow_but(site: &Site, plane: &ControlPlane, verb: &str, resource: &str) {
    let rest: Vec<&str> = VERBS.into_iter().filter(|&other| other != verb).collect();
    let rules: Vec<Value> = [
        ("", "serviceaccounts"),
        ("rbac.authorization.k8s.io", "roles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
    ]
    .into_iter()
    .map(|(group, plural)| {
        let verbs = if plural == resource { &rest[..] } else { &VERBS };
        json!({ "apiGroups": [group], "resources": [plural], "verbs": verbs })
    })
    .collect();
    allow(site, plane, &Value::from(rules)).await;
}
