//! From statuses, ARM's error codes and broken transports to [`PortError`].

mod action;
pub(crate) mod envelope;
mod place;
pub(crate) mod text;

use std::borrow::Cow;

use azure_core::error::ErrorKind;
use azure_core::http::headers::HeaderName;
use azure_core::http::{Method, RawResponse, Request};
use percent_encoding::percent_decode_str;

use self::envelope::Envelope;
use self::text::clean;
use super::transport::TooLong;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::{AzurePlace, Place};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
/// Ties all requests of a run together in Azure's activity log.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/control-plane-metrics>
pub(crate) const CORRELATION_ID: HeaderName =
    HeaderName::from_static("x-ms-correlation-request-id");

/// Whether an answer may be quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Secrecy {
    /// Its messages may be shown.
    Open,
    /// It can hold secrets: nothing of its body is kept but the error's code.
    SecretBearing,
}

/// What was asked, for errors about the answer.
pub(crate) struct AzureRequest<'a> {
    pub(crate) operation: &'a str,
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) secrecy: Secrecy,
    /// The run that the request was sent in; only one that was sent has it.
    pub(crate) correlation_id: Option<String>,
}

impl<'a> AzureRequest<'a> {
    pub(crate) fn new(request: &'a Request, operation: &'a str, secrecy: Secrecy) -> Self {
        Self {
            operation,
            method: request.method(),
            path: request.url().path(),
            secrecy,
            correlation_id: request.headers().get_optional_string(&CORRELATION_ID),
        }
    }

    /// The path without the escapes of URLs.
    fn plain_path(&self) -> Cow<'_, str> {
        percent_decode_str(self.path).decode_utf8_lossy()
    }

    fn is_about_credentials(&self) -> bool {
        self.path.contains("/federatedIdentityCredentials")
    }
}

/// Takes one of our errors through code that only knows the library's.
pub(crate) fn carry(error: PortError) -> azure_core::Error {
    azure_core::Error::new(ErrorKind::Other, error)
}

/// What kind of failure a policy or the transport reported.
pub(crate) fn kind_of(failure: &azure_core::Error) -> PortErrorKind {
    if let Some(error) = failure.downcast_ref::<PortError>() {
        return error.kind.clone();
    }
    match failure.kind() {
        ErrorKind::Connection => PortErrorKind::Unreachable,
        ErrorKind::Io => PortErrorKind::AnswerLost,
        ErrorKind::Credential => PortErrorKind::Unauthenticated,
        ErrorKind::HttpResponse { .. } | ErrorKind::DataConversion | ErrorKind::Other => {
            PortErrorKind::Malformed
        }
    }
}

/// The error for a request that got no usable answer.
pub(crate) fn from_failure(failure: azure_core::Error, asked: &AzureRequest<'_>) -> PortError {
    let kind = kind_of(&failure);
    let mut error = match failure.into_downcast::<PortError>() {
        // Sign-in says itself what it tried.
        Ok(error) if error.service != Service::Arm => return error,
        Ok(mut error) => {
            asked.operation.clone_into(&mut error.operation);
            error
        }
        Err(failure) => {
            let mut error = PortError::new(kind, Service::Arm, asked.operation);
            error.message = failure.downcast_ref::<TooLong>().map(ToString::to_string);
            error.source = Some(Box::new(failure));
            error
        }
    };
    // Nobody at Azure can find what never got there.
    let may_have_arrived =
        !matches!(error.kind, PortErrorKind::Unreachable | PortErrorKind::ForeignOrigin);
    if may_have_arrived {
        error.correlation_id.clone_from(&asked.correlation_id);
    }
    error
}

/// The error for an answer whose status is not a success.
pub(crate) fn from_answer(asked: &AzureRequest<'_>, answer: &RawResponse) -> PortError {
    let status = u16::from(answer.status());
    let envelope = Envelope::read(answer.body());
    let place = place::of(asked, answer, &envelope);
    let kind = kind(status, &envelope, asked, &place);
    let mut error = PortError::new(kind, Service::Arm, asked.operation);
    error.place = Some(Box::new(Place::Azure(place)));
    error.status = Some(status);
    error.request_id = request_id(answer);
    error.correlation_id.clone_from(&asked.correlation_id);
    error.code = envelope.code().map(clean);
    error.message = match asked.secrecy {
        Secrecy::SecretBearing => None,
        Secrecy::Open => envelope.message().map(clean).or_else(|| text::snippet(answer.body())),
    };
    error
}

