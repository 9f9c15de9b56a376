//! As much `OpenAPI` as `kubectl` asks for before it creates or applies: that the server validates fields itself. It
//! describes no schema, so `kubectl` follows none
//! (<https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition>).

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::kinds;
use super::status::{KubernetesResult, Status};

/// Answers below `/openapi`.
pub(super) fn answer(rest: &[&str]) -> KubernetesResult {
    match rest {
        ["v3"] => {
            let mut paths = json!({});
            for row in kinds::ROWS {
                let path = row.base();
                paths[&path] = json!({ "serverRelativeURL": format!("/openapi/v3/{path}") });
            }
            Ok(Answer::ok(json!({ "paths": paths })))
        }
        ["v3", base @ ..] => {
            let base = base.join("/");
            let rows = kinds::ROWS.iter().filter(|row| row.base() == base);
            let paths: serde_json::Map<String, Value> = rows
                .map(|row| (format!("/{base}/{}/{{name}}", row.plural), validated(row)))
                .collect();
            Ok(Answer::ok(json!({
                "openapi": "3.0.0",
                "info": { "title": "Kubernetes", "version": super::VERSION },
                "paths": paths,
            })))
        }
        _ => Err(Status::no_resource()),
    }
}

/// The writes of a kind, which take `fieldValidation`.
fn validated(row: &kinds::Row) -> Value {
    let operation = json!({
        "parameters": [{ "name": "fieldValidation", "in": "query", "schema": { "type": "string" } }],
        "responses": {},
        "x-kubernetes-group-version-kind": {
            "group": row.group, "version": row.version, "kind": row.kind,
        },
    });
    json!({ "patch": operation, "post": operation })
}
