//! A plan as Markdown, for a pull request or a job summary.

use crate::apply::cause;
use crate::apply::error::ChangeError;
use crate::apply::outcome::Outcome;
use crate::model::plural;
use crate::plan::action::ActionName;
use crate::plan::contents::Severity;
use crate::report::missing::CODE;
use crate::report::rows::{Group, PlaceRows, PlanRows};
use crate::report::style::Style;
use crate::report::teams::{COLUMNS, Team};
use crate::report::text::{self, View};
use crate::report::{escape, graph, json, missing, outcome, summary, teams};

/// How long the whole text gets at most, in bytes. GitHub takes comments of 65,536 characters.
pub const LONGEST: usize = 60_000;
/// What the notice of a cut may take of it.
pub(super) const NOTICE: usize = 300;

/// The plan: summary sentence, what is destroyed or refused, table of teams, warnings, what is likely not
/// allowed, then one section for each team and cluster with
/// its details folded away. A graph comes below the table, in the room that all else leaves. What does not fit is left out,
/// and a notice says so; the table is kept.
pub fn plan(plan: &PlanRows<'_>) -> String {
    plan_within(plan, LONGEST)
}

/// The same with at most this many bytes.
pub fn plan_within(plan: &PlanRows<'_>, longest: usize) -> String {
    let mut page = Page::new(longest);
    let teams = teams(plan, longest / 6 * 5);
    page.length = teams.len();
    page.add(&format!("## widctl plan\n\n{}\n", sentences(plan)));
    let mut left_out = Vec::new();
    leave(&mut left_out, page.add_all(destroyed(plan)), "destroyed or replaced resource");
    leave(&mut left_out, page.add_all(refused(plan)), "refused resource");
    page.text.push_str(&teams);
    let below_teams = page.text.len();
    leave(&mut left_out, page.add_all(waiting(plan)), "waiting resource");
    leave(&mut left_out, page.add_all(notes(plan)), "note");
    leave(&mut left_out, page.add_all(missing(plan)), "likely missing right");
    let (mut rest, mut full) = (0, false);
    for (group, places) in plan.groups() {
        full = full || !section(&mut page, group, &places);
        rest += if full { places.iter().map(|(_, rows)| rows.len()).sum() } else { 0 };
    }
    leave(&mut left_out, rest, "change");
    leave(&mut left_out, page.add_all(unknown(plan)), "unknown resource");
    leave(&mut left_out, page.add_all(kept(plan)), "kept resource");
    let drawing = drawing(plan, page.room());
    page.text.insert_str(below_teams, &drawing);
    if !left_out.is_empty() {
        let left_out = left_out.join(", ");
        push!(
            page.text,
            "\n> **Cut here.** {left_out} not shown. The whole plan is what `widctl plan` prints.\n"
        );
    }
    page.text
}

fn leave(left_out: &mut Vec<String>, count: usize, noun: &str) {
    if count > 0 {
        left_out.push(plural::count(count, noun));
    }
}

/// What became of an apply: the summary sentence, then what did not succeed, by cause, cut like a plan.
pub fn outcome(applied: &Outcome, unchanged: usize) -> String {
    let mut page = Page::new(LONGEST);
    let sentence = summary::outcome(applied, unchanged);
    page.add(&format!("## widctl apply\n\n**{sentence}**\n"));
    let groups = cause::groups(applied);
    let stopped = groups.iter().map(|group| {
        let hint = group.hint.as_deref().map(|hint| format!("Hint: {hint}"));
        let [what, refused, withheld, skipped] = outcome::sentences(group);
        let (ended, change, why) = match group.failed[..] {
            [change] if group.withheld.is_empty() => {
                let address = escape::markdown_code(&change.address);
                let why = change.error.as_ref().map(ChangeError::in_full);
                (json::ended(change.ended), format!("{} {address}", change.action), why)
            }
            _ => ("failed", escape::markdown(&what.unwrap_or_default()), refused),
        };
        let lines = [why, withheld, skipped, hint].into_iter().flatten();
        let lines: Vec<String> = lines.map(|line| escape::markdown(&line)).collect();
        format!("| {ended} | {change} | {} |\n", lines.join("<br>"))
    });
    let heading = "\n| | Change | Because |\n|---|---|---|\n".to_owned();
    let left_out = page.add_all((heading, stopped.collect()));
    if left_out > 0 {
        let left_out = plural::count(left_out, "cause");
        push!(page.text, "\n> **Cut here.** {left_out} not shown.\n");
    }
    page.text
}

/// A text that takes whole pieces as long as there is room.
struct Page {
    text: String,
    length: usize,
    longest: usize,
}

impl Page {
    fn new(longest: usize) -> Self {
        Self { text: String::new(), length: 0, longest }
    }

    /// How much still fits beside the notice of a cut.
    fn room(&self) -> usize {
        self.longest.saturating_sub(NOTICE + self.length)
    }

