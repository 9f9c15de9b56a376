//! One attempt: counted, marked, bounded in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::headers::HeaderName;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, Context, Request};
use tokio::time::Instant;

use super::connection_failure::Way;
use super::request::Peer;
use super::retry::Nth;
use crate::azure::error::{CORRELATION_ID, REQUEST_ID, carry};
use crate::event::{Event, EventSink};
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::request_log::Asked;

const LOCATION: HeaderName = HeaderName::from_static("location");

/// Counts an attempt, gives it the run's correlation id, and ends it after a time.
pub(crate) struct Attempt {
    pub(crate) peer: Peer,
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) timeout: Duration,
    pub(crate) correlation_id: Option<String>,
    /// How it goes out, for errors about that.
    pub(crate) way: Way,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Attempt").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

#[async_trait]
impl Policy for Attempt {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        self.events.emit(Event::RequestSent(self.peer.class(request)));
        if let Some(id) = &self.correlation_id {
            request.insert_header(CORRELATION_ID, id.clone());
        }
        let begun = Instant::now();
        let sent = next[0].send(context, request, &next[1..]);
        let outcome = tokio::time::timeout(self.timeout, sent).await;
        self.log(context, request, outcome.as_ref().ok(), begun.elapsed());
        if let Ok(outcome) = outcome {
            let answer = outcome
                .map_err(|failure| self.way.explain(failure, request.url(), self.peer.service()))?;
            return self.not_elsewhere(request, answer);
        }
        // A write that was cut off may have been done.
        let kind = if self.peer.can_repeat(request) {
            PortErrorKind::TimedOut
        } else {
            PortErrorKind::AnswerLost
        };
        let mut error = PortError::new(kind, self.peer.service(), "get an answer");
        error.message = Some(format!("no answer after {} s", self.timeout.as_secs()));
        Err(carry(error))
    }
}

impl Attempt {
    fn log(
        &self,
        context: &Context,
        request: &Request,
        outcome: Option<&PolicyResult>,
        took: Duration,
    ) {
        let url = request.url();
        let what = match self.peer {
            Peer::Arm => format!("{} {}", request.method(), url.path()),
            Peer::Entra => url.host_str().unwrap_or_default().to_owned(),
        };
        let answer = outcome.and_then(|outcome| outcome.as_ref().ok());
        let id = answer.and_then(|answer| answer.headers().get_optional_str(&REQUEST_ID));
        let attempt = context.value().map_or(1, |Nth(attempt)| *attempt);
        let status = answer.map(|answer| answer.status().into());
        Asked { service: &self.peer.service(), what: &what, attempt }.answered(status, id, took);
    }

    /// Refuses an answer that sends the request elsewhere, with whatever is in it: neither Azure Resource
    /// Manager nor Entra's token endpoint does. The transport follows no redirect by itself.
    fn not_elsewhere(&self, request: &Request, answer: AsyncRawResponse) -> PolicyResult {
        let status = u16::from(answer.status());
        if !(300..400).contains(&status) {
            return Ok(answer);
        }
        let service = self.peer.service();
        let mut error = PortError::new(PortErrorKind::ForeignOrigin, service, "get an answer");
        error.status = Some(status);
        let target = answer.headers().get_optional_str(&LOCATION);
        // The path and query of the target are left out: they can hold what was asked, or a secret.
        let target = target.and_then(|target| request.url().join(target).ok());
        let target = target.map_or_else(
            || "nowhere".into(),
            |target| format!("to {}", target.origin().ascii_serialization()),
        );
        error.message = Some(format!("it redirects {target}, which is not followed"));
        Err(carry(error))
    }
}
