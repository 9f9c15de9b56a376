//! Who owns which field: `metadata.managedFields`
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/>).
//!
//! Labels and annotations are owned key by key, every other field as a whole.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::kinds::Row;

/// A field by its names from the top, as `["metadata", "labels", "app"]`. A last name of `.` is
/// the map itself.
pub(super) type FieldPath = Vec<String>;

/// Fields of an object.
pub(super) type FieldSet = BTreeSet<FieldPath>;

/// The maps of `metadata` whose keys are owned one by one.
const MAPS: [&str; 2] = ["labels", "annotations"];

/// One entry of `managedFields`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) manager: String,
    pub(super) is_apply: bool,
    pub(super) api_version: String,
    pub(super) time: String,
    pub(super) fields: FieldSet,
}

/// The fields of an object that can be owned, without the maps themselves.
pub(super) fn leaves(row: &Row, object: &Value) -> FieldSet {
    let mut found = FieldSet::new();
    for map in MAPS {
        let keys = object["metadata"][map].as_object().into_iter().flatten();
        found.extend(keys.map(|(key, _)| in_metadata(&[map, key])));
    }
    let wholes = ["finalizers", "ownerReferences"].into_iter();
    let wholes = wholes.filter(|whole| !object["metadata"][whole].is_null());
    found.extend(wholes.map(|whole| in_metadata(&[whole])));
    let fields = row.owned_fields().filter(|field| !object[field].is_null());
    found.extend(fields.map(|field| vec![field.to_owned()]));
    found
}

/// The maps that hold leaves of their own and are there, as paths that end in `.`.
pub(super) fn maps(object: &Value) -> FieldSet {
    let maps = MAPS.into_iter();
    let there = maps.filter(|map| object["metadata"][map].is_object());
    there.map(|map| in_metadata(&[map, "."])).collect()
}

fn in_metadata(names: &[&str]) -> FieldPath {
    let names = std::iter::once(&"metadata").chain(names);
    names.map(|name| (*name).to_owned()).collect()
}

/// The value of a field.
pub(super) fn value_at<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, name| value.get(name)).filter(|value| !value.is_null())
}

/// Sets a field, making the maps above it.
pub(super) fn set_at(object: &mut Value, path: &[String], new: Value) {
    let target = path.iter().fold(object, |value, name| {
        if !value.is_object() {
            *value = json!({});
        }
        &mut value[name.as_str()]
    });
    *target = new;
}

/// Removes a field, and the map it stood in if that is empty now.
pub(super) fn remove_at(object: &mut Value, path: &[String]) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let holder = above.iter().try_fold(&mut *object, |value, name| value.get_mut(name));
    let Some(holder) = holder.and_then(Value::as_object_mut) else {
        return;
    };
    holder.shift_remove(last);
    if holder.is_empty() && !above.is_empty() && above != ["metadata"] {
        remove_at(object, above);
    }
}

/// The entries of an object.
pub(super) fn entries(object: &Value) -> Vec<Entry> {
    let listed = object["metadata"]["managedFields"].as_array();
    listed.into_iter().flatten().map(read_entry).collect()
}

fn read_entry(entry: &Value) -> Entry {
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let mut fields = FieldSet::new();
    read_fields(&entry["fieldsV1"], &mut Vec::new(), &mut fields);
    Entry {
        manager: text("manager"),
        is_apply: entry["operation"] == "Apply",
        api_version: text("apiVersion"),
        time: text("time"),
        fields,
    }
}

fn read_fields(value: &Value, above: &mut FieldPath, found: &mut FieldSet) {
    let Some(map) = value.as_object() else { return };
    if map.is_empty() && !above.is_empty() {
        let mut path = above.clone();
        if MAPS.iter().any(|map| *above == in_metadata(&[map])) {
            path.push(".".to_owned());
        }
        found.insert(path);
    }
    for (name, below) in map {
        above.push(name.strip_prefix("f:").unwrap_or(name).to_owned());
        read_fields(below, above, found);
        above.pop();
    }
}

/// Writes the entries into an object, the empty ones left out, in the API server's order.
pub(super) fn set_entries(object: &mut Value, mut entries: Vec<Entry>) {
    entries.retain(|entry| !entry.fields.is_empty());
    let order = |e: &Entry| (!e.is_apply, e.time.clone(), e.manager.clone());
    entries.sort_by_key(order);
    let written: Vec<Value> = entries.iter().map(write_entry).collect();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
        if !written.is_empty() {
            metadata.insert("managedFields".to_owned(), Value::Array(written));
        }
    }
}

/// A map of which nothing else is owned stands without its `.`.
fn written_path<'a>(path: &'a [String], all: &FieldSet) -> &'a [String] {
    let map = path.strip_suffix(&[".".to_owned()]).unwrap_or(path);
    let holds = |other: &FieldPath| other != path && other.starts_with(map);
    if map != path && all.iter().any(holds) { path } else { map }
}

fn write_entry(entry: &Entry) -> Value {
    let mut fields = Value::Object(Map::new());
    for path in &entry.fields {
        let names: FieldPath = written_path(path, &entry.fields)
            .iter()
            .map(|name| if name == "." { name.clone() } else { format!("f:{name}") })
            .collect();
        set_at(&mut fields, &names, json!({}));
    }
    let mut written = json!({
        "manager": entry.manager,
        "operation": if entry.is_apply { "Apply" } else { "Update" },
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    });
    if entry.time.is_empty()
        && let Some(written) = written.as_object_mut()
    {
        written.shift_remove("time");
    }
    written
}
