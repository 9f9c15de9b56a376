//! Answers that ask to be asked again.

use std::convert::Infallible;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;
use widctl::azure::sign_in::method::Method;
use widctl::azure::sign_in::sign_in;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::transport::Transport;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::AzureRead;

use super::super::stage::{
    Remembered, Scripted, ScriptedArm, answer, client_of, client_over, failure, identity,
    sign_in_options,
};
use super::{application, json, numbered};

const ARM: &str = "https://management.azure.com/.default";
const YEAR_9999: &str = "Fri, 31 Dec 9999 23:59:59 GMT";
const LONG_AGO: &str = "Fri, 01 Jan 2021 00:00:00 GMT";
/// What asks for no pause at all.
const NO_PAUSE: [(&str, &str); 5] = [
    ("retry-after", "0"),
    ("retry-after", LONG_AGO),
    ("retry-after", "-5"),
    ("retry-after-ms", "0"),
    ("x-ms-retry-after-ms", "0"),
];
/// What no clock can be set to.
const FOR_EVER: [(&str, &str); 6] = [
    ("retry-after", "9223372036854775807"),
    ("retry-after", "-9223372036854775808"),
    ("retry-after", YEAR_9999),
    ("retry-after-ms", "9223372036854775807"),
    ("retry-after-ms", "1e300"),
    ("x-ms-retry-after-ms", "9223372036854775807"),
];

fn throttled(header: (&'static str, &str)) -> Scripted {
    failure(429, "TooManyRequests", "No.").with_header(header.0, header.1)
}

/// Throttles long enough for a storm to be seen, but lets it end.
fn throttling(header: (&'static str, &str)) -> ScriptedArm {
    let storm = std::iter::repeat_n(throttled(header), 5_000);
    ScriptedArm::new(storm.chain([answer(200, r#"{"value":[]}"#)]))
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_no_pause_is_given_one_that_doubles() {
    for header in NO_PAUSE {
        let arm = throttling(header);
        let client = client_of(arm.router(), &Arc::default());
        let start = Instant::now();
        let error = client.credentials(&identity("id-a")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Throttled, "{header:?}");
        assert!(start.elapsed() <= Duration::from_mins(6), "{header:?}");
        let seen = arm.seen();
        let soon = seen.iter().filter(|seen| seen.at - start <= Duration::from_secs(20)).count();
        assert!(soon <= 8, "{header:?}: {soon} requests in 20 s");
        assert!(seen.len() <= 20, "{header:?}: {} requests", seen.len());
    }
}

#[tokio::test(start_paused = true)]
async fn many_requests_that_nobody_serves_end_together_after_five_minutes() {
    let arm = throttling(("retry-after", "0"));
    let client = client_of(arm.router(), &Arc::default());
    let start = Instant::now();
    let names: Vec<_> = (0..256).map(|index| identity(&format!("id-{index}"))).collect();
    let reads = join_all(names.iter().map(|name| client.credentials(name))).await;
    assert!(start.elapsed() <= Duration::from_mins(6), "{:?}", start.elapsed());
    let mut never_sent = 0;
    for read in reads {
        let error = read.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Throttled);
        let Some(why) = &error.source else { continue };
        let told = "none of the requests that share its limits was served for 5 minutes";
        assert_eq!(why.to_string(), told);
        never_sent += 1;
    }
    assert!(never_sent > 0, "those that waited for their turn in vain");
    assert!(arm.seen().len() < 1_000, "{} requests", arm.seen().len());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_its_turn_is_not_given_up_while_others_are_served() {
    let last = Arc::new(Mutex::new(None::<Instant>));
    let count = Arc::<AtomicUsize>::default();
    let slow = numbered(&count, move |_, _| {
        let mut last = last.lock().unwrap();
        let every = Duration::from_secs(2);
        if last.is_some_and(|last| last.elapsed() < every) {
            return Response::builder()
                .status(429)
                .header("retry-after", "2")
                .body(Body::empty())
                .unwrap();
        }
        *last = Some(Instant::now());
        json(200, &json!({ "value": [] }))
    });
    let client = client_over(slow, &Arc::default());
    let start = Instant::now();
    let names: Vec<_> = (0..200).map(|index| identity(&format!("id-{index}"))).collect();
    for read in join_all(names.iter().map(|name| client.credentials(name))).await {
        read.unwrap();
    }
    assert!(start.elapsed() > Duration::from_mins(6), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_request_takes_longer_than_a_quarter_of_an_hour() {
    let slow = Transport::in_process(tower::service_fn(|request: Request| async move {
        // Others of the subscription are served all the time.
        if request.uri().path().contains("id-other") {
            return Ok::<_, Infallible>(json(200, &json!({ "value": [] })));
        }
        tokio::time::sleep(Duration::from_secs(59)).await;
        Ok(json(429, &json!({})))
    }));
    let client = client_over(slow, &Arc::default());
    let others = async {
        loop {
            let _ = client.credentials(&identity("id-other")).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    };
    let start = Instant::now();
    let (one, mut others) = (identity("id-a"), Box::pin(others));
    let asked = client.credentials(&one);
    let error = tokio::select! {
        answered = asked => answered.unwrap_err(),
        () = &mut others => unreachable!("it never ends"),
    };
    assert_eq!(error.kind, PortErrorKind::Throttled);
    let took = start.elapsed();
    // No attempt begins later, and each takes a minute.
    assert!(took <= Duration::from_mins(16), "{took:?}");
    assert!(took >= Duration::from_mins(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_no_clock_can_hold_is_an_answer_like_any_other() {
    for header in FOR_EVER {
        for status in [429, 503] {
            let arm = ScriptedArm::new([answer(status, "").with_header(header.0, header.1)]);
            let client = client_of(arm.router(), &Arc::default());
            let start = Instant::now();
            let (one, other) = (identity("id-a"), identity("id-b"));
            let both = futures::join!(client.credentials(&one), client.credentials(&other));
            both.0.unwrap_err();
            both.1.unwrap_err();
            client.credentials(&one).await.unwrap_err();
            assert!(start.elapsed() <= Duration::from_mins(15), "{header:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_larger_pause_is_still_kept_to_the_second() {
    let arm = ScriptedArm::new([throttled(("retry-after", "90")), answer(200, r#"{"value":[]}"#)]);
    let client = client_of(arm.router(), &Arc::default());
    let start = Instant::now();
    client.credentials(&identity("id-a")).await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_out_tokens_is_not_stormed_either() {
    let ways = [
        (Method::Environment, application(), 20),
        // The library asks the machine's service itself, seven times at most, after the probe.
        (Method::ManagedIdentity, CredentialVariables::default(), 8),
    ];
    for (method, environment, most) in ways {
        for header in NO_PAUSE.into_iter().chain(FOR_EVER) {
            let arm = throttling(header);
            let events = Arc::new(Remembered::default());
            let transport = Transport::in_process(arm.router());
            let mut options = sign_in_options(transport, &events, environment.clone());
            options.method = Some(method);
            let start = Instant::now();
            sign_in(options).token(ARM).await.unwrap_err();
            let asked = arm.seen().len();
            assert!(asked <= most, "{method}, {header:?}: {asked} requests");
            assert!(start.elapsed() <= Duration::from_mins(7), "{method}, {header:?}");
        }
    }
}
