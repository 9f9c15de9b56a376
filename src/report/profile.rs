//! The errors of a profile as text: each with its place, the lines around it, and what fixes it.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::model::plural;
use crate::profile::{Piece, ProfileError, ProfileErrors};
use crate::report::style::Style;
use crate::report::{diagnostic, escape};

/// All that are told, and how many there are.
pub fn text(errors: &ProfileErrors, style: Style) -> String {
    let mut text = String::new();
    for error in errors {
        text.push_str(&one(error, style));
        text.push('\n');
    }
    let count = plural::count(errors.count(), "error");
    let shown = match errors.left_out() {
        0 => String::new(),
        left_out => format!(", the first {} shown", errors.count() - left_out),
    };
    text + &format!("{count} in the profile{shown}: nothing was read or written.\n")
}

/// What is said of a profile that was filled in with placeholders.
pub fn placeholders(names: &[String]) -> Option<String> {
    let variables = if names.len() == 1 { "the variable" } else { "the variables" };
    let names = names.join(", ");
    (!names.is_empty()).then(|| format!("Placeholders stand in for {variables} {names}."))
}

fn one(error: &ProfileError, style: Style) -> String {
    let rule = error.rule();
    let kind = diagnostic::Kind::of_refusal(rule.kind.is_refusal());
    let (line, column) = error.position();
    let place = format!("{}:{line}:{column}", error.path());
    let mut text = diagnostic::head(kind, rule.code, &error.to_string(), &place, style);
    for piece in error.excerpt() {
        text.push_str(&excerpt(piece, style));
    }
    let mut lines = error.hint().lines();
    text.push_str(&diagnostic::hint(lines.next(), style));
    for more in lines {
        push!(text, "    {}\n", escape::terminal(more));
    }
    text
}

/// The lines of a file with what is to be said of their places.
fn excerpt(piece: &Piece, style: Style) -> String {
    let mut snippet = Snippet::source(&piece.text).line_start(piece.first_line).fold(false);
    for mark in &piece.marks {
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        snippet = snippet.annotation(kind.span(mark.range.clone()).label(mark.label.as_deref()));
    }
    let renderer = if style.coloured { Renderer::styled() } else { Renderer::plain() };
    let group = Group::with_level(Level::ERROR).element(snippet);
    renderer.term_width(style.columns()).render(&[group]) + "\n"
}
