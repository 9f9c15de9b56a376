//! How an object that cannot be read is refused: the words depend on the way it was sent.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;

use super::kinds::Row;
use super::status::Status;

/// How an object reached the server.
pub(super) enum Form<'a> {
    /// As the body of a create or a replace.
    Body,
    /// By server-side apply.
    Applied,
    /// As what a strategic merge patch made of an object.
    Merged(&'a Value),
    /// As what any other patch made of an object.
    Patched,
}

impl Form<'_> {
    /// The refusal of fields that a kind does not have.
    pub(super) fn unknown_fields(&self, row: &Row, object: &Value, unknown: &[String]) -> Status {
        if let Self::Applied = self {
            // The server stops at the first.
            let fault = unknown.first().map_or("", String::as_str);
            return untyped(
                row,
                object,
                &format!(".{fault}: field not declared in schema"),
            );
        }
        let texts = unknown
            .iter()
            .map(|field| format!("unknown field \"{field}\""));
        let texts = texts.collect::<Vec<_>>().join(", ");
        self.unreadable(row, object, &format!("strict decoding error: {texts}"))
    }

    /// The refusal of a label or an annotation whose value is not a text.
    pub(super) fn not_a_text(
        &self,
        row: &Row,
        object: &Value,
        field: &str,
        value: &Value,
    ) -> Status {
        if let Self::Applied = self {
            return untyped(
                row,
                object,
                &format!(".{field}: expected string, got {value}"),
            );
        }
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let why = format!(
            "json: cannot unmarshal {kind} into Go struct field ObjectMeta.{field} of type string"
        );
        self.unreadable(row, object, &why)
    }

    fn unreadable(&self, row: &Row, object: &Value, why: &str) -> Status {
        let shown = match self {
            Self::Merged(patch) => go_value(patch),
            Self::Patched => sorted(object).to_string(),
            Self::Body | Self::Applied => {
                return Status::bad_request(format!(
                    "{} in version \"{}\" cannot be handled as a {}: {why}",
                    row.kind, row.version, row.kind
                ));
            }
        };
        let shown = Value::from(shown);
        let fault = ("patch".to_owned(), format!("Invalid value: {shown}: {why}"));
        Status::invalid_fields(("", ""), "", &[fault])
    }
}

/// The answer of the server to an applied object that does not fit its schema, a plain 500.
fn untyped(row: &Row, object: &Value, fault: &str) -> Status {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let message = format!(
        "failed to create typed patch object ({}/{}; {}): {fault}",
        text("namespace"),
        text("name"),
        row.group_version_kind(),
    );
    Status::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
}

/// A value as Go prints it with `%+v`.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_value).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(pairs) => {
            let pairs: BTreeMap<&String, &Value> = pairs.iter().collect();
            let pairs = pairs
                .into_iter()
                .map(|(key, value)| format!("{key}:{}", go_value(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
    }
}

/// A value with the members of its objects in the order of their names.
pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(pairs) => {
            let pairs: BTreeMap<&String, &Value> = pairs.iter().collect();
            let pairs = pairs
                .into_iter()
                .map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(pairs.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
