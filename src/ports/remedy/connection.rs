//! What helps where Azure or Entra could not be reached, or nobody could be signed in.

use super::catalogue;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::place::ConnectionPlace;
use crate::ports::tls::Handshake;

/// What helps against a connection that was not made: name resolution, firewalls, proxies, certificates.
pub(super) fn advice(place: &ConnectionPlace) -> String {
    let ConnectionPlace { host, own_port, proxy, has_ca_file, handshake } = place;
    match (handshake, proxy) {
        (Some(Handshake::Expired), _) => {
            format!("the certificate of {host} has expired: check this machine's clock")
        }
        (Some(Handshake::NotYetValid), _) => {
            format!("the certificate of {host} is not valid yet: check this machine's clock")
        }
        (Some(Handshake::OtherName), _) => {
            format!("the certificate that was shown is not for {host}: check its address")
        }
        (Some(Handshake::Untrusted), _) if *has_ca_file => format!(
            "neither this machine nor the cloud's `ca_file` trusts who signed the certificate of {host}: name its authority in the `ca_file`"
        ),
        (Some(Handshake::Untrusted), _) => format!(
            "this machine does not trust who signed the certificate of {host}: where a proxy shows its own, add its authority to the machine's, or to a `ca_file` (docs/clouds.md)"
        ),
        (Some(Handshake::ClientCertificate | Handshake::Protocol), _) => format!(
            "the TLS handshake with {host} failed: check its address, and what a proxy on the way does"
        ),
        (None, Some(proxy)) => format!(
            "the way to {host} goes through the proxy {proxy}: check HTTPS_PROXY, or name {host} in NO_PROXY"
        ),
        (None, None) => match own_port {
            Some(port) => format!(
                "start what serves {host}:{port} on this machine: `widctl sandbox serve --port {port}` serves a sandbox"
            ),
            None => format!(
                "check that this machine resolves and reaches {host}: name servers, firewall, or a proxy that it needs (HTTPS_PROXY)"
            ),
        },
    }
}

/// What helps against a failed sign-in: by Entra's code, else by its kind.
pub(super) fn sign_in(error: &PortError, method: Option<&str>) -> String {
    let row = error.code.as_deref().and_then(catalogue::row);
    if let Some(row) = row {
        return row.hint(&|name| (name == "challenge").then(Vec::new));
    }
    let Some(method) = method else {
        return "run `az login`, or set the variables of one credential (docs/sign-in.md)".into();
    };
    let fix = if error.kind == PortErrorKind::Unauthenticated {
        format!("check what `{method}` signs in with, and the tenant")
    } else {
        "run again: this passes, or something between here and Entra answers in its place".into()
    };
    format!("{fix}; `--auth` picks another way to sign in")
}