    /// Adds a piece if it fits.
    fn add(&mut self, piece: &str) -> bool {
        let fits = piece.len() <= self.room();
        if fits {
            self.text.push_str(piece);
            self.length += piece.len();
        }
        fits
    }

    /// Adds a heading and pieces until one does not fit; answers how many are left out.
    fn add_all(&mut self, (heading, pieces): (String, Vec<String>)) -> usize {
        if pieces.is_empty() {
            return 0;
        }
        if !self.add(&heading) {
            return pieces.len();
        }
        let added = pieces.iter().take_while(|piece| self.add(piece)).count();
        pieces.len() - added
    }
}

fn sentences(plan: &PlanRows<'_>) -> String {
    let mut text = if plan.is_empty() {
        escape::markdown(&summary::no_changes(plan))
    } else {
        format!("**{}**", escape::markdown(&summary::sentence(plan)))
    };
    for line in summary::not_sought(plan) {
        push!(text, "\n\n{}", escape::markdown(&line));
    }
    if let Some(sentence) = summary::left_out(plan) {
        push!(text, "\n\n{sentence}");
    }
    text
}

/// The table of teams with their counts, all of them unless it alone is too long: then those remain to which more
/// happens than additions.
fn teams(plan: &PlanRows<'_>, longest: usize) -> String {
    let teams = teams::of(plan);
    if teams.is_empty() {
        return String::new();
    }
    let columns = COLUMNS.join(" | ");
    let mut table = format!("\n| Team | {columns} |\n|---|---:|---:|---:|---:|---:|\n");
    let (weighty, others): (Vec<_>, Vec<_>) =
        teams.iter().partition(|(_, counts)| counts.is_weighty());
    let rows = |team: &&Team<'_>| {
        let name = team.0.map_or_else(|| "(no team)".to_owned(), escape::markdown_code);
        let counts = team.1.columns().map(|count| count.to_string()).join(" | ");
        format!("| {name} | {counts} |\n")
    };
    let all: String = teams.iter().map(|team| rows(&team)).collect();
    if all.len() <= longest {
        return table + &all;
    }
    let mut shown = 0;
    for row in weighty.iter().chain(&others).map(rows) {
        if table.len() + row.len() > longest {
            break;
        }
        table.push_str(&row);
        shown += 1;
    }
    push!(table, "| … and {} | | | | | |\n", plural::count(teams.len() - shown, "more team"));
    table
}

/// The graph of the teams that something happens to, or why it is not drawn.
fn drawing(plan: &PlanRows<'_>, room: usize) -> String {
    let Some(graph) = plan.graph else { return String::new() };
    let heading = "\n### Who can become whom\n\n";
    let left_out = |why: &str| {
        format!("{heading}Not drawn: {why}. `widctl graph --format html` draws all of it.\n")
    };
    let drawing = match graph::mermaid(graph) {
        Err(large) => left_out(&large.to_string()),
        Ok(_) if graph.nodes.is_empty() => return String::new(),
        Ok(drawing) => {
            let fence = fence(&drawing);
            let drawn = format!("{heading}{fence}mermaid\n{drawing}{fence}\n");
            if drawn.len() > room { left_out("no room is left for it") } else { drawn }
        }
    };
    if drawing.len() > room { String::new() } else { drawing }
}

/// What is gone after the plan.
fn destroyed(plan: &PlanRows<'_>) -> (String, Vec<String>) {
    let rows = plan
        .changes
        .iter()
        .filter(|row| matches!(row.action, ActionName::Delete | ActionName::Replace));
    let pieces = rows.map(|row| {
        let (address, reason) =
            (escape::markdown_code(&row.address), escape::markdown(&row.reason));
        format!("- {} {address}: {reason}\n", row.action)
    });
    ("\n### Destroyed or replaced\n\n".to_owned(), pieces.collect())
}

fn notes(plan: &PlanRows<'_>) -> (String, Vec<String>) {
    let pieces = plan.notes.iter().map(|note| {
        let kind = match note.severity {
            Severity::Warning => "**Warning**",
            Severity::Note => "Note",
        };
        let (code, address) = (&note.code, escape::markdown_code(&note.address));
        let text = escape::markdown(&note.text);
        let fix = note.fix.as_deref().map(escape::markdown_code);
        let fix = fix.map(|fix| format!("<br>Fix: {fix}")).unwrap_or_default();
        format!("- {kind} `{code}` {address}: {text}{fix}\n")
    });
    ("\n### Notes\n\n".to_owned(), pieces.collect())
}

fn refused(plan: &PlanRows<'_>) -> (String, Vec<String>) {
    let pieces = plan.refused.iter().map(|row| {
        let (code, address) = (&row.code, escape::markdown_code(&row.address));
        let (what, why) = (escape::markdown(&row.what), escape::markdown(&row.why));
        let fix = row.fix.as_deref().map(escape::markdown_code);
        let fix = fix.map(|fix| format!("<br>Fix: {fix}")).unwrap_or_default();
        format!("- `{code}` {address}: {what} ({why}){fix}\n")
    });
    ("\n### Refused\n\n".to_owned(), pieces.collect())
}

