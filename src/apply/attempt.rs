//! One change as calls of a store, repeated only where that is known to be safe.
//!
//! Requests that were throttled, collided or never reached the service are repeated by the pipeline below
//! and come here only when its budget is spent. Here two things are repeated: a write of which nobody
//! knows what it did, after it was read back; and a write into something that this run has just made, or in the
//! place of something that was just deleted, which has not spread through the services yet.

use std::time::Duration;

use tokio::time::Instant;

use super::error::ChangeError;
use super::pause::{Backoff, Interruption};
use crate::event::EventSink;
use crate::model::kinds::Kind;
use crate::plan::action::{Action, Force};
use crate::plan::change::Change;
use crate::plan::kinds::PlannedKind;
use crate::plan::ownership::Ours;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::store::{Store, WriteMode};

/// How often one write is sent that the service does not confirm: about a quarter of a minute long.
const WRITES: u32 = 4;
/// How often such a write is read back before it counts as unproven.
const READS: u32 = 3;
/// How long a new identity may take to be known to its provider, or a new namespace to the API server.
const PARENT_BUDGET: Duration = Duration::from_mins(2);
/// How long a new principal may take to reach the directory that role assignments are checked against.
/// <https://learn.microsoft.com/azure/role-based-access-control/troubleshooting#symptom---assigning-a-role-to-a-new-principal-sometimes-fails>
const PRINCIPAL_BUDGET: Duration = Duration::from_mins(5);
/// How long a deleted credential may go on taking its issuer and subject.
const PAIR_BUDGET: Duration = Duration::from_mins(2);

/// What all attempts of a run share.
#[derive(Clone)]
pub(super) struct Attempt<'a> {
    /// The seed of the jitter.
    pub seed: u64,
    /// Cuts pauses short.
    pub interruption: Interruption,
    /// Hears why it waits.
    pub sink: &'a dyn EventSink,
}

/// One resource and the store that it is written to.
pub(super) struct Resource<'a, K: Kind> {
    /// What all attempts share.
    pub attempt: &'a Attempt<'a>,
    /// The resource's address, for the jitter.
    pub address: &'a str,
    /// Whether this run made the identity or namespace that holds the resource.
    pub new_parent: bool,
    /// When the plan read it; `None` where it is never looked at again.
    pub read_at: Option<Instant>,
    /// Where it is written.
    pub store: &'a dyn Store<K>,
}

/// What to do after a write that failed.
enum AfterWrite {
    /// It will not succeed.
    Fail,
    /// What was to be written stands already.
    Satisfied,
    /// What it belongs to has not spread yet.
    Wait { why: &'static str, budget: Duration },
    /// Nobody knows what it did.
    ReadBack,
}

/// What to do after a deletion or release that failed.
enum AfterRemoval {
    /// It will not succeed.
    Fail,
    /// There is nothing left to remove.
    Gone,
    /// It can be repeated without harm; without an answer nobody knows what it did.
    Repeat { answered: bool },
}

/// What reading back showed.
enum ReadBack<L> {
    Written(L),
    /// This is there in its place.
    NotWritten(Option<L>),
    Unknown,
}

impl<K: PlannedKind> Resource<'_, K> {
    /// Carries a change out. `write` is what is written, everything known; it is absent where nothing is
    /// written. Answers what the service says the resource is now, where it says so.
    pub(super) async fn carry_out(
        &self,
        change: &Change<K>,
        write: Option<&K::Write>,
    ) -> Result<Option<K::Live>, ChangeError> {
        let Change { key, action, .. } = change;
        let write = || write.ok_or(ChangeError::Unresolved);
        match action {
            Action::Create { .. } => self.put(change, write()?, WriteMode::Create).await,
            Action::Update { force, .. } | Action::Adopt { force, .. } => {
                let mode = match force {
                    Force::No => WriteMode::Update,
                    Force::Yes => WriteMode::UpdateForced,
                };
                self.put(change, write()?, mode).await
            }
            Action::Replace { before_key, before, .. } => {
                let write = write()?;
                self.delete(before_key, before).await?;
                let put = self.put(change, write, WriteMode::Create).await;
                put.map_err(ChangeError::after_the_delete)
            }
            Action::Release { before, may } => {
                let released = self.remove(|| self.store.release(key, before, *may)).await;
                released.map(|()| None)
            }
            Action::Delete { before } => {
                let deleted = self.delete(key, before).await;
                deleted.map(|()| None)
            }
        }
    }

