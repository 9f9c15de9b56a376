//! What happens during a run, as data. Progress bars, event streams, counts and tests are sinks.

use std::sync::Arc;
use std::time::Duration;

/// Which counter of the summary a request belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RequestClass {
    /// A read of Azure Resource Manager.
    ArmRead,
    /// A write to Azure Resource Manager.
    ArmWrite,
    /// A read of a cluster.
    ClusterRead,
    /// A write to a cluster.
    ClusterWrite,
    /// A request for a token.
    Token,
}

/// How a change ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ended {
    /// It was written.
    Done,
    /// It failed.
    Failed,
    /// Something it depends on failed.
    Skipped,
    /// It was not begun: the run was interrupted, or Azure had refused to others what it needs.
    NotStarted,
    /// Its answer was lost and reading it back failed too.
    Unproven,
}

/// Something that happened. Texts are free of secrets.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// A phase of the run began: `reading`, `planning`, `applying`.
    PhaseStarted {
        /// What is being done, `Reading 3 clusters and 2 subscriptions`.
        title: String,
        /// How many steps it has, where that is known.
        steps: Option<usize>,
    },
    /// A step of the phase began that may take long. It is shown while it lasts.
    StepStarted {
        /// What is read; the step's end has the same.
        title: String,
    },
    /// A step of the phase ended: one scope read.
    StepFinished {
        /// What was read.
        title: String,
    },
    /// The phase ended.
    PhaseFinished,
    /// A request was sent.
    RequestSent(RequestClass),
    /// A request is repeated after a pause.
    Waiting {
        /// Why: `throttled by Azure`.
        why: String,
        /// How long.
        pause: Duration,
    },
    /// Requests are held back to keep a rate that Azure documents, so much longer than was said before: all
    /// such pauses added are how long anything was held back.
    Paced {
        /// How much longer.
        pause: Duration,
    },
    /// A change began.
    ChangeStarted {
        /// Its address.
        address: Arc<str>,
        /// What is done: `create`.
        action: &'static str,
    },
    /// A change ended.
    ChangeEnded {
        /// Its address.
        address: Arc<str>,
        /// What was done: `create`.
        action: &'static str,
        /// How it ended.
        ended: Ended,
        /// What went wrong, with its hint.
        error: Option<String>,
        /// The same for all changes that have ended so for the same reason.
        cause: Option<String>,
    },
    /// Something a person should know now.
    Message {
        /// The text.
        text: String,
    },
}

/// Takes events. It never fails and never blocks for long; it owns time and the heartbeat.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// A sink that drops everything.
#[cfg(feature = "testing")]
#[derive(Debug, Default)]
pub struct Silent;

#[cfg(feature = "testing")]
impl EventSink for Silent {
    fn emit(&self, _: Event) {}
}
