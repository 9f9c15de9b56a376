//! Single objects: get, create, replace, delete, and what every write has in common.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::state::{Inner, id_of};
use super::kinds::Row;
use super::status::{KubernetesResult, Status};
use super::target::Target;
use super::{Asked, check, ownership, success, webhook};

/// The object as it is.
pub(super) fn find<'a>(inner: &'a Inner, cluster: &str, path: &str) -> Option<&'a Value> {
    inner.state.clusters.get(cluster)?.objects.get(path)
}

/// The object that a target names, or 404.
pub(super) fn found(
    inner: &Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
) -> Result<Value, Status> {
    find(inner, asked.cluster, &target.path())
        .cloned()
        .ok_or_else(|| Status::not_found(target.row, target.name.unwrap_or_default()))
}

/// Reads an object.
pub(super) fn get(inner: &Inner, asked: &Asked<'_>, target: &Target<'_>) -> KubernetesResult {
    found(inner, asked, target).map(Answer::ok)
}

/// Makes an object.
pub(super) fn create(
    inner: &mut Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
) -> KubernetesResult {
    let row = target.row;
    let mut object = asked.body()?;
    if object["metadata"]["name"].is_null()
        && let Some(start) = object["metadata"]["generateName"].as_str()
    {
        let tail = inner.fresh_id().simple().to_string();
        object["metadata"]["name"] = Value::from(format!("{start}{}", &tail[..5]));
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    place(&mut object, target)?;
    check::object(asked, row, &mut object)?;
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
    }
    let path = row.path(target.namespace, Some(&name));
    if find(inner, asked.cluster, &path).is_some() {
        return Err(Status::already_exists(row, &name));
    }
    let mut object = begin(inner, asked, target, object)?;
    if row.kind == "Pod" {
        webhook::admit(inner, asked, target, &mut object)?;
    }
    let written = write(inner, asked, row, (&path, None), object)?;
    Ok(Answer::json(StatusCode::CREATED, written))
}

/// Replaces an object.
pub(super) fn replace(
    inner: &mut Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
) -> KubernetesResult {
    let mut object = asked.body()?;
    fit(asked, target, &mut object)?;
    let before = found(inner, asked, target)?;
    is_current(target, &object, &before)?;
    let path = target.path();
    let written = write(inner, asked, target.row, (&path, Some(&before)), object)?;
    Ok(Answer::ok(written))
}

/// Puts an object where the URL says, and checks it; it has to be the one that the URL names.
pub(super) fn fit(
    asked: &Asked<'_>,
    target: &Target<'_>,
    object: &mut Value,
) -> Result<(), Status> {
    place(object, target)?;
    let name = target.name.unwrap_or_default();
    let said = object["metadata"]["name"].as_str().unwrap_or_default();
    if said != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({said}) does not match the name on the URL ({name})"
        )));
    }
    check::object(asked, target.row, object)
}

/// Refuses a write that was prepared from an older state.
pub(super) fn is_current(target: &Target<'_>, sent: &Value, before: &Value) -> Result<(), Status> {
    let sent = &sent["metadata"]["resourceVersion"];
    if sent.is_null() || *sent == before["metadata"]["resourceVersion"] {
        return Ok(());
    }
    let why = "the object has been modified; please apply your changes to the latest version and try again";
    Err(Status::conflict(target.row, target.name.unwrap_or_default(), why))
}

/// Deletes an object; one with finalizers only says that it is going away.
pub(super) fn delete(
    inner: &mut Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
) -> KubernetesResult {
    let (row, path, name) = (target.row, target.path(), target.name.unwrap_or_default());
    let options = asked.body()?;
    let is_dry_run = asked.is_dry_run()? || options["dryRun"][0] == "All";
    let mut object = found(inner, asked, target)?;
    for field in ["uid", "resourceVersion"] {
        let wanted = &options["preconditions"][field];
        if !wanted.is_null() && *wanted != object["metadata"][field] {
            let why = format!(
                "Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {}",
                object["metadata"][field]
            );
            return Err(Status::conflict(row, name, &why));
        }
    }
    if is_dry_run {
        return Ok(success(target, &object));
    }
    if is_held(&object) {
        object["metadata"]["deletionTimestamp"] = Value::from(asked.now);
        if row.plural == "namespaces" {
            object["status"]["phase"] = Value::from("Terminating");
        } else {
            object["metadata"]["deletionGracePeriodSeconds"] = Value::from(0);
        }
        keep(inner, asked.cluster, &path, &mut object);
        return Ok(Answer::ok(object));
    }
    remove(inner, asked.cluster, row, &path, name);
    Ok(success(target, &object))
}

/// Whether a finalizer keeps an object from going.
fn is_held(object: &Value) -> bool {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|held| !held.is_empty())
}

