//! What the checks came to.

use crate::model::text::{ClusterName, TeamName};
use crate::verify::verdict::{Cause, Verdict};

/// What kind of thing was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubjectKind {
    /// A cluster.
    Cluster,
    /// An identity.
    Identity,
    /// An account and one identity that it gets.
    Account,
    /// The credential of a pipeline.
    Federation,
    /// What makes pods.
    Workload,
    /// A pod.
    Pod,
    /// A team.
    Team,
    /// A service and one of its callers.
    Service,
}

/// Everything that was checked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Results {
    /// Clusters first, then by team.
    pub subjects: Vec<SubjectResults>,
    /// What was presented for identities of other teams; nothing where nobody asked for it.
    pub probes: Option<Probes>,
}

/// How many tokens were presented for identities of other teams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probes {
    /// As many as were asked for.
    pub asked: usize,
    /// As many as were presented.
    pub made: usize,
    /// Of these, refused: each is a failed sign-in in Entra's log.
    pub refused: usize,
}

/// What was checked of one thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectResults {
    /// What it is.
    pub kind: SubjectKind,
    /// Its address, as in plans.
    pub address: String,
    /// The identity that a workload gets.
    pub identity: Option<String>,
    /// Its team; a cluster has none, and without a profile nothing has.
    pub team: Option<TeamName>,
    /// Its cluster; an identity has none.
    pub cluster: Option<ClusterName>,
    /// In the table's order.
    pub checks: Vec<CheckResult>,
}

/// What one check came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckResult {
    /// Its code.
    pub code: &'static str,
    /// What it checks.
    pub title: &'static str,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It ran.
    Checked(Verdict),
    /// It did not run.
    Skipped {
        /// The code of the check that did not pass and that it needs.
        blocked_by: &'static str,
    },
}

/// How many checks came to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// As it has to be.
    pub pass: usize,
    /// Broken.
    pub fail: usize,
    /// Not broken yet.
    pub warn: usize,
    /// Not known.
    pub unknown: usize,
    /// Of these, not read.
    pub unread: usize,
    /// Not run.
    pub skipped: usize,
    /// Nothing to check.
    pub not_applicable: usize,
}

impl Results {
    /// How many checks came to what.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.subjects.iter().for_each(|subject| subject.count(&mut tally));
        tally
    }
}

impl SubjectResults {
    /// How many of its checks came to what.
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        self.count(&mut tally);
        tally
    }

    fn count(&self, tally: &mut Tally) {
        for check in &self.checks {
            match &check.outcome {
                Outcome::Checked(Verdict::Pass | Verdict::PassBy(_)) => tally.pass += 1,
                Outcome::Checked(Verdict::Warn(_)) => tally.warn += 1,
                Outcome::Checked(Verdict::Fail(_)) => tally.fail += 1,
                Outcome::Checked(Verdict::Unknown { cause, .. }) => {
                    tally.unknown += 1;
                    tally.unread += usize::from(*cause == Cause::Unread);
                }
                Outcome::Checked(Verdict::NotApplicable) => tally.not_applicable += 1,
                Outcome::Skipped { .. } => tally.skipped += 1,
            }
        }
    }
}

impl Tally {
    /// Whether nothing is wrong or unknown.
    pub fn is_green(self) -> bool {
        let Self { pass: _, fail, warn, unknown, unread: _, skipped, not_applicable: _ } = self;
        fail + warn + unknown + skipped == 0
    }
}

impl Outcome {
    /// Whether what needs it can be checked.
    pub(super) fn lets_on(&self) -> bool {
        match self {
            Self::Checked(
                Verdict::Pass | Verdict::PassBy(_) | Verdict::Warn(_) | Verdict::NotApplicable,
            ) => true,
            Self::Checked(Verdict::Fail(_) | Verdict::Unknown { .. }) | Self::Skipped { .. } => {
                false
            }
        }
    }
}
