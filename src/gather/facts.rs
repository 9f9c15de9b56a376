//! The result of a read as a scope's facts, or why there are none.

use std::time::Duration;

use crate::observed::read::{Read, Unread};
use crate::ports::chain;
use crate::ports::error::PortError;

/// The facts, or why there are none.
pub fn facts<T>(read: Result<T, PortError>) -> Read<T> {
    match read {
        Ok(facts) => Read::Facts(facts),
        Err(error) => Read::Unread(unread(&error)),
    }
}

/// Why a scope is not read that nothing waits for.
pub(super) fn late(limit: Duration) -> Unread {
    let why = format!("there was no answer within {} s", limit.as_secs());
    Unread { refused: false, why: why.into() }
}

/// Why a scope could not be read, on one line: the error, what lies below it, and what helps.
pub(super) fn unread(error: &PortError) -> Unread {
    let why = format!("{}; {}", chain::in_full(error), error.help());
    Unread { refused: error.is_refusal(), why: why.replace(char::is_control, " ").into() }
}
