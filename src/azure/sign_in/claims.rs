//! Who a token is for, read from its claims. Nothing is decided by them, so no signature is checked.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Token;
use crate::model::guid::TenantId;
use crate::observed::evidence::Access;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::SignedIn;

/// The claims that say who it is.
/// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
#[derive(Deserialize)]
struct Claims {
    tid: TenantId,
    upn: Option<String>,
    unique_name: Option<String>,
    preferred_username: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
    sub: Option<String>,
}

/// The claims that say whom an access token is for.
#[derive(Deserialize, Default)]
struct AccessClaims {
    tid: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
}

/// Reads who is signed in. People are known by their user name, applications by their client id.
pub(crate) fn signed_in(token: &Token) -> Result<SignedIn, PortError> {
    let claims: Claims = read(token.secret.secret()).ok_or_else(|| {
        let mut error =
            PortError::new(PortErrorKind::Malformed, Service::Entra, "see who is signed in");
        error.message = Some("the token's claims cannot be read".into());
        error
    })?;
    let object_id = claims.oid.as_deref().map(crate::azure::error::text::clean);
    let principal = [
        claims.upn,
        claims.unique_name,
        claims.preferred_username,
        claims.appid,
        claims.azp,
        claims.oid,
        claims.sub,
    ]
    .into_iter()
    .flatten()
    .next()
    .unwrap_or_else(|| "unnamed".into());
    Ok(SignedIn {
        tenant: claims.tid,
        principal: crate::azure::error::text::clean(&principal),
        object_id,
        method: token.method.to_owned(),
    })
}

/// Whom an access token is for, as far as its claims say.
pub(super) fn access(token: &Token) -> Access {
    let claims: Option<AccessClaims> = read(token.secret.secret());
    let AccessClaims { tid, appid, azp, oid } = claims.unwrap_or_default();
    let guid = |text: Option<String>| text.and_then(|text| text.parse().ok());
    Access { tenant: guid(tid), client: guid(appid.or(azp)), principal: guid(oid) }
}

fn read<T: DeserializeOwned>(token: &str) -> Option<T> {
    let payload = token.split('.').nth(1)?;
    let json = BASE64URL_NOPAD.decode(payload.trim_end_matches('=').as_bytes()).ok()?;
    serde_json::from_slice(&json).ok()
}
