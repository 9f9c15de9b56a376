//! Which failures of an attempt are worth another one.
//!
//! Throttling, concurrent writes of credentials, refused connections, and reads that failed. A write
//! whose answer was lost is not repeated here: whoever planned it reads it back first.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::headers::{HeaderName, Headers, RETRY_AFTER};
use azure_core::http::policies::{Policy, PolicyResult, get_retry_after};
use azure_core::http::{AsyncRawResponse, Context, Request};
use azure_core::time::OffsetDateTime;
use serde::de::IgnoredAny;
use tokio::time::Instant;

use super::patience::Patience;
use super::request::Peer;
use super::{connection_failure, patience};
use crate::azure::error;
use crate::azure::error::envelope::Envelope;
use crate::event::{Event, EventSink};
use crate::ports::backoff::{self, Jitter};
use crate::ports::error::PortErrorKind;
use crate::ports::turn;

/// The most time that one request may spend waiting between its attempts.
const BUDGET: Duration = Duration::from_mins(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// More than any service asks for: a longer pause means the same, and can still be added to a time.
const LONGEST_ASKED: Duration = Duration::from_hours(24);
const RETRY_AFTER_MILLISECONDS: [HeaderName; 2] =
    [HeaderName::from_static("retry-after-ms"), HeaderName::from_static("x-ms-retry-after-ms")];

/// Repeats failed attempts.
pub(crate) struct Retry {
    pub(crate) peer: Peer,
    pub(crate) jitter: Jitter,
    pub(crate) events: Arc<dyn EventSink>,
}

impl fmt::Debug for Retry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Retry")
    }
}

/// Which attempt of a request it is, from 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nth(pub(crate) u32);

/// Why an attempt is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cause {
    /// 429, with the pause that the answer asks for.
    Throttled(Option<Duration>),
    /// 409: somebody else writes credentials of the same identity.
    ConcurrentWrite,
    /// Nothing was sent.
    Unreachable,
    /// A read that failed.
    FailedRead(Option<Duration>),
}

impl Cause {
    fn of(outcome: &PolicyResult, repeatable: bool, body: &[u8]) -> Option<Self> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(failure) if connection_failure::is_final(failure) => return None,
            Err(failure) => return Self::of_failure(&error::kind_of(failure), repeatable),
        };
        match u16::from(answer.status()) {
            429 => Some(Self::Throttled(retry_after(answer.headers()))),
            409 if Envelope::read(body).is_concurrent_write() => Some(Self::ConcurrentWrite),
            408 | 499 | 500 | 502 | 503 | 504 if repeatable => {
                Some(Self::FailedRead(retry_after(answer.headers())))
            }
            200..300 if repeatable && is_cut_off(body) => Some(Self::FailedRead(None)),
            _ => None,
        }
    }

    fn of_failure(kind: &PortErrorKind, repeatable: bool) -> Option<Self> {
        match kind {
            PortErrorKind::Unreachable => Some(Self::Unreachable),
            PortErrorKind::AnswerLost | PortErrorKind::TimedOut => {
                repeatable.then_some(Self::FailedRead(None))
            }
            PortErrorKind::Unauthenticated
            | PortErrorKind::Refused { .. }
            | PortErrorKind::Forbidden
            | PortErrorKind::NotFound
            | PortErrorKind::ParentNotFound
            | PortErrorKind::PrincipalNotFound
            | PortErrorKind::RoleAssignmentExists
            | PortErrorKind::PairTaken
            | PortErrorKind::ConcurrentWrite
            | PortErrorKind::Conflict { .. }
            | PortErrorKind::Throttled
            | PortErrorKind::Invalid
            | PortErrorKind::ServiceFault
            | PortErrorKind::Malformed
            | PortErrorKind::ForeignOrigin
            | PortErrorKind::Bug => None,
        }
    }

    /// How many attempts it is worth. A service that says when to come back is believed until the budget
    /// ends; a dead network is not.
    fn attempts(self) -> u32 {
        match self {
            Self::Throttled(_) | Self::ConcurrentWrite => u32::MAX,
            Self::Unreachable | Self::FailedRead(_) => 6,
        }
    }

    /// The pause after an attempt: what the answer asks for, but never less than one that doubles with each
    /// attempt. A server that asks for none, or whose clock is behind ours, would be asked without end.
    fn pause(self, attempt: u32, jitter: &Jitter) -> Duration {
        let (first, asked) = match self {
            Self::Throttled(asked) => (Duration::from_secs(1), asked),
            Self::ConcurrentWrite => (Duration::from_secs(2), None),
            Self::Unreachable => (Duration::from_millis(500), None),
            Self::FailedRead(asked) => (Duration::from_millis(500), asked),
        };
        let shortest = jitter.shorten(backoff::doubled(first, LONGEST_PAUSE, attempt));
        asked.map_or(shortest, |asked| asked.max(shortest))
    }

    fn reason(self) -> &'static str {
        match self {
            Self::Throttled(_) => "throttled by Azure",
            Self::ConcurrentWrite => "somebody else writes credentials of the same identity",
            Self::Unreachable => "Azure could not be reached",
            Self::FailedRead(_) => "a read failed",
        }
    }
}

