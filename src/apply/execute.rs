//! The async shell around the schedule: one task, a window of changes under way, never an error.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;

use super::attempt::Attempt;
use super::cause::Cause;
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
        schedule: Schedule::new(changes, &known),
        outputs: known,
        ledger: Ledger::new(changes),
        refresh: options.refresh,
        attempt: Attempt {
            seed: options.seed,
            interruption: Interruption::new(options.interrupted.clone()),
            sink,
        },
        outcomes: changes.iter().map(ChangeOutcome::not_started).collect(),
        left: Vec::new(),
        stopping: watch::Sender::new(false),
    };
    let outcome = run.drain(options.parallelism.max(1)).await;
    sink.emit(Event::PhaseFinished);
    outcome
}

/// The cause of all that an interruption keeps from beginning.
const INTERRUPTED: &str = "interrupted";

struct Run<'a> {
    changes: &'a [AnyChange],
    stores: &'a Stores,
    schedule: Schedule,
    outputs: IdentityOutputs,
    ledger: Ledger<'a>,
    refresh: Option<Refresh<'a>>,
    attempt: Attempt<'a>,
    outcomes: Vec<ChangeOutcome>,
    /// Those that were about to begin when the run was interrupted.
    left: Vec<usize>,
    /// Tells those that have written nothing to leave.
    stopping: watch::Sender<bool>,
}

impl<'a> Run<'a> {
    /// Runs until nothing is under way and nothing can begin.
    async fn drain(mut self, window: usize) -> Outcome {
        let mut under_way = FuturesUnordered::new();
        let mut told = false;
        loop {
            while !self.attempt.interruption.has_come()
                && let Some(index) = self.schedule.take_ready(window)
            {
                let future = self.begin(index);
                under_way.push(async move { (index, future.await) });
            }
            let is_stopping = *self.stopping.borrow();
            let ended = tokio::select! {
                biased;
                ended = under_way.next() => ended,
                () = self.attempt.interruption.come(), if !is_stopping => {
                    self.stopping.send_replace(true);
                    continue;
                }
                // By now those that had written nothing have left.
                () = std::future::ready(()), if is_stopping && !told => {
                    told = true;
                    self.say_stopping(under_way.len());
                    continue;
                }
            };
            match ended {
                Some((index, Some(ending))) => self.end(index, ending),
                Some((index, None)) => self.left.push(index),
                None if !self.attempt.interruption.has_come() && self.withhold() => {}
                None => break,
            }
        }
        if self.attempt.interruption.has_come() && !told {
            self.say_stopping(0);
        }
        for index in self.not_started() {
            self.tell(index, Some(INTERRUPTED.to_owned()));
        }
        let complete = self.outcomes.iter().all(|change| change.ended == Ended::Done);
        Outcome {
            changes: self.outcomes,
            interrupted: self.attempt.interruption.has_come() && !complete,
            not_compared: 0,
            refused: 0,
        }
    }

    /// The changes of which nothing was sent, in the plan's order.
    fn not_started(&self) -> BTreeSet<usize> {
        self.schedule.waiting().into_iter().chain(self.left.iter().copied()).collect()
    }

    fn say_stopping(&self, under_way: usize) {
        let rest = plural::thousands(self.not_started().len());
        let under_way = match under_way {
            0 => "no write is under way".to_owned(),
            1 => "1 write under way is finished".to_owned(),
            many => format!("{} writes under way are finished", plural::thousands(many)),
        };
        let text = format!("Stopping: {under_way}, {rest} will not start.");
        self.attempt.sink.emit(Event::Message { text });
    }

    /// Ends those that are withheld; answers whether there were any.
    fn withhold(&mut self) -> bool {
        let withheld = self.schedule.withheld();
        let is_any = !withheld.is_empty();
        for (index, withheld) in withheld {
            self.fail(index, ChangeError::Withheld(withheld));
        }
        is_any
    }

    /// Starts a change. All that depends on the run's state is settled before the future is made.
    fn begin(&mut self, index: usize) -> BoxFuture<'a, Option<Ending<'a>>> {
        let any = &self.changes[index];
        let address = Arc::clone(&self.outcomes[index].address);
        self.attempt.sink.emit(Event::ChangeStarted {
            address: Arc::clone(&address),
            action: any.action().as_str(),
        });
        let step = Step {
            attempt: self.attempt.clone(),
            stopping: self.stopping.subscribe(),
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
        match ending.result {
            Ok(made) => {
                self.outputs.extend(made);
                outcome.ended = Ended::Done;
                self.tell(index, None);
                self.schedule.finish(index, true);
            }
            Err(error) => {
                if let Some(action) = error.missing_action() {
                    self.schedule.refuse(index, action);
                }
                self.fail(index, error);
            }
        }
    }

    /// Ends a change that did not succeed, and skips what needs it.
    fn fail(&mut self, index: usize, error: ChangeError) {
        let because = self.stop(index, error, None);
        let address = Arc::clone(&self.outcomes[index].address);
        for skipped in self.schedule.finish(index, false) {
            self.stop(skipped, ChangeError::Skipped(address.to_string()), Some(&because));
        }
    }

    /// Tells of a change that did not succeed; answers by what its cause is known.
    fn stop(&mut self, index: usize, error: ChangeError, because: Option<&str>) -> String {
        let outcome = &mut self.outcomes[index];
        outcome.ended = error.ended();
        let cause = because.map_or_else(|| Cause::of(&error).key(), str::to_owned);
        outcome.error = Some(error);
        self.tell(index, Some(cause.clone()));
        cause
    }

    fn tell(&self, index: usize, cause: Option<String>) {
        let outcome = &self.outcomes[index];
        self.attempt.sink.emit(Event::ChangeEnded {
            address: Arc::clone(&outcome.address),
            action: outcome.action.as_str(),
            ended: outcome.ended,
            error: outcome.error.as_ref().map(ChangeError::with_hint),
            cause,
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
