//! Who calls a cluster, and what that caller may not do.

use axum::http::HeaderName;

use super::super::PRINCIPAL_OBJECT_ID;
use super::super::call::Call;
use super::super::jwt::Token;
use super::super::keys::Key;
use super::super::state::{Cluster, Inner};
use super::kubeconfig::SERVER_APPLICATION;
use super::status::Status;
use super::target::Target;
use super::{Asked, token};

/// The name of whoever has the static token.
const STATIC_USER: &str = "sandbox";
/// Asks for the rights of somebody else
/// (<https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation>).
const IMPERSONATED: HeaderName = HeaderName::from_static("impersonate-user");

/// The caller's name: of the static token, of an Entra token for the AKS server application, or of
/// one of the cluster's own service account tokens.
pub(super) fn check(inner: &Inner, cluster: &Cluster, call: &Call) -> Result<String, Status> {
    if call.header(&IMPERSONATED).is_some() {
        return Err(Status::not_imitated("impersonation"));
    }
    if call.has_static_token() {
        return Ok(STATIC_USER.to_owned());
    }
    let bearer = call.bearer().ok_or_else(Status::unauthorized)?;
    let now = inner.clock.now().as_second();
    if let Ok((token, _)) = token::accept(cluster, bearer, &[&cluster.issuer], now) {
        return Ok(token.text("sub").unwrap_or_default().to_owned());
    }
    let of_entra = Token::parse(bearer).filter(|token| {
        token.is_signed_by(&[Key::Entra])
            && token.audiences().contains(&SERVER_APPLICATION)
            && token.text("tid") == Some(&inner.state.tenant)
            && token.is_valid_at(now)
    });
    let of_entra = of_entra.ok_or_else(Status::unauthorized)?;
    let name = of_entra.text("oid").unwrap_or(PRINCIPAL_OBJECT_ID);
    Ok(name.to_owned())
}

/// Refuses a verb that the world's faults deny; everything else is allowed.
pub(super) fn authorize(
    inner: &Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
    verb: &str,
) -> Result<(), Status> {
    let resource = target.resource();
    let namespace = target.namespace.unwrap_or_default();
    if is_denied(inner, asked.cluster, [verb, &resource, namespace], false) {
        return Err(denial(target, verb, asked.user));
    }
    Ok(())
}

/// Whether the world's faults deny a verb on a resource in a namespace, or with `anywhere` in any.
pub(super) fn is_denied(inner: &Inner, cluster: &str, asked: [&str; 3], anywhere: bool) -> bool {
    let [verb, resource, namespace] = asked;
    let covers = |rule: &Option<String>, text: &str| rule.as_ref().is_none_or(|rule| rule == text);
    inner.faults.denied.iter().any(|denied| {
        covers(&denied.cluster, cluster)
            && covers(&denied.verb, verb)
            && covers(&denied.resource, resource)
            && (anywhere || covers(&denied.namespace, namespace))
    })
}

/// The text of the authorizer.
pub(super) fn denial(target: &Target<'_>, verb: &str, user: &str) -> Status {
    let scope = match target.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!(
        "User \"{user}\" cannot {verb} resource \"{}\" in API group \"{}\" {scope}",
        target.resource(),
        target.row.group,
    );
    Status::forbidden(target.row, target.name.unwrap_or_default(), &why)
}
