//! What the pipeline does with failures: which it repeats, how long it waits, what it says.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::middleware::map_request;
use futures::future::join_all;
use futures::{StreamExt, stream};
use tokio::time::Instant;
use widctl::azure::transport::Transport;
use widctl::event::RequestClass;
use widctl::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials, LiveFederatedCredential,
};
use widctl::ports::error::{PortError, PortErrorKind};
use widctl::ports::read::AzureRead;
use widctl::ports::store::{Store, WriteMode};

use super::stage::{
    Remembered, SUBSCRIPTION, ScriptedArm, answer, client_of, client_over, failure, identity,
};

const WRITTEN: &str =
    r#"{"name":"widctl-1","properties":{"issuer":"https://i/","subject":"s","audiences":["a"]}}"#;
const CONCURRENT: &str = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";

async fn write(
    store: &dyn Store<FederatedCredentials>,
    name: &str,
) -> Result<LiveFederatedCredential, PortError> {
    let key = FederatedCredentialKey { identity: identity(name), name: "widctl-1".into() };
    let credential = FederatedCredential {
        issuer: "https://i/".into(),
        subject: "s".into(),
        audience: "a".into(),
    };
    store.put(&key, &credential, WriteMode::Create).await.map(|put| put.live)
}

#[tokio::test(start_paused = true)]
async fn a_concurrent_write_is_repeated_until_the_other_is_done() {
    let busy = failure(
        409,
        CONCURRENT,
        "Too many Federated Identity Credentials are written concurrently for the managed identity '/subscriptions/…'.",
    );
    let arm = ScriptedArm::new([busy.clone(), busy, answer(201, WRITTEN)]);
    let events = Arc::new(Remembered::default());
    let client = client_of(arm.router(), &events);
    write(&client, "id-a").await.unwrap();
    assert_eq!(events.sent(RequestClass::ArmWrite), 3);
    let pauses = events.pauses();
    assert_eq!(pauses[0].0, "somebody else writes credentials of the same identity");
    assert!(pauses[0].1 <= Duration::from_secs(2) && pauses[0].1 >= Duration::from_secs(1));
    assert!(pauses[1].1 <= Duration::from_secs(4) && pauses[1].1 >= Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_writes_all_the_time_is_waited_for_five_minutes_at_most() {
    let arm = ScriptedArm::new([failure(409, CONCURRENT, "busy")]);
    let events = Arc::new(Remembered::default());
    let client = client_of(arm.router(), &events);
    let start = Instant::now();
    let error = write(&client, "id-a").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::ConcurrentWrite);
    let waited = start.elapsed();
    assert!(waited <= Duration::from_mins(5), "{waited:?}");
    assert!(waited >= Duration::from_mins(4), "{waited:?}");
    let why = "somebody else writes credentials of the same identity";
    assert!(events.pauses().iter().all(|pause| pause.0 == why));
    assert_eq!(events.pauses().len() + 1, arm.seen().len());
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_waits_the_same_time() {
    let pauses = |()| async {
        let busy = failure(409, CONCURRENT, "busy");
        let arm = ScriptedArm::new([busy.clone(), busy.clone(), busy, answer(201, WRITTEN)]);
        let events = Arc::new(Remembered::default());
        write(&client_of(arm.router(), &events), "id-a").await.unwrap();
        events.pauses()
    };
    assert_eq!(pauses(()).await, pauses(()).await);
}

#[tokio::test(start_paused = true)]
async fn any_other_conflict_is_final() {
    let arm = ScriptedArm::new([failure(
        409,
        "Conflict",
        "Issuer and subject combination already exists for this Managed Identity.",
    )]);
    let client = client_of(arm.router(), &Arc::default());
    let error = write(&client, "id-a").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::PairTaken);
    assert_eq!(arm.seen().len(), 1, "whoever planned it knows what it deleted");
    let other = ScriptedArm::new([failure(409, "Conflict", "Something else.")]);
    let client = client_of(other.router(), &Arc::default());
    let error = write(&client, "id-a").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Conflict { managers: vec![] });
    assert_eq!(other.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_429_one_request_follows_after_the_named_time_and_not_a_second_before() {
    let throttled = failure(429, "TooManyRequests", "Retry after 20 seconds.");
    let arm = ScriptedArm::new([throttled.with_header("retry-after", "20"), answer(201, WRITTEN)]);
    let events = Arc::new(Remembered::default());
    let client = client_of(arm.router(), &events);
    let start = Instant::now();
    write(&client, "id-a").await.unwrap();
    let seen = arm.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].at - start >= Duration::from_secs(20));
    assert!(seen[1].at - start < Duration::from_millis(20_100));
    assert_eq!(events.pauses(), [("throttled by Azure".into(), Duration::from_secs(20))]);
}

