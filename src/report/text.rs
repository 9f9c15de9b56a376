//! A plan as text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::plural;
use crate::plan::action::ActionName;
use crate::plan::row::ChangeRow;
use crate::report::field::{FieldLine, What};
use crate::report::refusal::RefusalRow;
use crate::report::rows::{Group, PlanRows};
use crate::report::short::ShortNames;
use crate::report::style::{Label, Style, WIDTH};
use crate::report::{escape, field, missing, refusal, summary, wrap};

/// How far values are moved to the right by long names of fields.
const WIDEST_NAME: usize = 32;

/// How a plan is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub style: Style,
    /// What ids are called.
    pub names: &'a ShortNames,
    /// How many of what is not written a list shows.
    pub most_left: usize,
}

impl View<'static> {
    /// Everything, with ids as they are.
    pub(super) fn whole(style: Style) -> Self {
        static NONE: ShortNames = ShortNames::none();
        Self { style, names: &NONE, most_left: usize::MAX }
    }
}

/// The plan whole: changes by team and cluster, what is kept, what is unknown, notes, what is likely not allowed,
/// and the summary sentence as the last line.
pub fn plan(plan: &PlanRows<'_>, style: Style) -> String {
    let view = View::whole(style);
    let mut text = changes(plan, view);
    rest(&mut text, plan, view);
    end(&mut text, plan, style);
    text
}

/// The changes by team and cluster, each with all that differs.
pub(super) fn changes(plan: &PlanRows<'_>, view: View<'_>) -> String {
    let mut text = String::new();
    for (group, places) in plan.groups() {
        heading(&mut text, group, view.style);
        for (at, rows) in places {
            place(&mut text, at, view);
            for row in rows {
                change(&mut text, row, view);
                text.push('\n');
            }
        }
    }
    text
}

/// What is not written, and what people should know.
pub(super) fn rest(text: &mut String, plan: &PlanRows<'_>, view: View<'_>) {
    let style = view.style;
    kept(text, plan, view);
    unknown(text, plan, view);
    let refused: Vec<RefusalRow<'_>> = plan.refused.iter().map(RefusalRow::from).collect();
    text.push_str(&refusal::text(&refused, style));
    waiting(text, plan, view);
    for note in plan.notes {
        text.push_str(&refusal::note(note, style));
        text.push('\n');
    }
    text.push_str(&missing::text(plan.missing, style));
}

/// The summary sentence, and what it does not cover.
pub(super) fn end(text: &mut String, plan: &PlanRows<'_>, style: Style) {
    let lines = [summary::sentence(plan)].into_iter().chain(summary::not_sought(plan));
    for line in lines.chain(summary::left_out(plan)) {
        push!(text, "{}\n", wrap::line(&escape::terminal(&line), 0, style));
    }
}

/// The heading of a team and one of its clusters.
pub(super) fn heading(text: &mut String, group: Group<'_>, style: Style) {
    push!(text, "{}\n\n", style.paint(Label::Heading, &named(group)));
}

fn named(group: Group<'_>) -> String {
    let team = match group.team {
        Some(team) => format!("Team {}", escape::terminal(team)),
        None => "No team".to_owned(),
    };
    match group.cluster {
        Some(cluster) => format!("{team}, cluster {}", escape::terminal(cluster)),
        None => team,
    }
}

/// Where the changes below it are written.
pub(super) fn place(text: &mut String, place: &str, view: View<'_>) {
    let line = format!("in {}", escape::terminal(view.names.get(place)));
    push!(text, "{}\n", view.style.paint(Label::Faint, &wrap::line(&line, 2, view.style)));
}

/// The sign of an action and what it says of itself where the sign is not widely known.
pub(super) fn sign(action: ActionName) -> (&'static str, &'static str, Label) {
    match action {
        ActionName::Create => ("+", "", Label::Added),
        ActionName::Update => ("~", "", Label::Changed),
        ActionName::Adopt => ("@", " (adopted: it exists and is taken over)", Label::Adopted),
        ActionName::Replace => ("-/+", " (replaced: deleted, then created)", Label::Changed),
        ActionName::Release => ("^", " (released: no longer managed, not deleted)", Label::Changed),
        ActionName::Delete => ("-", "", Label::Removed),
    }
}

/// One change: its sign and address, why, its fields, what follows.
pub(super) fn change(text: &mut String, row: &ChangeRow, view: View<'_>) {
    line(text, row, view);
    text.push('\n');
    reason(text, row, view.style);
    details(text, row, view);
    for effect in &row.effects {
        self::effect(text, effect);
    }
}

/// The sign and the address of a change.
pub(super) fn line(text: &mut String, row: &ChangeRow, View { style, names, .. }: View<'_>) {
    let (sign, word, label) = sign(row.action);
    let sign = style.paint(label, &format!("{sign:>3}"));
    let word = style.paint(Label::Faint, word);
    push!(text, "{sign} {}{word}", escape::terminal(names.get(&row.address)));
}

/// Why a change is made.
pub(super) fn reason(text: &mut String, row: &ChangeRow, style: Style) {
    if !row.reason.is_empty() {
        let reason = format!("because {}", escape::terminal(&row.reason));
        push!(text, "{}\n", wrap::prose(&reason, 6, style));
    }
}

