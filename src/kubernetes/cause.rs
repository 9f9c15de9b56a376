//! What lies below a request without an answer.

use std::error::Error;
use std::{fmt, io};

use hyper_util::client::legacy::Error as ClientError;

use crate::ports::chain::chain;

/// The error of a client as people see it: without the client's own words on top.
#[derive(Debug)]
pub(super) struct Cause(pub(super) Box<dyn Error + Send + Sync>);

impl Cause {
    /// The failed handshake, else the first error below the client's own. What stands above a failed
    /// handshake depends on whether the request was on its way already.
    fn first(&self) -> &(dyn Error + 'static) {
        let whole: &(dyn Error + 'static) = &*self.0;
        chain(whole)
            .find(|error| error.is::<rustls::Error>())
            .or_else(|| chain(whole).find(|error| !error.is::<ClientError>()))
            .unwrap_or(whole)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first();
        if chain(&*self.0).any(is_unmade_connection) && is_timeout(first) {
            return formatter.write_str("no connection was made in time");
        }
        fmt::Display::fmt(first, formatter)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.first().source()
    }
}

/// Whether no connection could be made, so that nothing was sent.
pub(super) fn is_unmade_connection(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<ClientError>().is_some_and(ClientError::is_connect)
}

/// Whether a bound was reached.
pub(super) fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}
