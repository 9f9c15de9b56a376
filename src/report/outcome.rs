//! What became of an apply, as text.

use crate::apply::outcome::Outcome;
use crate::event::Ended;
use crate::report::style::{Label, Style};
use crate::report::{diagnostic, escape, summary, wrap};

/// What did not succeed, with its reason and what helps, and the summary sentence as the last line.
pub fn text(outcome: &Outcome, unchanged: usize, style: Style) -> String {
    let mut text = String::new();
    for change in &outcome.changes {
        let (word, label) = match change.ended {
            Ended::Done | Ended::NotStarted => continue,
            Ended::Failed => ("failed", Label::Error),
            Ended::Unproven => ("not proven", Label::Error),
            Ended::Skipped => ("skipped", Label::Warning),
        };
        let head = style.paint(label, &format!("{word}:"));
        let address = escape::terminal(&change.address);
        push!(text, "{head} {} {address}\n", change.action);
        let Some(error) = &change.error else { continue };
        text.push_str(&wrap::prose(&escape::terminal(&error.in_full()), 2));
        text.push('\n');
        text.push_str(&diagnostic::hint(error.hint().as_deref(), style));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&summary::outcome(outcome, unchanged));
    text.push('\n');
    text
}
