//! Failures as people see them: what happened, where, why, and what mends it.

use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::cli::terminal::Terminal;
use crate::command::failure::Failure;
use crate::model::plural;
use crate::ports::chain;
use crate::profile::ProfileErrors;
use crate::report::refusal::RefusalRow;
use crate::report::style::{Label, Style};
use crate::report::{difference, escape, refusal};

/// How wide excerpts of a profile are.
const WIDTH: usize = 100;

/// A failure as text for stderr.
pub fn render(failure: &Failure, terminal: Terminal) -> String {
    let parts = failure.parts();
    let texts: Vec<String> = parts.iter().map(|failure| single(failure, terminal)).collect();
    texts.join("\n")
}

fn single(failure: &Failure, terminal: Terminal) -> String {
    let style = terminal.style_err();
    if let Failure::Profile(errors) = failure {
        return profile(errors, terminal);
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
    if let Some(help) = failure.help() {
        let label = style.paint(Label::Hint, "help:");
        lines.push(format!("  {label} {}", escape::terminal(&help)));
    }
    lines.push(String::new());
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

fn profile(errors: &ProfileErrors, terminal: Terminal) -> String {
    let theme = match (terminal.color_err, terminal.live) {
        (true, _) => GraphicalTheme::unicode(),
        (false, true) => GraphicalTheme::unicode_nocolor(),
        (false, false) => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
    let mut text = String::new();
    for error in errors {
        let rendered = handler.render_report(&mut text, error);
        rendered.expect("writing to a string does not fail");
        text.push('\n');
    }
    let count = plural::count(errors.count(), "error");
    let shown = match errors.left_out() {
        0 => String::new(),
        left_out => format!(", the first {} shown", errors.count() - left_out),
    };
    format!("{text}{count} in the profile{shown}: nothing was read or written.\n")
}
