//! Reviews: may the caller do this, and whose token is this.

use axum::http::Method;
use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;

use super::super::answer::Answer;
use super::super::jwt::Token;
use super::super::state::Cluster;
use super::super::state::Inner;
use super::Asked;
use super::authentication;
use super::fillable;
use super::status::KubernetesResult;
use super::status::Status;

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
        "tokenreviews" => token(inner, cluster, &body["spec"]),
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

/// A token is the cluster's own if a key of the cluster signed it, it is in time, the account still
/// stands, and an audience fits.
fn token(inner: &Inner, cluster: &Cluster, spec: &Value) -> Value {
    let refused = |why: &str| json!({ "user": {}, "error": why });
    let text = spec["token"].as_str().unwrap_or_default();
    let own = Token::parse(text).filter(|token| {
        token.is_signed_by(&cluster.shown_keys()) && token.text("iss") == Some(&cluster.issuer)
    });
    let Some(token) = own else {
        return refused("invalid bearer token");
    };
    if !token.is_valid_at(inner.clock.now().as_second()) {
        return refused("[invalid bearer token, service account token has expired]");
    }
    let wanted: Vec<&str> = match spec["audiences"].as_array() {
        Some(audiences) => audiences.iter().filter_map(Value::as_str).collect(),
        None => vec![&cluster.issuer],
    };
    let shared: Vec<&str> = token
        .audiences()
        .into_iter()
        .filter(|audience| wanted.contains(audience))
        .collect();
    if shared.is_empty() {
        return refused("[invalid bearer token, token audiences do not match]");
    }
    let bound = &token.claims()["kubernetes.io"];
    let namespace = bound["namespace"].as_str().unwrap_or_default();
    let account = &bound["serviceaccount"];
    let path = format!(
        "/serviceaccounts/{namespace}/{}",
        account["name"].as_str().unwrap_or_default()
    );
    let stands = cluster
        .objects
        .get(&path)
        .is_some_and(|o| o["metadata"]["uid"] == account["uid"]);
    if !stands {
        return refused("[invalid bearer token, service account has been deleted]");
    }
    json!({
        "authenticated": true,
        "user": {
            "username": token.text("sub"),
            "uid": account["uid"],
            "groups": [
                "system:serviceaccounts", format!("system:serviceaccounts:{namespace}"),
                "system:authenticated",
            ],
        },
        "audiences": shared,
    })
}
