//! `Microsoft.ManagedIdentity/userAssignedIdentities`.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::{Inner, folded, id_of};
use super::error::{ArmError, ArmResult};
use super::page::page;
use super::{Path, group, version};

const KIND: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// The first api-version with `isolationScope`.
const ISOLATION_SINCE: &str = "2024-11-30";

/// The identities of a subscription or of a resource group.
pub(super) fn list(inner: &Inner, call: &Call, path: &Path) -> ArmResult {
    let entries = super::of_type(inner, path);
    page(inner, call, (entries, |document| shown(document, call)), "$skiptoken")
}

/// One identity: read, made, changed or deleted.
pub(super) fn one(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    match call.method {
        Method::GET => match inner.seen(&path.whole()) {
            Some(document) => Ok(Answer::ok(shown(document, call))),
            None => Err(not_found(call)),
        },
        Method::PUT => put(inner, call, path),
        Method::PATCH => patch(inner, call, path),
        Method::DELETE => Ok(delete(inner, path)),
        _ => Err(ArmError::method(call)),
    }
}

fn put(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    let body = read_body(call)?;
    let Some(location) = body["location"].as_str().filter(|text| !text.is_empty()) else {
        let message = "The location property is required for this definition.";
        return Err(ArmError::refused("LocationRequired", message));
    };
    let name = &call.segments[7];
    if !super::is_name(name, 128) {
        let message = format!("The resource name '{name}' is invalid.");
        return Err(ArmError::refused("InvalidResourceName", message));
    }
    let Some(mut document) = inner.resource(&path.whole()).cloned() else {
        let id = format!("{}/providers/{KIND}/{name}", group::group_id(inner, call, path));
        let document = create(inner, &id, name, &body);
        return Ok(Answer::json(StatusCode::CREATED, shown(&document, call)));
    };
    let stands_in = document["location"].as_str().unwrap_or_default();
    if normal_location(stands_in) != normal_location(location) {
        let message = format!(
            "The resource '{name}' already exists in location '{stands_in}' in resource group '{}'. A resource with the same name cannot be created in location '{location}'. Please select a new resource name.",
            call.segments[3]
        );
        return Err(ArmError::conflict("InvalidResourceLocation", message));
    }
    document["tags"] = tags(&body);
    set_isolation(&mut document, &body);
    inner.put(&path.whole(), document.clone());
    Ok(Answer::ok(shown(&document, call)))
}

/// Makes an identity with ids of its own; one that was deleted and made again gets other ids.
pub(in crate::sandbox) fn create(inner: &mut Inner, id: &str, name: &str, body: &Value) -> Value {
    let path = folded(id);
    let generation = inner.state.deleted_identities.get(&path).copied().unwrap_or_default();
    let client_id = id_of(&format!("client/{path}/{generation}")).to_string();
    let principal_id = id_of(&format!("principal/{path}/{generation}")).to_string();
    let mut document = json!({
        "id": id.replacen("/resourceGroups/", "/resourcegroups/", 1),
        "name": name,
        "type": KIND,
        "location": normal_location(body["location"].as_str().unwrap_or_default()),
        "tags": tags(body),
        "properties": {
            "isolationScope": "None",
            "tenantId": inner.state.tenant,
            "principalId": principal_id,
            "clientId": client_id,
        },
    });
    set_isolation(&mut document, body);
    if inner.faults.principal_replication > 0 {
        inner.unreplicated.insert(principal_id, inner.faults.principal_replication);
    }
    inner.put(&path, document.clone());
    document
}

fn patch(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    let body = read_body(call)?;
    let Some(mut document) = inner.resource(&path.whole()).cloned() else {
        return Err(not_found(call));
    };
    if let Some(named) = body["tags"].as_object() {
        if !inner.faults.unverified.patch_merges_tags {
            document["tags"] = json!({});
        }
        for (name, value) in named {
            document["tags"][name] = value.clone();
        }
    }
    set_isolation(&mut document, &body);
    inner.put(&path.whole(), document.clone());
    Ok(Answer::ok(shown(&document, call)))
}

fn delete(inner: &mut Inner, path: &Path) -> Answer {
    let path = path.whole();
    let credentials: Vec<String> =
        inner.below(&format!("{path}/")).map(|(path, _)| path.to_owned()).collect();
    if inner.remove(&path).is_none() {
        return Answer::empty(StatusCode::NO_CONTENT);
    }
    for credential in credentials {
        inner.remove(&credential);
    }
    *inner.state.deleted_identities.entry(path).or_default() += 1;
    Answer::empty(StatusCode::OK)
}

fn read_body(call: &Call) -> Result<Value, ArmError> {
    let body = ArmError::body_of(call)?;
    let tags = &body["tags"];
    let tags_are_text =
        tags.is_null() || tags.as_object().is_some_and(|tags| tags.values().all(Value::is_string));
    match (body.is_object(), tags_are_text) {
        (true, true) => Ok(body),
        (false, _) => Err(ArmError::bad_content("the body is not an object")),
        (true, false) => Err(ArmError::bad_content("tags are an object of texts")),
    }
}

fn tags(body: &Value) -> Value {
    if body["tags"].is_object() { body["tags"].clone() } else { json!({}) }
}

fn set_isolation(document: &mut Value, body: &Value) {
    if let Some(scope) = body["properties"]["isolationScope"].as_str() {
        document["properties"]["isolationScope"] = Value::from(scope);
    }
}

/// The document as an api-version shows it.
fn shown(document: &Value, call: &Call) -> Value {
    super::without(document, "isolationScope", version::of(call) < ISOLATION_SINCE)
}

fn not_found(call: &Call) -> ArmError {
    ArmError::resource_not_found(KIND, &call.segments[7], &call.segments[3])
}

fn normal_location(location: &str) -> String {
    location.replace(' ', "").to_lowercase()
}
