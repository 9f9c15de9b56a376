//! One attempt: counted, marked, bounded in time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::http::Context;
use azure_core::http::Request;
use azure_core::http::policies::Policy;
use azure_core::http::policies::PolicyResult;

use super::request::Peer;
use super::silence::Way;
use crate::azure::error::CORRELATION_ID;
use crate::azure::error::carry;
use crate::event::Event;
use crate::event::EventSink;
use crate::ports::error::PortError;
use crate::ports::error::PortErrorKind;

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
        formatter
            .debug_struct("Attempt")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
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
        self.events
            .emit(Event::RequestSent(self.peer.class(request)));
        if let Some(id) = &self.correlation_id {
            request.insert_header(CORRELATION_ID, id.clone());
        }
        let sent = next[0].send(context, request, &next[1..]);
        if let Ok(outcome) = tokio::time::timeout(self.timeout, sent).await {
            return outcome.map_err(|failure| {
                self.way
                    .explain(failure, request.url(), self.peer.service())
            });
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
