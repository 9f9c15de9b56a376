//! `Microsoft.Authorization/roleDefinitions`: the built-in roles and custom ones.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::{Inner, folded};
use super::error::{ArmError, ArmResult};
use super::page::page;
use super::role_catalogue::{BuiltInRole, ROLES};

const KIND: &str = "Microsoft.Authorization/roleDefinitions";

/// Where custom roles are kept, whatever their scope: their ids are unique in the tenant.
const CUSTOM: &str = "/providers/microsoft.authorization/roledefinitions/";

/// The roles that can be assigned at a scope, as `$filter` narrows them.
pub(super) fn list(inner: &Inner, call: &Call, scope: &str) -> ArmResult {
    let filter = call.parameter("$filter").unwrap_or_default();
    let (name, kind) = parse_filter(filter)?;
    let wanted = |document: &Value| {
        let has = |field: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                let found = document["properties"][field].as_str().unwrap_or_default();
                folded(found) == folded(wanted)
            })
        };
        has("roleName", &name) && has("type", &kind)
    };
    let built_in = ROLES.iter().map(|role| (role.id.as_str(), shown_built_in(role)));
    let custom = inner.seen_below(CUSTOM).into_iter();
    let custom = custom
        .filter(|(_, document)| is_assignable_at(document, scope))
        .map(|(path, document)| (path, document.clone()));
    let mut entries: Vec<(&str, Value)> =
        built_in.chain(custom).filter(|(_, document)| wanted(document)).collect();
    entries.sort_by_key(|(path, _)| *path);
    page(inner, call, (entries, |shown| shown), "$skipToken")
}

/// Reads `roleName eq '…'` and `type eq '…'`, joined by `and`; quotes in a name are doubled.
fn parse_filter(filter: &str) -> Result<(Option<String>, Option<String>), ArmError> {
    let (mut name, mut kind) = (None, None);
    let mut rest = filter.trim();
    while !rest.is_empty() {
        let (field, tail) = rest.split_once(" eq '").unwrap_or((rest, ""));
        let (value, tail) = quoted(tail).ok_or_else(|| unsupported(filter))?;
        match field.to_lowercase().as_str() {
            "rolename" => name = Some(value),
            "type" => kind = Some(value),
            _ => return Err(unsupported(filter)),
        }
        rest = tail.trim().strip_prefix("and ").unwrap_or(tail).trim();
    }
    Ok((name, kind))
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, tail) = rest.split_once('\'')?;
        value.push_str(part);
        match tail.strip_prefix('\'') {
            Some(after) => {
                value.push('\'');
                rest = after;
            }
            None => return Some((value, tail)),
        }
    }
}

fn unsupported(filter: &str) -> ArmError {
    let message = format!("The filter '{filter}' is not supported.");
    ArmError::refused("InvalidFilter", message)
}

fn is_assignable_at(document: &Value, scope: &str) -> bool {
    let scopes = document["properties"]["assignableScopes"].as_array();
    scopes.into_iter().flatten().filter_map(Value::as_str).any(|assignable| {
        let assignable = folded(assignable);
        assignable == "/" || scope.starts_with(&assignable) || assignable.starts_with(scope)
    })
}

/// One role: read, or for custom ones written and deleted.
pub(super) fn one(inner: &mut Inner, call: &Call, scope: &str, id: &str) -> ArmResult {
    let path = format!("{CUSTOM}{id}");
    match call.method {
        Method::GET => find(inner, id).map(Answer::ok).ok_or_else(|| {
            let message = format!("The specified role definition with ID '{id}' does not exist.");
            ArmError::absent("RoleDefinitionDoesNotExist", message)
        }),
        Method::PUT => {
            let body = ArmError::body_of(call)?;
            let mut properties = body["properties"].clone();
            if properties["roleName"].as_str().is_none_or(str::is_empty) {
                return Err(ArmError::bad_request("The role definition lacks 'roleName'."));
            }
            properties["type"] = Value::from("CustomRole");
            let document = document(scope, id, &properties);
            inner.put(&path, document.clone());
            Ok(Answer::json(StatusCode::CREATED, document))
        }
        Method::DELETE => Ok(super::removed(inner, &path, Answer::ok)),
        _ => Err(ArmError::method(call)),
    }
}

/// A role by its GUID in lower case.
pub(super) fn find(inner: &Inner, id: &str) -> Option<Value> {
    let built_in = ROLES.iter().find(|role| role.id == id);
    built_in.map(shown_built_in).or_else(|| inner.seen(&format!("{CUSTOM}{id}")).cloned())
}

/// What a role allows.
pub(super) fn permissions(inner: &Inner, id: &str) -> Vec<Value> {
    let role = find(inner, id).unwrap_or_default();
    role["properties"]["permissions"].as_array().cloned().unwrap_or_default()
}

fn shown_built_in(role: &BuiltInRole) -> Value {
    let permission = json!({
        "actions": role.actions, "notActions": role.not_actions,
        "dataActions": role.data_actions, "notDataActions": [],
    });
    let properties = json!({
        "roleName": role.name, "type": "BuiltInRole", "description": "",
        "assignableScopes": ["/"], "permissions": [permission],
    });
    document("", &role.id, &properties)
}

fn document(scope: &str, id: &str, properties: &Value) -> Value {
    json!({
        "id": format!("{scope}/providers/{KIND}/{id}"),
        "type": KIND, "name": id, "properties": properties,
    })
}

/// Adds a custom role; false if its id is taken.
#[cfg(feature = "testing")]
pub(in crate::sandbox) fn grow(
    inner: &mut Inner,
    scope: &str,
    id: &str,
    name: &str,
    actions: &[&str],
) -> bool {
    let id = id.to_lowercase();
    if find(inner, &id).is_some() {
        return false;
    }
    let permission = json!({
        "actions": actions, "notActions": [], "dataActions": [], "notDataActions": [],
    });
    let properties = json!({
        "roleName": name, "type": "CustomRole", "description": "",
        "assignableScopes": [scope], "permissions": [permission],
    });
    inner.put(&format!("{CUSTOM}{id}"), document(scope, &id, &properties));
    true
}
