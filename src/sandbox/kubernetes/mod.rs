//! The Kubernetes API of each cluster: what the commands and `kubectl` need of it.

mod authentication;
mod check;
mod discovery;
mod fields;
mod kinds;
pub(super) mod kubeconfig;
mod list;
mod names;
mod object;
mod openapi;
mod ownership;
mod patch;
mod protobuf;
mod review;
pub(super) mod seed;
mod status;
mod table;
mod target;
mod token;
mod webhook;

use std::cell::RefCell;

use axum::http::{Method, StatusCode, header};
use serde_json::{Value, json};

use self::status::{KubernetesResult, Status};
use self::target::Target;
use super::answer::Answer;
use super::call::Call;
use super::oidc;
use super::state::Inner;

/// The version of Kubernetes that clusters say they are, without the `v`.
pub(super) const VERSION: &str = "1.36.3";

/// One request to a cluster whose caller is known.
struct Asked<'a> {
    call: &'a Call,
    /// The cluster's key.
    cluster: &'a str,
    /// The caller's name.
    user: &'a str,
    /// The time, as objects carry it.
    now: &'a str,
    /// What the caller is told beside the answer.
    warnings: RefCell<Vec<String>>,
}

impl Asked<'_> {
    /// Who writes: the field manager named in the query, else the start of the user agent.
    fn manager(&self) -> String {
        let named = self.call.parameter("fieldManager").filter(|name| !name.is_empty());
        let agent = self.call.header(&header::USER_AGENT).unwrap_or("unknown");
        named.unwrap_or_else(|| agent.split('/').next().unwrap_or(agent)).to_owned()
    }

    /// Tells the caller something beside the answer.
    fn warn(&self, text: String) {
        self.warnings.borrow_mut().push(text);
    }

    /// Whether nothing is to be kept.
    fn is_dry_run(&self) -> Result<bool, Status> {
        match self.call.parameter("dryRun") {
            None | Some("") => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(Status::bad_request(format!(
                "Invalid value: \"{other}\": dryRun takes only All"
            ))),
        }
    }

    /// What the body is, as `application/merge-patch+json`.
    fn content_type(&self) -> &str {
        let sent = self.call.header(&header::CONTENT_TYPE).unwrap_or_default();
        sent.split(';').next().unwrap_or_default().trim()
    }

    /// Whether a part of an object is applied on the server.
    fn is_apply(&self) -> bool {
        self.content_type() == patch::APPLY
    }

    fn body(&self) -> Result<Value, Status> {
        if self.content_type() == protobuf::MEDIA_TYPE {
            return protobuf::read(&self.call.body).ok_or_else(Status::media_type);
        }
        let body = self.call.json();
        body.map_err(|error| Status::bad_request(format!("the body is not JSON: {error}")))
    }
}

/// A body that is an object with a spec, or nothing; so that both can be filled in.
fn fillable(body: Value) -> Result<Value, Status> {
    let is_fillable = |value: &Value| value.is_null() || value.is_object();
    if is_fillable(&body) && is_fillable(&body["spec"]) {
        return Ok(body);
    }
    Err(Status::bad_request("the body is not an object with a spec"))
}

/// Answers one request to a cluster.
pub(super) fn answer(inner: &mut Inner, call: &Call) -> Answer {
    let answer = route(inner, call).unwrap_or_else(Answer::from);
    table::as_asked(answer, call, inner.clock.now())
}

fn route(inner: &mut Inner, call: &Call) -> KubernetesResult {
    let key = call.segments[1].as_str();
    let Some(cluster) = inner.state.clusters.get(key) else {
        return Err(Status::no_resource());
    };
    let user = authentication::check(inner, cluster, call)?;
    let now = inner.clock.now_text();
    let asked = Asked { call, cluster: key, user: &user, now: &now, warnings: RefCell::default() };
    let mut answer = served(inner, &asked)?;
    for text in asked.warnings.take() {
        // <https://www.rfc-editor.org/rfc/rfc7234#section-5.5>
        answer = answer.with_header(header::WARNING, format!("299 - {}", Value::from(text)));
    }
    Ok(answer)
}

fn served(inner: &mut Inner, asked: &Asked<'_>) -> KubernetesResult {
    let Some(cluster) = inner.state.clusters.get(asked.cluster) else {
        return Err(Status::no_resource());
    };
    let segments: Vec<&str> = asked.call.segments[2..].iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["healthz" | "livez" | "readyz"] => Ok(Answer::text("ok")),
        [".well-known", "openid-configuration"] => {
            let address = format!("{}{}", cluster.issuer.trim_end_matches('/'), oidc::KEYS);
            Ok(Answer::ok(oidc::discovery(&cluster.issuer, &address)))
        }
        ["openid", "v1", "jwks"] => Ok(Answer::ok(oidc::keys(cluster))),
        ["apis", group, "v1", review] if review::GROUPS.contains(group) => {
            review::create(inner, asked, review)
        }
        ["openapi", rest @ ..] => openapi::answer(rest),
        _ => match Target::parse(&segments) {
            Some(target) => on_target(inner, asked, &target),
            None => discovery::answer(cluster, &segments),
        },
    }
}

fn on_target(inner: &mut Inner, asked: &Asked<'_>, target: &Target<'_>) -> KubernetesResult {
    authentication::authorize(inner, asked, target, target.verb(asked.call))?;
    match (target.subresource, target.name) {
        (Some("token"), Some(_)) if target.row.plural == "serviceaccounts" => {
            token::request(inner, asked, target)
        }
        (Some(_), _) => Err(Status::no_resource()),
        (None, Some(_)) => match asked.call.method {
            Method::GET => object::get(inner, asked, target),
            Method::PUT => object::replace(inner, asked, target),
            Method::PATCH => patch::patch(inner, asked, target),
            Method::DELETE => object::delete(inner, asked, target),
            _ => Err(Status::method()),
        },
        (None, None) => match asked.call.method {
            Method::GET => list::list(inner, asked, target),
            Method::POST => object::create(inner, asked, target),
            _ => Err(Status::method()),
        },
    }
}

/// Whether a path names a list and not one object.
pub(super) fn is_list(call: &Call) -> bool {
    let segments: Vec<&str> = call.segments.iter().skip(2).map(String::as_str).collect();
    Target::parse(&segments).is_some_and(|target| target.name.is_none())
}

/// Whether a request asks for a review.
pub(super) fn is_review(call: &Call) -> bool {
    let mut segments = call.segments.iter().skip(2).map(String::as_str);
    segments.next() == Some("apis")
        && segments.next().is_some_and(|group| review::GROUPS.contains(&group))
}

/// What a caller without the permission is answered, whatever was asked.
pub(super) fn forbidden(call: &Call) -> Answer {
    let segments: Vec<&str> = call.segments.iter().skip(2).map(String::as_str).collect();
    match Target::parse(&segments) {
        Some(target) => authentication::denial(&target, target.verb(call), "sandbox").into(),
        None => Status::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            format!("forbidden: User \"sandbox\" cannot get path \"{}\"", call.path),
        )
        .into(),
    }
}

/// The `Status` of a deletion that is done.
fn success(target: &Target<'_>, object: &Value) -> Answer {
    let mut details = status::details(target.row, target.name.unwrap_or_default());
    details["uid"] = object["metadata"]["uid"].clone();
    Answer::ok(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details,
    }))
}
