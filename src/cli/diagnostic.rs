//! Failures as people see them: what happened, where, why, and what fixes it.

use crate::cli::terminal::Terminal;
use crate::command::failure::Failure;
use crate::model::plural;
use crate::ports::chain;
use crate::report::refusal::RefusalRow;
use crate::report::style::{Label, Style};
use crate::report::{diagnostic, difference, escape, profile, refusal};

/// A failure as text for stderr.
pub fn render(failure: &Failure, terminal: Terminal) -> String {
    let parts = failure.parts();
    let texts: Vec<String> = parts.iter().map(|failure| single(failure, terminal)).collect();
    texts.join("\n")
}

fn single(failure: &Failure, terminal: Terminal) -> String {
    let style = terminal.style_err();
    if let Failure::Profile(errors) = failure {
        return profile::text(errors, style);
    }
    if let Failure::Refused(refusals) = failure {
        let rows: Vec<RefusalRow<'_>> = refusals.iter().map(RefusalRow::from).collect();
        let count = plural::count(rows.len(), "refusal");
        return format!("{}{count}: nothing was written.\n", refusal::text(&rows, style));
    }
    if let Failure::Stale(differences) = failure {
        return difference::text(differences, style);
    }
    let mut lines = head(failure, style);
    lines.push(diagnostic::hint(failure.hint().as_deref(), style));
    lines.join("\n")
}

/// The failure and what lies below it, one line each.
fn head(failure: &Failure, style: Style) -> Vec<String> {
    let label = style.paint(Label::Error, "error:");
    let said = failure.to_string();
    let mut lines: Vec<String> =
        said.lines().map(|line| format!("  {}", escape::terminal(line))).collect();
    if let Some(first) = lines.first_mut() {
        *first = format!("{label} {}", first.trim_start());
    }
    let reasons = chain::reasons(failure);
    lines.extend(reasons.iter().map(|why| format!("  because {}", escape::terminal(why))));
    lines
}
