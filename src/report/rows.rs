//! A plan as rows.

use std::collections::BTreeMap;
use std::path::Path;

use crate::graph::Graph;
use crate::model::shell;
use crate::plan::contents::{Compared, Kept, Note, Plan, Refused, Summary, Unknown, Waiting};
use crate::plan::file::PlanFile;
use crate::plan::row::ChangeRow;
use crate::plan::scope::ScopeRead;
use crate::report::missing::MissingRight;

/// A plan as people see it.
#[derive(Clone, Debug)]
pub struct PlanRows<'a> {
    /// The changes, in the plan's order.
    pub changes: &'a [ChangeRow],
    /// What is owned and left.
    pub kept: &'a [Kept],
    /// What could not be compared.
    pub unknown: &'a [Unknown],
    /// What is refused.
    pub refused: &'a [Refused],
    /// What waits for that.
    pub waiting: &'a [Waiting],
    /// Remarks.
    pub notes: &'a [Note],
    /// Rights that the caller likely does not have.
    pub missing: &'a [MissingRight],
    /// Who can become whom in the teams that something happens to, where that was asked for.
    pub graph: Option<&'a Graph>,
    /// What of the profile was compared.
    pub compared: &'a Compared,
    /// The counts.
    pub summary: Summary,
    /// Whether the profile names nothing that could be compared.
    pub names_nothing: bool,
    /// Where what is left over was looked for.
    pub scope_read: &'a ScopeRead,
    /// The profile as it was given, where that is known.
    pub profile: Option<&'a Path>,
}

impl<'a> PlanRows<'a> {
    /// The rows of a plan and of its changes.
    pub fn new(plan: &'a Plan, changes: &'a [ChangeRow]) -> Self {
        Self {
            changes,
            kept: &plan.kept,
            unknown: &plan.unknown,
            refused: &plan.refused,
            waiting: &plan.waiting,
            notes: &plan.notes,
            missing: &[],
            graph: None,
            compared: &plan.compared,
            summary: plan.summary(),
            names_nothing: plan.names_nothing,
            scope_read: &plan.scope_read,
            profile: None,
        }
    }

    /// The rows of a saved plan.
    pub fn of_file(file: &'a PlanFile) -> Self {
        let PlanFile { changes, kept, unknown, refused, waiting, notes, .. } = file;
        let (compared, summary) = (&file.compared, file.summary);
        let is_whole = compared.teams.is_none() && compared.clusters.is_none();
        Self {
            changes,
            kept,
            unknown,
            refused,
            waiting,
            notes,
            missing: &[],
            graph: None,
            compared,
            summary,
            // The file does not say it: of a profile that names something, something is unchanged or a row.
            names_nothing: is_whole && summary.unchanged == 0,
            scope_read: &file.scope_read,
            profile: None,
        }
    }

    /// The same with the profile as it was given, for commands that name it.
    #[must_use]
    pub fn of_profile(mut self, profile: &'a Path) -> Self {
        self.profile = Some(profile);
        self
    }

    /// The command that releases what is kept, where it can be released.
    pub fn release(&self, kept: &Kept) -> Option<String> {
        let profile = self.profile.map(Path::to_string_lossy);
        let profile = profile.as_deref().map_or("<profile>".into(), shell::quote);
        let address = shell::quote(&kept.address);
        kept.releasable.then(|| format!("widctl release {profile} {address}"))
    }

    /// The same with what the caller is likely not allowed to do.
    #[must_use]
    pub fn with_missing(mut self, missing: &'a [MissingRight]) -> Self {
        self.missing = missing;
        self
    }

    /// The same with a graph, which Markdown draws.
    #[must_use]
    pub fn with_graph(mut self, graph: Option<&'a Graph>) -> Self {
        self.graph = graph;
        self
    }

    /// Whether there is nothing to do and nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.kept.is_empty() && self.is_complete()
    }

    /// Whether nothing is left out.
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty() && self.refused.is_empty() && self.waiting.is_empty()
    }

    /// What waits, under what it waits for.
    pub(super) fn waits(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut waits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in self.waiting {
            waits.entry(&row.waits_for).or_default().push(&row.address);
        }
        waits
    }

    /// The changes by team, then cluster, then place, each in the plan's order. What belongs to no cluster
    /// comes before a team's clusters, what belongs to no team comes last.
    pub(super) fn groups(&self) -> Vec<(Group<'_>, Vec<PlaceRows<'_>>)> {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for row in self.changes {
            let next = places.len();
            places.entry(&row.place).or_insert(next);
        }
        let mut sorted: Vec<&ChangeRow> = self.changes.iter().collect();
        sorted.sort_by_key(|row| (Group::of(row), places[row.place.as_str()]));
        let groups = sorted.chunk_by(|one, other| Group::of(one) == Group::of(other));
        groups.map(|rows| (Group::of(rows[0]), by_place(rows))).collect()
    }
}

fn by_place<'a>(rows: &[&'a ChangeRow]) -> Vec<PlaceRows<'a>> {
    let places = rows.chunk_by(|one, other| one.place == other.place);
    places.map(|rows| (rows[0].place.as_str(), rows.to_vec())).collect()
}

/// The rows at one place.
pub(super) type PlaceRows<'a> = (&'a str, Vec<&'a ChangeRow>);

/// A team and one of its clusters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Group<'a> {
    teamless: bool,
    pub team: Option<&'a str>,
    pub cluster: Option<&'a str>,
}

impl<'a> Group<'a> {
    fn of(row: &'a ChangeRow) -> Self {
        Self {
            teamless: row.team.is_none(),
            team: row.team.as_deref(),
            cluster: row.cluster.as_deref(),
        }
    }
}
