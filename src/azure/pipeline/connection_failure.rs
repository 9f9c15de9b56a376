//! Why no connection was made.

use azure_core::error::ErrorKind;
use hyper_util::client::legacy::Error as ClientError;
use url::Url;

use crate::azure::cloud::Cloud;
use crate::azure::error::carry;
use crate::azure::error::text::clean;
use crate::azure::transport::Transport;
use crate::model::host::is_loopback;
use crate::ports::chain::chain;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::{ConnectionPlace, Place};
use crate::ports::tls::{Handshake, failed_handshake};

/// How requests go out.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    transport: Transport,
    /// Whether the cloud's file names authorities of its own.
    has_ca_file: bool,
}

/// Whether another attempt would fail in the same way: a certificate does not change from one to the next.
pub(super) fn is_final(failure: &azure_core::Error) -> bool {
    failure.downcast_ref::<PortError>().is_some_and(
        |error| matches!(error.place.as_deref(), Some(Place::Connection(place)) if place.handshake.is_some()),
    )
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
        let failed = failed_handshake(&failure);
        let mut error = PortError::new(PortErrorKind::Unreachable, service, "connect");
        error.place = Some(Box::new(Place::Connection(ConnectionPlace {
            host: url.host_str().unwrap_or_default().to_owned(),
            own_port: is_loopback(url).then(|| url.port_or_known_default()).flatten(),
            proxy: self.transport.proxy(url),
            has_ca_file: self.has_ca_file,
            handshake: failed.map(Handshake::of),
        })));
        match failed {
            Some(failed) => error.source = Some(Box::new(failed.clone())),
            None => error.message = Some(clean(&below_the_client(&failure))),
        }
        carry(error)
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
