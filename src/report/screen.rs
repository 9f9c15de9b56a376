//! A plan on a terminal: what many teams' changes come to first, what is destroyed before all, and in full only what
//! somebody has to read before they say yes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::plural;
use crate::plan::action::ActionName;
use crate::plan::row::ChangeRow;
use crate::report::rows::{PlaceRows, PlanRows};
use crate::report::short::ShortNames;
use crate::report::style::{Label, Style};
use crate::report::teams::{COLUMNS, Team, TeamCounts};
use crate::report::text::{self, View};
use crate::report::{escape, summary, teams, wrap};

/// How much of a plan is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// Every row with its ids whole.
    Whole,
    /// What fits a person and a screen.
    Screen,
    /// The table of teams and the summary.
    Table,
}

/// Of more changes than these, those that only add, and in an apply those that are done, are told in fewer lines.
pub const MANY: usize = 50;
/// The most lines of what is created or adopted, one each; beyond them a line for each team.
const MOST_LINES: usize = 150;
/// The most that a list of what is left, or could not be read, shows.
const MOST_LEFT: usize = 20;
/// How many rows the table above the question has: with what is destroyed it fits a screen of forty lines.
const LAST_ROWS: usize = 12;
/// How many of what is destroyed the first and the last screen name.
const MOST_DESTROYED: usize = 15;
/// The longest name that moves the columns of the table.
const WIDEST_TEAM: usize = 40;

/// The plan as text, with the summary sentence last.
pub fn plan(plan: &PlanRows<'_>, style: Style, detail: Detail) -> String {
    match detail {
        Detail::Whole => text::plan(plan, style),
        Detail::Screen => on_screen(plan, style),
        Detail::Table => {
            let mut text = String::new();
            table(&mut text, &teams::of(plan), usize::MAX, style);
            text::end(&mut text, plan, style);
            text
        }
    }
}

fn on_screen(plan: &PlanRows<'_>, style: Style) -> String {
    let names = ShortNames::of(plan);
    let is_long = plan.changes.len() > MANY;
    let most_left = if is_long { MOST_LEFT } else { usize::MAX };
    let view = View { style, names: &names, most_left };
    let mut text = String::new();
    if is_long {
        long(&mut text, plan, view);
    } else {
        legend(&mut text, plan, style);
        text.push_str(&text::changes(plan, view));
        text::rest(&mut text, plan, view);
    }
    text::end(&mut text, plan, style);
    text
}

fn long(text: &mut String, plan: &PlanRows<'_>, view: View<'_>) {
    let teams = teams::of(plan);
    let sentence = format!(
        "{} in {}: {}.",
        plural::count(plan.changes.len(), "change"),
        plural::count(teams.iter().filter(|(team, _)| team.is_some()).count(), "team"),
        summary::counts(&plan.summary)
    );
    push!(text, "{}\n\n", wrap::line(&sentence, 0, view.style));
    destroyed(text, plan, view);
    table(text, &teams, usize::MAX, view.style);
    legend(text, plan, view.style);
    in_full(text, plan, view);
    added(text, plan, view);
    text::rest(text, plan, view);
    destroyed(text, plan, view);
    table(text, &teams, LAST_ROWS, view.style);
}

/// What is gone after the plan, named before everything else.
fn destroyed(text: &mut String, plan: &PlanRows<'_>, view: View<'_>) {
    let is_destroyed =
        |row: &&ChangeRow| matches!(row.action, ActionName::Delete | ActionName::Replace);
    let rows: Vec<&ChangeRow> = plan.changes.iter().filter(is_destroyed).collect();
    if rows.is_empty() {
        return;
    }
    let heading = format!("Destroyed or replaced: {}", rows.len());
    push!(text, "{}\n", view.style.paint(Label::Heading, &heading));
    for row in rows.iter().take(MOST_DESTROYED) {
        text::line(text, row, view);
        text.push('\n');
    }
    if let Some(more @ 1..) = rows.len().checked_sub(MOST_DESTROYED) {
        push!(text, "    … and {more} more, in full among the changes\n");
    }
    text.push('\n');
}

