//! What is wrong with a profile as SARIF 2.1.0, for code scanning
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).

use std::collections::BTreeMap;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::model::rule::Rule;
use crate::profile;
use crate::profile::resolved::Remark;
use crate::profile::{ProfileError, ProfileErrors};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What stands in a path of a URI as it is: <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>, and slashes.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What came of a profile.
pub enum Judged<'a> {
    /// It is right, with what people should know of it.
    Right(&'a [Remark]),
    /// It has errors.
    Wrong(&'a ProfileErrors),
    /// It could not be read, and why.
    Unread(String),
}

/// The document: one run with the rules of profiles, and a result for each error or remark. `place` says where a file is from the
/// root of the sources.
pub fn document(judged: &Judged<'_>, version: &str, place: &dyn Fn(&str) -> String) -> Value {
    let rules: BTreeMap<&str, &Rule> =
        profile::rules().chain(profile::remarks()).map(|rule| (rule.code, rule)).collect();
    let index = |code: &str| rules.keys().position(|known| *known == code);
    let results: Vec<Value> = match judged {
        Judged::Right(remarks) => remarks
            .iter()
            .map(|remark| {
                let at =
                    location(&place(&remark.place.path), remark.place.line, remark.place.column);
                result(("warning", remark.code, index(remark.code)), &remark.text, &remark.fix, &at)
            })
            .collect(),
        Judged::Wrong(errors) => errors.iter().map(|each| error(each, &index, place)).collect(),
        Judged::Unread(_) => Vec::new(),
    };
    let untold = match judged {
        Judged::Right(_) => None,
        Judged::Wrong(errors) => Some(errors.left_out())
            .filter(|left_out| *left_out > 0)
            .map(|left_out| format!("{left_out} more errors are counted and not told")),
        Judged::Unread(why) => Some(why.clone()),
    };
    let notifications: Vec<Value> = untold
        .map(|text| json!({"level": "error", "message": message(&text)}))
        .into_iter()
        .collect();
    let is_read = !matches!(judged, Judged::Unread(_));
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "widctl",
                "semanticVersion": version,
                "rules": rules.values().map(|rule| descriptor(rule)).collect::<Vec<Value>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": is_read,
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    })
}

fn descriptor(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.cause},
        "help": {"text": rule.fix},
        "properties": {"tags": [rule.kind.as_str()]},
    })
}

fn error(
    error: &ProfileError,
    index: &dyn Fn(&str) -> Option<usize>,
    place: &dyn Fn(&str) -> String,
) -> Value {
    let code = error.rule().code;
    let (line, column) = error.position();
    let at = location(&place(error.path()), line, column);
    result(("error", code, index(code)), &error.to_string(), error.hint(), &at)
}

fn result(
    (level, code, index): (&str, &str, Option<usize>),
    text: &str,
    hint: &str,
    at: &Value,
) -> Value {
    let hint = if hint.is_empty() { String::new() } else { format!("\nhint: {hint}") };
    let mut result = json!({
        "ruleId": code,
        "level": level,
        "message": message(&format!("{text}{hint}")),
        "locations": [at],
    });
    if let Some(index) = index {
        result["ruleIndex"] = index.into();
    }
    result
}

/// A message. Viewers make links of `[text](target)`, which no text of a profile is to be.
fn message(text: &str) -> Value {
    json!({"text": text.replace("](", "] (")})
}

fn location(path: &str, line: usize, column: usize) -> Value {
    let encoded = utf8_percent_encode(path, PATH);
    let file = if Path::new(path).is_absolute() {
        json!({"uri": format!("file://{encoded}")})
    } else {
        json!({"uri": encoded.to_string(), "uriBaseId": "%SRCROOT%"})
    };
    json!({"physicalLocation": {
        "artifactLocation": file,
        "region": {"startLine": line, "startColumn": column},
    }})
}