#[tokio::test(start_paused = true)]
async fn fifty_identities_are_written_at_the_documented_rate_once_azure_throttles() {
    let throttled = failure(429, "TooManyRequests", "Retry after 20 seconds.");
    let arm = ScriptedArm::new([throttled.with_header("retry-after", "20"), answer(201, WRITTEN)]);
    let events = Arc::new(Remembered::default());
    let client = client_of(arm.router(), &events);
    let names: Vec<String> = (0..50).map(|index| format!("id-{index}")).collect();
    let start = Instant::now();
    for result in join_all(names.iter().map(|name| write(&client, name))).await {
        result.unwrap();
    }
    let held =
        arm.seen().into_iter().filter(|seen| seen.at - start >= Duration::from_secs(20)).count();
    assert!(held >= 46, "only the first burst went before the pause: {held}");
    let first_second = arm.seen().into_iter().filter(|seen| {
        let after = seen.at - start;
        (Duration::from_secs(20)..Duration::from_secs(22)).contains(&after)
    });
    assert!(first_second.count() <= 5, "two a second, not all at once");
    assert!(start.elapsed() < Duration::from_secs(20 + 25), "probing upwards again");
    assert_eq!(
        events.paced().as_secs(),
        start.elapsed().as_secs(),
        "it is said that requests were held back all the time"
    );
}

