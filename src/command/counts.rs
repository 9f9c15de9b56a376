//! Counts requests, retries and waits as they happen, for the summary.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::event::{Event, EventSink, RequestClass};

/// What a run has sent and waited for so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Reads of Azure Resource Manager.
    pub arm_reads: u64,
    /// Writes to Azure Resource Manager.
    pub arm_writes: u64,
    /// Reads of clusters.
    pub cluster_reads: u64,
    /// Writes to clusters.
    pub cluster_writes: u64,
    /// Requests for tokens.
    pub token_requests: u64,
    /// How often something was tried again after a pause.
    pub retries: u64,
    /// How long those pauses were, all added.
    pub waited: Duration,
    /// How long requests were held back to keep Azure's rates.
    pub paced: Duration,
}

/// A sink that counts and hands everything on.
pub struct Counts<S> {
    counted: Mutex<Counted>,
    next: S,
}

impl<S: EventSink> Counts<S> {
    /// Counts in front of another sink.
    pub fn new(next: S) -> Self {
        Self { counted: Mutex::default(), next }
    }

    /// The sink behind.
    pub fn next(&self) -> &S {
        &self.next
    }

    /// What was counted so far.
    pub fn counted(&self) -> Counted {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: EventSink> EventSink for Counts<S> {
    fn emit(&self, event: Event) {
        {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            match &event {
                Event::RequestSent(RequestClass::ArmRead) => counted.arm_reads += 1,
                Event::RequestSent(RequestClass::ArmWrite) => counted.arm_writes += 1,
                Event::RequestSent(RequestClass::ClusterRead) => counted.cluster_reads += 1,
                Event::RequestSent(RequestClass::ClusterWrite) => counted.cluster_writes += 1,
                Event::RequestSent(RequestClass::Token) => counted.token_requests += 1,
                Event::Waiting { pause, .. } => {
                    counted.retries += 1;
                    counted.waited += *pause;
                }
                Event::Paced { pause } => counted.paced += *pause,
                Event::PhaseStarted { .. }
                | Event::StepStarted { .. }
                | Event::StepFinished { .. }
                | Event::PhaseFinished
                | Event::ChangeStarted { .. }
                | Event::ChangeEnded { .. }
                | Event::Message { .. } => {}
            }
        }
        self.next.emit(event);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Counts;
    use crate::event::{Event, EventSink, RequestClass, Silent};

    #[test]
    fn requests_are_counted_by_class_and_waits_are_added() {
        let counts = Counts::new(Silent);
        for class in [RequestClass::ArmRead, RequestClass::ArmRead, RequestClass::Token] {
            counts.emit(Event::RequestSent(class));
        }
        let pause = Duration::from_secs(20);
        counts.emit(Event::Waiting { why: "throttled by Azure".into(), pause });
        let counted = counts.counted();
        assert_eq!((counted.arm_reads, counted.token_requests, counted.arm_writes), (2, 1, 0));
        assert_eq!((counted.retries, counted.waited), (1, pause));
    }
}
