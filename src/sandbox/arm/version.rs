//! Which api-versions a type answers.

use super::super::call::Call;
use super::error::ArmError;

/// Refuses a request without an api-version, or with one that the type does not have.
///
/// For a version of the right form ARM answers `NoRegisteredProviderFound` or, depending on the
/// verb, another code; which one is not documented for every type.
pub(super) fn check<'a>(call: &'a Call, kind: &str, known: &[&str]) -> Result<&'a str, ArmError> {
    let Some(version) = call.parameter("api-version") else {
        let message =
            "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(ArmError::refused("MissingApiVersionParameter", message));
    };
    if known.contains(&version) {
        return Ok(version);
    }
    let supported = known.join(", ");
    if !is_version(version) {
        let message = format!(
            "The api-version '{version}' is invalid. The supported versions are '{supported}'."
        );
        return Err(ArmError::refused("InvalidApiVersionParameter", message));
    }
    let message = format!(
        "No registered resource provider found for API version '{version}' for type '{kind}'. The supported api-versions are '{supported}'."
    );
    Err(ArmError::refused("NoRegisteredProviderFound", message))
}

/// Four digits, two, two, and perhaps `-preview`.
fn is_version(text: &str) -> bool {
    let date = text.strip_suffix("-preview").unwrap_or(text);
    let parts: Vec<&str> = date.split('-').collect();
    matches!(parts.as_slice(), [y, m, d] if (y.len(), m.len(), d.len()) == (4, 2, 2))
        && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}
