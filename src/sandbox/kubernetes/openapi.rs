//! As much `OpenAPI` as `kubectl` asks for before it writes: that the server validates fields itself
//! (<https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-interface-definition>).

use serde_json::Value;
use serde_json::json;

use super::super::answer::Answer;
use super::kinds;
use super::status::KubernetesResult;
use super::status::Status;

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
    let mut paths = json!({});
    for row in kinds::ROWS.iter().filter(|row| row.group == group) {
        let namespace = if row.is_namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let operation = operation([row.group, row.version, row.kind]);
        paths[format!("{base}{namespace}/{}/{{name}}", row.plural)] =
            json!({ "patch": operation, "put": operation });
        paths[format!("{base}{namespace}/{}", row.plural)] = json!({ "post": operation });
    }
    Answer::ok(json!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "v1.33.2" },
        "paths": paths,
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