/// The teams and their counts. Where rows are left out, those remain to which more happens than additions.
fn table(text: &mut String, teams: &[Team<'_>], most: usize, style: Style) {
    if teams.is_empty() {
        return;
    }
    let name = |team: &Team<'_>| team.0.map_or("(no team)".into(), escape::terminal).into_owned();
    let mut shown: Vec<&Team<'_>> = teams.iter().collect();
    let left_out = shown.len().saturating_sub(most);
    if left_out > 0 {
        shown.sort_by_key(|(_, counts)| weight(*counts));
        shown.truncate(most);
    }
    let widths = shown.iter().map(|team| name(team).chars().count());
    let width = widths.max().unwrap_or_default().clamp("total".len(), WIDEST_TEAM);
    let line = |name: &str, columns: [String; 5]| {
        let columns = columns.map(|column| format!("{column:>7}")).join(" ");
        format!("{name:<width$}  {columns}\n")
    };
    let numbers = |columns: [usize; 5]| columns.map(|count| count.to_string());
    let heading = line("team", COLUMNS.map(str::to_owned));
    text.push_str(&style.paint(Label::Heading, heading.trim_end()));
    text.push('\n');
    for team in shown {
        text.push_str(&line(&name(team), numbers(team.1.columns())));
    }
    if left_out > 0 {
        push!(text, "… and {}\n", plural::count(left_out, "more team"));
    }
    text.push_str(&line("total", numbers(teams::sums(teams))));
    text.push('\n');
}

/// Where a team comes in a table that is cut.
fn weight(counts: TeamCounts) -> impl Ord {
    let TeamCounts { adopt, add, change, destroy, refused } = counts;
    std::cmp::Reverse((destroy, refused, change, adopt, add))
}

/// What the signs of this plan mean.
fn legend(text: &mut String, plan: &PlanRows<'_>, style: Style) {
    let used: BTreeSet<ActionName> = plan.changes.iter().map(|row| row.action).collect();
    let signs = used.iter().map(|action| {
        let (sign, _, label) = text::sign(*action);
        (sign, action.to_string(), Some(label))
    });
    let kept = ("=", "kept".to_owned(), None);
    let unread = ("?", "not compared or waiting".to_owned(), None);
    let signs = signs.chain((!plan.kept.is_empty()).then_some(kept));
    let signs: Vec<_> = signs.chain((!plan.is_complete()).then_some(unread)).collect();
    if signs.is_empty() {
        return;
    }
    let heading = "Signs:";
    let width: usize = signs.iter().map(|(sign, word, _)| sign.len() + word.len() + 3).sum();
    let between = if heading.len() + width > style.columns() { "\n       " } else { "  " };
    let signs = signs.iter().map(|(sign, word, label)| match label {
        Some(label) => format!("{} {word}", style.paint(*label, sign)),
        None => format!("{sign} {word}"),
    });
    push!(text, "{heading} {}\n\n", signs.collect::<Vec<_>>().join(between));
}

/// Whether a change only adds to what exists.
fn only_adds(row: &ChangeRow) -> bool {
    match row.action {
        ActionName::Create | ActionName::Adopt => true,
        ActionName::Update | ActionName::Replace | ActionName::Release | ActionName::Delete => {
            false
        }
    }
}

/// What is destroyed, replaced or changed, with all that differs; equal reasons and effects of a team once.
fn in_full(text: &mut String, plan: &PlanRows<'_>, view: View<'_>) {
    for (group, places) in plan.groups() {
        let places = among(&places, |row| !only_adds(row));
        if places.is_empty() {
            continue;
        }
        text::heading(text, group, view.style);
        let (mut reason, mut effects) = (None, BTreeSet::new());
        for (at, mut rows) in places {
            text::place(text, at, view);
            rows.sort_by_key(|row| {
                (row.action != ActionName::Delete, row.action != ActionName::Replace)
            });
            for row in rows {
                text::line(text, row, view);
                text.push('\n');
                if reason.replace(&row.reason) != Some(&row.reason) {
                    text::reason(text, row, view.style);
                }
                text::details(text, row, view);
                row.effects.iter().filter(|effect| effects.insert(*effect)).for_each(|effect| {
                    text::effect(text, effect);
                });
                text.push('\n');
            }
        }
    }
}

/// The rows that are meant, at their places.
fn among<'a>(
    places: &[PlaceRows<'a>],
    is_meant: impl Fn(&ChangeRow) -> bool,
) -> Vec<PlaceRows<'a>> {
    let rows = places.iter().map(|(at, rows)| {
        (*at, rows.iter().copied().filter(|row| is_meant(row)).collect::<Vec<_>>())
    });
    rows.filter(|(_, rows)| !rows.is_empty()).collect()
}

