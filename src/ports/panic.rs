//! A panic behind a port ends what was asked, not the run.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use super::error::{PortError, PortErrorKind, Service};

/// The most characters of a panic's message that are kept: it can quote a whole answer.
const LONGEST: usize = 300;

/// Does some work of an adapter. A panic in it becomes an error of this service and operation (an infinitive
/// phrase, as in [`PortError::operation`]).
pub async fn caught<T, E: From<PortError>>(
    service: Service,
    operation: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    // What the work borrows is shared with nothing but other reads and writes of adapters, whose locks recover
    // from poison: nobody relies on a state that the panic left half changed.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            let mut error = PortError::new(PortErrorKind::Bug, service, operation);
            error.message = Some(said(&*panic));
            Err(error.into())
        }
    }
}

/// What a panic says, on one line.
fn said(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().copied();
    let text = literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it says nothing")
        .chars()
        .take(LONGEST)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn panicking(work: impl Future<Output = Result<(), PortError>>) -> String {
        let caught = caught(Service::Arm, "read the thing", work).await;
        let error = caught.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Bug);
        error.to_string()
    }

    #[tokio::test]
    async fn a_panic_becomes_an_error_that_quotes_it_on_one_line() {
        let length = [1, 2].len();
        let told = panicking(async { panic!("slot {length}\nof 2") }).await;
        assert_eq!(
            told,
            "could not read the thing: Azure Resource Manager was asked; internal error: a bug in widctl: slot 2 of 2"
        );
        let told = panicking(async { std::panic::panic_any(7) }).await;
        assert!(told.ends_with("a bug in widctl: it says nothing"), "{told}");
        let told = panicking(async { panic!("{}", "é".repeat(9_999)) }).await;
        assert!(told.chars().count() < 500, "{told}");
    }

    #[tokio::test]
    async fn what_does_not_panic_is_left_as_it_is() {
        let done = caught(Service::Arm, "read", async { Ok::<_, PortError>(7) }).await;
        assert_eq!(done.unwrap(), 7);
        let error = PortError::new(PortErrorKind::NotFound, Service::Arm, "find it");
        let failed = caught::<(), _>(Service::Arm, "read", async { Err(error) }).await;
        assert_eq!(failed.unwrap_err().kind, PortErrorKind::NotFound);
    }
}