/// Takes an object out, a namespace with everything in it.
fn remove(inner: &mut Inner, cluster: &str, row: &Row, path: &str, name: &str) {
    let Some(cluster) = inner.state.clusters.get_mut(cluster) else {
        return;
    };
    cluster.revision += 1;
    cluster.objects.remove(path);
    if row.plural == "namespaces" {
        cluster.objects.retain(|_, object| object["metadata"]["namespace"] != name);
    }
    inner.dirty = true;
}

/// Puts an object into the namespace of the URL.
pub(super) fn place(object: &mut Value, target: &Target<'_>) -> Result<(), Status> {
    if !object.is_object() || !(object["metadata"].is_object() || object["metadata"].is_null()) {
        return Err(Status::bad_request("the body is not a Kubernetes object"));
    }
    let Some(namespace) = target.namespace else {
        return Ok(());
    };
    let said = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if !said.is_empty() && said != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    object["metadata"]["namespace"] = Value::from(namespace);
    Ok(())
}

/// Gives a new object what the server gives it, if its namespace takes new content.
pub(super) fn begin(
    inner: &mut Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
    sent: Value,
) -> Result<Value, Status> {
    let row = target.row;
    let name = sent["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let Some(namespace) = target.namespace {
        let path = format!("/namespaces//{namespace}");
        let Some(found) = find(inner, asked.cluster, &path) else {
            let namespaces = super::kinds::find("", "v1", "namespaces").unwrap_or(row);
            return Err(Status::not_found(namespaces, namespace));
        };
        if !found["metadata"]["deletionTimestamp"].is_null() {
            return Err(Status::terminating(row, &name, namespace));
        }
    }
    let mut object = sent;
    let path = row.path(target.namespace, Some(&name));
    let count = inner.state.clusters.get(asked.cluster).map_or(0, |cluster| cluster.revision);
    let uid = id_of(&format!("object/{}/{path}/{count}", asked.cluster));
    object["metadata"]["uid"] = Value::from(uid.to_string());
    object["metadata"]["creationTimestamp"] = Value::from(asked.now);
    if row.plural == "namespaces" {
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = Value::from(name);
        object["spec"] = json!({ "finalizers": ["kubernetes"] });
        object["status"] = json!({ "phase": "Active" });
    }
    Ok(object)
}

/// Keeps a plain write: the server's own fields stay, ownership moves, a write that changes nothing
/// leaves everything as it was.
pub(super) fn write(
    inner: &mut Inner,
    asked: &Asked<'_>,
    row: &Row,
    (path, before): (&str, Option<&Value>),
    mut object: Value,
) -> Result<Value, Status> {
    if let Some(before) = before {
        for field in [
            "uid",
            "creationTimestamp",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "managedFields",
        ] {
            keep_field(&before["metadata"], &mut object["metadata"], field);
        }
        if row.fields.contains(&"status") && object["status"].is_null() {
            keep_field(before, &mut object, "status");
        }
        if object == *before {
            return Ok(object);
        }
        check::change(row, before, &object)?;
    }
    ownership::record_update(row, before, &mut object, &asked.manager(), asked.now);
    finish(inner, asked, row, path, object)
}

fn keep_field(from: &Value, to: &mut Value, field: &str) {
    if let Some(to) = to.as_object_mut() {
        to.shift_remove(field);
        if !from[field].is_null() {
            to.insert(field.to_owned(), from[field].clone());
        }
    }
}

/// Stores an object whose ownership is settled, unless nothing is to be kept.
pub(super) fn finish(
    inner: &mut Inner,
    asked: &Asked<'_>,
    row: &Row,
    path: &str,
    mut object: Value,
) -> Result<Value, Status> {
    if asked.is_dry_run()? {
        prune(&mut object);
        return Ok(object);
    }
    let is_going = !object["metadata"]["deletionTimestamp"].is_null();
    if is_going && !is_held(&object) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        remove(inner, asked.cluster, row, path, name);
        return Ok(object);
    }
    keep(inner, asked.cluster, path, &mut object);
    if row.plural == "namespaces" {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        super::seed::service_account(inner, asked.cluster, name, "default");
    }
    Ok(object)
}

/// Stores an object under the next resource version.
pub(super) fn keep(inner: &mut Inner, cluster: &str, path: &str, object: &mut Value) {
    let Some(cluster) = inner.state.clusters.get_mut(cluster) else {
        return;
    };
    cluster.revision += 1;
    object["metadata"]["resourceVersion"] = Value::from(cluster.revision.to_string());
    prune(object);
    cluster.objects.insert(path.to_owned(), object.clone());
    inner.dirty = true;
}

/// Leaves out what is empty.
fn prune(object: &mut Value) {
    let is_empty = |value: &Value| {
        value.is_null()
            || value.as_object().is_some_and(serde_json::Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty)
    };
    if let Some(fields) = object.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.retain(|_, value| !is_empty(value));
    }
}
