//! Azure Resource Manager: one file per resource type, one place that finds the type of a path.

pub(super) mod authentication;
pub(super) mod error;
pub(super) mod federated_credential;
mod group;
pub(super) mod identity;
mod identity_binding;
pub(super) mod managed_cluster;
mod page;
mod permissions;
mod resource_graph;
mod role_assignment;
mod role_catalogue;
pub(super) mod role_definition;
mod version;

use axum::http::{HeaderName, Method, StatusCode};
use serde_json::Value;

use self::error::{ArmError, ArmResult};
use super::answer::Answer;
use super::call::Call;
use super::faults;
use super::state::{Inner, folded};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// Answers one request to ARM.
pub(super) fn answer(inner: &mut Inner, call: &Call) -> Answer {
    let request_id = inner.fresh_id().to_string();
    let answer = match authentication::check(inner, call) {
        Ok(()) if faults::denies_action(inner, &needed(call).0) => Ok(forbidden(call)),
        Ok(()) => version::check(call, &kind(call)).and_then(|()| route(inner, call)),
        Err(refusal) => Err(refusal),
    };
    answer.unwrap_or_else(Answer::from).with_header(REQUEST_ID, request_id)
}

/// A path in lower case, by segment, and the same as one text.
pub(super) struct Path {
    segments: Vec<String>,
}

impl Path {
    fn new(segments: &[String]) -> Self {
        Self { segments: segments.iter().map(|segment| folded(segment)).collect() }
    }

    /// The first segments as a document's path.
    fn first(&self, count: usize) -> String {
        let mut path = String::new();
        for segment in &self.segments[..count] {
            path.push('/');
            path.push_str(segment);
        }
        path
    }

    /// The whole as a document's path.
    fn whole(&self) -> String {
        self.first(self.segments.len())
    }
}

fn route(inner: &mut Inner, call: &Call) -> ArmResult {
    let path = Path::new(&call.segments);
    let keys: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    let authorization =
        keys.windows(2).rposition(|w| w == ["providers", "microsoft.authorization"]);
    if let Some(at) = authorization {
        let scope = path.first(at);
        return match &keys[at + 2..] {
            ["roleassignments"] => role_assignment::list(inner, call, &scope),
            ["roleassignments", _] => role_assignment::one(inner, call, at),
            ["roledefinitions"] => role_definition::list(inner, call, &scope),
            ["roledefinitions", id] => role_definition::one(inner, call, &scope, id),
            ["permissions"] => permissions::list(inner, call, &scope),
            _ => Err(ArmError::unknown_type(call)),
        };
    }
    match keys.as_slice() {
        ["tenants"] => group::tenants(inner, call),
        ["providers", "microsoft.resourcegraph", "resources"] => resource_graph::query(inner, call),
        ["subscriptions"] => group::subscriptions(inner, call),
        ["subscriptions", _] => group::subscription(inner, call, &path.whole()),
        ["subscriptions", _, "resourcegroups"] => group::list(inner, call, &path),
        ["subscriptions", _, "resourcegroups", _] => group::one(inner, call, &path),
        ["subscriptions", _, rest @ ..] => {
            group::require_subscription(inner, call, &path)?;
            let rest = match rest {
                ["resourcegroups", _, rest @ ..] => {
                    group::require_group(inner, call, &path)?;
                    rest
                }
                rest => rest,
            };
            resource(inner, call, &path, rest)
        }
        _ => Err(ArmError::unknown_type(call)),
    }
}

fn resource(inner: &mut Inner, call: &Call, path: &Path, rest: &[&str]) -> ArmResult {
    match rest {
        ["providers", "microsoft.managedidentity", "userassignedidentities", rest @ ..] => {
            match rest {
                [] => identity::list(inner, call, path),
                [_] => identity::one(inner, call, path),
                [_, "federatedidentitycredentials"] => {
                    federated_credential::list(inner, call, path)
                }
                [_, "federatedidentitycredentials", _] => {
                    federated_credential::one(inner, call, path)
                }
                _ => Err(ArmError::unknown_type(call)),
            }
        }
        ["providers", "microsoft.containerservice", "managedclusters", rest @ ..] => match rest {
            [] => managed_cluster::list(inner, call, path),
            [_] => managed_cluster::one(inner, call, path),
            [_, "identitybindings"] => identity_binding::list(inner, call, path),
            [_, "identitybindings", _] => identity_binding::one(inner, call, path),
            [_, action] => managed_cluster::act(inner, call, &path.first(8), action),
            _ => Err(ArmError::unknown_type(call)),
        },
        ["providers", "microsoft.kubernetes", "connectedclusters"] => {
            managed_cluster::list(inner, call, path)
        }
        ["providers", "microsoft.kubernetes", "connectedclusters", _] => {
            managed_cluster::one(inner, call, path)
        }
        _ => Err(ArmError::unknown_type(call)),
    }
}