    async fn put(
        &self,
        Change { key, action, .. }: &Change<K>,
        planned: &K::Write,
        mode: WriteMode,
    ) -> Result<Option<K::Live>, ChangeError> {
        let mut backoff = self.backoff();
        let mut writes = 0;
        let (mut write, mut read_at) = (planned.clone(), self.read_at);
        let is_old = |read_at: Instant| K::FRESH.is_some_and(|fresh| read_at.elapsed() > fresh);
        loop {
            // Nothing binds a forced write to whoever held the fields when the plan was made.
            if mode == WriteMode::UpdateForced || read_at.is_some_and(is_old) {
                let found = self.store.get(key, planned).await?;
                write = fit(action, found.as_ref(), planned)?;
                read_at = Some(Instant::now());
            }
            let error = match self.store.put(key, &write, mode).await {
                // What existed after a lost answer can be what was written before it. What the pipeline
                // repeats, throttled, collided or unreachable, was never carried out.
                Ok(put) if put.existed && mode == WriteMode::Create && writes == 0 => {
                    return Err(ChangeError::Existed);
                }
                Ok(put) => return confirmed::<K>(put.live, &write).map(Some),
                Err(error) => error,
            };
            match after_write(&error.kind, self.new_parent) {
                AfterWrite::Satisfied => return Ok(None),
                AfterWrite::Fail => return Err(error.into()),
                AfterWrite::Wait { why, budget } => {
                    let Some(pause) = backoff.next_within(budget) else {
                        return Err(error.into());
                    };
                    if !self.pause(why, pause).await {
                        return Err(error.into());
                    }
                }
                AfterWrite::ReadBack => {
                    writes += 1;
                    match self.read_back(key, &write, &mut backoff).await {
                        ReadBack::Written(live) => return Ok(Some(live)),
                        ReadBack::Unknown => return Err(ChangeError::Unproven(Box::new(error))),
                        ReadBack::NotWritten(found) => {
                            if writes == WRITES || self.attempt.interruption.has_come() {
                                return Err(error.into());
                            }
                            write = fit(action, found.as_ref(), planned)?;
                            read_at = Some(Instant::now());
                        }
                    }
                }
            }
        }
    }

    /// Reads back what a write did. The first pause lets a write that is still under way come to its end.
    async fn read_back(
        &self,
        key: &K::Key,
        write: &K::Write,
        backoff: &mut Backoff,
    ) -> ReadBack<K::Live> {
        for _ in 0..READS {
            let why = "reading back a write that the service did not confirm";
            self.pause(why, backoff.next()).await;
            match self.store.get(key, write).await {
                Ok(Some(live)) if self.store.is_written(&live, write) => {
                    return ReadBack::Written(live);
                }
                Ok(found) => return ReadBack::NotWritten(found),
                Err(error) if error.is_refusal() => return ReadBack::Unknown,
                Err(_) => {}
            }
        }
        ReadBack::Unknown
    }

    async fn delete(&self, key: &K::Key, ours: &Ours<K>) -> Result<(), ChangeError> {
        self.remove(|| self.store.delete(key, ours.live(), ours.may_delete())).await
    }

