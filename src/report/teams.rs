//! What a plan does to each team, in numbers.

use std::collections::BTreeMap;

use crate::model::text::TeamName;
use crate::plan::action::ActionName;
use crate::report::rows::PlanRows;

/// How many changes a team has, as the summary counts them: a replace once as an addition and once as a deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct TeamCounts {
    pub adopt: usize,
    pub add: usize,
    pub change: usize,
    pub destroy: usize,
    pub refused: usize,
}

impl TeamCounts {
    /// The counts in the order of [`COLUMNS`].
    pub(super) fn columns(self) -> [usize; 5] {
        let Self { adopt, add, change, destroy, refused } = self;
        [adopt, add, change, destroy, refused]
    }

    fn take(&mut self, action: ActionName) {
        match action {
            ActionName::Adopt => self.adopt += 1,
            ActionName::Create => self.add += 1,
            ActionName::Update | ActionName::Release => self.change += 1,
            ActionName::Delete => self.destroy += 1,
            ActionName::Replace => {
                self.add += 1;
                self.destroy += 1;
            }
        }
    }

    /// Whether more than additions and adoptions happen to it.
    pub(super) fn is_weighty(self) -> bool {
        self.destroy + self.refused + self.change > 0
    }
}

/// The names of the columns of a table of teams.
pub(super) const COLUMNS: [&str; 5] = ["adopt", "add", "change", "destroy", "refused"];

/// A team, if it is one, and its counts.
pub(super) type Team<'a> = (Option<&'a str>, TeamCounts);

/// The teams that something happens to, by name; what belongs to none comes last.
pub(super) fn of<'a>(plan: &'a PlanRows<'_>) -> Vec<Team<'a>> {
    let mut counts: BTreeMap<(bool, Option<&str>), TeamCounts> = BTreeMap::new();
    for row in plan.changes {
        let team = row.team.as_deref();
        counts.entry((team.is_none(), team)).or_default().take(row.action);
    }
    for row in plan.refused {
        let team = row.team.as_ref().map(TeamName::as_str);
        counts.entry((team.is_none(), team)).or_default().refused += 1;
    }
    counts.into_iter().map(|((_, team), counts)| (team, counts)).collect()
}

/// The sums over teams.
pub(super) fn sums(teams: &[Team<'_>]) -> [usize; 5] {
    teams.iter().fold([0; 5], |mut sums, (_, counts)| {
        sums.iter_mut().zip(counts.columns()).for_each(|(sum, count)| *sum += count);
        sums
    })
}