/// Where the last provider of a path begins.
fn provider(call: &Call) -> Option<usize> {
    call.segments.iter().rposition(|segment| segment.eq_ignore_ascii_case("providers"))
}

/// Whether a path names a list and not one document.
pub(super) fn is_list(call: &Call) -> bool {
    !(call.segments.len() - provider(call).unwrap_or_default()).is_multiple_of(2)
}

/// Whether it is a POST that changes nothing: one that gives out a cluster's kubeconfig, or a query of Resource Graph.
pub(super) fn is_reading_post(call: &Call) -> bool {
    let action = call.segments.last().map(|last| last.to_lowercase());
    call.method == Method::POST
        && action.is_some_and(|action| {
            action.starts_with("listcluster") && action.ends_with("credential")
                || is_query(call) && action == "resources"
        })
}

/// Whether it is a POST to a type, as queries of Resource Graph are.
fn is_query(call: &Call) -> bool {
    call.method == Method::POST && provider(call).is_some_and(|at| call.segments.len() == at + 3)
}

/// The type of what a path names, as the path writes it; an action is one below what it is done to.
fn kind(call: &Call) -> String {
    let Some(at) = provider(call) else {
        return "Microsoft.Resources/subscriptions/resourceGroups".to_owned();
    };
    let types = call.segments[at + 1..].iter().enumerate();
    let types = types.filter(|(i, _)| *i == 0 || !i.is_multiple_of(2));
    let types: Vec<&str> = types.map(|(_, segment)| segment.as_str()).collect();
    types.join("/")
}

/// The action that a request needs, and where.
fn needed(call: &Call) -> (String, String) {
    let path = Path::new(&call.segments);
    let scope = provider(call).map_or_else(|| path.whole(), |at| path.first(at));
    let verb = match call.method {
        Method::GET | Method::HEAD => "read",
        Method::POST if is_query(call) => "read",
        Method::DELETE => "delete",
        Method::POST => "action",
        _ => "write",
    };
    (format!("{}/{verb}", kind(call)), scope)
}

/// What a caller without the permission is answered.
pub(super) fn forbidden(call: &Call) -> Answer {
    let (action, scope) = needed(call);
    let message = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        super::PRINCIPAL_CLIENT_ID,
        super::PRINCIPAL_OBJECT_ID,
    );
    ArmError::new(StatusCode::FORBIDDEN, "AuthorizationFailed", message).into()
}

/// The document at a path as readers see it.
fn shown(inner: &Inner, path: &str, absent: impl FnOnce() -> ArmError) -> ArmResult {
    let found = inner.seen(path).cloned();
    found.map(Answer::ok).ok_or_else(absent)
}

/// Deletes a document and answers what ARM says of it; 204 where there was none.
fn removed(inner: &mut Inner, path: &str, answer: impl FnOnce(Value) -> Answer) -> Answer {
    let gone = inner.remove(path);
    gone.map_or_else(|| Answer::empty(StatusCode::NO_CONTENT), answer)
}

/// Whether a name has 3 to so many letters, digits, `-` and `_`, the first a letter or digit
/// (<https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules>).
fn is_name(name: &str, longest: usize) -> bool {
    (3..=longest).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_')
}

/// The documents of the type that a path ends with, wherever below the path's scope they are.
fn of_type<'a>(inner: &'a Inner, path: &Path) -> Vec<(&'a str, &'a Value)> {
    let whole = path.whole();
    let (scope, kind) = whole.split_once("/providers/").unwrap_or_default();
    let kind = format!("/providers/{kind}/");
    let mut found = inner.seen_below(&format!("{scope}/"));
    found.retain(|(path, _)| path.split_once(&kind).is_some_and(|(_, name)| !name.contains('/')));
    found
}

/// The document without one of its properties, as an api-version shows it that does not know that one.
fn without(document: &Value, property: &str, is_hidden: bool) -> Value {
    let mut document = document.clone();
    let properties = document["properties"].as_object_mut();
    if let Some(properties) = properties.filter(|_| is_hidden) {
        properties.shift_remove(property);
    }
    document
}
