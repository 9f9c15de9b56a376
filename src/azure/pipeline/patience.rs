//! How long one request is worth waiting for.

use std::time::Duration;

use tokio::time::Instant;

use crate::ports::error::PortError;

/// The most time that one request may take until its last attempt begins: the attempts before, the pauses between
/// them, and waiting for its turn. A server that always asks for one more attempt ends there.
pub(crate) const WHOLE: Duration = Duration::from_mins(15);
/// The most time that it may go on while nothing that counts against the same limits is served. As long as
/// others are, it waits for its turn; a service that serves nobody is not going to serve this one.
pub(crate) const UNSERVED: Duration = Duration::from_mins(5);

/// Since when a request has been waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Instant);

/// Why a request is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum GivenUp {
    #[error("it was not served within {} minutes, all its attempts counted", WHOLE.as_secs() / 60)]
    Whole,
    #[error("none of the requests that share its limits was served for {} minutes", UNSERVED.as_secs() / 60)]
    Unserved,
}

impl Patience {
    /// Begins to wait now.
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    /// Until when it is worth waiting, where something of its kind was last served then, and why no longer.
    pub(crate) fn until(self, served: Option<Instant>) -> (Instant, GivenUp) {
        let whole = self.0 + WHOLE;
        let unserved = self.0.max(served.unwrap_or(self.0)) + UNSERVED;
        if unserved < whole { (unserved, GivenUp::Unserved) } else { (whole, GivenUp::Whole) }
    }
}

/// Whether a failure is that a request was not sent (again), because it was waited for long enough.
pub(crate) fn is_given_up(failure: &azure_core::Error) -> bool {
    failure
        .downcast_ref::<PortError>()
        .and_then(|error| error.source.as_ref())
        .is_some_and(|source| source.is::<GivenUp>())
}
