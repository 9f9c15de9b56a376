//! Where a change stands with its requests: whoever waits for a turn to send one stops waiting once the run is
//! interrupted, unless the change has written something already.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};
use tokio::task::unconstrained;

tokio::task_local! {
    /// The change that the task carries out.
    static TURN: Arc<Turn>;
}

/// One change on its way.
struct Turn {
    interrupted: watch::Receiver<bool>,
    has_written: AtomicBool,
    gave_up: Notify,
}

impl Turn {
    /// Returns once the run is interrupted.
    async fn interruption(&self) {
        let mut receiver = self.interrupted.clone();
        if receiver.wait_for(|interrupted| *interrupted).await.is_err() {
            pending::<()>().await;
        }
    }
}

/// Carries a change out. `None`, and at once, where the run was interrupted while the change waited and had written nothing.
pub async fn of_change<T>(
    interrupted: watch::Receiver<bool>,
    change: impl Future<Output = T>,
) -> Option<T> {
    let (has_written, gave_up) = (AtomicBool::new(false), Notify::new());
    let turn = Arc::new(Turn { interrupted, has_written, gave_up });
    let change = TURN.scope(Arc::clone(&turn), change);
    tokio::select! {
        biased;
        done = change => Some(done),
        () = unconstrained(turn.gave_up.notified()) => None,
    }
}

/// Waits for something that comes before a request. It never returns where that ends the change.
pub async fn wait<T>(until: impl Future<Output = T>) -> T {
    let turn = TURN.try_with(Arc::clone).ok();
    let Some(turn) = turn.filter(|turn| !turn.has_written.load(Ordering::Relaxed)) else {
        return until.await;
    };
    tokio::select! {
        biased;
        () = unconstrained(turn.interruption()) => {
            turn.gave_up.notify_one();
            pending().await
        }
        done = until => done,
    }
}

/// Whether the change has written something, as far as it knows.
pub fn has_written() -> bool {
    TURN.try_with(|turn| turn.has_written.load(Ordering::Relaxed)).unwrap_or_default()
}

/// Takes note that a write is sent, or that one was turned away and nothing is written for it.
pub fn set_written(written: bool) {
    let set = TURN.try_with(|turn| turn.has_written.store(written, Ordering::Relaxed));
    // Outside of a change nobody asks.
    set.unwrap_or_default();
}
