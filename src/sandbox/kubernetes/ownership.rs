//! How writes move the ownership of fields: server-side apply with its conflicts, and all others.

use serde_json::{Value, json};

use super::fields;
use super::fields::{Entry, FieldPath, FieldSet};
use super::kinds::Row;
use super::status::Status;

/// Who applies, when, and whether over others.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub(super) manager: &'a str,
    pub(super) force: bool,
    pub(super) now: &'a str,
}

/// The object after a server-side apply of some of its fields.
///
/// A field that another manager owns with another value is a conflict, unless forced, which takes
/// it away from the others. What this manager applied last time and leaves out now is removed if
/// nobody else owns it. An apply that changes nothing leaves the entries and their times alone.
pub(super) fn apply(
    row: &Row,
    live: &Value,
    applied: &Value,
    writer: &Writer<'_>,
) -> Result<Value, Status> {
    let wanted = fields::leaves(row, applied);
    let mut entries = fields::entries(live);
    if entries.is_empty() && !live["metadata"]["resourceVersion"].is_null() {
        entries.push(before_first_apply(row, live, writer.now));
    }
    let is_own = |entry: &Entry| entry.is_apply && entry.manager == writer.manager;
    let own_before = entries.iter().find(|entry| is_own(entry)).cloned();
    let differs =
        |path: &FieldPath| fields::value_at(live, path) != fields::value_at(applied, path);
    let contested: FieldSet = wanted.iter().filter(|path| differs(path)).cloned().collect();
    if !writer.force {
        refuse_conflicts(&entries, &contested, is_own)?;
    }
    for entry in entries.iter_mut().filter(|entry| !is_own(entry)) {
        entry.fields.retain(|path| !contested.contains(path));
    }
    let mut merged = live.clone();
    for path in &wanted {
        if let Some(value) = fields::value_at(applied, path) {
            fields::set_at(&mut merged, path, value.clone());
        }
    }
    let empty = FieldSet::new();
    let dropped = own_before.as_ref().map_or(&empty, |own| &own.fields).difference(&wanted);
    for path in dropped {
        let others = entries.iter().filter(|entry| !is_own(entry));
        if !others.into_iter().any(|entry| entry.fields.contains(path)) {
            fields::remove_at(&mut merged, path);
        }
    }
    let is_unchanged =
        merged == *live && own_before.as_ref().is_some_and(|own| own.fields == wanted);
    if !is_unchanged {
        // An apply that changes nothing but who owns what has no time.
        let time = if merged == *live {
            own_before.map(|own| own.time).unwrap_or_default()
        } else {
            writer.now.to_owned()
        };
        entries.retain(|entry| !is_own(entry));
        entries.push(Entry {
            manager: writer.manager.to_owned(),
            is_apply: true,
            api_version: row.api_version(),
            time,
            fields: wanted,
        });
        fields::set_entries(&mut merged, entries);
    }
    Ok(merged)
}

/// Nobody is recorded for an object that nobody gave any field when it was made; what others wrote since
/// belongs to a manager of this name.
fn before_first_apply(row: &Row, live: &Value, now: &str) -> Entry {
    let mut owned = fields::leaves(row, live);
    owned.extend(fields::maps(live));
    Entry {
        manager: "before-first-apply".to_owned(),
        is_apply: false,
        api_version: row.api_version(),
        time: now.to_owned(),
        fields: owned,
    }
}

fn refuse_conflicts(
    entries: &[Entry],
    contested: &FieldSet,
    is_own: impl Fn(&Entry) -> bool,
) -> Result<(), Status> {
    let mut conflicts: Vec<(String, Vec<String>)> = entries
        .iter()
        .filter(|entry| !is_own(entry))
        .map(|entry| {
            let paths = entry.fields.intersection(contested).map(shown).collect();
            (shown_manager(entry), paths)
        })
        .filter(|(_, paths): &(String, Vec<String>)| !paths.is_empty())
        .collect();
    conflicts.sort();
    let causes: Vec<Value> = conflicts
        .iter()
        .flat_map(|(manager, paths)| paths.iter().map(move |path| (manager, path)))
        .map(|(manager, path)| {
            json!({
                "reason": "FieldManagerConflict",
                "message": format!("conflict with {manager}"),
                "field": path,
            })
        })
        .collect();
    let message = match (conflicts.as_slice(), causes.len()) {
        ([], _) => return Ok(()),
        ([(manager, paths)], 1) => {
            format!("Apply failed with 1 conflict: conflict with {manager}: {}", paths[0])
        }
        (several, count) => {
            let lines = several.iter().flat_map(|(manager, paths)| {
                let fields = paths.iter().map(|path| format!("- {path}"));
                std::iter::once(format!("conflicts with {manager}:")).chain(fields)
            });
            let lines: Vec<String> = lines.collect();
            format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
        }
    };
    Err(Status::apply_conflict(message, &causes))
}

fn shown(path: &FieldPath) -> String {
    format!(".{}", path.join("."))
}

/// The manager as messages name it; for updates with the version it wrote in.
fn shown_manager(entry: &Entry) -> String {
    if entry.is_apply {
        format!("\"{}\"", entry.manager)
    } else {
        format!("\"{}\" using {}", entry.manager, entry.api_version)
    }
}

/// Gives the fields that a plain write changed to the one who wrote; takes them from all others. An object
/// that was there without any entry stays so.
pub(super) fn record_update(
    row: &Row,
    before: Option<&Value>,
    after: &mut Value,
    manager: &str,
    now: &str,
) {
    let mut entries = fields::entries(after);
    if before.is_some() && entries.is_empty() {
        return;
    }
    let before = before.unwrap_or(&Value::Null);
    let mut before_maps = fields::maps(before);
    let (before_leaves, after_leaves) = (fields::leaves(row, before), fields::leaves(row, after));
    let mut changed: FieldSet = after_leaves
        .iter()
        .filter(|path| fields::value_at(before, path) != fields::value_at(after, path))
        .cloned()
        .collect();
    // A plain write is read into types that leave an empty map out; an apply is not.
    let mut after_maps = fields::maps(after);
    after_maps.retain(|map| {
        let map = fields::value_at(after, &map[..map.len() - 1]);
        map.and_then(Value::as_object).is_some_and(|map| !map.is_empty())
    });
    let gone: FieldSet = before_leaves.difference(&after_leaves).cloned().collect();
    let gone_maps: FieldSet = before_maps.difference(&after_maps).cloned().collect();
    before_maps.extend(gone.clone());
    changed.extend(after_maps.difference(&before_maps).cloned());
    for entry in &mut entries {
        entry.fields.retain(|path| {
            !changed.contains(path) && !gone.contains(path) && !gone_maps.contains(path)
        });
    }
    if !changed.is_empty() {
        let is_own = |entry: &Entry| !entry.is_apply && entry.manager == manager;
        let own = entries.iter().position(is_own).map(|at| entries.remove(at));
        let mut kept = own.map(|own| own.fields).unwrap_or_default();
        kept.append(&mut changed);
        entries.push(Entry {
            manager: manager.to_owned(),
            is_apply: false,
            api_version: row.api_version(),
            time: now.to_owned(),
            fields: kept,
        });
    }
    fields::set_entries(after, entries);
}
