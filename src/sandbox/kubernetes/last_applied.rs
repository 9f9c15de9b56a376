//! The way of `kubectl` from client-side to server-side apply: what its annotation says it applied last, it may
//! take over without a conflict
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#upgrading-from-client-side-apply-to-server-side-apply>).

use serde_json::Value;

use super::fields;
use super::fields::FieldSet;
use super::kinds::Row;
use super::refusal::sorted;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager that `kubectl` applies as, unless it is told otherwise; no other takes anything over.
const KUBECTL: &str = "kubectl";

/// The fields that a manager may take over: those that still are as they were last applied.
pub(super) fn taken_over(row: &Row, live: &Value, manager: &str) -> FieldSet {
    let said = live["metadata"]["annotations"][ANNOTATION].as_str();
    let applied = said.filter(|_| manager == KUBECTL);
    let applied: Option<Value> = applied.and_then(|text| serde_json::from_str(text).ok());
    let Some(applied) = applied else {
        return FieldSet::new();
    };
    let mut taken_over = fields::leaves(row, &applied);
    taken_over.retain(|path| fields::value_at(live, path) == fields::value_at(&applied, path));
    taken_over
}

/// Keeps the annotation true, so that the way back stays open.
pub(super) fn update(object: &mut Value, applied: &Value, manager: &str) {
    let Some(annotation) = object.pointer_mut("/metadata/annotations") else {
        return;
    };
    if manager != KUBECTL || annotation[ANNOTATION].is_null() {
        return;
    }
    let mut said = sorted(applied);
    if let Some(annotations) = said.pointer_mut("/metadata/annotations") {
        let annotations = annotations.as_object_mut();
        annotations.map(|annotations| annotations.shift_remove(ANNOTATION));
    }
    annotation[ANNOTATION] = Value::from(format!("{said}\n"));
}
