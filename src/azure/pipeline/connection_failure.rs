//! Why no connection was made, and what helps: name resolution, firewalls, proxies, certificates.

use std::error::Error;
use std::fmt;

use azure_core::error::ErrorKind;
use hyper_util::client::legacy::Error as ClientError;
use url::Url;

use crate::azure::cloud::Cloud;
use crate::azure::error::carry;
use crate::azure::error::text::clean;
use crate::azure::transport::Transport;
use crate::ports::chain::chain;
use crate::ports::error::{PortError, PortErrorKind, Service};

/// How requests go out.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    transport: Transport,
    /// Whether the cloud's file names authorities of its own.
    has_ca_file: bool,
}

/// The certificate that was shown is not one to talk to.
#[derive(Debug)]
struct Untrusted(rustls::Error);

impl fmt::Display for Untrusted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl Error for Untrusted {}

/// Whether another attempt would fail in the same way: a certificate does not change from one to the next.
pub(super) fn is_final(failure: &azure_core::Error) -> bool {
    failure
        .downcast_ref::<PortError>()
        .and_then(|error| error.source.as_ref())
        .is_some_and(|source| source.is::<Untrusted>())
}

impl Way {
    pub(crate) fn of(transport: &Transport, cloud: &Cloud) -> Self {
        Self { transport: transport.clone(), has_ca_file: cloud.ca_file.is_some() }
    }

    /// A failure to connect as people understand it; any other failure as it is.
    pub(crate) fn explain(
        &self,
        failure: azure_core::Error,
        url: &Url,
        service: Service,
    ) -> azure_core::Error {
        if !matches!(failure.kind(), ErrorKind::Connection) {
            return failure;
        }
        let host = url.host_str().unwrap_or_default();
        let mut error = PortError::new(PortErrorKind::Unreachable, service, "connect");
        let handshake = chain(&failure).find_map(|below| below.downcast_ref::<rustls::Error>());
        if let Some(handshake) = handshake {
            error.hint = Some(self.about_certificate(handshake, host));
            error.source = Some(Box::new(Untrusted(handshake.clone())));
            return carry(error);
        }
        error.message = Some(clean(&below_the_client(&failure)));
        error.hint = Some(match self.transport.proxy(url) {
            Some(proxy) => format!(
                "the way to {host} goes through the proxy {proxy}: check HTTPS_PROXY, or name {host} in NO_PROXY"
            ),
            None => format!(
                "check that this machine resolves and reaches {host}: name servers, firewall, or a proxy that it needs (HTTPS_PROXY)"
            ),
        });
        carry(error)
    }

    fn about_certificate(&self, error: &rustls::Error, host: &str) -> String {
        use rustls::CertificateError as Certificate;
        let rustls::Error::InvalidCertificate(why) = error else {
            return format!("{host} does not speak the TLS that is spoken here: check its address");
        };
        if matches!(
            why,
            Certificate::Expired
                | Certificate::ExpiredContext { .. }
                | Certificate::NotValidYet
                | Certificate::NotValidYetContext { .. }
        ) {
            format!("the certificate of {host} is out of its time: check this machine's clock")
        } else if matches!(
            why,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }
        ) {
            format!("the certificate that was shown is not for {host}: check its address")
        } else if self.has_ca_file {
            format!(
                "neither this machine nor the cloud's `ca_file` trusts who signed the certificate of {host}: name its authority in the `ca_file`"
            )
        } else {
            format!(
                "this machine does not trust who signed the certificate of {host}: where a proxy shows its own, add its authority to the machine's, or to a `ca_file` (docs/clouds.md)"
            )
        }
    }
}

/// What lies below the words of the client itself, which say no more than that it failed.
fn below_the_client(failure: &azure_core::Error) -> String {
    let mut told: Vec<String> = chain(failure)
        .skip_while(|error| !error.is::<ClientError>())
        .skip(1)
        .map(ToString::to_string)
        .collect();
    told.dedup();
    if told.is_empty() {
        return failure.to_string();
    }
    told.join(": ")
}
