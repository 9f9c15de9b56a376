//! The result of a read as a scope's facts, or why there are none.

use std::error::Error;

use crate::observed::read::{Read, Unread};
use crate::ports::error::PortError;

/// The facts, or why there are none.
pub(super) fn facts<T>(read: Result<T, PortError>) -> Read<T> {
    match read {
        Ok(facts) => Read::Facts(facts),
        Err(error) => Read::Unread(unread(&error)),
    }
}

/// Why a scope could not be read, on one line: the error, what lies below it, and what helps.
pub(super) fn unread(error: &PortError) -> Unread {
    let mut why = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        let text = source.to_string();
        // Some libraries repeat their source in their own text.
        if !why.contains(&text) {
            why.push_str(": ");
            why.push_str(&text);
        }
        below = source.source();
    }
    why.push_str("; ");
    why.push_str(&error.help());
    Unread { refused: error.is_refusal(), why: why.replace(char::is_control, " ").into() }
}