/// What is created and adopted: a line each, or where those are too many a line for each team.
fn added(text: &mut String, plan: &PlanRows<'_>, view: View<'_>) {
    let count = plan.changes.iter().filter(|row| only_adds(row)).count();
    if count > MOST_LINES {
        return by_team(text, plan, view.style);
    }
    for (group, places) in plan.groups() {
        let places = among(&places, only_adds);
        if places.is_empty() {
            continue;
        }
        text::heading(text, group, view.style);
        for (at, rows) in places {
            text::place(text, at, view);
            for row in rows {
                text::line(text, row, view);
                text.push('\n');
            }
        }
        text.push('\n');
    }
}

/// What is created or adopted for a team: how many of each kind, on which clusters.
type Additions<'a> = (BTreeMap<&'a str, usize>, BTreeSet<&'a str>);

/// `+ data-eng: 1 identity, 4 federated credentials (weu, neu)`: a line for each team and action, and one for all teams
/// with the same.
fn by_team(text: &mut String, plan: &PlanRows<'_>, style: Style) {
    let mut added: BTreeMap<(ActionName, bool, Option<&str>), Additions<'_>> = BTreeMap::new();
    for row in plan.changes.iter().filter(|row| only_adds(row)) {
        let team = row.team.as_deref();
        let (kinds, clusters) = added.entry((row.action, team.is_none(), team)).or_default();
        *kinds.entry(&row.kind).or_default() += 1;
        clusters.extend(row.cluster.as_deref());
    }
    let mut alike: BTreeMap<(ActionName, Additions<'_>), Vec<&str>> = BTreeMap::new();
    for ((action, _, team), additions) in added {
        alike.entry((action, additions)).or_default().push(team.unwrap_or("(no team)"));
    }
    let heading = "Only added, by team; `--full` shows each";
    push!(text, "{}\n", style.paint(Label::Heading, heading));
    for ((action, (kinds, clusters)), teams) in alike {
        let (sign, _, label) = text::sign(action);
        let sign = style.paint(label, &format!("{sign:>3}"));
        let kinds =
            kinds.iter().map(|(kind, count)| plural::count(*count, &kind.replace('-', " ")));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        let clusters: Vec<&str> = clusters.into_iter().collect();
        let clusters = match clusters.as_slice() {
            [] => String::new(),
            some => format!(" ({})", some.join(", ")),
        };
        let teams = match teams.as_slice() {
            [one] => format!("{one}:"),
            [first, rest @ ..] => {
                format!("{first} and {}, each", plural::count(rest.len(), "more team"))
            }
            [] => continue,
        };
        let line = escape::terminal(&format!("{teams} {kinds}{clusters}")).into_owned();
        push!(text, "{sign} {}\n", wrap::line(&line, 4, style).trim_start());
    }
    text.push('\n');
}