    /// Pauses and says why; answers whether the whole pause passed without an interruption.
    async fn pause(&self, why: &str, pause: Duration) -> bool {
        let Attempt { interruption, sink, .. } = self.attempt;
        interruption.pause(*sink, why, pause).await
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.attempt.seed, self.address)
    }

    /// Repeats a removal whose answer was lost: a second one does nothing more.
    async fn remove<F>(&self, mut removal: impl FnMut() -> F) -> Result<(), ChangeError>
    where
        F: Future<Output = Result<(), PortError>>,
    {
        let mut backoff = self.backoff();
        let mut sent = 0;
        loop {
            let Err(error) = removal().await else {
                return Ok(());
            };
            sent += 1;
            match after_removal(&error.kind) {
                AfterRemoval::Gone => return Ok(()),
                AfterRemoval::Fail => return Err(error.into()),
                AfterRemoval::Repeat { answered } => {
                    let why = "repeating a removal that the service did not confirm";
                    if sent < WRITES && self.pause(why, backoff.next()).await {
                        continue;
                    }
                    return Err(if answered {
                        error.into()
                    } else {
                        ChangeError::Unproven(Box::new(error))
                    });
                }
            }
        }
    }
}

fn confirmed<K: PlannedKind>(live: K::Live, write: &K::Write) -> Result<K::Live, ChangeError> {
    match K::difference(&live, write) {
        Some(what) => Err(ChangeError::WrittenOtherwise(what)),
        None => Ok(live),
    }
}

fn fit<K: PlannedKind>(
    action: &Action<K>,
    found: Option<&K::Live>,
    planned: &K::Write,
) -> Result<K::Write, ChangeError> {
    K::fit(action, found, planned).map_err(ChangeError::Changed)
}

fn after_write(kind: &PortErrorKind, new_parent: bool) -> AfterWrite {
    match kind {
        PortErrorKind::AnswerLost
        | PortErrorKind::TimedOut
        | PortErrorKind::Malformed
        | PortErrorKind::ServiceFault => AfterWrite::ReadBack,
        PortErrorKind::ParentNotFound if new_parent => AfterWrite::Wait {
            why: "what it belongs to was just created and is not known everywhere yet",
            budget: PARENT_BUDGET,
        },
        // The identity can be one that an earlier, interrupted run made seconds ago.
        PortErrorKind::PrincipalNotFound => AfterWrite::Wait {
            why: "the identity has not reached the directory yet",
            budget: PRINCIPAL_BUDGET,
        },
        // The plan saw nobody else with this pair. Who had it may have been deleted a moment ago: by this
        // run, as of a replace, or by an earlier one that was interrupted halfway.
        PortErrorKind::PairTaken => AfterWrite::Wait {
            why: "Azure still counts another credential with this issuer and subject",
            budget: PAIR_BUDGET,
        },
        PortErrorKind::RoleAssignmentExists => AfterWrite::Satisfied,
        PortErrorKind::ParentNotFound
        | PortErrorKind::Unauthenticated
        | PortErrorKind::Refused { .. }
        | PortErrorKind::Forbidden
        | PortErrorKind::NotFound
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Conflict { .. }
        | PortErrorKind::Throttled
        | PortErrorKind::Invalid
        | PortErrorKind::Unreachable
        | PortErrorKind::ForeignOrigin
        | PortErrorKind::Bug => AfterWrite::Fail,
    }
}

fn after_removal(kind: &PortErrorKind) -> AfterRemoval {
    match kind {
        PortErrorKind::AnswerLost | PortErrorKind::TimedOut | PortErrorKind::Malformed => {
            AfterRemoval::Repeat { answered: false }
        }
        PortErrorKind::ServiceFault => AfterRemoval::Repeat { answered: true },
        PortErrorKind::NotFound | PortErrorKind::ParentNotFound => AfterRemoval::Gone,
        PortErrorKind::PrincipalNotFound
        | PortErrorKind::RoleAssignmentExists
        | PortErrorKind::PairTaken
        | PortErrorKind::Unauthenticated
        | PortErrorKind::Refused { .. }
        | PortErrorKind::Forbidden
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Conflict { .. }
        | PortErrorKind::Throttled
        | PortErrorKind::Invalid
        | PortErrorKind::Unreachable
        | PortErrorKind::ForeignOrigin
        | PortErrorKind::Bug => AfterRemoval::Fail,
    }
}
