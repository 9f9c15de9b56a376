//! Failures as people see them: what happened, where, why, and what fixes it.

use crate::cli::terminal::Terminal;
use crate::command::failure::Failure;
use crate::model::plural;
use crate::ports::chain;
use crate::report::refusal::RefusalRow;
use crate::report::style::Label;
use crate::report::{diagnostic, difference, escape, profile, refusal, wrap};

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
    let mut lines = head(failure, terminal);
    lines.push(diagnostic::hint(failure.hint().as_deref(), style));
    lines.join("\n")
}

/// The failure and what lies below it.
fn head(failure: &Failure, terminal: Terminal) -> Vec<String> {
    const LABEL: &str = "error:";
    let style = terminal.style_err();
    let said = failure.to_string();
    let mut said = said.lines().map(escape::terminal);
    let first = format!(" {}", said.next().unwrap_or_default().trim_start());
    let mut lines = vec![wrap::headed(LABEL, Label::Error, &first, 0, style)];
    lines.extend(said.map(|line| wrap::line(&line, 2, style)));
    let reasons = chain::reasons(failure);
    let reasons = reasons.iter().map(|why| format!("because {}", escape::terminal(why)));
    lines.extend(reasons.map(|why| wrap::line(&why, 2, style)));
    lines
}