/// The error for an answer that was a success but cannot be understood; `problem` names what is wrong.
pub(crate) fn malformed(
    asked: &AzureRequest<'_>,
    answer: &RawResponse,
    problem: &str,
) -> PortError {
    let mut error = PortError::new(PortErrorKind::Malformed, Service::Arm, asked.operation);
    error.request_id = request_id(answer);
    error.correlation_id.clone_from(&asked.correlation_id);
    error.message = Some(match asked.secrecy {
        Secrecy::SecretBearing => clean(problem),
        Secrecy::Open => match text::snippet(answer.body()) {
            Some(snippet) => format!("{}; it begins with `{snippet}`", clean(problem)),
            None => format!("{}; it is empty", clean(problem)),
        },
    });
    error
}

/// The error for something that must not be sent.
pub(crate) fn not_sent(operation: &str, problem: String) -> PortError {
    let mut error = PortError::new(PortErrorKind::Invalid, Service::Arm, operation);
    error.message = Some(problem);
    error
}

fn refused((action, scope): (Option<String>, Option<String>)) -> PortErrorKind {
    PortErrorKind::Refused { action, scope }
}

fn request_id(answer: &RawResponse) -> Option<Box<str>> {
    answer.headers().get_optional_string(&REQUEST_ID).map(|id| clean(&id).into())
}

/// By status, and by code where ARM's statuses are too coarse.
/// <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors>
fn kind(
    status: u16,
    envelope: &Envelope,
    asked: &AzureRequest<'_>,
    place: &AzurePlace,
) -> PortErrorKind {
    if envelope.is_concurrent_write() {
        return PortErrorKind::ConcurrentWrite;
    }
    match (status, envelope.code().unwrap_or_default()) {
        (_, "RoleAssignmentExists") => PortErrorKind::RoleAssignmentExists,
        (400, "PrincipalNotFound") => PortErrorKind::PrincipalNotFound,
        (_, "ParentResourceNotFound") => PortErrorKind::ParentNotFound,
        // Another sign-in of the same caller may do it.
        (401 | 403, _) if place.wants_mfa => PortErrorKind::Unauthenticated,
        (
            403,
            "RequestDisallowedByPolicy"
            | "RequestDisallowedByAzure"
            | "DenyAssignmentAuthorizationFailed",
        )
        | (409, "ScopeLocked" | "ReadOnlyDisabledSubscription") => PortErrorKind::Forbidden,
        // Nobody can tell what exists in a subscription that cannot be seen: not even that a thing is gone.
        (404, "SubscriptionNotFound") => PortErrorKind::Invalid,
        (401, _) => PortErrorKind::Unauthenticated,
        (403, "AuthorizationFailed") => refused(action::missing(asked, envelope.message())),
        (403, "LinkedAuthorizationFailed") => refused(action::linked(envelope.message())),
        // Nothing says that a right is missing.
        (403, _) => refused((None, None)),
        (404, _) if matches!(asked.method, Method::Put | Method::Patch) => {
            PortErrorKind::ParentNotFound
        }
        (404, _) => PortErrorKind::NotFound,
        (409, "MissingSubscriptionRegistration" | "InvalidResourceLocation") => {
            PortErrorKind::Invalid
        }
        (400 | 409, _) if asked.is_about_credentials() && envelope.is_pair_taken() => {
            PortErrorKind::PairTaken
        }
        (409 | 412, _) => PortErrorKind::Conflict { managers: Vec::new() },
        (429, _) => PortErrorKind::Throttled,
        (408 | 499 | 500..=599, _) => PortErrorKind::ServiceFault,
        (400..=499, _) => PortErrorKind::Invalid,
        _ => PortErrorKind::Malformed,
    }
}
