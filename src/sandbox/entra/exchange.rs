//! The exchange of a workload's token for one of Entra
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation>).

use serde_json::Value;
use url::{Host, Url};

use super::super::jwt::Token;
use super::super::oidc;
use super::super::state::Inner;
use super::Caller;
use super::error::EntraError;

/// Trusts an assertion if a credential of the identity names its issuer, subject and audience.
pub(super) fn exchange(
    inner: &mut Inner,
    client_id: &str,
    assertion: &Token,
) -> Result<Caller, EntraError> {
    let tenant = inner.state.tenant.clone();
    let path = inner.identity_of_client(client_id).map(str::to_owned);
    let Some(path) = path else {
        return Err(EntraError::application(client_id, &tenant));
    };
    let object_id = inner
        .resource(&path)
        .and_then(|identity| identity["properties"]["principalId"].as_str().map(str::to_owned));
    let issuer = assertion.text("iss").unwrap_or_default();
    check_issuer(issuer)?;
    let now = inner.clock.now().as_second();
    if !assertion.is_valid_at(now) {
        return Err(EntraError::outside_validity(assertion, now));
    }
    let general = inner.faults.unverified.exchange_gives_general_code;
    match_credential(inner, &path, assertion)
        .map_err(|mismatch| if general { EntraError::no_match(assertion) } else { mismatch })?;
    check_signature(inner, issuer, assertion)?;
    Ok(Caller { client_id: client_id.to_owned(), object_id: object_id.unwrap_or_default() })
}

/// An issuer is https, public, without query and fragment. A loopback issuer over plain http is
/// the sandbox's one exception, for clusters that run on the same machine.
fn check_issuer(issuer: &str) -> Result<(), EntraError> {
    let refusal = || EntraError::issuer(issuer);
    let url = Url::parse(issuer).map_err(|_| refusal())?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_allowed = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    if is_allowed && url.query().is_none() && url.fragment().is_none() {
        Ok(())
    } else {
        Err(refusal())
    }
}

/// Finds the credential, byte for byte: issuer first, then subject, then audience, each with the
/// code that Entra gives for it. A credential that has not propagated yet does not count.
fn match_credential(
    inner: &mut Inner,
    identity: &str,
    assertion: &Token,
) -> Result<(), EntraError> {
    let mut credentials: Vec<(String, Value)> = inner
        .below(&format!("{identity}/"))
        .map(|(path, document)| (path.to_owned(), document["properties"].clone()))
        .collect();
    if credentials.is_empty() {
        return Err(EntraError::no_credentials(assertion));
    }
    let issuer = assertion.text("iss").unwrap_or_default();
    let subject = assertion.text("sub").unwrap_or_default();
    credentials.retain(|(_, credential)| credential["issuer"] == issuer);
    let matches = |credential: &Value| is_match(credential, subject, &assertion.audiences());
    credentials.retain(|(path, credential)| !is_unpropagated(inner, path, matches(credential)));
    if credentials.is_empty() {
        return Err(EntraError::no_issuer(issuer));
    }
    let has_other_case = credentials.iter().any(|(_, credential)| {
        credential["subject"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(subject))
    });
    credentials.retain(|(_, credential)| credential["subject"] == subject);
    if credentials.is_empty() {
        return Err(EntraError::no_subject(subject, has_other_case));
    }
    let audiences = assertion.audiences();
    credentials.retain(|(_, credential)| is_match(credential, subject, &audiences));
    if credentials.is_empty() {
        return Err(EntraError::no_audience(&audiences.join(", ")));
    }
    Ok(())
}

fn is_match(credential: &Value, subject: &str, audiences: &[&str]) -> bool {
    credential["subject"] == subject
        && credential["audiences"][0].as_str().is_some_and(|wanted| audiences.contains(&wanted))
}

/// Whether a credential is still on its way; each exchange that needs it brings it nearer.
fn is_unpropagated(inner: &mut Inner, path: &str, is_needed: bool) -> bool {
    match inner.unpropagated.get_mut(path) {
        Some(left) if *left > 0 => {
            *left -= u32::from(is_needed);
            true
        }
        _ => false,
    }
}

/// The keys are those that the issuer shows everybody; it cannot be reached from here.
fn check_signature(inner: &Inner, issuer: &str, assertion: &Token) -> Result<(), EntraError> {
    match oidc::published(inner, issuer) {
        Some(shown) if assertion.is_verified_by(&shown.keys) => Ok(()),
        Some(_) => Err(EntraError::signature()),
        None => Err(EntraError::unreachable(issuer)),
    }
}
