//! What became of an apply, as text.

use std::collections::BTreeSet;

use crate::apply::cause;
use crate::apply::cause::Group;
use crate::apply::outcome::{ChangeOutcome, Outcome};
use crate::event::Ended;
use crate::model::plural;
use crate::report::style::{Label, Style};
use crate::report::{diagnostic, escape, summary, wrap};

/// How many addresses of a group are named.
const MOST_NAMED: usize = 3;

/// What did not succeed, by cause, with what helps; and the summary sentence as the last line. With `every` address,
/// not a few of each cause.
pub fn text(outcome: &Outcome, unchanged: usize, style: Style, every: bool) -> String {
    let mut text = String::new();
    let groups = cause::groups(outcome);
    for group in &groups {
        match group.failed[..] {
            [change] if group.withheld.is_empty() => alone(&mut text, change, style),
            _ => together(&mut text, group, style, every),
        }
        for (what, changes) in [("not tried", &group.withheld), ("skipped", &group.skipped)] {
            if !changes.is_empty() {
                let label = style.paint(Label::Warning, &format!("{what} because of it:"));
                push!(text, "  {label} {}\n", escape::terminal(&counted(changes)));
                named(&mut text, changes, every);
            }
        }
        text.push_str(&diagnostic::hint(group.hint.as_deref(), style));
    }
    if !every && groups.iter().any(is_cut) {
        text.push_str("\nEvery address: with `-v`, or `--format json`.\n");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    push!(text, "{}\n", wrap::line(&summary::outcome(outcome, unchanged), 0, style));
    text
}

/// What a group of failures says, in one line of prose each: what failed, why, and what was left out for it.
pub(super) fn sentences(group: &Group<'_>) -> [Option<String>; 4] {
    let refused = group.cause.refused.as_ref();
    let left_out = |what: &str, changes: &[&ChangeOutcome]| {
        (!changes.is_empty()).then(|| format!("{what} because of it: {}", counted(changes)))
    };
    [
        Some(format!("{}: {}", counted(&group.failed), group.cause.what)),
        refused.map(|refused| format!("refused: {refused}")),
        left_out("not tried", &group.withheld),
        left_out("skipped", &group.skipped),
    ]
}

/// How many of each kind, by their addresses: "200 identities, 800 federated credentials".
pub(super) fn kinds<'a>(addresses: impl IntoIterator<Item = &'a str>) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for address in addresses {
        let kind = address.split('/').nth(1).unwrap_or("resource");
        match kinds.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let kinds = kinds.into_iter();
    let kinds = kinds.map(|(kind, count)| plural::count(count, &kind.replace('-', " ")));
    kinds.collect::<Vec<_>>().join(", ")
}

/// The same with the number of teams, where there are several.
fn counted(changes: &[&ChangeOutcome]) -> String {
    let kinds = kinds(changes.iter().map(|change| &*change.address));
    let teams: BTreeSet<_> = changes.iter().filter_map(|change| change.team.as_ref()).collect();
    match teams.len() {
        0 | 1 => kinds,
        many => format!("{kinds} ({})", plural::count(many, "team")),
    }
}

fn word(ended: Ended, style: Style) -> String {
    let word = if ended == Ended::Unproven { "not proven:" } else { "failed:" };
    style.paint(Label::Error, word)
}

/// A failure of a cause of its own, in full.
fn alone(text: &mut String, change: &ChangeOutcome, style: Style) {
    let address = escape::terminal(&change.address);
    push!(text, "{} {} {address}\n", word(change.ended, style), change.action);
    if let Some(error) = &change.error {
        push!(text, "{}\n", wrap::prose(&escape::terminal(&error.in_full()), 2, style));
    }
}

/// Failures of the same cause.
fn together(text: &mut String, group: &Group<'_>, style: Style, every: bool) {
    let first = group.failed.first();
    let ended = first.map_or(Ended::Failed, |change| change.ended);
    let [what, refused, ..] = sentences(group).map(Option::unwrap_or_default);
    push!(text, "{} {}\n", word(ended, style), wrap::prose(&escape::terminal(&what), 0, style));
    if let Some(error) = first.and_then(|change| change.error.as_ref())
        && refused.is_empty()
    {
        let first = format!("the first: {}", error.in_full());
        push!(text, "{}\n", wrap::prose(&escape::terminal(&first), 2, style));
    } else {
        push!(text, "  {}\n", escape::terminal(&refused));
    }
    named(text, &group.failed, every);
}

/// The first addresses.
fn named(text: &mut String, changes: &[&ChangeOutcome], every: bool) {
    let most = if every { changes.len() } else { MOST_NAMED };
    for change in changes.iter().take(most) {
        push!(text, "    {} {}\n", change.action, escape::terminal(&change.address));
    }
    if let Some(more @ 1..) = changes.len().checked_sub(most) {
        push!(text, "    … and {}\n", plural::thousands(more) + " more");
    }
}

fn is_cut(group: &Group<'_>) -> bool {
    let parts = [&group.failed, &group.withheld, &group.skipped];
    parts.into_iter().any(|changes| changes.len() > MOST_NAMED)
}
