//! Tenants, subscriptions and resource groups.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::Inner;
use super::Path;
use super::error::{ArmError, ArmResult};
use super::page::page;

const GROUPS: &str = "Microsoft.Resources/resourceGroups";

/// The tenants of the caller: always the one.
pub(super) fn tenants(inner: &Inner, call: &Call) -> ArmResult {
    only_get(call)?;
    let tenant = &inner.state.tenant;
    let value = json!({ "id": format!("/tenants/{tenant}"), "tenantId": tenant });
    Ok(Answer::ok(json!({ "value": [value] })))
}

/// Every subscription.
pub(super) fn subscriptions(inner: &Inner, call: &Call) -> ArmResult {
    let entries = direct_children(inner, "/subscriptions/");
    page(inner, call, (entries, |shown| shown), "$skiptoken")
}

/// One subscription.
pub(super) fn subscription(inner: &Inner, call: &Call, path: &str) -> ArmResult {
    only_get(call)?;
    super::shown(inner, path, || no_subscription(call))
}

/// The resource groups of a subscription.
pub(super) fn list(inner: &Inner, call: &Call, path: &Path) -> ArmResult {
    require_subscription(inner, call, path)?;
    let entries = direct_children(inner, &format!("{}/", path.whole()));
    page(inner, call, (entries, |shown| shown), "$skiptoken")
}

/// One resource group: read, looked for, or made.
pub(super) fn one(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    require_subscription(inner, call, path)?;
    match call.method {
        Method::GET => require_group(inner, call, path)
            .map(|()| Answer::ok(inner.seen(&path.whole()).cloned().unwrap_or_default())),
        Method::HEAD => Ok(Answer::empty(match inner.seen(&path.whole()) {
            Some(_) => StatusCode::NO_CONTENT,
            None => StatusCode::NOT_FOUND,
        })),
        Method::PUT => put(inner, call, &path.whole()),
        _ => Err(ArmError::method(call)),
    }
}

fn put(inner: &mut Inner, call: &Call, path: &str) -> ArmResult {
    let body = ArmError::body_of(call)?;
    let Some(location) = body["location"].as_str() else {
        let message = "The location property is required for this definition.";
        return Err(ArmError::refused("LocationRequired", message));
    };
    let before = inner.resource(path).cloned();
    let is_new = before.is_none();
    let mut document = before.unwrap_or_else(|| {
        json!({
            "id": format!("/subscriptions/{}/resourceGroups/{}", call.segments[1], call.segments[3]),
            "name": call.segments[3],
            "type": GROUPS,
            "location": location,
        })
    });
    if body["tags"].is_object() {
        document["tags"] = body["tags"].clone();
    }
    document["properties"] = json!({ "provisioningState": "Succeeded" });
    inner.put(path, document.clone());
    Ok(Answer::written(is_new, document))
}

/// Refuses a path in a subscription that does not exist.
pub(super) fn require_subscription(
    inner: &Inner,
    call: &Call,
    path: &Path,
) -> Result<(), ArmError> {
    match inner.seen(&path.first(2)) {
        Some(_) => Ok(()),
        None => Err(no_subscription(call)),
    }
}

/// Refuses a path in a resource group that does not exist.
pub(super) fn require_group(inner: &Inner, call: &Call, path: &Path) -> Result<(), ArmError> {
    if inner.seen(&path.first(4)).is_some() {
        return Ok(());
    }
    let message = format!("Resource group '{}' could not be found.", call.segments[3]);
    Err(ArmError::absent("ResourceGroupNotFound", message))
}

/// The id of the resource group as resource providers write it, `/resourcegroups/` in lower case
/// and the name as the group was created.
pub(super) fn group_id(inner: &Inner, call: &Call, path: &Path) -> String {
    let group = inner.resource(&path.first(4));
    let name = group.and_then(|group| group["name"].as_str()).unwrap_or(&call.segments[3]);
    format!("/subscriptions/{}/resourcegroups/{name}", call.segments[1])
}

/// Refuses everything but GET.
pub(super) fn only_get(call: &Call) -> Result<(), ArmError> {
    if call.method == Method::GET { Ok(()) } else { Err(ArmError::method(call)) }
}

fn no_subscription(call: &Call) -> ArmError {
    let id = call.segments.get(1).map_or("", String::as_str);
    let message = format!("The subscription '{id}' could not be found.");
    ArmError::absent("SubscriptionNotFound", message)
}

/// The documents one level below a path that ends with a slash.
fn direct_children<'a>(inner: &'a Inner, prefix: &str) -> Vec<(&'a str, Value)> {
    let below = inner.seen_below(prefix).into_iter();
    below
        .filter(|(path, _)| !path[prefix.len()..].contains('/'))
        .map(|(path, document)| (path, document.clone()))
        .collect()
}
