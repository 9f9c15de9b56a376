//! Patches: server-side apply and merge patches.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::state::Inner;
use super::ownership::Writer;
use super::status::{KubernetesResult, Status};
use super::target::Target;
use super::{Asked, authentication, check, object, ownership};

/// The content type of a server-side apply.
pub(super) const APPLY: &str = "application/apply-patch+yaml";

/// Patches an object in the way that its content type names.
pub(super) fn patch(inner: &mut Inner, asked: &Asked<'_>, target: &Target<'_>) -> KubernetesResult {
    match asked.content_type() {
        APPLY => apply(inner, asked, target),
        "application/merge-patch+json" => merge_patch(inner, asked, target),
        // `kubectl annotate`, `label` and `apply --server-side` send the two above; `kubectl edit`, `patch` and
        // `apply` on its own side send what follows from the schema of each kind.
        other => Err(Status::patch_type(other)),
    }
}

fn merge_patch(inner: &mut Inner, asked: &Asked<'_>, target: &Target<'_>) -> KubernetesResult {
    let force = asked.call.parameter("force");
    if force.is_some_and(|force| force != "false") {
        let why = "force: Forbidden: may not be specified for non-apply patch";
        return Err(patch_options(why));
    }
    let before = object::found(inner, asked, target)?;
    let mut after = before.clone();
    merge(&mut after, &asked.body()?);
    object::is_current(target, &after, &before)?;
    object::fit(asked, target, &mut after)?;
    let path = target.path();
    let written = object::write(inner, asked, target.row, (&path, Some(&before)), after)?;
    Ok(Answer::ok(written))
}

fn apply(inner: &mut Inner, asked: &Asked<'_>, target: &Target<'_>) -> KubernetesResult {
    let (row, path, name) = (target.row, target.path(), target.name.unwrap_or_default());
    let named = asked.call.parameter("fieldManager");
    let Some(manager) = named.filter(|name| !name.is_empty()) else {
        let why = "fieldManager: Required value: is required for apply patch";
        return Err(patch_options(why));
    };
    let mut applied = asked.body()?;
    object::place(&mut applied, target)?;
    if !applied["metadata"]["managedFields"].is_null() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    if applied["metadata"]["name"].is_null() {
        applied["metadata"]["name"] = Value::from(name);
    }
    object::fit(asked, target, &mut applied)?;
    let writer =
        Writer { manager, force: asked.call.parameter("force") == Some("true"), now: asked.now };
    let uid = applied["metadata"]["uid"].clone();
    let Some(before) = object::find(inner, asked.cluster, &path).cloned() else {
        authentication::authorize(inner, asked, target, "create")?;
        if let Some(uid) = uid.as_str() {
            let why = format!(
                "uid mismatch: the provided object specified uid {uid}, and no existing object was found"
            );
            return Err(Status::conflict(row, name, &why));
        }
        let bare = json!({
            "apiVersion": applied["apiVersion"],
            "kind": applied["kind"],
            "metadata": { "name": name, "namespace": applied["metadata"]["namespace"] },
        });
        let live = object::begin(inner, asked, target, bare)?;
        let merged = ownership::apply(row, &live, &applied, &writer)?;
        let written = object::finish(inner, asked, row, &path, merged)?;
        return Ok(Answer::json(StatusCode::CREATED, written));
    };
    object::is_current(target, &applied, &before)?;
    if !uid.is_null() && uid != before["metadata"]["uid"] {
        let why = format!("Invalid value: {uid}: field is immutable");
        return Err(Status::invalid(row, name, "metadata.uid", &why));
    }
    let merged = ownership::apply(row, &before, &applied, &writer)?;
    if merged == before {
        return Ok(Answer::ok(before));
    }
    check::change(row, &before, &merged)?;
    let written = object::finish(inner, asked, row, &path, merged)?;
    Ok(Answer::ok(written))
}

fn patch_options(why: &str) -> Status {
    let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: {why}");
    Status::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
}

/// <https://www.rfc-editor.org/rfc/rfc7386>
fn merge(target: &mut Value, patch: &Value) {
    let Some(pairs) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in pairs {
        if !value.is_null() {
            merge(&mut target[key.as_str()], value);
        } else if let Some(target) = target.as_object_mut() {
            target.shift_remove(key);
        }
    }
}
