//! What exists of each team, for people.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::State;
use crate::model::kinds::federated_credential::CREDENTIALS_PER_IDENTITY;
use crate::model::plural;
use crate::plan::contents::Kept;
use crate::report::escape;
use crate::report::style::{Label, Style};
use crate::report::wrap;

/// From more teams on, each is a row of a table.
const MOST_BLOCKS: usize = 20;
/// How many lines of what was not read are shown; JSON has all.
const MOST_NOT_READ: usize = 20;
/// How many spaces are between two columns of the table.
const GAP: usize = 2;
/// The longest name that moves the columns of the table.
const WIDEST_NAME: usize = 40;
/// The names of the columns of a table of teams.
pub(super) const COLUMNS: [&str; 7] =
    ["team", "identity", "accounts", "clusters", "credentials", "roles", "drift"];

/// What exists of an estate, or of what filters chose of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Status {
    /// The estate.
    pub estate: String,
    /// By name; what belongs to no team comes last.
    pub teams: Vec<TeamStatus>,
    /// What was not read, a sentence each.
    pub not_read: Vec<String>,
    /// How many teams of the profile the filters leave out.
    pub other_teams: usize,
    /// How many clusters of the profile the filters leave out.
    pub other_clusters: usize,
}

/// What exists of a team.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
pub struct TeamStatus {
    /// Its name; null for what belongs to none.
    pub team: Option<String>,
    /// Whether the profile has it.
    pub in_profile: bool,
    /// Whether the profile says that it leaves.
    pub retired: bool,
    /// Whether all of it was compared: with `--cluster`, and of a team that another one's workload needs, a part was.
    pub whole: bool,
    /// How it differs from the profile now.
    pub drift: Drift,
    /// Its identities.
    pub identities: Vec<IdentityStatus>,
    /// The accounts of its workloads.
    pub accounts: Vec<AccountStatus>,
    /// What the estate owns of it and the profile no longer has.
    pub leftovers: Vec<Kept>,
}

/// How a team differs from the profile.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub struct Drift {
    /// How many changes a plan has for it.
    pub changes: usize,
    /// How many of its resources a plan refuses.
    pub refused: usize,
    /// How many wait for what is refused.
    pub waiting: usize,
    /// How many could not be compared.
    pub unread: usize,
    /// Why not, each reason once.
    pub why: BTreeSet<String>,
}

/// An identity.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct IdentityStatus {
    /// Its name.
    pub name: String,
    /// Its ARM id.
    pub id: String,
    /// What a plan says of it.
    pub state: State,
    /// Whose it is by its tags; null where it does not exist or was not read.
    pub owner: Option<Owner>,
    /// Its client id; null where it does not exist or was not read.
    pub client_id: Option<String>,
    /// How many federated credentials it has, whoever made them, of 20; null where they were not read.
    pub credentials: Option<usize>,
    /// How many of them trust accounts by an issuer in `also_trust`.
    pub retiring: usize,
    /// Its role assignments in the scopes that were read.
    pub roles: Vec<RoleStatus>,
    /// Whom it lets in although the profile does not name them, as the policy judges; null where nobody judged it or its
    /// credentials were not read.
    pub foreign_trust: Option<Vec<ForeignTrust>>,
}

/// Whose an identity is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// It has the tags of this estate.
    ThisEstate,
    /// It has the tags of another estate.
    AnotherEstate,
    /// It has the tags of none.
    Nobody,
}

/// A role assignment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct RoleStatus {
    /// The role.
    pub role: String,
    /// The ARM id of its scope.
    pub scope: String,
    /// The scope's name.
    #[serde(skip)]
    pub scope_name: String,
    /// What a plan says of it; `other` where somebody else made it.
    pub state: State,
    /// What narrows it.
    pub condition: Option<String>,
}

/// Whom an identity lets in although the profile does not name them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct ForeignTrust {
    /// Who that is.
    pub who: String,
    /// The name of the credential or of the identity binding.
    pub by: String,
}

