//! Entra's errors: number, OAuth error, HTTP status and text
//! (<https://learn.microsoft.com/entra/identity-platform/reference-error-codes>).

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::super::answer::Answer;
use super::super::jwt::Token;

const ADVICE: &str = "Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

/// A refusal of the token endpoint.
#[derive(Debug)]
pub(super) struct EntraError {
    number: u64,
    status: StatusCode,
    error: &'static str,
    message: String,
}

impl EntraError {
    fn client(number: u64, message: impl Into<String>) -> Self {
        let (status, error) = (StatusCode::UNAUTHORIZED, "invalid_client");
        Self { number, status, error, message: message.into() }
    }

    fn request(number: u64, error: &'static str, message: impl Into<String>) -> Self {
        Self { number, status: StatusCode::BAD_REQUEST, error, message: message.into() }
    }

    /// 900144: a parameter is missing.
    pub(super) fn missing(name: &str) -> Self {
        let message = format!("The request body must contain the following parameter: '{name}'.");
        Self::request(900_144, "invalid_request", message)
    }

    /// 70003: a grant that is not client credentials.
    pub(super) fn grant_type() -> Self {
        let message = "The app requested an unsupported grant type.";
        Self::request(70_003, "unsupported_grant_type", message)
    }

    /// 70011: a scope that is not one resource with `/.default`.
    pub(super) fn scope(scope: &str) -> Self {
        let message = format!(
            "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
        );
        Self::request(70_011, "invalid_scope", message)
    }

    /// 90002: another tenant.
    pub(super) fn tenant(tenant: &str) -> Self {
        let message = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        );
        Self::request(90_002, "invalid_request", message)
    }

    /// 700016: no such client in the tenant.
    pub(super) fn application(client_id: &str, tenant: &str) -> Self {
        let message = format!(
            "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
        );
        Self::request(700_016, "unauthorized_client", message)
    }

    /// 7000215: a secret for a client that has none.
    pub(super) fn secret(client_id: &str) -> Self {
        let message = format!("Invalid client secret provided for app '{client_id}'.");
        Self::client(7_000_215, message)
    }

    /// 50027: an assertion that is no token.
    pub(super) fn malformed_assertion() -> Self {
        Self::client(50_027, "JWT token is invalid or malformed.")
    }

    /// 70022: an issuer that Entra never trusts.
    pub(super) fn issuer(issuer: &str) -> Self {
        let message = format!(
            "The issuer '{issuer}' of the presented assertion is not allowed: it must be an https address without query and fragment, and not loopback."
        );
        Self::client(70_022, message)
    }

    /// 700024: an assertion outside its time.
    pub(super) fn outside_validity(assertion: &Token, now: i64) -> Self {
        let time = |seconds: Option<i64>| {
            let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
            at.map_or_else(|| "none".to_owned(), |at| at.to_string())
        };
        let message = format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}.",
            time(Some(now)),
            time(assertion.seconds("nbf")),
            time(assertion.seconds("exp")),
        );
        Self::client(700_024, message)
    }

    /// 700027: a signature that no key of the issuer verifies.
    pub(super) fn signature() -> Self {
        let message = "Client assertion failed signature validation. The key was not found or the signature does not match.";
        Self::client(700_027, message)
    }

    /// 90061: an issuer whose documents cannot be fetched.
    pub(super) fn unreachable(issuer: &str) -> Self {
        let message = format!(
            "Request to External OIDC endpoint failed. The sandbox knows no documents of the issuer '{issuer}'."
        );
        Self::request(90_061, "invalid_request", message)
    }

    /// 70025: an identity without credentials.
    pub(super) fn no_credentials(assertion: &Token) -> Self {
        let subject = assertion.text("sub").unwrap_or_default();
        let message = format!(
            "The client has no configured federated identity credentials. Assertion subject '{subject}'."
        );
        Self::client(70_025, message)
    }

    /// 700211: no credential for the issuer.
    pub(super) fn no_issuer(issuer: &str) -> Self {
        Self::mismatch(700_211, "issuer", issuer)
    }

    /// 700212: no credential for the audience.
    pub(super) fn no_audience(audience: &str) -> Self {
        Self::mismatch(700_212, "audience", audience)
    }

    /// 700213, or 7002138 where the subject differs in case alone.
    pub(super) fn no_subject(subject: &str, differs_in_case: bool) -> Self {
        if !differs_in_case {
            return Self::mismatch(700_213, "subject", subject);
        }
        let message = format!(
            "No matching federated identity record found for presented assertion subject '{subject}'. The subject matches only without regard to case; matching is case-sensitive. {ADVICE}"
        );
        Self::client(7_002_138, message)
    }

    /// 70021: the general code, which prints what was presented.
    pub(super) fn no_match(assertion: &Token) -> Self {
        let text = |claim: &str| assertion.text(claim).unwrap_or_default();
        let message = format!(
            "No matching federated identity record found for presented assertion. Assertion Issuer: '{}'. Assertion Subject: '{}'. Assertion Audience: '{}'. {ADVICE}",
            text("iss"),
            text("sub"),
            assertion.audiences().join(", "),
        );
        Self::request(70_021, "invalid_request", message)
    }

    fn mismatch(number: u64, what: &str, presented: &str) -> Self {
        let message = format!(
            "No matching federated identity record found for presented assertion {what} '{presented}'. {ADVICE}"
        );
        Self::client(number, message)
    }

    /// The answer in the documented envelope.
    pub(super) fn into_answer(self, trace: Uuid, now: Timestamp) -> Answer {
        let Self { number, status, error, message } = self;
        let at = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description = format!(
            "AADSTS{number}: {message} Trace ID: {trace} Correlation ID: {trace} Timestamp: {at}"
        );
        let body = json!({
            "error": error,
            "error_description": description,
            "error_codes": [number],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
        });
        Answer::json(status, body)
    }
}
