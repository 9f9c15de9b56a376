//! Lets attempts through as the pacer says, and no more at once than the parallelism.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Method, Request};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use super::pace::{Admission, Answered, Pacer};
use super::patience::{GivenUp, Patience};
use super::retry::retry_after;
use super::route::{Bucket, Limit, limits};
use crate::azure::error::carry;
use crate::event::{Event, EventSink};
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::turn;

/// Holds attempts back.
pub(crate) struct Gate {
    pacer: Mutex<Pacer>,
    answered: Notify,
    permits: Semaphore,
    /// When something was last served, by what it counts against.
    served: Mutex<BTreeMap<Bucket, Instant>>,
    events: Arc<dyn EventSink>,
    /// Until when attempts are held back, as far as was said.
    said: Mutex<Option<Instant>>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gate = formatter.debug_struct("Gate");
        gate.field("pacer", &self.pacer).finish_non_exhaustive()
    }
}

impl Gate {
    pub(crate) fn new(parallelism: usize, events: Arc<dyn EventSink>) -> Self {
        Self {
            pacer: Mutex::new(Pacer::new(parallelism)),
            answered: Notify::new(),
            permits: Semaphore::new(parallelism.max(1)),
            served: Mutex::default(),
            events,
            said: Mutex::default(),
        }
    }

    /// Says how much longer than was said already something is held back.
    fn say(&self, until: Instant) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let from = said.map_or_else(Instant::now, |said| said.max(Instant::now()));
        let pause = until.saturating_duration_since(from);
        if !pause.is_zero() {
            *said = Some(until);
            self.events.emit(Event::Paced { pause });
        }
    }

    /// Waits for the turn of a request, but no longer than it is worth.
    async fn admitted(
        &self,
        limits: Vec<Limit>,
        patience: Patience,
    ) -> Result<InFlight<'_>, GivenUp> {
        let sent = loop {
            let answered = self.answered.notified();
            let (patient_until, given_up) = patience.until(self.last_served(&limits));
            let asked = now();
            if asked >= patient_until.into_std() {
                return Err(given_up);
            }
            let admission = self.with(|pacer| pacer.admit(&limits, asked));
            match admission {
                Admission::Granted => break asked,
                Admission::NotBefore(time) => {
                    let until = Instant::from_std(time);
                    self.say(until);
                    tokio::time::sleep_until(until.min(patient_until)).await;
                }
                // Whether it was answered or not is seen above.
                Admission::Full => drop(tokio::time::timeout_at(patient_until, answered).await),
            }
        };
        Ok(InFlight { gate: self, limits, sent, answered: Answered::Silence })
    }

    /// When something that counts against one of these limits was last served.
    fn last_served(&self, limits: &[Limit]) -> Option<Instant> {
        let served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let times = limits.iter().filter_map(|limit| served.get(&limit.bucket).copied());
        times.max()
    }

    fn note_served(&self, limits: &[Limit]) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let buckets = limits.iter().map(|limit| limit.bucket.clone());
        served.extend(buckets.map(|bucket| (bucket, Instant::now())));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Pacer) -> T) -> T {
        work(&mut self.pacer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// An admitted request. What was learned of it is told when it goes, also when nobody waits any longer.
struct InFlight<'a> {
    gate: &'a Gate,
    limits: Vec<Limit>,
    sent: std::time::Instant,
    answered: Answered,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.answered == Answered::Served {
            self.gate.note_served(&self.limits);
        }
        self.gate.with(|pacer| pacer.learn(&self.limits, self.answered, self.sent, now()));
        self.gate.answered.notify_waiters();
    }
}

/// The time on tokio's clock, which tests can pause.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

#[async_trait]
impl Policy for Gate {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let patience = context.value().copied().unwrap_or_else(Patience::begin);
        let limits = limits(request.method(), request.url());
        let admitted = turn::wait(async {
            let in_flight = self.admitted(limits, patience).await?;
            let permit = self.permits.acquire().await.expect("the semaphore is never closed");
            Ok((in_flight, permit))
        });
        let (mut in_flight, _permit) = admitted.await.map_err(|given_up: GivenUp| {
            let mut error = PortError::new(PortErrorKind::Throttled, Service::Arm, "get a turn");
            error.source = Some(Box::new(given_up));
            carry(error)
        })?;
        if !matches!(request.method(), Method::Get | Method::Head) {
            turn::set_written(true);
        }
        let outcome = next[0].send(context, request, &next[1..]).await;
        in_flight.answered = match &outcome {
            Ok(answer) if u16::from(answer.status()) == 429 => {
                Answered::Throttled(retry_after(answer.headers()))
            }
            Ok(_) => Answered::Served,
            Err(_) => Answered::Silence,
        };
        outcome
    }
}