/// The account of a workload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct AccountStatus {
    /// Its cluster.
    pub cluster: String,
    /// Its namespace and name.
    pub account: String,
    /// What a plan says of it; null where the profile only trusts it, so that nobody looked.
    pub state: Option<State>,
}

impl Drift {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }

    fn counts(&self) -> Vec<String> {
        let counted = |count: usize, text: String| (count > 0).then_some(text);
        let parts = [
            counted(self.changes, format!("{} pending", plural::count(self.changes, "change"))),
            counted(self.refused, format!("{} refused", self.refused)),
            counted(self.waiting, format!("{} waiting for what is refused", self.waiting)),
        ];
        parts.into_iter().flatten().collect()
    }
}

impl TeamStatus {
    /// Whether all that was compared is as the profile wants it.
    pub fn is_in_sync(&self) -> bool {
        self.in_profile && self.drift.is_none() && (!self.retired || self.leftovers.is_empty())
    }

    /// Whether one line says all that people have to know.
    fn is_quiet(&self) -> bool {
        let mut identities = self.identities.iter();
        self.is_in_sync()
            && self.leftovers.is_empty()
            && identities.all(|identity| {
                identity.retiring == 0 && identity.foreign_trust.iter().all(Vec::is_empty)
            })
    }

    pub(super) fn name(&self) -> &str {
        self.team.as_deref().unwrap_or("(no team)")
    }

    /// `2 changes pending, 1 leftover`.
    fn drift(&self, with_reasons: bool) -> String {
        let mut parts = self.drift.counts();
        if self.drift.unread > 0 {
            let mut unread = format!("{} unread", self.drift.unread);
            if with_reasons {
                let why: Vec<&str> = self.drift.why.iter().map(String::as_str).collect();
                push!(unread, ": {}", why.join("; "));
            }
            parts.push(unread);
        }
        if parts.is_empty() {
            let word = match (self.in_profile, self.whole) {
                _ if self.retired => "leaves",
                (true, true) => "in sync",
                (true, false) => "no changes in what was compared",
                (false, _) => "not in the profile",
            };
            parts.push(word.to_owned());
        }
        if !self.leftovers.is_empty() {
            // The reasons are last: they are long.
            parts.insert(0, plural::count(self.leftovers.len(), "leftover"));
        }
        parts.join(", ")
    }

    fn clusters(&self) -> BTreeSet<&str> {
        self.accounts.iter().map(|account| account.cluster.as_str()).collect()
    }

    /// The row of the team in a table.
    pub(super) fn row(&self) -> [String; 7] {
        let identity = match self.identities.as_slice() {
            [] => "-".to_owned(),
            [one] => one.name.clone(),
            many => plural::count(many.len(), "identity"),
        };
        let accounts = self.accounts.iter().filter_map(|account| account.state);
        let roles = self.identities.iter().flat_map(|identity| &identity.roles);
        [
            self.name().to_owned(),
            identity,
            ratio(accounts),
            self.clusters().len().to_string(),
            self.credentials(),
            ratio(roles.map(|role| role.state)),
            self.drift(false),
        ]
    }

    /// The most that one of its identities has of what it may have.
    fn credentials(&self) -> String {
        let used = self.identities.iter().map(|identity| identity.credentials);
        let all_read = used.clone().all(|used| used.is_some());
        match used.flatten().max() {
            Some(most) if all_read => format!("{most} of {CREDENTIALS_PER_IDENTITY}"),
            Some(_) | None => "-".to_owned(),
        }
    }

