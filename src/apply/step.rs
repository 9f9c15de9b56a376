//! One change under way, as a future that owns or borrows all it needs, but nothing of the run.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::attempt::{Attempt, Resource};
use super::error::ChangeError;
use super::refresh;
use super::refresh::{Check, Verdict};
use crate::model::awaited::{IdentityOutput, IdentityOutputs};
use crate::model::kinds::Kind;
use crate::model::kinds::identity::IdentityKey;
use crate::plan::change::Change;
use crate::plan::kinds::PlannedKind;
use crate::ports::error::Service;
use crate::ports::panic::caught;
use crate::ports::store::Store;
use crate::ports::turn;

/// What a change made that others wait for.
pub(super) type Made = Option<(IdentityKey, IdentityOutput)>;

/// Where a change is written, and the check that is due before.
pub(super) type Prepared<'a, K> = Result<(&'a dyn Store<K>, Option<Check<'a>>), ChangeError>;

/// A change that is about to begin.
pub(super) struct Step<'a> {
    pub attempt: Attempt<'a>,
    /// Becomes `true` when it leaves, unless it has written something.
    pub stopping: watch::Receiver<bool>,
    pub address: Arc<str>,
    /// Who is asked to do it.
    pub service: Service,
    pub new_parent: bool,
    /// Whether it was seen that nothing is left to do.
    pub done: bool,
    /// When the plan read what exists; `None` where nothing is looked at again.
    pub read_at: Option<Instant>,
}

/// A change that came to its end.
pub(super) struct Ending<'a> {
    pub result: Result<Made, ChangeError>,
    /// What a check of the identity's credentials found on the way.
    pub checked: Option<(&'a IdentityKey, Verdict)>,
    pub duration: Duration,
}

impl<'a> Step<'a> {
    /// The change as a future; `None` where the run was interrupted before anything of it was written.
    pub(super) fn future<K: PlannedKind>(
        self,
        prepared: Prepared<'a, K>,
        change: &'a Change<K>,
        outputs: &IdentityOutputs,
    ) -> BoxFuture<'a, Option<Ending<'a>>> {
        let write = resolve(change, outputs);
        Box::pin(turn::of_change(self.stopping.clone(), async move {
            let began = Instant::now();
            let mut checked = None;
            let result = async {
                let (store, check) = prepared?;
                let mut done = self.done;
                if let Some(check) = check {
                    let verdict = check.run().await?;
                    checked = Some((check.identity, verdict.clone()));
                    let seen = verdict.map_err(|why| refresh::outdated(check.identity, why))?;
                    done = seen.contains(&*self.address);
                }
                if done {
                    return Ok(None);
                }
                let resource = Resource {
                    attempt: &self.attempt,
                    address: &self.address,
                    new_parent: self.new_parent,
                    read_at: self.read_at,
                    store,
                };
                let live = resource.carry_out(change, write.as_ref()).await?;
                Ok(live.and_then(|live| K::output(&change.key, &live)))
            };
            let operation = format!("{} {}", change.action.name().as_str(), self.address);
            let result = caught(self.service.clone(), &operation, result).await;
            Ending { result, checked, duration: began.elapsed() }
        }))
    }
}

/// What is written, everything known; `None` where nothing is, or where an id is missing.
fn resolve<K: Kind>(change: &Change<K>, outputs: &IdentityOutputs) -> Option<K::Write> {
    K::resolve(&change.key, change.action.after()?, outputs)
}
