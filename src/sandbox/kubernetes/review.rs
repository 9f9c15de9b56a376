//! Reviews: may the caller do this, and whose token is this.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::state::{Cluster, Inner};
use super::status::{KubernetesResult, Status};
use super::{Asked, authentication, fillable, token};

/// The API groups that have reviews alone.
pub(super) const GROUPS: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];

/// Answers a review with its status filled in.
pub(super) fn create(inner: &Inner, asked: &Asked<'_>, review: &str) -> KubernetesResult {
    if asked.call.method != Method::POST {
        return Err(Status::method());
    }
    let Some(cluster) = inner.state.clusters.get(asked.cluster) else {
        return Err(Status::no_resource());
    };
    let mut body = fillable(asked.body()?)?;
    let status = match review {
        "selfsubjectaccessreviews" => access(inner, asked, &body["spec"]),
        "tokenreviews" => reviewed(inner, cluster, &body["spec"]),
        _ => return Err(Status::no_resource()),
    };
    body["metadata"] = json!({ "creationTimestamp": asked.now });
    body["status"] = status;
    Ok(Answer::json(StatusCode::CREATED, body))
}

fn access(inner: &Inner, asked: &Asked<'_>, spec: &Value) -> Value {
    let attributes = &spec["resourceAttributes"];
    let text = |name: &str| attributes[name].as_str().unwrap_or_default();
    let resource = match text("subresource") {
        "" => text("resource").to_owned(),
        part => format!("{}/{part}", text("resource")),
    };
    let what = [text("verb"), resource.as_str(), text("namespace")];
    // Who may not in one namespace, may not in all.
    let in_all = text("namespace").is_empty() && text("resource") != "namespaces";
    if authentication::is_denied(inner, asked.cluster, what, in_all) {
        return json!({ "allowed": false });
    }
    json!({ "allowed": true, "reason": "the sandbox allows what its faults do not deny" })
}

/// Whose token it is, if it is one that the cluster takes for one of the audiences
/// (<https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/>).
fn reviewed(inner: &Inner, cluster: &Cluster, spec: &Value) -> Value {
    let text = spec["token"].as_str().unwrap_or_default();
    let audiences = spec["audiences"].as_array().filter(|audiences| !audiences.is_empty());
    let wanted: Vec<&str> = match audiences {
        Some(audiences) => audiences.iter().filter_map(Value::as_str).collect(),
        None => vec![&cluster.issuer],
    };
    let now = inner.clock.now().as_second();
    let (token, audiences) = match token::accept(cluster, text, &wanted, now) {
        Ok(accepted) => accepted,
        Err(why) => return json!({ "user": {}, "error": why }),
    };
    let bound = &token.claims()["kubernetes.io"];
    let namespace = bound["namespace"].as_str().unwrap_or_default();
    let mut extra = json!({});
    for (name, field) in [("pod-name", "name"), ("pod-uid", "uid")] {
        if !bound["pod"].is_null() {
            extra[format!("authentication.kubernetes.io/{name}")] = json!([bound["pod"][field]]);
        }
    }
    json!({
        "authenticated": true,
        "user": {
            "username": token.text("sub"),
            "uid": bound["serviceaccount"]["uid"],
            "groups": [
                "system:serviceaccounts", format!("system:serviceaccounts:{namespace}"),
                "system:authenticated",
            ],
            "extra": extra,
        },
        "audiences": audiences,
    })
}