fn waiting(plan: &PlanRows<'_>) -> (String, Vec<String>) {
    let pieces = plan.waiting.iter().map(|row| {
        let address = escape::markdown_code(&row.address);
        let cause = escape::markdown_code(&row.waits_for);
        format!("- {address}: not written, because {cause} is not\n")
    });
    ("\n### Waiting\n\n".to_owned(), pieces.collect())
}

fn missing(plan: &PlanRows<'_>) -> (String, Vec<String>) {
    let lacks = missing::lacks(plan.missing);
    let pieces = lacks.iter().map(|lack| {
        let [what, why] = [lack.what(), lack.why()].map(|text| escape::markdown(&text));
        let place = escape::markdown_code(&lack.place());
        let fix = lack.fix().map(escape::markdown_code);
        let fix = fix.map(|fix| format!("<br>Fix: {fix}")).unwrap_or_default();
        format!("- **Warning** `{CODE}` {place}: {what}. {why}{fix}\n")
    });
    ("\n### Likely not allowed\n\n".to_owned(), pieces.collect())
}

/// Adds a team's changes on a cluster: a table for each place, and the details if there is room for them.
fn section(page: &mut Page, group: Group<'_>, places: &[PlaceRows<'_>]) -> bool {
    let name = |name: Option<&str>| name.map(escape::markdown_code);
    let team = name(group.team).map_or_else(|| "No team".to_owned(), |team| format!("Team {team}"));
    let cluster = name(group.cluster);
    let cluster = cluster.map(|cluster| format!(", cluster {cluster}")).unwrap_or_default();
    let mut table = format!("\n### {team}{cluster}\n");
    let mut details = String::new();
    let view = View::whole(Style::PLAIN);
    for (place, rows) in places {
        let code = escape::markdown_code(place);
        push!(table, "\nIn {code}\n\n| | Resource | Because |\n|---|---|---|\n");
        if places.len() > 1 {
            text::place(&mut details, place, view);
        }
        for row in rows {
            let address = escape::markdown_code(&row.address);
            let reason = escape::markdown(&row.reason);
            push!(table, "| {} | {address} | {reason} |\n", row.action);
            text::change(&mut details, row, view);
        }
    }
    let fence = fence(&details);
    let details = format!(
        "\n<details><summary>Details</summary>\n\n{fence}text\n{details}{fence}\n\n</details>\n"
    );
    page.add(&format!("{table}{details}")) || page.add(&table)
}

/// A heading, and a text of several lines as it is, cut where it gets too long.
pub fn quoted(heading: &str, text: &str) -> String {
    let mut page = Page::new(LONGEST);
    let fence = fence(text);
    page.add(&format!("## {heading}\n\n{fence}text\n"));
    let mut lines = text.split_inclusive('\n');
    let is_whole = lines.all(|line| page.add(line));
    let line_end = if page.text.ends_with('\n') { "" } else { "\n" };
    let cut = if is_whole { "" } else { "\n> **Cut here.** The rest is on stderr.\n" };
    page.text + line_end + &fence + "\n" + cut
}

/// Commands to paste, after an outcome.
pub fn commands(heading: &str, commands: &[String]) -> String {
    let lines: Vec<_> = commands.iter().map(|command| escape::terminal(command)).collect();
    let lines = lines.join("\n");
    let fence = fence(&lines);
    format!("\n{heading}:\n\n{fence}sh\n{lines}\n{fence}\n")
}

/// A fence longer than any run of backticks inside.
fn fence(content: &str) -> String {
    let runs = content.split(|character| character != '`').map(str::len);
    "`".repeat(runs.max().unwrap_or_default().max(2) + 1)
}

fn unknown(plan: &PlanRows<'_>) -> (String, Vec<String>) {
    let pieces = plan.unknown.iter().map(|unknown| {
        let address = escape::markdown_code(&unknown.address);
        let why = escape::markdown(&text::unread(&unknown.why));
        format!("- {address}: {why}\n")
    });
    ("\n### Unknown\n\n".to_owned(), pieces.collect())
}

fn kept(plan: &PlanRows<'_>) -> (String, Vec<String>) {
    let pieces = plan.kept.iter().map(|kept| {
        let address = escape::markdown_code(&kept.address);
        let ways = [
            ("By hand, once nothing uses it", kept.by_hand.clone()),
            ("Or forget it", plan.release(kept)),
        ];
        let ways = ways.into_iter().filter_map(|(what, command)| {
            Some(format!("<br>{what}: {}", escape::markdown_code(&command?)))
        });
        format!("- {address}: {}{}\n", kept.reason, ways.collect::<String>())
    });
    ("\n### Owned, but not in the profile\n\n".to_owned(), pieces.collect())
}
