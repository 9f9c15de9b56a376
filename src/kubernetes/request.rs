//! One request to a cluster: sent, repeated where that is safe, its answer read whole.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::client::Body;
use tokio::time::Instant;

use super::access_review;
use super::error::{ClusterRequest, Place, is_handshake, is_webhook};
use super::workload_token;
use super::workloads;
use crate::event::{Event, EventSink, RequestClass};
use crate::ports::backoff::{self, Jitter};
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::panic::caught;
use crate::ports::place::Symptom;
use crate::ports::request_log::Asked;

/// The largest page of a list that is read, in megabytes, unpacked: one of 500 objects is far smaller.
const PAGE_LIMIT: usize = 32;
/// The largest other answer, in megabytes: an API server keeps no object that is larger.
/// <https://etcd.io/docs/v3.6/dev-guide/limit/>
const ANSWER_LIMIT: usize = 4;
/// The longest text of a header that is kept, in characters.
const HEADER_LIMIT: usize = 100;
/// How long one attempt may take, its answer included, where nothing else is said.
pub(super) const ATTEMPT_LIMIT: Duration = Duration::from_mins(1);
/// How often a request is sent at most.
const ATTEMPTS: u32 = 6;
/// How often at most where no connection comes about: a cluster that does not exist must not hold up a run.
const CONNECTION_ATTEMPTS: u32 = 2;
/// The first pause; it doubles from try to try.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long after its first attempt a request is begun anew at most, unless the server asked to wait: one
/// that answers slowly and then fails must not hold up a run six times over.
const BEGUN_ANEW_WITHIN: Duration = Duration::from_secs(90);
/// The longest pause that a server may ask for before the request is given up.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A failed attempt, with the pause that the server asked for.
struct Failure {
    error: PortError,
    retry_after: Option<Duration>,
}

/// The status of an answer, and the id under which the cluster's audit log has the request.
type Answered = (u16, Option<String>);

/// Sends requests to one cluster.
#[derive(Clone)]
pub(super) struct Requests {
    /// Names the cluster in errors.
    pub(super) place: Place,
    /// The client.
    pub(super) client: kube::Client,
    /// Takes the events.
    pub(super) sink: Arc<dyn EventSink>,
    /// How long one attempt may take, its answer included.
    pub(super) attempt_limit: Duration,
    /// Spreads the pauses between attempts, where anybody else may retry in step.
    pub(super) jitter: Option<Arc<Jitter>>,
    /// The namespaces that were made over this connection.
    pub(super) made: Arc<Mutex<BTreeSet<String>>>,
}

impl Requests {
    /// Sends a request until it succeeds, fails for good, or is no longer worth repeating, and answers the
    /// body. Its method, or that it is a review, says whether it reads: a write is repeated only where the
    /// server did nothing.
    pub(super) async fn send(
        &self,
        asked: &ClusterRequest,
        request: Request<Vec<u8>>,
    ) -> Result<Bytes, PortError> {
        self.exchange(asked, request).await.map(|(_, body)| body)
    }

    /// The same, and answers the status as well.
    pub(super) async fn exchange(
        &self,
        asked: &ClusterRequest,
        request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), PortError> {
        let service = Service::Cluster(self.place.cluster.to_string());
        caught(service, &asked.operation, self.repeated(asked, request)).await
    }