#[tokio::test(start_paused = true)]
async fn without_throttling_nobody_is_slower_than_a_plain_script() {
    let arm = ScriptedArm::new([answer(201, WRITTEN)]);
    let slow = map_request(async |request: Request| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        request
    });
    let events = Arc::new(Remembered::default());
    let client = client_of(arm.router().layer(slow), &events);
    let names: Vec<String> = (0..100).map(|index| format!("id-{index}")).collect();
    let start = Instant::now();
    join_all(names.iter().map(|name| write(&client, name))).await;
    assert_eq!(arm.seen().len(), 100);
    // Ten threads take ten seconds; 16, 32, 32 and 20 at a time take four.
    assert_eq!(start.elapsed().as_secs(), 4);
    assert_eq!(events.paced(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn azure_may_ask_for_more_patience_than_a_run_has() {
    let throttled = failure(429, "SubscriptionRequestsThrottled", "Wait.");
    let arm = ScriptedArm::new([throttled.with_header("retry-after", "3600")]);
    let client = client_of(arm.router(), &Arc::default());
    let start = Instant::now();
    let error = write(&client, "id-a").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Throttled);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_fails_is_repeated_a_write_is_not() {
    let gateway = answer(502, "<html><body>Bad Gateway</body></html>");
    let arm = ScriptedArm::new([gateway.clone(), gateway.clone(), answer(200, r#"{"value":[]}"#)]);
    let events = Arc::new(Remembered::default());
    let client = client_of(arm.router(), &events);
    assert!(client.credentials(&identity("id-a")).await.unwrap().is_empty());
    assert_eq!(events.sent(RequestClass::ArmRead), 3);

    let arm = ScriptedArm::new([gateway]);
    let client = client_of(arm.router(), &Arc::default());
    let error = write(&client, "id-a").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::ServiceFault);
    assert_eq!(arm.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_status_of_a_passing_fault_is_repeated_for_reads_alone() {
    for status in [408, 499, 500, 502, 503, 504] {
        let arm = ScriptedArm::new([answer(status, ""), answer(200, r#"{"value":[]}"#)]);
        let client = client_of(arm.router(), &Arc::default());
        client.credentials(&identity("id-a")).await.unwrap();
        assert_eq!(arm.seen().len(), 2, "{status}");

        let arm = ScriptedArm::new([answer(status, "")]);
        let client = client_of(arm.router(), &Arc::default());
        let error = write(&client, "id-a").await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::ServiceFault, "{status}");
        assert_eq!(arm.seen().len(), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_whose_body_is_cut_off_is_repeated_a_write_is_left_to_its_planner() {
    let half = answer(200, r#"{"value":[{"name":"widc"#);
    let arm = ScriptedArm::new([half.clone(), answer(200, r#"{"value":[]}"#)]);
    let client = client_of(arm.router(), &Arc::default());
    let read = client.credentials(&identity("id-a")).await.unwrap();
    assert!(read.is_empty());
    assert_eq!(arm.seen().len(), 2);

    let arm = ScriptedArm::new([half]);
    let client = client_of(arm.router(), &Arc::default());
    let error = write(&client, "id-a").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    assert_eq!(arm.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_error_names_the_run_and_the_request_as_azure_knows_them() {
    let refusal = failure(400, "BadRequest", "No.").with_header("x-ms-request-id", "r-1");
    let arm = ScriptedArm::new([answer(200, r#"{"value":[]}"#), refusal]);
    let client = client_of(arm.router(), &Arc::default());
    client.credentials(&identity("id-a")).await.unwrap();
    let error = write(&client, "id-a").await.unwrap_err();
    let seen = arm.seen();
    let run = seen[0].header("x-ms-correlation-request-id").unwrap();
    assert_eq!(seen[1].header("x-ms-correlation-request-id"), Some(run));
    let told = error.to_string();
    let ids = format!("(request r-1, correlation {run})");
    assert!(told.ends_with(&ids), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_broken_is_given_up() {
    let arm = ScriptedArm::new([answer(503, "")]);
    let client = client_of(arm.router(), &Arc::default());
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::ServiceFault);
    assert_eq!(arm.seen().len(), 6);
}

/// Breaks the connection in the middle of every answer.
fn breaking(requests: &Arc<AtomicUsize>) -> Transport {
    let requests = Arc::clone(requests);
    Transport::in_process(tower::service_fn(move |_: Request| {
        requests.fetch_add(1, Ordering::Relaxed);
        let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
        let chunks = stream::iter([Ok(bytes::Bytes::from_static(b"{\"val")), broken]);
        async { Ok::<_, Infallible>(Response::new(Body::from_stream(chunks))) }
    }))
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_left_to_its_planner() {
    let requests = Arc::default();
    let client = client_over(breaking(&requests), &Arc::default());
    let error = write(&client, "id-a").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::AnswerLost);
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::AnswerLost);
    assert_eq!(requests.load(Ordering::Relaxed), 1 + 6);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stops_in_its_middle_is_not_waited_for_for_ever() {
    let stalled = Transport::in_process(tower::service_fn(|_: Request| {
        let begun = stream::iter([Ok::<_, io::Error>(bytes::Bytes::from_static(b"{\"val"))]);
        let body = Body::from_stream(begun.chain(stream::pending()));
        async { Ok::<_, Infallible>(Response::new(body)) }
    }));
    let client = client_over(stalled, &Arc::default());
    let start = Instant::now();
    let written = write(&client, "id-a").await.unwrap_err();
    assert_eq!(written.kind, PortErrorKind::AnswerLost);
    assert_eq!(start.elapsed().as_secs(), 60, "one attempt's time");
    let read = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(read.kind, PortErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_lost_for_a_write_and_late_for_a_read() {
    let silent = Transport::in_process(tower::service_fn(|_: Request| {
        std::future::pending::<Result<Response<Body>, Infallible>>()
    }));
    let client = client_over(silent, &Arc::default());
    assert_eq!(write(&client, "id-a").await.unwrap_err().kind, PortErrorKind::AnswerLost);
    assert_eq!(
        client.credentials(&identity("id-a")).await.unwrap_err().kind,
        PortErrorKind::TimedOut
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_end_is_cut() {
    let endless = Transport::in_process(tower::service_fn(|_: Request| async {
        let chunk = bytes::Bytes::from(vec![b' '; 1 << 20]);
        let chunks = stream::iter((0..70).map(move |_| Ok::<_, Infallible>(chunk.clone())));
        Ok::<_, Infallible>(Response::new(Body::from_stream(chunks)))
    }));
    let client = client_over(endless, &Arc::default());
    let error = client.credentials(&identity("id-a")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    let run = error.correlation_id.as_deref().unwrap();
    insta::assert_snapshot!(error.to_string().replace(run, "[run]"), @"could not list the federated credentials of id-a: Azure Resource Manager gave an answer that could not be understood: the answer is longer than 33554432 bytes (correlation [run])");
}

async fn misread(body: &str) -> String {
    let arm = ScriptedArm::new([answer(200, body)]);
    let client = client_of(arm.router(), &Arc::default());
    let ours = client.credentials(&identity("id-a")).await.unwrap_err();
    let subscription = SUBSCRIPTION.parse().unwrap();
    let generated = client.identities(subscription).await.unwrap_err();
    assert_eq!(ours.kind, PortErrorKind::Malformed);
    assert_eq!(generated.kind, PortErrorKind::Malformed);
    format!("{}\n{}\n", ours.message.unwrap(), generated.message.unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_makes_no_sense_says_what_is_wrong_and_how_it_begins() {
    let mut said = String::new();
    for body in [
        "<html>\r\n<head><title>Sign in to the proxy</title>",
        r#"{"value":[{"name":"widctl-1","prop"#,
        r#"{"value":[{"name":"x","properties":{"subject":"s"}}]}"#,
        "",
    ] {
        said.push_str(&misread(body).await);
    }
    insta::assert_snapshot!(said, @r#"
    expected value at line 1 column 1; it begins with `<html> <head><title>Sign in to the proxy</title>`
    expected value at line 1 column 1; it begins with `<html> <head><title>Sign in to the proxy</title>`
    EOF while parsing a string at line 1 column 34; it begins with `{"value":[{"name":"widctl-1","prop`
    EOF while parsing a string at line 1 column 34; it begins with `{"value":[{"name":"widctl-1","prop`
    missing field `issuer` at line 1 column 50; it begins with `{"value":[{"name":"x","properties":{"subject":"s"}}]}`
    missing field `location` at line 1 column 51; it begins with `{"value":[{"name":"x","properties":{"subject":"s"}}]}`
    EOF while parsing a value at line 1 column 0; it is empty
    EOF while parsing a value at line 1 column 0; it is empty
    "#);
}
