//! What the server fills in where an object leaves it out
//! (<https://kubernetes.io/docs/reference/kubernetes-api/>).

use serde_json::Value;
use serde_json::json;

use super::kinds::Row;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Fills an object in.
pub(super) fn fill(row: &Row, object: &mut Value) {
    match row.kind {
        "RoleBinding" | "ClusterRoleBinding" => {
            if let Some(reference) = object.get_mut("roleRef") {
                unless_there(reference, "apiGroup", || json!(RBAC));
            }
            for subject in items(object, "subjects") {
                if subject["kind"] == "User" || subject["kind"] == "Group" {
                    unless_there(subject, "apiGroup", || json!(RBAC));
                }
            }
        }
        "MutatingWebhookConfiguration" => {
            for webhook in items(object, "webhooks") {
                unless_there(webhook, "reinvocationPolicy", || json!("Never"));
                fill_webhook(webhook);
            }
        }
        "ValidatingWebhookConfiguration" => {
            items(object, "webhooks").for_each(fill_webhook);
        }
        _ => {}
    }
}

fn fill_webhook(webhook: &mut Value) {
    if let Some(service) = webhook.pointer_mut("/clientConfig/service") {
        unless_there(service, "port", || json!(443));
    }
    unless_there(webhook, "failurePolicy", || json!("Fail"));
    unless_there(webhook, "matchPolicy", || json!("Equivalent"));
    unless_there(webhook, "namespaceSelector", || json!({}));
    unless_there(webhook, "objectSelector", || json!({}));
    unless_there(webhook, "timeoutSeconds", || json!(10));
    for rule in items(webhook, "rules") {
        unless_there(rule, "scope", || json!("*"));
    }
}

/// The items of a list.
fn items<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    let list = object.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

fn unless_there(object: &mut Value, field: &str, value: impl FnOnce() -> Value) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let is_empty = fields
        .get(field)
        .is_none_or(|found| found.is_null() || found == "");
    if is_empty {
        fields.insert(field.to_owned(), value());
    }
}
