//! Service account tokens signed by the cluster: `TokenRequest`, and what a cluster takes for its own
//! (<https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>).

use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::jwt;
use super::super::jwt::Token;
use super::super::state::{Cluster, Inner};
use super::status::{KubernetesResult, Status};
use super::target::Target;
use super::{Asked, fillable, kinds, object};

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
    let (namespace, name) = (target.namespace.unwrap_or_default(), target.name.unwrap_or_default());
    let mut body = fillable(asked.body()?)?;
    let path = target.row.path(Some(namespace), Some(name));
    let Some(account) = object::find(inner, asked.cluster, &path) else {
        return Err(Status::not_found(target.row, name));
    };
    let account_uid = account["metadata"]["uid"].clone();
    let lifetime = lifetime(&body["spec"])?;
    let pod = bound_pod(inner, asked, target, &body["spec"]["boundObjectRef"])?;
    let token_id = inner.fresh_id().to_string();
    let now = inner.clock.now().as_second();
    let Some(cluster) = inner.state.clusters.get(asked.cluster) else {
        return Err(Status::no_resource());
    };
    let asked_for = body["spec"]["audiences"].as_array().filter(|list| !list.is_empty());
    let audiences =
        asked_for.cloned().unwrap_or_else(|| vec![Value::from(cluster.issuer.as_str())]);
    let mut bound = json!({
        "namespace": namespace, "serviceaccount": { "name": name, "uid": account_uid },
    });
    if let Some(pod) = pod {
        bound["pod"] = pod;
    }
    let claims = json!({
        "aud": audiences,
        "exp": now + lifetime,
        "iat": now,
        "iss": cluster.issuer,
        "jti": token_id,
        "kubernetes.io": bound,
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

/// How long the token lasts, in seconds.
fn lifetime(spec: &Value) -> Result<i64, Status> {
    let seconds = spec["expirationSeconds"].as_i64().unwrap_or(3600);
    if seconds >= SHORTEST {
        return Ok(seconds.min(LONGEST));
    }
    let why = format!("Invalid value: {seconds}: may not specify a duration less than 10 minutes");
    let fault = ("spec.expirationSeconds".to_owned(), why);
    let kind = ("authentication.k8s.io", "TokenRequest");
    Err(Status::invalid_fields(kind, "", &[fault]))
}

/// The name and uid of the pod that a token is bound to, if it is: one that is there and runs as the account.
fn bound_pod(
    inner: &Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
    reference: &Value,
) -> Result<Option<Value>, Status> {
    if reference.is_null() {
        return Ok(None);
    }
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let row = kinds::find("", text("apiVersion"), "pods").filter(|row| row.kind == text("kind"));
    let Some(row) = row else {
        let message = format!(
            "cannot bind a token to {} {}: the sandbox binds them to pods of v1 alone",
            text("apiVersion"),
            text("kind")
        );
        return Err(Status::bad_request(message));
    };
    let (name, path) = (text("name"), row.path(target.namespace, Some(text("name"))));
    let Some(pod) = object::find(inner, asked.cluster, &path) else {
        return Err(Status::not_found(row, name));
    };
    let account = target.name.unwrap_or_default();
    if pod["spec"]["serviceAccountName"] != account {
        let message = format!("cannot bind a token of \"{account}\" to a pod of another account");
        return Err(Status::bad_request(message));
    }
    let uid = &pod["metadata"]["uid"];
    if !text("uid").is_empty() && *uid != text("uid") {
        let why = "the UID in the bound object reference is not that of the pod";
        return Err(Status::conflict(row, name, why));
    }
    Ok(Some(json!({ "name": name, "uid": uid })))
}

/// A token that a cluster takes for its own and the audiences of it that were wanted, or why it does not: a key of
/// the cluster signed it, it is in time, an audience fits, and the account and the pod that it is bound to are there.
pub(super) fn accept(
    cluster: &Cluster,
    text: &str,
    wanted: &[&str],
    now: i64,
) -> Result<(Token, Vec<String>), &'static str> {
    let token = Token::parse(text).filter(|token| {
        token.is_signed_by(&cluster.shown_keys()) && token.text("iss") == Some(&cluster.issuer)
    });
    let token = token.ok_or("invalid bearer token")?;
    if !token.is_valid_at(now) {
        return Err("[invalid bearer token, service account token has expired]");
    }
    let shared = token.audiences().into_iter();
    let shared = shared.filter(|audience| wanted.contains(audience));
    let shared: Vec<String> = shared.map(str::to_owned).collect();
    if shared.is_empty() {
        return Err("[invalid bearer token, token audiences do not match]");
    }
    let bound = &token.claims()["kubernetes.io"];
    let namespace = bound["namespace"].as_str().unwrap_or_default();
    let is_there = |plural: &str, named: &Value| {
        let name = named["name"].as_str().unwrap_or_default();
        let found = cluster.objects.get(&format!("/{plural}/{namespace}/{name}"));
        found.is_some_and(|object| object["metadata"]["uid"] == named["uid"])
    };
    if !is_there("serviceaccounts", &bound["serviceaccount"]) {
        return Err("[invalid bearer token, service account has been deleted]");
    }
    if !bound["pod"].is_null() && !is_there("pods", &bound["pod"]) {
        return Err("[invalid bearer token, service account token has been invalidated]");
    }
    Ok((token, shared))
}
