//! What ends a command before its result: one enum, each variant with its condition.

use std::io;
use std::path::{Path, PathBuf};

use crate::azure::cloud::CloudError;
use crate::command::condition::{Condition, Signal, foremost};
use crate::plan::approval::Difference;
use crate::plan::file::FileError;
use crate::plan::refusals::Refusal;
use crate::plan::select::Unmatched;
use crate::ports::error::PortError;
use crate::profile::ProfileErrors;
use crate::sandbox::SandboxError;

/// What renews an approval that no longer holds.
pub const REPLAN: &str = "make a new plan with `widctl plan --out` and have it approved";

/// How often a plan is shown and asked for before a run gives up on one that changes every time.
pub const MOST_QUESTIONS: usize = 3;

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The profile is wrong; nothing was read or written.
    #[error("the profile has errors")]
    Profile(#[from] ProfileErrors),
    /// What was observed does not allow the plan; nothing was written.
    #[error("the plan was refused")]
    Refused(Vec<Refusal>),
    /// The approved plan no longer fits; nothing was written.
    #[error("the approved plan no longer fits: nothing was written")]
    Stale(Vec<Difference>),
    /// The saved plan cannot be applied; nothing was written.
    #[error("the saved plan `{}` cannot be applied", path.display())]
    SavedPlan {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: FileError,
    },
    /// A service failed before anything could be planned.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A file could not be read or written.
    #[error("could not {action} `{}`", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The sandbox could not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// There is no such cloud, or none that a token may be sent to.
    #[error(transparent)]
    Cloud(CloudError),
    /// Part of the targets could not be read, and the caller did not allow that.
    #[error("some targets could not be read: nothing was written\n{reason}")]
    Incomplete {
        /// What could not be read, a line each.
        reason: String,
        /// What the caller may do beside fixing it.
        otherwise: &'static str,
        /// Whether every target refused the caller.
        all_refused: bool,
    },
    /// Something else is wrong that the caller can fix.
    #[error("{what}")]
    Input {
        /// What is wrong.
        what: String,
        /// What fixes it.
        hint: String,
    },
    /// What is to be verified is broken before any check could say so.
    #[error("{what}")]
    Broken {
        /// What is broken.
        what: String,
        /// What fixes it.
        hint: String,
    },
    /// The command line does not agree with itself or with a file that it names; nobody was asked anything.
    #[error("{what}: nothing was written")]
    Usage {
        /// What does not agree.
        what: String,
        /// What to type instead.
        hint: String,
    },
    /// Several things hold. All are told, and the foremost of them decides the exit code.
    #[error("several things are wrong")]
    Several {
        /// How the run ended apart from them.
        ended: Condition,
        /// In the order in which they came up.
        failures: Vec<Self>,
    },
    /// The plan was another one after every answer; nothing was written.
    #[error(
        "the plan changed after each of {MOST_QUESTIONS} answers: nothing was written\n{}",
        changing.join("\n")
    )]
    Unsettled {
        /// Where it changed last, a line each.
        changing: Vec<String>,
    },
    /// A question would have to be asked where nobody can answer.
    #[error("there is nobody to confirm the plan: nothing was written")]
    Unattended {
        /// Whether the plan could be saved, to be approved as a file.
        can_save: bool,
    },
    /// A signal came before anything was written.
    #[error("interrupted: nothing was written")]
    Interrupted(Signal),
    /// The caller said no.
    #[error("not confirmed: nothing was written")]
    Unconfirmed,
}

impl From<Unmatched> for Failure {
    fn from(Unmatched { what, hint }: Unmatched) -> Self {
        Self::Usage { what, hint }
    }
}

impl Failure {
    /// A failed file operation.
    pub fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }

    /// This failure and another one that came up before it, if one did.
    #[must_use]
    pub fn beside(self, earlier: Option<Self>) -> Self {
        match earlier {
            None => self,
            Some(earlier) => {
                Self::Several { ended: Condition::Done, failures: vec![earlier, self] }
            }
        }
    }

    /// The failures that are to be told, one by one.
    pub fn parts(&self) -> Vec<&Self> {
        if let Self::Several { failures, .. } = self {
            failures.iter().flat_map(Self::parts).collect()
        } else {
            vec![self]
        }
    }

    /// What the caller is told by the exit code.
    pub fn condition(&self) -> Condition {
        match self {
            Self::Several { ended, failures } => {
                foremost(failures.iter().map(Self::condition).chain([*ended]))
            }
            Self::Usage { .. } => Condition::Usage,
            Self::Broken { .. } => Condition::Unverified,
            Self::Profile(errors) if errors.refused() => Condition::GuardrailRefused,
            Self::Refused(refusals) if refusals.iter().any(|refusal| refusal.guardrail) => {
                Condition::GuardrailRefused
            }
            Self::SavedPlan { error, .. } if !error.is_plan() => Condition::Usage,
            Self::Stale(_) | Self::SavedPlan { .. } | Self::Unsettled { .. } => {
                Condition::PlanStale
            }
            Self::Interrupted(signal) => Condition::Interrupted(*signal),
            Self::Port(error) if error.is_refusal() => Condition::NotSignedIn,
            Self::Incomplete { all_refused: true, .. } => Condition::NotSignedIn,
            Self::Profile(_)
            | Self::Refused(_)
            | Self::Port(_)
            | Self::File { .. }
            | Self::Sandbox(_)
            | Self::Cloud(_)
            | Self::Incomplete { .. }
            | Self::Input { .. }
            | Self::Unattended { .. }
            | Self::Unconfirmed => Condition::Failed,
        }
    }

    /// What fixes it, where one sentence or command does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Port(error) => Some(error.help()),
            Self::Input { hint, .. } | Self::Broken { hint, .. } | Self::Usage { hint, .. } => {
                Some(hint.clone())
            }
            Self::SavedPlan { error, .. } if !error.is_plan() => {
                Some("give `--plan` the file that `widctl plan --out` wrote".into())
            }
            Self::Stale(_) | Self::SavedPlan { .. } => Some(REPLAN.into()),
            Self::Unsettled { .. } => {
                Some("find out who else changes these, then run the command again".into())
            }
            Self::Incomplete { otherwise, .. } => {
                Some(format!("fix what could not be read, or {otherwise}"))
            }
            Self::Unattended { can_save: false } => {
                Some("approve beforehand with `--auto-approve`".into())
            }
            Self::Unattended { can_save: true } => Some(
                "approve beforehand with `--auto-approve`, or use `widctl plan --out` and `widctl apply --plan`"
                    .into(),
            ),
            Self::Profile(_)
            | Self::Refused(_)
            | Self::File { .. }
            | Self::Sandbox(_)
            | Self::Cloud(_)
            | Self::Several { .. }
            | Self::Interrupted(_)
            | Self::Unconfirmed => None,
        }
    }
}
