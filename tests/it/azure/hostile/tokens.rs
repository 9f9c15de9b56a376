//! Token answers that no clock can follow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use widctl::azure::sign_in::method::Method;
use widctl::azure::sign_in::sign_in;
use widctl::ports::error::PortErrorKind;

use super::super::stage::sign_in_options;
use super::{application, json, numbered};

const ARM: &str = "https://management.azure.com/.default";

/// Asks a hundred times for a token that lives so long; how often it was asked for, and the last error.
async fn ask(expires_in: Option<Value>) -> (usize, Option<PortErrorKind>) {
    let count = Arc::<AtomicUsize>::default();
    let transport = numbered(&count, move |_, _| {
        let mut body = json!({ "access_token": "t", "token_type": "Bearer" });
        if let Some(life) = &expires_in {
            body["expires_in"] = life.clone();
        }
        json(200, &body)
    });
    let mut options = sign_in_options(transport, &Arc::default(), application());
    options.method = Some(Method::Environment);
    let tokens = sign_in(options);
    let mut last = None;
    for _ in 0..100 {
        last = tokens.token(ARM).await.err().map(|error| error.kind);
    }
    (count.load(Ordering::Relaxed), last)
}

#[tokio::test(start_paused = true)]
async fn a_token_that_lives_for_ever_is_no_token() {
    for life in [
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e18),
        json!(1_000_000_000_000_i64),
        json!("3600"),
    ] {
        let (asked, error) = ask(Some(life.clone())).await;
        assert_eq!(error, Some(PortErrorKind::Malformed), "{life}");
        assert_eq!(asked, 1, "{life}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_ends_at_once_is_not_asked_for_before_every_request() {
    for life in [Some(json!(0)), Some(json!(-3600)), Some(json!(1)), None] {
        let (asked, error) = ask(life.clone()).await;
        assert_eq!((asked, error), (1, None), "{life:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_years_is_believed_for_a_day() {
    let (asked, error) = ask(Some(json!(9 * 365 * 24 * 3600))).await;
    assert_eq!((asked, error), (1, None));
}
