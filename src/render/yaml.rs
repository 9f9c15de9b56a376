//! Values as YAML that people review: blocks for what holds other values, JSON's quoting for texts, which is also YAML's.
//! <https://yaml.org/spec/1.2.2/#chapter-7-flow-style-productions>

use serde_json::Value;

/// Several values as one file.
pub(super) fn file<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let parts: Vec<String> =
        values.into_iter().map(|value| lines(value).join("\n") + "\n").collect();
    parts.join("---\n")
}

/// A value, line by line. Keys are as they are: those of Kubernetes and of this crate need no quotes.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            entries.iter().flat_map(|(key, value)| entry(key, value)).collect()
        }
        Value::Array(values) if !values.is_empty() => values.iter().flat_map(item).collect(),
        Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => vec![value.to_string()],
    }
}

fn entry(key: &str, value: &Value) -> Vec<String> {
    match &lines(value)[..] {
        [line] if !holds(value) => vec![format!("{key}: {line}")],
        block => std::iter::once(format!("{key}:"))
            .chain(block.iter().map(|line| format!("  {line}")))
            .collect(),
    }
}

fn item(value: &Value) -> Vec<String> {
    let lines = lines(value).into_iter().enumerate();
    lines.map(|(at, line)| format!("{}{line}", if at == 0 { "- " } else { "  " })).collect()
}

/// Whether a value is a block of others.
fn holds(value: &Value) -> bool {
    value.as_object().is_some_and(|entries| !entries.is_empty())
        || value.as_array().is_some_and(|values| !values.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::file;

    #[test]
    fn texts_stay_texts_and_blocks_are_indented() {
        let first = json!({
            "name": "true", "empty": {}, "none": [],
            "data": { "id.client-id": "0123" },
            "targets": [{ "select": { "kind": "A: b" }, "paths": ["x.[y]"] }, "z"],
        });
        let text = r#"name: "true"
empty: {}
none: []
data:
  id.client-id: "0123"
targets:
  - select:
      kind: "A: b"
    paths:
      - "x.[y]"
  - "z"
---
"b"
"#;
        assert_eq!(file([&first, &json!("b")]), text);
    }
}