    /// What one line says of a team in sync.
    fn folded(&self) -> String {
        let mut parts: Vec<String> =
            self.identities.iter().map(|identity| format!("identity {}", identity.name)).collect();
        let clusters: Vec<&str> = self.clusters().into_iter().collect();
        if !clusters.is_empty() {
            let accounts = plural::count(self.accounts.len(), "account");
            parts.push(format!("{accounts} on {}", clusters.join(", ")));
        }
        if !self.identities.is_empty() {
            parts.push(format!("credentials {}", self.credentials()));
            let roles: usize = self.identities.iter().map(|identity| identity.roles.len()).sum();
            parts.push(plural::count(roles, "role"));
        }
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }

    /// The heading of a team, and whether it says all.
    fn heading(&self, full: bool) -> (String, bool) {
        let drift = self.drift(true);
        if self.is_quiet() && !full { (drift + &self.folded(), true) } else { (drift, false) }
    }

    /// What is told below the heading: how deep, and the text.
    fn lines(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        for identity in &self.identities {
            lines.extend(identity.lines());
        }
        for AccountStatus { cluster, account, state } in &self.accounts {
            let state = state.map_or("trusted only, not looked at", State::word);
            lines.push((1, format!("account {cluster}/{account}: {state}")));
        }
        let leftovers = self.leftovers.iter();
        lines.extend(
            leftovers.map(|kept| (1, format!("leftover {}: {}", kept.address, kept.reason))),
        );
        lines
    }
}

impl IdentityStatus {
    fn lines(&self) -> Vec<(usize, String)> {
        let mut head = format!("identity {}: {}", self.name, self.state.word());
        let owner = self.owner.map(|owner| match owner {
            Owner::ThisEstate => ", owned by this estate",
            Owner::AnotherEstate => ", foreign: owned by another estate",
            Owner::Nobody => ", foreign: without ownership tags",
        });
        head.extend(owner);
        head.extend(self.client_id.as_ref().map(|id| format!(", client id {id}")));
        let mut lines = vec![(1, head)];
        if let Some(used) = self.credentials {
            let retiring = match self.retiring {
                0 => String::new(),
                count => format!(", {count} of them for a retiring issuer"),
            };
            lines.push((2, format!("credentials: {used} of {CREDENTIALS_PER_IDENTITY}{retiring}")));
        } else if self.client_id.is_some() {
            lines.push((2, "credentials: unread".to_owned()));
        }
        for role in &self.roles {
            let condition = if role.condition.is_some() { ", with a condition" } else { "" };
            let (scope, state) = (&role.scope_name, role.state.word());
            lines.push((2, format!("role {} on {scope}: {state}{condition}", role.role)));
        }
        for ForeignTrust { who, by } in self.foreign_trust.iter().flatten() {
            lines.push((2, format!("foreign trust: {who} by {by}")));
        }
        lines
    }
}

/// How many exist, of how many there are.
fn ratio(states: impl Iterator<Item = State>) -> String {
    let (mut exist, mut all) = (0_usize, 0_usize);
    for state in states {
        all += 1;
        exist += match state {
            State::Exists
            | State::Drifting
            | State::Retiring
            | State::Leftover
            | State::Foreign
            | State::Other => 1,
            State::Missing | State::Refused | State::Unknown => 0,
        };
    }
    if all == 0 { "-".to_owned() } else { format!("{exist}/{all}") }
}

impl Status {
    /// The last line: how many teams are in sync.
    pub(super) fn sentence(&self) -> String {
        let in_sync = self.teams.iter().filter(|team| team.is_in_sync()).count();
        let named = self.teams.iter().filter(|team| team.in_profile).count();
        let is_whole = self.teams.iter().all(|team| team.whole);
        let said = if is_whole { "in sync" } else { "without changes in what was compared" };
        let teams = plural::count(named, "team");
        let mut text = format!("Estate {}: {teams}, {in_sync} {said}.", self.estate);
        let others = [(self.other_teams, "other team"), (self.other_clusters, "other cluster")];
        for (count, noun) in others.into_iter().filter(|(count, _)| *count > 0) {
            let were = if count == 1 { "was" } else { "were" };
            push!(text, " {} {were} not compared.", plural::count(count, noun));
        }
        text
    }

