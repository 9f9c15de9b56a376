//! `TokenRequest`: a service account token signed by the cluster
//! (<https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>).

use axum::http::Method;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::super::answer::Answer;
use super::super::jwt;
use super::super::state::Inner;
use super::Asked;
use super::fillable;
use super::object;
use super::status::KubernetesResult;
use super::status::Status;
use super::target::Target;

/// The longest lifetime that AKS gives, in seconds.
const LONGEST: i64 = 86_400;
/// The shortest lifetime that the API server takes, in seconds.
const SHORTEST: i64 = 600;

/// Issues a token for a service account.
pub(super) fn request(
    inner: &mut Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
) -> KubernetesResult {
    if asked.call.method != Method::POST {
        return Err(Status::method());
    }
    let (namespace, name) = (
        target.namespace.unwrap_or_default(),
        target.name.unwrap_or_default(),
    );
    let mut body = fillable(asked.body()?)?;
    let path = target.row.path(Some(namespace), Some(name));
    let Some(account) = object::find(inner, asked.cluster, &path) else {
        return Err(Status::not_found(target.row, name));
    };
    let account_uid = account["metadata"]["uid"].clone();
    let lifetime = body["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
    if lifetime < SHORTEST {
        let why =
            format!("Invalid value: {lifetime}: may not specify a duration less than 10 minutes");
        let fault = ("spec.expirationSeconds".to_owned(), why);
        let kind = ("authentication.k8s.io", "TokenRequest");
        return Err(Status::invalid_fields(kind, "", &[fault]));
    }
    let lifetime = lifetime.min(LONGEST);
    let token_id = inner.fresh_id().to_string();
    let now = inner.clock.now().as_second();
    let Some(cluster) = inner.state.clusters.get(asked.cluster) else {
        return Err(Status::no_resource());
    };
    let asked_for = body["spec"]["audiences"]
        .as_array()
        .filter(|list| !list.is_empty());
    let audiences = asked_for
        .cloned()
        .unwrap_or_else(|| vec![Value::from(cluster.issuer.as_str())]);
    let claims = json!({
        "aud": audiences,
        "exp": now + lifetime,
        "iat": now,
        "iss": cluster.issuer,
        "jti": token_id,
        "kubernetes.io": {
            "namespace": namespace,
            "serviceaccount": { "name": name, "uid": account_uid },
        },
        "nbf": now,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    let expires = Timestamp::from_second(now + lifetime).unwrap_or(Timestamp::MAX);
    body["kind"] = Value::from("TokenRequest");
    body["apiVersion"] = Value::from("authentication.k8s.io/v1");
    body["metadata"] = json!({
        "name": name, "namespace": namespace, "uid": account_uid, "creationTimestamp": asked.now,
    });
    body["spec"]["audiences"] = Value::Array(audiences);
    body["spec"]["expirationSeconds"] = Value::from(lifetime);
    body["status"] = json!({
        "token": jwt::sign(cluster.signing_key(), &claims),
        "expirationTimestamp": expires.to_string(),
    });
    Ok(Answer::json(StatusCode::CREATED, body))
}
