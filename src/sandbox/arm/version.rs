//! Which api-versions a type answers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::super::call::Call;
use super::error::ArmError;

/// The api-versions of each type, oldest first.
static KNOWN: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    toml::from_str(include_str!("api_versions.toml")).expect("the table is part of the program")
});

/// The api-version of a request; empty where it has none.
pub(super) fn of(call: &Call) -> &str {
    call.parameter("api-version").unwrap_or_default()
}

/// Refuses a request without an api-version, or with one that the type does not have.
///
/// For a version of the right form ARM answers `NoRegisteredProviderFound` or, depending on the
/// verb, another code; which one is not documented for every type.
pub(super) fn check(call: &Call, kind: &str) -> Result<(), ArmError> {
    let find = |kind: &str| KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind));
    // An action has the api-versions of what it is done to.
    let known = find(kind).or_else(|| find(kind.rsplit_once('/')?.0));
    let Some((kind, versions)) = known else { return Ok(()) };
    let version = of(call);
    if version.is_empty() {
        let message =
            "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(ArmError::refused("MissingApiVersionParameter", message));
    }
    if versions.iter().any(|known| known == version) {
        return Ok(());
    }
    let supported = versions.join(", ");
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
