//! As much `OpenAPI` as `kubectl` asks for before it writes: that the server validates fields itself, and the
//! shapes of accounts, config maps, namespaces, RBAC and webhook configurations, which its patches follow
//! (<https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition>).

use serde_json::Value;
use serde_json::json;

use super::super::answer::Answer;
use super::VERSION;
use super::kinds;
use super::kinds::Row;
use super::status::KubernetesResult;
use super::status::Status;

/// Fields, types and patch strategies as the API server of version 1.36.3 gives them; none of its texts.
const SCHEMAS: &str = include_str!("schemas.json");

const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// Answers below `/openapi`.
pub(super) fn answer(rest: &[&str]) -> KubernetesResult {
    match rest {
        ["v3"] => {
            let mut paths = json!({});
            for row in &kinds::ROWS {
                let path = match row.group {
                    "" => "api/v1".to_owned(),
                    group => format!("apis/{group}/v1"),
                };
                let address = format!("/openapi/v3/{path}");
                paths[path] = json!({ "serverRelativeURL": address });
            }
            Ok(Answer::ok(json!({ "paths": paths })))
        }
        ["v3", "api", "v1"] => Ok(document("", "/api/v1")),
        ["v3", "apis", group, "v1"] => Ok(document(group, &format!("/apis/{group}/v1"))),
        _ => Err(Status::no_resource()),
    }
}

fn document(group: &str, base: &str) -> Answer {
    let schemas: Value = serde_json::from_str(SCHEMAS).expect("the file is JSON");
    let is_known = |row: &Row| {
        let kind = json!([{ "group": row.group, "kind": row.kind, "version": row.version }]);
        let mut schemas = schemas.as_object().into_iter().flatten();
        schemas.any(|(_, schema)| schema["x-kubernetes-group-version-kind"] == kind)
    };
    let mut paths = json!({});
    for row in kinds::ROWS.iter().filter(|row| row.group == group) {
        let namespace = if row.is_namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let operation = operation([row.group, row.version, row.kind]);
        let mut patch = operation.clone();
        if is_known(row) {
            // Where this stands, `kubectl apply` makes its patches by the schema of the kind.
            patch["requestBody"] = json!({ "content": { STRATEGIC: {} } });
        }
        paths[format!("{base}{namespace}/{}/{{name}}", row.plural)] =
            json!({ "patch": patch, "put": operation });
        paths[format!("{base}{namespace}/{}", row.plural)] = json!({ "post": operation });
    }
    Answer::ok(json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": format!("v{VERSION}") },
        "paths": paths,
        "components": { "schemas": schemas },
    }))
}

fn operation([group, version, kind]: [&str; 3]) -> Value {
    let parameter =
        |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string" } });
    let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
    json!({
        "parameters": parameters,
        "responses": {},
        "x-kubernetes-group-version-kind": { "group": group, "version": version, "kind": kind },
    })
}
