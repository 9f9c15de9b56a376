//! Objects in the form that the caller accepts: as they are, or as a table for people
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables>).

use axum::http::header;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::answer::{Answer, Content};
use super::super::call::Call;

/// The answer in the first form of `Accept` that the sandbox can give.
pub(super) fn as_asked(answer: Answer, call: &Call, now: Timestamp) -> Answer {
    let accept = call.header(&header::ACCEPT).unwrap_or_default();
    let first = accept.split(',').find(|form| !form.contains("protobuf"));
    let is_asked = first.is_some_and(|form| form.contains("as=Table"));
    let shown = match &answer.content {
        Content::Json(body) if is_asked && answer.status.is_success() && is_shown(body) => {
            table(body, now)
        }
        Content::Json(_) | Content::Empty | Content::Raw(_) => return answer,
    };
    Answer { content: Content::Json(shown), ..answer }
}

/// Whether it is an object or a list of them.
fn is_shown(body: &Value) -> bool {
    !body["metadata"].is_null() && body["kind"] != "Status"
}

/// Names and ages: what a kind has beside them, a real API server shows.
fn table(body: &Value, now: Timestamp) -> Value {
    let one = std::slice::from_ref(body);
    let objects = body["items"].as_array().map_or(one, Vec::as_slice);
    let row = |object: &Value| {
        let metadata = &object["metadata"];
        let partial = json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        });
        let cells = json!([metadata["name"], age(&metadata["creationTimestamp"], now)]);
        json!({ "cells": cells, "object": partial })
    };
    let column = |name: &str, format: &str| json!({ "name": name, "type": "string", "format": format, "description": "", "priority": 0 });
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": if body["items"].is_array() { body["metadata"].clone() } else { json!({}) },
        "columnDefinitions": [column("Name", "name"), column("Age", "")],
        "rows": objects.iter().map(row).collect::<Vec<_>>(),
    })
}

/// How long ago, in the largest unit that gives a number above one.
fn age(created: &Value, now: Timestamp) -> String {
    let created = created.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let Some(created) = created else {
        return "<unknown>".to_owned();
    };
    let seconds = now.duration_since(created).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