    async fn repeated(
        &self,
        asked: &ClusterRequest,
        request: Request<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes), PortError> {
        let (head, body) = request.into_parts();
        let body = Bytes::from(body);
        let reads = reads(&head.method, &head.uri);
        let mut attempt = 1;
        let begun = Instant::now();
        loop {
            self.sink.emit(Event::RequestSent(if reads {
                RequestClass::ClusterRead
            } else {
                RequestClass::ClusterWrite
            }));
            let request = Request::from_parts(head.clone(), Body::from(body.clone()));
            let (sent, mut answered) = (Instant::now(), None);
            let trying = self.attempt(asked, request, &mut answered);
            let bounded = tokio::time::timeout(self.attempt_limit, trying).await;
            self.log(&head, attempt, answered, sent.elapsed());
            let failure = match bounded {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure {
                    error: self.place.unanswered(asked, reads, self.attempt_limit),
                    retry_after: None,
                },
            };
            let Some(pause) = self.pause_before_next(attempt, reads, &failure) else {
                return Err(failure.error);
            };
            let asked_to_wait = failure.error.kind == PortErrorKind::Throttled;
            if !asked_to_wait && begun.elapsed() + pause > BEGUN_ANEW_WITHIN {
                return Err(failure.error);
            }
            self.sink.emit(Event::Waiting { why: why(&failure.error), pause });
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// How long to wait before the next try; `None` where there is none.
    fn pause_before_next(&self, attempt: u32, reads: bool, failure: &Failure) -> Option<Duration> {
        let doubled = backoff::doubled(FIRST_PAUSE, LONGEST_PAUSE, attempt);
        let own = self.jitter.as_ref().map_or(doubled, |jitter| jitter.shorten(doubled));
        let pause = failure.retry_after.unwrap_or_default().max(own);
        (attempt < attempts(reads, &failure.error) && pause <= LONGEST_PAUSE).then_some(pause)
    }

    fn log(&self, head: &Parts, attempt: u32, answered: Option<Answered>, took: Duration) {
        let service = Service::Cluster(self.place.cluster.to_string());
        let what = format!("{} {}", head.method, head.uri.path());
        let (status, id) = answered.unzip();
        let id = id.flatten();
        Asked { service: &service, what: &what, attempt }.answered(status, id.as_deref(), took);
    }

    /// Sends the request once. What is told of its answer is kept also where its body never comes.
    async fn attempt(
        &self,
        asked: &ClusterRequest,
        request: Request<Body>,
        answered: &mut Option<Answered>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let reads = reads(request.method(), request.uri());
        let failed = |error| Failure {
            error: if reads { error } else { of_write(error) },
            retry_after: None,
        };
        let response = self
            .client
            .send(request)
            .await
            .map_err(|error| failed(self.place.silent(asked, error)))?;
        let (head, body) = response.into_parts();
        let audit_id = text(&head.headers, "audit-id");
        *answered = Some((head.status.as_u16(), audit_id.clone()));
        let megabytes = limit(asked);
        let body = Limited::new(body, megabytes * 1024 * 1024)
            .collect()
            .await
            .map_err(|error| failed(self.broken_off(asked, megabytes, error)))?
            .to_bytes();
        if head.status.is_success() {
            return Ok((head.status, body));
        }
        let mut error = self.place.answered(asked, head.status.as_u16(), &body);
        error.request_id = audit_id.map(Into::into);
        let retry_after = text(&head.headers, http::header::RETRY_AFTER.as_str())
            .and_then(|seconds| seconds.parse().ok())
            .map(Duration::from_secs);
        Err(Failure { error, retry_after })
    }

    /// The error of an answer that ended early, or never.
    fn broken_off(
        &self,
        asked: &ClusterRequest,
        megabytes: usize,
        error: Box<dyn std::error::Error + Send + Sync>,
    ) -> PortError {
        if error.is::<LengthLimitError>() {
            let what = format!("the answer is larger than {megabytes} MB");
            return self.unlikely(asked, what);
        }
        let mut lost = self.place.explained(PortErrorKind::AnswerLost, asked, None);
        lost.source = Some(error);
        lost
    }

    /// The error of an answer that no API server gives.
    pub(super) fn unlikely(&self, asked: &ClusterRequest, what: impl Into<String>) -> PortError {
        let strange = Some(Symptom::Strange);
        let mut unlikely = self.place.explained(PortErrorKind::Malformed, asked, strange);
        unlikely.message = Some(what.into());
        unlikely
    }

    /// The error of an answer that is not what it should be. No part of it is kept.
    pub(super) fn malformed(&self, asked: &ClusterRequest, error: serde_json::Error) -> PortError {
        let mut malformed = self.place.error(PortErrorKind::Malformed, asked);
        malformed.source = Some(Box::new(error));
        malformed
    }
}

/// Whether a request changes nothing.
fn reads(method: &Method, uri: &Uri) -> bool {
    method.is_safe()
        || uri.path() == access_review::PATH
        || workload_token::changes_nothing(uri)
        || workloads::is_dry_run(uri)
}

/// The largest answer to what is asked, in megabytes.
fn limit(asked: &ClusterRequest) -> usize {
    if asked.verb == "list" { PAGE_LIMIT } else { ANSWER_LIMIT }
}

/// A header as text.
fn text(headers: &http::HeaderMap, name: &str) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.chars().take(HEADER_LIMIT).collect())
}

/// The error of a write that got no answer. The cluster may have done it; whoever failed before it was
/// sent, a source of tokens, did not.
fn of_write(mut error: PortError) -> PortError {
    let sent = matches!(error.service, Service::Cluster(_));
    if sent && error.kind == PortErrorKind::TimedOut {
        error.kind = PortErrorKind::AnswerLost;
    } else if !sent && !error.is_refusal() {
        error.kind = PortErrorKind::Unreachable;
    }
    error
}

/// How often a request that failed so is sent in all.
fn attempts(reads: bool, error: &PortError) -> u32 {
    // A source of tokens repeats what it can by itself.
    if !matches!(error.service, Service::Cluster(_)) {
        return 1;
    }
    match error.kind {
        PortErrorKind::Throttled => ATTEMPTS,
        // A failed handshake fails again; a connection that nobody took may be taken next time.
        PortErrorKind::Unreachable if is_handshake(error) => 1,
        PortErrorKind::Unreachable => CONNECTION_ATTEMPTS,
        // The webhook that did not answer has been waited for already.
        PortErrorKind::ServiceFault if is_webhook(error) => 1,
        PortErrorKind::ServiceFault | PortErrorKind::AnswerLost if reads => ATTEMPTS,
        PortErrorKind::TimedOut if reads => CONNECTION_ATTEMPTS,
        PortErrorKind::ServiceFault
        | PortErrorKind::AnswerLost
        | PortErrorKind::TimedOut
        | PortErrorKind::Unauthenticated
        | PortErrorKind::Refused { .. }
        | PortErrorKind::Forbidden
        | PortErrorKind::NotFound
        | PortErrorKind::ParentNotFound
        | PortErrorKind::PrincipalNotFound
        | PortErrorKind::RoleAssignmentExists
        | PortErrorKind::PairTaken
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Conflict { .. }
        | PortErrorKind::Invalid
        | PortErrorKind::Malformed
        | PortErrorKind::ForeignOrigin
        | PortErrorKind::Bug => 1,
    }
}

/// Why a request is repeated.
fn why(error: &PortError) -> String {
    match (&error.kind, error.status) {
        (PortErrorKind::Throttled, _) => format!("throttled by {}", error.service),
        (_, Some(status)) => format!("{} answered {status}", error.service),
        (_, None) => format!("no answer from {}", error.service),
    }
}