#[async_trait]
impl Policy for Retry {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let mut left = BUDGET;
        let patience = Patience::begin();
        let mut last = None;
        let has_written = turn::has_written();
        for attempt in 1.. {
            let context = context.to_borrowed().with_value(patience).with_value(Nth(attempt));
            let outcome = next[0].send(&context, request, &next[1..]).await;
            // What the service said the last time says more than that it was not asked again.
            if let (Err(failure), Some(last)) = (&outcome, last.take())
                && patience::is_given_up(failure)
            {
                return last;
            }
            let (outcome, body) = buffered(outcome).await;
            let Some(cause) = Cause::of(&outcome, self.peer.can_repeat(request), &body) else {
                return outcome;
            };
            let pause = cause.pause(attempt, &self.jitter);
            let (until, _) = patience.until(Some(Instant::now()));
            if attempt >= cause.attempts() || pause > left || Instant::now() + pause > until {
                return outcome;
            }
            left -= pause;
            self.events.emit(Event::Waiting { why: cause.reason().into(), pause });
            last = Some(outcome);
            // What is repeated here was never carried out.
            turn::set_written(has_written);
            turn::wait(tokio::time::sleep(pause)).await;
        }
        unreachable!("the attempts never run out before the budget")
    }
}

/// Whether a body is JSON that ends too early, as a proxy that loses its server passes it on.
fn is_cut_off(body: &[u8]) -> bool {
    let read = serde_json::from_slice::<IgnoredAny>(body);
    !body.is_empty() && read.is_err_and(|problem| problem.is_eof())
}

/// The outcome with its body in memory, and the body: the code in it decides.
async fn buffered(outcome: PolicyResult) -> (PolicyResult, bytes::Bytes) {
    let raw = match outcome {
        Ok(answer) => answer.try_into_raw_response().await,
        Err(failure) => Err(failure),
    };
    match raw {
        Ok(raw) => {
            let (status, headers, body) = raw.deconstruct();
            let bytes = bytes::Bytes::from(body);
            let answer = AsyncRawResponse::from_bytes(status, headers, bytes.clone());
            (Ok(answer), bytes)
        }
        Err(failure) => (Err(failure), bytes::Bytes::new()),
    }
}

/// The pause that an answer asks for, in any of its spellings.
pub(crate) fn retry_after(headers: &Headers) -> Option<Duration> {
    let [short, long] = RETRY_AFTER_MILLISECONDS;
    let asked = get_retry_after(headers, OffsetDateTime::now_utc, &[long, short, RETRY_AFTER])?;
    let asked: Duration = asked.try_into().ok()?;
    Some(asked.min(LONGEST_ASKED))
}
