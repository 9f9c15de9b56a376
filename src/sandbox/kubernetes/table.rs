//! Objects in the form that the caller accepts: as they are, as a table for people, or their
//! metadata alone (<https://kubernetes.io/docs/reference/using-api/api-concepts/>).

use axum::http::header;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::super::answer::Answer;
use super::super::answer::Content;
use super::super::call::Call;
use super::body_of;

/// The answer in the first form of `Accept` that the sandbox can give.
pub(super) fn as_asked(answer: Answer, call: &Call, now: Timestamp) -> Answer {
    let accept = call.header(&header::ACCEPT).unwrap_or_default();
    let first = accept
        .split(',')
        .find(|form| !form.contains("protobuf"))
        .unwrap_or_default();
    let Some(body) = body_of(&answer).filter(|_| answer.status.is_success()) else {
        return answer;
    };
    let kind = body["kind"].as_str().unwrap_or_default();
    if body["metadata"].is_null() || kind == "Status" {
        return answer;
    }
    let shown = if first.contains("as=Table") {
        table(body, now)
    } else if first.contains("as=PartialObjectMetadata") {
        metadata_alone(body)
    } else {
        return answer;
    };
    Answer {
        content: Content::Json(shown),
        ..answer
    }
}

fn metadata_alone(body: &Value) -> Value {
    let partial = |object: &Value| {
        json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"],
        })
    };
    match body["items"].as_array() {
        Some(items) => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": body["metadata"],
            "items": items.iter().map(partial).collect::<Vec<_>>(),
        }),
        None => partial(body),
    }
}

fn table(body: &Value, now: Timestamp) -> Value {
    let kind = body["kind"]
        .as_str()
        .unwrap_or_default()
        .trim_end_matches("List");
    let one = [body.clone()];
    let objects = body["items"].as_array().map_or(&one[..], Vec::as_slice);
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let partial = metadata_alone(object);
            json!({ "cells": cells(kind, object, now), "object": partial })
        })
        .collect();
    let columns: Vec<Value> = columns(kind)
        .iter()
        .map(|(name, priority)| {
            json!({
                "name": name, "type": "string", "format": if *name == "Name" { "name" } else { "" },
                "description": "", "priority": priority,
            })
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": if body["items"].is_array() { body["metadata"].clone() } else { json!({}) },
        "columnDefinitions": columns,
        "rows": rows,
    })
}

/// Names and priorities of the columns; those above 0 are shown with `-o wide` only.
fn columns(kind: &str) -> &'static [(&'static str, u8)] {
    match kind {
        "Namespace" => &[("Name", 0), ("Status", 0), ("Age", 0)],
        "ConfigMap" => &[("Name", 0), ("Data", 0), ("Age", 0)],
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            &[("Name", 0), ("Webhooks", 0), ("Age", 0)]
        }
        "Role" | "ClusterRole" => &[("Name", 0), ("Created At", 0)],
        "RoleBinding" | "ClusterRoleBinding" => &[
            ("Name", 0),
            ("Role", 0),
            ("Age", 0),
            ("Users", 1),
            ("Groups", 1),
            ("ServiceAccounts", 1),
        ],
        _ => &[("Name", 0), ("Age", 0)],
    }
}

fn cells(kind: &str, object: &Value, now: Timestamp) -> Vec<Value> {
    let metadata = &object["metadata"];
    let name = metadata["name"].clone();
    let age = || Value::from(age(&metadata["creationTimestamp"], now));
    match kind {
        "Namespace" => vec![name, object["status"]["phase"].clone(), age()],
        "ConfigMap" => {
            let size = |field: &str| object[field].as_object().map_or(0, serde_json::Map::len);
            vec![name, Value::from(size("data") + size("binaryData")), age()]
        }
        "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration" => {
            let webhooks = object["webhooks"].as_array().map_or(0, Vec::len);
            vec![name, Value::from(webhooks), age()]
        }
        "Role" | "ClusterRole" => vec![name, metadata["creationTimestamp"].clone()],
        "RoleBinding" | "ClusterRoleBinding" => {
            let text = |field: &str| object["roleRef"][field].as_str().unwrap_or_default();
            let role = Value::from(format!("{}/{}", text("kind"), text("name")));
            let of = |kind: &str| Value::from(subjects(object, kind));
            vec![
                name,
                role,
                age(),
                of("User"),
                of("Group"),
                of("ServiceAccount"),
            ]
        }
        _ => vec![name, age()],
    }
}

fn subjects(object: &Value, kind: &str) -> String {
    let all = object["subjects"].as_array().into_iter().flatten();
    let names = all
        .filter(|subject| subject["kind"] == kind)
        .map(|subject| {
            let name = subject["name"].as_str().unwrap_or_default();
            match subject["namespace"].as_str() {
                Some(namespace) => format!("{namespace}/{name}"),
                None => name.to_owned(),
            }
        });
    names.collect::<Vec<_>>().join(", ")
}

/// How long ago, in the largest unit that gives a number above one.
fn age(created: &Value, now: Timestamp) -> String {
    let created = created
        .as_str()
        .and_then(|text| text.parse::<Timestamp>().ok());
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