/// The identity and the fields of a change.
pub(super) fn details(text: &mut String, row: &ChangeRow, view: View<'_>) {
    if let Some(identity) = identity_elsewhere(row) {
        push!(text, "      identity: {}\n", escape::terminal(view.names.get(identity)));
    }
    field_lines(text, &field::lines(row));
}

/// What follows from a change. Never broken: it may hold a command to copy.
pub(super) fn effect(text: &mut String, effect: &str) {
    push!(text, "      effect: {}\n", escape::terminal(effect));
}

/// The identity that a row is for, unless it is at the same place: then the address names it.
fn identity_elsewhere(row: &ChangeRow) -> Option<&str> {
    let identity = row.identity.as_deref()?;
    let below = identity.strip_prefix(&*row.place);
    let is_there = below.is_some_and(|below| below.is_empty() || below.starts_with('/'));
    (!is_there).then_some(identity)
}

/// The fields that differ between two sides.
pub(super) fn fields(text: &mut String, before: &Map<String, Value>, after: &Map<String, Value>) {
    let lines =
        field::changed(before, after).map(|(name, what)| FieldLine { name, what, manager: None });
    field_lines(text, &lines.collect::<Vec<_>>());
}

fn field_lines(text: &mut String, lines: &[FieldLine<'_>]) {
    let widths = lines.iter().map(|line| escape::terminal(line.name).chars().count());
    let widest = widths.max().unwrap_or_default().min(WIDEST_NAME);
    for line in lines {
        field_line(text, line, widest);
    }
}

/// `name: before -> after [manager]`, the values aligned; on two lines where one would be too long.
fn field_line(text: &mut String, line: &FieldLine<'_>, widest: usize) {
    let name = format!("{}:", escape::terminal(line.name));
    let manager = match &line.manager {
        Some(manager) => format!(" [{}]", escape::terminal(manager)),
        None => String::new(),
    };
    let head = format!("        {name:<width$}", width = widest + 1);
    match &line.what {
        What::Is(value) => {
            push!(text, "{head} {}{manager}\n", escape::terminal(value));
        }
        What::Becomes { before, after } => {
            let (before, after) = (escape::terminal(before), escape::terminal(after));
            let whole = format!("{head} {before} -> {after}{manager}");
            if whole.chars().count() <= WIDTH {
                text.push_str(&whole);
            } else {
                let arrow = format!("{:>width$} {after}", "->", width = widest + 9);
                push!(text, "{head} {before}{manager}\n{arrow}");
            }
            text.push('\n');
        }
    }
}

fn kept(text: &mut String, plan: &PlanRows<'_>, View { style, names, most_left }: View<'_>) {
    if plan.kept.is_empty() {
        return;
    }
    let heading = format!("Owned, but not in the profile: {}", plan.kept.len());
    text.push_str(&style.paint(Label::Heading, &heading));
    text.push_str("\n\n");
    for kept in plan.kept.iter().take(most_left) {
        let address = escape::terminal(names.get(&kept.address));
        push!(text, "{}\n", wrap::line(&format!("= {address}: {}", kept.reason), 2, style));
        if let Some(command) = &kept.by_hand {
            push!(text, "      by hand, once nothing uses it: {}\n", escape::terminal(command));
        }
        if let Some(command) = plan.release(kept) {
            push!(text, "      or forget it: {}\n", escape::terminal(&command));
        }
    }
    more(text, plan.kept.len(), most_left);
    text.push('\n');
}

/// What could not be compared, under the reason, which many share.
fn unknown(text: &mut String, plan: &PlanRows<'_>, view: View<'_>) {
    let style = view.style;
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for unknown in plan.unknown {
        by_reason.entry(&unknown.why).or_default().push(&unknown.address);
    }
    for (why, addresses) in by_reason {
        let heading = format!("Unknown: {}", plural::count(addresses.len(), "resource"));
        text.push_str(&style.paint(Label::Heading, &heading));
        text.push('\n');
        text.push_str(&wrap::prose(&unread(why), 2, style));
        text.push_str("\n\n");
        left(text, &addresses, view);
    }
}

/// Addresses of what is not written, as many as are shown.
fn left(text: &mut String, addresses: &[&str], View { names, most_left, .. }: View<'_>) {
    for address in addresses.iter().take(most_left) {
        push!(text, "  ? {}\n", escape::terminal(names.get(address)));
    }
    more(text, addresses.len(), most_left);
    text.push('\n');
}

/// How many are not shown.
fn more(text: &mut String, all: usize, shown: usize) {
    if let Some(more @ 1..) = all.checked_sub(shown) {
        push!(text, "  … and {more} more; `--full` shows all\n");
    }
}

/// What waits for something refused, under what it waits for.
fn waiting(text: &mut String, plan: &PlanRows<'_>, view: View<'_>) {
    let style = view.style;
    for (cause, addresses) in plan.waits() {
        let heading = format!("Waiting: {}", plural::count(addresses.len(), "resource"));
        text.push_str(&style.paint(Label::Heading, &heading));
        let why =
            format!("not written, because {} is not", escape::terminal(view.names.get(cause)));
        push!(text, "\n{}\n\n", wrap::line(&why, 2, style));
        left(text, &addresses, view);
    }
}

/// Why something is unknown, as a sentence of its own.
pub(super) fn unread(why: &str) -> String {
    let why = escape::terminal(why);
    if why.starts_with("could not") {
        format!("unknown: {why}")
    } else {
        format!("unknown: could not read {why}")
    }
}
