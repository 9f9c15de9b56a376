//! The fields of a change that people need to see.

use serde_json::{Map, Value};

use crate::plan::row::ChangeRow;

/// What stands for a field that is not there.
const ABSENT: &str = "(none)";

/// One field of a change, as texts that are not yet escaped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct FieldLine<'a> {
    pub name: &'a str,
    pub what: What,
    /// Who wrote the value before.
    pub manager: Option<String>,
}

/// What is to be said of a field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// The whole resource comes or goes: the one value there is.
    Is(String),
    /// The value changes.
    Becomes { before: String, after: String },
}

/// All fields of what comes or goes; only the changed ones of what stays.
pub(super) fn lines(row: &ChangeRow) -> Vec<FieldLine<'_>> {
    let line = |name, what| FieldLine { name, what, manager: row.managers.get(name).map(show) };
    match (&row.before, &row.after) {
        (None, None) => Vec::new(),
        (Some(only), None) | (None, Some(only)) => {
            let only = only.iter();
            only.map(|(name, value)| line(name.as_str(), What::Is(show(value)))).collect()
        }
        (Some(before), Some(after)) => {
            let changed = changed(before, after).map(|(name, what)| line(name, what));
            changed.collect()
        }
    }
}

/// The fields that differ between two sides.
pub(super) fn changed<'a>(
    before: &'a Map<String, Value>,
    after: &'a Map<String, Value>,
) -> impl Iterator<Item = (&'a str, What)> {
    let changed = names(before, after).filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| {
        let (before, after) = (side(before, name), side(after, name));
        (name, What::Becomes { before, after })
    })
}

/// The names of both sides: those of the new side in its order, then what only the old one has.
fn names<'a>(
    before: &'a Map<String, Value>,
    after: &'a Map<String, Value>,
) -> impl Iterator<Item = &'a str> {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    after.keys().chain(gone).map(String::as_str)
}

fn side(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).map_or_else(|| ABSENT.to_owned(), show)
}

/// A value for people: texts as they are, lists with commas, all else as JSON.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => "[]".to_owned(),
        Value::Array(values) => values.iter().map(show).collect::<Vec<_>>().join(", "),
        Value::Null => ABSENT.to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}
