//! What became of a plan.

use std::sync::Arc;
use std::time::Duration;

use super::error::ChangeError;
use crate::event::Ended;
use crate::model::text::{ClusterName, TeamName};
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;

/// What became of one change.
#[derive(Debug)]
pub struct ChangeOutcome {
    /// The resource's address.
    pub address: Arc<str>,
    /// Its team, where that is known.
    pub team: Option<TeamName>,
    /// Its cluster.
    pub cluster: Option<ClusterName>,
    /// What was to be done.
    pub action: ActionName,
    /// How it ended.
    pub ended: Ended,
    /// Why it did not succeed; `None` where it did, or the run was interrupted before it began.
    pub error: Option<ChangeError>,
    /// How long it took, pauses included.
    pub duration: Duration,
}

impl ChangeOutcome {
    /// The outcome of a change that has not begun.
    pub fn not_started(change: &AnyChange) -> Self {
        Self {
            address: change.address().into(),
            team: change.team().cloned(),
            cluster: change.cluster().cloned(),
            action: change.action(),
            ended: Ended::NotStarted,
            error: None,
            duration: Duration::ZERO,
        }
    }
}

/// What became of all changes, in the plan's order.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One for each change.
    pub changes: Vec<ChangeOutcome>,
    /// Whether the run was interrupted.
    pub interrupted: bool,
    /// How many resources the plan could not compare, and so left out.
    pub not_compared: usize,
    /// How many it left out because they are refused, or need what is.
    pub refused: usize,
}

/// How many changes ended how. A replace counts as an addition and as a deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Taken over.
    pub adopted: usize,
    /// Created.
    pub added: usize,
    /// Changed in place, or released.
    pub changed: usize,
    /// Deleted.
    pub destroyed: usize,
    /// Failed.
    pub failed: usize,
    /// Skipped, because what they need failed.
    pub skipped: usize,
    /// Not begun: the run was interrupted, or what they need had been refused to others.
    pub not_started: usize,
    /// Not known to be written or not.
    pub unproven: usize,
    /// Left out, because the plan could not compare them.
    pub not_compared: usize,
    /// Left out, because they are refused or need what is.
    pub refused: usize,
}

impl Outcome {
    /// Whether every change was written and nothing was left out.
    pub fn is_complete(&self) -> bool {
        self.not_compared == 0 && self.refused == 0 && self.is_written()
    }

    /// Whether every change was written.
    pub fn is_written(&self) -> bool {
        self.changes.iter().all(|change| change.ended == Ended::Done)
    }

    /// Whether anything was written at all.
    pub fn wrote_something(&self) -> bool {
        let wrote = |change: &ChangeOutcome| {
            let written = matches!(
                change.error,
                Some(
                    ChangeError::ReplaceHalfDone(_)
                        | ChangeError::Existed
                        | ChangeError::WrittenOtherwise(_)
                )
            );
            written || matches!(change.ended, Ended::Done | Ended::Unproven)
        };
        self.changes.iter().any(wrote)
    }

    /// The counts of the last line.
    pub fn counts(&self) -> Counts {
        let mut counts =
            Counts { not_compared: self.not_compared, refused: self.refused, ..Counts::default() };
        for change in &self.changes {
            match change.ended {
                Ended::Done => counts.add_done(change.action),
                Ended::Failed => counts.failed += 1,
                Ended::Skipped => counts.skipped += 1,
                Ended::NotStarted => counts.not_started += 1,
                Ended::Unproven => counts.unproven += 1,
            }
        }
        counts
    }
}

impl Counts {
    fn add_done(&mut self, action: ActionName) {
        match action {
            ActionName::Create => self.added += 1,
            ActionName::Update | ActionName::Release => self.changed += 1,
            ActionName::Adopt => self.adopted += 1,
            ActionName::Delete => self.destroyed += 1,
            ActionName::Replace => {
                self.added += 1;
                self.destroyed += 1;
            }
        }
    }
}
