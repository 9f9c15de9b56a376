//! The async shell around the schedule: one task, a window of changes under way, never an error.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use super::attempt::Attempt;
use super::error::ChangeError;
use super::outcome::{ChangeOutcome, Outcome};
use super::pause::Interruption;
use super::refresh::{Ledger, Refresh};
use super::schedule::Schedule;
use super::step::{Ending, Step};
use crate::event::{Ended, Event, EventSink};
use crate::model::awaited::IdentityOutputs;
use crate::model::plural;
use crate::plan::change::{AnyChange, Change, with_change};
use crate::plan::relation::Limit;
use crate::ports::error::Service;
use crate::ports::store::{Store, Stored, Stores};

/// How an apply runs.
pub struct Options<'a> {
    /// How many changes that share a limit are under way at a time, at least one.
    pub parallelism: usize,
    /// The seed of the jitter between attempts.
    pub seed: u64,
    /// Becomes `true` when the run is interrupted: what is under way comes to its end, pauses are cut
    /// short, nothing new begins.
    pub interrupted: watch::Receiver<bool>,
    /// How credentials are read again where the plan's reading is old; `None` never does.
    pub refresh: Option<Refresh<'a>>,
}

/// Carries the changes out and tells what became of each. `known` are the ids of the identities that
/// exist. Emits one [`Event::PhaseStarted`], one [`Event::ChangeEnded`] for every change, whatever its
/// end, and [`Event::PhaseFinished`].
pub async fn execute(
    changes: &[AnyChange],
    stores: &Stores,
    known: IdentityOutputs,
    options: &Options<'_>,
    sink: &dyn EventSink,
) -> Outcome {
    let count = changes.len();
    sink.emit(Event::PhaseStarted {
        title: format!("Applying {}", plural::count(count, "change")),
        steps: Some(count),
    });
    let run = Run {
        changes,
        stores,
        schedule: Schedule::new(changes),
        outputs: known,
        ledger: Ledger::new(changes),
        refresh: options.refresh,
        attempt: Attempt {
            seed: options.seed,
            interruption: Interruption::new(options.interrupted.clone()),
            sink,
        },
        outcomes: changes.iter().map(ChangeOutcome::not_started).collect(),
    };
    let outcome = run.drain(options.parallelism.max(1)).await;
    sink.emit(Event::PhaseFinished);
    outcome
}

struct Run<'a> {
    changes: &'a [AnyChange],
    stores: &'a Stores,
    schedule: Schedule,
    outputs: IdentityOutputs,
    ledger: Ledger<'a>,
    refresh: Option<Refresh<'a>>,
    attempt: Attempt<'a>,
    outcomes: Vec<ChangeOutcome>,
}

impl<'a> Run<'a> {
    /// Runs until nothing is under way and nothing can begin.
    async fn drain(mut self, window: usize) -> Outcome {
        let mut under_way = FuturesUnordered::new();
        loop {
            while !self.attempt.interruption.has_come()
                && let Some(index) = self.schedule.take_ready(window)
            {
                let future = self.begin(index);
                under_way.push(async move { (index, future.await) });
            }
            let Some((index, ending)) = under_way.next().await else {
                break;
            };
            self.end(index, ending);
        }
        for index in self.schedule.waiting() {
            self.tell(index);
        }
        let complete = self.outcomes.iter().all(|change| change.ended == Ended::Done);
        Outcome {
            changes: self.outcomes,
            interrupted: self.attempt.interruption.has_come() && !complete,
            not_compared: 0,
            refused: 0,
        }
    }

    /// Starts a change. All that depends on the run's state is settled before the future is made.
    fn begin(&mut self, index: usize) -> BoxFuture<'a, Ending<'a>> {
        let any = &self.changes[index];
        let address = Arc::clone(&self.outcomes[index].address);
        self.attempt.sink.emit(Event::ChangeStarted {
            address: Arc::clone(&address),
            action: any.action().as_str(),
        });
        let step = Step {
            attempt: self.attempt.clone(),
            done: self.ledger.is_done(&address),
            address,
            service: service(any),
            new_parent: self.schedule.has_new_parent(index),
            read_at: self.refresh.map(|refresh| refresh.read_at),
        };
        let (stores, outputs) = (self.stores, &self.outputs);
        // An identity that this run made has no credentials but the run's own.
        let refresh = self.refresh.filter(|_| !step.new_parent);
        let kept = any.identity().map_or(Ok(()), |identity| self.ledger.is_kept(identity));
        let check = kept.and_then(|()| match any.queue() {
            Some(identity) => self.ledger.due(identity, refresh),
            None => Ok(None),
        });
        with_change!(any, change => {
            let prepared = check.and_then(|check| Ok((store(stores, change)?, check)));
            step.future(prepared, change, outputs)
        })
    }

    fn end(&mut self, index: usize, ending: Ending<'a>) {
        if let Some((identity, verdict)) = ending.checked {
            self.ledger.learn(identity, verdict);
        }
        if let (Some(identity), Err(ChangeError::Changed(_))) =
            (self.changes[index].identity(), &ending.result)
        {
            self.ledger.lose(identity);
        }
        let outcome = &mut self.outcomes[index];
        outcome.duration = ending.duration;
        let succeeded = ending.result.is_ok();
        match ending.result {
            Ok(made) => {
                self.outputs.extend(made);
                outcome.ended = Ended::Done;
            }
            Err(error) => {
                outcome.ended = error.ended();
                outcome.error = Some(error);
            }
        }
        self.tell(index);
        let because = Arc::clone(&self.outcomes[index].address);
        for skipped in self.schedule.finish(index, succeeded) {
            let outcome = &mut self.outcomes[skipped];
            let error = ChangeError::Skipped(because.to_string());
            outcome.ended = error.ended();
            outcome.error = Some(error);
            self.tell(skipped);
        }
    }

    fn tell(&self, index: usize) {
        let outcome = &self.outcomes[index];
        self.attempt.sink.emit(Event::ChangeEnded {
            address: Arc::clone(&outcome.address),
            action: outcome.action.as_str(),
            ended: outcome.ended,
            error: outcome.error.as_ref().map(ChangeError::with_hint),
        });
    }
}

/// Who is asked to carry a change out.
fn service(any: &AnyChange) -> Service {
    match any.limit() {
        Limit::Cluster(cluster) => Service::Cluster(cluster.to_string()),
        Limit::Identities(_) | Limit::Assignments(_) => Service::Arm,
    }
}

/// Where a change is written.
fn store<'s, K: Stored>(
    stores: &'s Stores,
    change: &Change<K>,
) -> Result<&'s dyn Store<K>, ChangeError> {
    K::store(stores, &change.key).map_err(|cluster| ChangeError::NoCluster(cluster.to_string()))
}
