//! What an answer says beside its status, code and message: who was refused, by which policy, and what a new
//! sign-in must show.

use azure_core::http::headers::HeaderName;
use azure_core::http::{Method, RawResponse};

use super::action::quoted;
use super::envelope::Envelope;
use super::text::clean;
use super::{AzureRequest, Secrecy};
use crate::model::guid::TenantId;
use crate::ports::place::AzurePlace;

const AUTHENTICATE: HeaderName = HeaderName::from_static("www-authenticate");
/// How the messages of Azure's own policies, and of those of customers, name multi-factor authentication.
/// <https://learn.microsoft.com/entra/identity/authentication/concept-mandatory-multifactor-authentication>
const MFA: [&str; 3] =
    ["multi-factor authentication", "multifactor authentication", "must use mfa"];

/// What was asked for, and what the answer says of it.
pub(super) fn of(
    asked: &AzureRequest<'_>,
    answer: &RawResponse,
    envelope: &Envelope,
) -> AzurePlace {
    let message = match asked.secrecy {
        Secrecy::Open => envelope.message().unwrap_or_default(),
        Secrecy::SecretBearing => "",
    };
    let challenge = answer.headers().get_optional_string(&AUTHENTICATE).unwrap_or_default();
    let folded = message.to_lowercase();
    let is_by_policy = envelope.code() == Some("RequestDisallowedByPolicy");
    AzurePlace {
        path: asked.plain_path().into_owned(),
        deletes: asked.method == Method::Delete,
        caller: quoted(envelope.message(), "with object id '", "'"),
        conditional: message.contains("ABAC condition"),
        wants_mfa: is_by_policy && MFA.iter().any(|words| folded.contains(words)),
        claims: parameter(&challenge, "claims"),
        tenant: tenant_of(message, "must match the tenant '", '\'')
            .or_else(|| tenant_of(&challenge, "authorization_uri=\"", '"')),
        policies: match asked.secrecy {
            Secrecy::Open => envelope.policies(),
            Secrecy::SecretBearing => Vec::new(),
        },
    }
}

/// A parameter of a challenge to sign in.
/// <https://learn.microsoft.com/entra/identity-platform/claims-challenge>
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    (!value.is_empty()).then(|| clean(value))
}

/// The tenant in an issuer or an authority: its last segment, or the first of an authority's path.
fn tenant_of(text: &str, before: &str, behind: char) -> Option<TenantId> {
    let (_, rest) = text.split_once(before)?;
    let (url, _) = rest.split_once(behind)?;
    url.split('/').find_map(|segment| segment.parse().ok())
}
