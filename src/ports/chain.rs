//! An error and what lies below it.

use std::error::Error;
use std::io;
use std::iter::successors;

/// An error and what lies below it, outermost first.
pub fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    successors(Some(error), |error| below(*error))
}

/// What lies below an error. What an I/O error wraps is not its source, so it is looked into.
pub fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .map(|inner| inner as &(dyn Error + 'static))
        .or_else(|| error.source())
}

/// What lies below an error in words, outermost first.
pub fn reasons(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut said = error.to_string();
    let mut reasons = Vec::new();
    for reason in chain(error).skip(1).map(ToString::to_string) {
        // Some libraries repeat their source in their own text.
        if !said.contains(&reason) {
            said = format!("{said}: {reason}");
            reasons.push(reason);
        }
    }
    reasons
}

/// The error and what lies below it, on one line if each of them is.
pub fn in_full(error: &(dyn Error + 'static)) -> String {
    let own = std::iter::once(error.to_string());
    own.chain(reasons(error)).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<dyn Error + Send + Sync>>);

    #[test]
    fn each_reason_is_said_once_and_what_an_io_error_wraps_is_not_lost() {
        let refused = Layer("connection refused", None);
        let wrapped = io::Error::other(Layer("tunnel failed", Some(refused.into())));
        let client = Layer("connect: tunnel failed", Some(wrapped.into()));
        let whole = Layer("could not list", Some(client.into()));
        assert_eq!(in_full(&whole), "could not list: connect: tunnel failed: connection refused");
        assert_eq!(reasons(&whole), ["connect: tunnel failed", "connection refused"]);
        assert_eq!(chain(&whole).count(), 5);
    }
}
