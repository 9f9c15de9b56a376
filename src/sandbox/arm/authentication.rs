//! Bearer tokens of ARM: signed by the sandbox's Entra, for ARM, in time, of the tenant.

use axum::http::{StatusCode, header};

use super::super::call::Call;
use super::super::jwt::Token;
use super::super::keys::Key;
use super::super::state::Inner;
use super::error::ArmError;

/// The audiences that ARM takes, without a slash at the end.
const AUDIENCES: [&str; 6] = [
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
    "https://management.core.chinacloudapi.cn",
];

/// Refuses a request whose token ARM would not take. The answer names the tenant, which is how
/// clients discover it.
pub(super) fn check(inner: &Inner, call: &Call) -> Result<(), ArmError> {
    let Some(bearer) = call.bearer() else {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(refusal(inner, call, "AuthenticationFailed", message));
    };
    let invalid = |message: &str| Err(refusal(inner, call, "InvalidAuthenticationToken", message));
    let Some(token) = Token::parse(bearer).filter(|token| token.is_signed_by(&[Key::Entra])) else {
        return invalid("The access token is invalid.");
    };
    let is_for_arm = token.audiences().iter().any(|audience| {
        let audience = audience.trim_end_matches('/');
        AUDIENCES.contains(&audience) || audience == call.origin
    });
    if !is_for_arm {
        return invalid("The access token has been obtained for wrong audience or resource.");
    }
    if token.text("tid") != Some(&inner.state.tenant) {
        let message = "The access token is from the wrong issuer. It must match the tenant associated with this subscription.";
        return Err(refusal(inner, call, "InvalidAuthenticationTokenTenant", message));
    }
    if !token.is_valid_at(inner.clock.now().as_second()) {
        let message = "The access token expiry UTC time is earlier than current UTC time.";
        return Err(refusal(inner, call, "ExpiredAuthenticationToken", message));
    }
    Ok(())
}

fn refusal(inner: &Inner, call: &Call, code: &str, message: &str) -> ArmError {
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\", error_description=\"{message}\"",
        call.origin, inner.state.tenant
    );
    ArmError::new(StatusCode::UNAUTHORIZED, code, message)
        .with_header(header::WWW_AUTHENTICATE, challenge)
}
