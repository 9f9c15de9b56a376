//! Refusals as the API server writes them: a `Status` object.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::kinds;
use super::kinds::Row;

/// What a handler of a cluster gives back.
pub(super) type KubernetesResult = Result<Answer, Status>;

/// A failure.
#[derive(Debug)]
pub(super) struct Status {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

impl Status {
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// 401.
    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 404 for a path that names no resource.
    pub(super) fn no_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).with_details(json!({}))
    }

    /// 404 for an object.
    pub(super) fn not_found(row: &Row, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", row.qualified_plural());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).with_details(details(row, name))
    }

    /// 415 for a body that is not JSON.
    pub(super) fn media_type() -> Self {
        let message = "the sandbox reads JSON, and protobuf of token requests and bare names alone; use `kubectl apply --server-side -f FILE`, or a cluster with a real API server";
        Self::unsupported(message.to_owned())
    }

    /// 415 for a patch that is neither an apply nor a merge patch.
    pub(super) fn patch_type(kind: &str) -> Self {
        let message = format!(
            "the sandbox takes server-side apply (application/apply-patch+yaml, as JSON) and merge patches (application/merge-patch+json), not {kind}; use `kubectl apply --server-side` or `kubectl patch --type=merge`, or a cluster with a real API server"
        );
        Self::unsupported(message)
    }

    fn unsupported(message: String) -> Self {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "UnsupportedMediaType", message)
    }

    /// 405.
    pub(super) fn method() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
            .with_details(json!({}))
    }

    /// 409 for an object that is there already.
    pub(super) fn already_exists(row: &Row, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", row.qualified_plural());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).with_details(details(row, name))
    }

    /// 409 for an outdated resource version or a failed precondition.
    pub(super) fn conflict(row: &Row, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            row.qualified_plural()
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).with_details(details(row, name))
    }

    /// 409 of a server-side apply, with a cause for each field.
    pub(super) fn apply_conflict(message: String, causes: &[Value]) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message)
            .with_details(json!({ "causes": causes }))
    }

    /// 403 with the text of the authorizer.
    pub(super) fn forbidden(row: &Row, name: &str, why: &str) -> Self {
        let subject = if name.is_empty() {
            row.qualified_plural()
        } else {
            format!("{} \"{name}\"", row.qualified_plural())
        };
        let message = format!("{subject} is forbidden: {why}");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).with_details(details(row, name))
    }

    /// 403 for new content in a namespace that is going away.
    pub(super) fn terminating(row: &Row, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut status = Self::forbidden(row, name, &why);
        if let Some(details) = &mut status.details {
            details["causes"] = json!([{
                "reason": "NamespaceTerminating",
                "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            }]);
        }
        status
    }

    /// 422 for one field.
    pub(super) fn invalid(row: &Row, name: &str, field: &str, why: &str) -> Self {
        let faults = [(field.to_owned(), why.to_owned())];
        Self::invalid_fields((row.group, row.kind), name, &faults)
    }

    /// 422 for fields of an object of a group and kind, each with what is wrong with it.
    pub(super) fn invalid_fields(
        (group, kind): (&str, &str),
        name: &str,
        faults: &[(String, String)],
    ) -> Self {
        let cause = |(field, why): &(String, String)| {
            let reason = match why.split(" value").next() {
                Some("Required") => "FieldValueRequired",
                Some("Unsupported") => "FieldValueNotSupported",
                _ => "FieldValueInvalid",
            };
            json!({ "reason": reason, "message": why, "field": field })
        };
        let texts: Vec<String> =
            faults.iter().map(|(field, why)| format!("{field}: {why}")).collect();
        let texts = match texts.as_slice() {
            [one] => one.clone(),
            several => format!("[{}]", several.join(", ")),
        };
        let message = format!("{} \"{name}\" is invalid: {texts}", kinds::with_group(kind, group));
        let mut details = named(name, group, kind);
        details["causes"] = faults.iter().map(cause).collect();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(details)
    }

    /// 501 for what the sandbox does not imitate.
    pub(super) fn not_imitated(what: &str) -> Self {
        let message = format!("the sandbox does not imitate {what}");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }
}

/// What the details of a status say of an object.
pub(super) fn details(row: &Row, name: &str) -> Value {
    named(name, row.group, row.plural)
}

fn named(name: &str, group: &str, kind: &str) -> Value {
    let mut details = json!({});
    for (field, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details[field] = Value::from(value);
        }
    }
    details
}

impl From<Status> for Answer {
    fn from(status: Status) -> Self {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": status.message,
        });
        if !status.reason.is_empty() {
            body["reason"] = Value::from(status.reason);
        }
        if let Some(details) = status.details {
            body["details"] = details;
        }
        body["code"] = Value::from(status.code.as_u16());
        Self::json(status.code, body)
    }
}
