//! From the library's errors, and Entra's codes in them, to [`PortError`].

use std::time::Duration;

use azure_core::error::ErrorKind;
use serde::Deserialize;

use super::cache::again;
use super::method::Method;
use crate::azure::error::kind_of;
use crate::azure::error::text::clean;
use crate::ports::chain::chain;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::Place;

/// What the library appends to its messages.
const LIBRARYS_ADVICE: &str = "To troubleshoot, visit";

/// Entra's error body.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error_description: String,
    error_codes: Vec<u32>,
    trace_id: Option<String>,
}

/// An error that says what was tried. Nothing of the answer is kept but Entra's own words and codes.
pub(super) fn from_library(failure: azure_core::Error, method: Method) -> PortError {
    let operation = format!("sign in with {method}");
    if let Some(error) = carried(&failure) {
        return PortError { operation, ..again(error) };
    }
    let root = answered(&failure).unwrap_or(&failure);
    let mut error = PortError::new(PortErrorKind::Unauthenticated, Service::Entra, operation);
    error.place = Some(Box::new(Place::SignIn(Some(method.name()))));
    match root.kind() {
        ErrorKind::HttpResponse { status, raw_response, .. } => {
            let status = u16::from(*status);
            let refusal: Refusal = raw_response
                .as_ref()
                .and_then(|answer| serde_json::from_slice(answer.body()).ok())
                .unwrap_or_default();
            error.kind = match status {
                429 => PortErrorKind::Throttled,
                500..=599 => PortErrorKind::ServiceFault,
                _ => PortErrorKind::Unauthenticated,
            };
            error.status = Some(status);
            let code = refusal.error_codes.first();
            error.code = code.map(|code| format!("AADSTS{code}"));
            error.request_id = refusal.trace_id.map(|id| clean(&id).into());
            let said = words(&refusal.error_description);
            let said = error
                .code
                .as_ref()
                .and_then(|code| said.strip_prefix(code.as_str())?.strip_prefix(": "))
                .map_or_else(|| said.clone(), str::to_owned);
            error.message = Some(said).filter(|text| !text.is_empty());
        }
        ErrorKind::Connection | ErrorKind::Io => {
            error.kind = kind_of(root);
            error.source = Some(Box::new(failure));
        }
        ErrorKind::DataConversion => {
            error.kind = PortErrorKind::Malformed;
            error.message = Some("the answer is not a token".into());
        }
        ErrorKind::Credential | ErrorKind::Other => {
            let message = words(&failure.to_string());
            error.code = code_in(&message);
            error.message = Some(message);
        }
    }
    error
}

/// The error for a credential that never answers.
pub(super) fn too_late(method: Method, limit: Duration) -> PortError {
    let operation = format!("sign in with {method}");
    let mut error = PortError::new(PortErrorKind::TimedOut, Service::Entra, operation);
    error.message = Some(format!("no token after {} s", limit.as_secs()));
    error.place = Some(Box::new(Place::SignIn(Some(method.name()))));
    error
}

/// The first error of ours in the chain: a timeout for one.
fn carried(failure: &azure_core::Error) -> Option<&PortError> {
    chain(failure).find_map(|error| error.downcast_ref())
}

/// The error in the chain that knows what happened on the wire.
fn answered(failure: &azure_core::Error) -> Option<&azure_core::Error> {
    chain(failure)
        .filter_map(|error| error.downcast_ref::<azure_core::Error>())
        .find(|core| !matches!(core.kind(), ErrorKind::Credential | ErrorKind::Other))
}

/// What was said, without trace ids, advice of the library and the library's own names.
fn words(text: &str) -> String {
    let text = text.split(LIBRARYS_ADVICE).next().unwrap_or_default();
    let text = text.split("Trace ID:").next().unwrap_or_default();
    let text = match text.split_once(" authentication failed.") {
        Some((name, rest)) if name.ends_with("Credential") => rest,
        _ => text,
    };
    clean(text.trim())
}

/// Entra's code in what a tool says, `az` for one.
fn code_in(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("AADSTS")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("AADSTS{digits}"))
}
