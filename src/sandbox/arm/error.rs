//! ARM's error envelope (<https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors>).

use axum::http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;

/// What a handler of ARM gives back.
pub(in crate::sandbox) type ArmResult = Result<Answer, ArmError>;

/// A refusal with its code and text.
#[derive(Debug)]
pub(in crate::sandbox) struct ArmError {
    status: StatusCode,
    code: String,
    message: String,
    header: Option<(HeaderName, String)>,
}

impl ArmError {
    /// A refusal.
    pub(in crate::sandbox) fn new(
        status: StatusCode,
        code: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), header: None }
    }

    /// The same with a header.
    pub(super) fn with_header(mut self, name: HeaderName, value: String) -> Self {
        self.header = Some((name, value));
        self
    }

    /// 400.
    pub(super) fn refused(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404.
    pub(super) fn absent(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// 409.
    pub(super) fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 400 `BadRequest`.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::refused("BadRequest", message)
    }

    /// The body of a request, or 400 where it is not JSON.
    pub(super) fn body_of(call: &Call) -> Result<Value, Self> {
        call.json().map_err(|error| Self::bad_content(&error.to_string()))
    }

    /// 400 for a body that is not JSON or not what the type expects.
    pub(super) fn bad_content(reason: &str) -> Self {
        let message =
            format!("The request content was invalid and could not be deserialized: '{reason}'.");
        Self::refused("InvalidRequestContent", message)
    }

    /// 404 for a type that the sandbox does not know.
    pub(super) fn unknown_type(call: &Call) -> Self {
        let message = format!("The sandbox knows no resource type at '{}'.", call.path);
        Self::absent("InvalidResourceType", message)
    }

    /// 405 for a verb that the type does not have.
    pub(super) fn method(call: &Call) -> Self {
        let message =
            format!("The requested resource does not support http method '{}'.", call.method);
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    /// 404 `ResourceNotFound`, with the type and name as ARM prints them.
    pub(super) fn resource_not_found(kind: &str, name: &str, group: &str) -> Self {
        let message = format!(
            "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
        );
        Self::absent("ResourceNotFound", message)
    }
}

impl From<ArmError> for Answer {
    fn from(error: ArmError) -> Self {
        let body = json!({ "error": { "code": error.code, "message": error.message } });
        let answer = Self::json(error.status, body);
        match error.header {
            Some((name, value)) => answer.with_header(name, value),
            None => answer,
        }
    }
}