    /// What was not read, as many lines as are shown. A reason that a team's own lines tell is not told again.
    pub(super) fn not_read(&self) -> Vec<String> {
        let told: BTreeSet<&String> = self.teams.iter().flat_map(|team| &team.drift.why).collect();
        let is_told = |line: &str| told.iter().any(|why| line.ends_with(why.as_str()));
        let untold: Vec<&String> = self.not_read.iter().filter(|line| !is_told(line)).collect();
        let mut lines: Vec<String> = told.into_iter().filter(|_| self.is_long()).cloned().collect();
        lines.extend(untold.into_iter().cloned());
        let left = lines.len().saturating_sub(MOST_NOT_READ);
        lines.truncate(MOST_NOT_READ);
        if left > 0 {
            lines.push(format!("… and {left} more: `--format json` has all"));
        }
        lines
    }

    /// Whether its teams are rows, which have no room for reasons.
    fn is_long(&self) -> bool {
        self.teams.len() > MOST_BLOCKS
    }
}

/// A block for each team, or beyond twenty of them, unless all is asked for, a row of a table; where that is too wide, a line.
pub fn text(status: &Status, style: Style, full: bool) -> String {
    let mut text = String::new();
    if status.is_long() && !full {
        table(&mut text, &status.teams, style);
        push!(text, "\n`--full` shows each team whole.\n");
    } else {
        for team in &status.teams {
            block(&mut text, team, style, full);
        }
    }
    let not_read = status.not_read();
    if !not_read.is_empty() {
        push!(text, "\n{}\n", style.paint(Label::Warning, "Not read:"));
        for line in not_read {
            text.push_str(&wrapped(&line, 2, style));
        }
    }
    push!(text, "\n{}\n", wrap::line(&escape::terminal(&status.sentence()), 0, style));
    text
}

fn wrapped(line: &str, indent: usize, style: Style) -> String {
    format!("{}\n", wrap::prose(&escape::terminal(line), indent, style).trim_end())
}

fn block(text: &mut String, team: &TeamStatus, style: Style, full: bool) {
    let (heading, is_all) = team.heading(full);
    let name = escape::terminal(team.name());
    let heading = format!(": {}", escape::terminal(&heading));
    push!(text, "{}\n", wrap::headed(&name, Label::Heading, &heading, 0, style));
    if !is_all {
        for (depth, line) in team.lines() {
            text.push_str(&wrapped(&line, 2 * depth, style));
        }
    }
}

fn table(text: &mut String, teams: &[TeamStatus], style: Style) {
    let rows: Vec<[String; 7]> = teams
        .iter()
        .map(|team| team.row().map(|cell| escape::terminal(&cell).into_owned()))
        .collect();
    let mut widths = COLUMNS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count().min(WIDEST_NAME));
        }
    }
    if style.columns() < widths.iter().sum::<usize>() + GAP * (widths.len() - 1) {
        for team in teams {
            let line = format!("{}: {}", team.name(), team.drift(false));
            text.push_str(&wrapped(&line, 0, style));
        }
        return;
    }
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    let heading = line(&COLUMNS.map(str::to_owned));
    push!(text, "{}\n", style.paint(Label::Heading, &heading));
    for row in &rows {
        push!(text, "{}\n", line(row));
    }
}

/// What Markdown tells below its table: of teams that are not told by their row.
pub(super) fn details(status: &Status, full: bool) -> Vec<String> {
    let told = status.teams.iter().filter(|team| full || !team.is_quiet());
    told.map(|team| {
        let heading = escape::markdown(&team.heading(true).0);
        let mut text = format!("\n**{}**: {heading}\n\n", escape::markdown(team.name()));
        for (depth, line) in team.lines() {
            let indent = "  ".repeat(depth - 1);
            push!(text, "{indent}- {}\n", escape::markdown(&line));
        }
        text
    })
    .collect()
}
