//! Pauses between attempts: growing, jittered, bounded, and cut short by an interruption.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::event::{Event, EventSink};
use crate::ports::backoff::{self, Jitter};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(20);

/// A growing series of pauses. The jitter depends on the seed and the name alone, so that a run with the
/// same seed pauses the same.
#[derive(Debug)]
pub(super) struct Backoff {
    jitter: Jitter,
    count: u32,
    began: Instant,
}

impl Backoff {
    /// A series for the resource of this address; its budget begins now.
    pub(super) fn new(seed: u64, address: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, address).hash(&mut hasher);
        Self { jitter: Jitter::new(hasher.finish()), count: 0, began: Instant::now() }
    }

    /// The next pause: 1 s, 2 s, 4 s … 20 s, each three to five quarters of it.
    pub(super) fn next(&mut self) -> Duration {
        self.count += 1;
        self.jitter.spread(backoff::doubled(FIRST, LONGEST, self.count))
    }

    /// The next pause, unless it would end after the budget.
    pub(super) fn next_within(&mut self, budget: Duration) -> Option<Duration> {
        let pause = self.next();
        (self.began.elapsed() + pause <= budget).then_some(pause)
    }
}

/// Whether the run was interrupted. A sender that is gone can no longer interrupt.
#[derive(Clone, Debug)]
pub(super) struct Interruption(watch::Receiver<bool>);

impl Interruption {
    pub(super) fn new(receiver: watch::Receiver<bool>) -> Self {
        Self(receiver)
    }

    pub(super) fn has_come(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the run is interrupted.
    pub(super) async fn come(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|interrupted| *interrupted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Pauses and says why; answers whether the whole pause passed without an interruption.
    pub(super) async fn pause(&self, sink: &dyn EventSink, why: &str, pause: Duration) -> bool {
        sink.emit(Event::Waiting { why: why.to_owned(), pause });
        tokio::select! {
            biased;
            () = self.come() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}
