//! Notes, warnings and refusals: what is wrong, why that matters, what fixes it.

use crate::plan::contents::{Note, Refused, Severity};
use crate::plan::refusals::Refusal;
use crate::report::diagnostic::Kind;
use crate::report::style::Style;
use crate::report::{diagnostic, escape, wrap};

/// A reason why a run stops before it writes, as rows see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RefusalRow<'a> {
    /// Its stable code, `WID-…`.
    pub code: &'a str,
    /// Whether a guardrail refused.
    pub guardrail: bool,
    /// What it is about.
    pub address: &'a str,
    /// What is wrong.
    pub what: &'a str,
    /// Why that is refused.
    pub why: &'a str,
    /// What fixes it.
    pub fix: Option<&'a str>,
}

impl<'a> From<&'a Refusal> for RefusalRow<'a> {
    fn from(refusal: &'a Refusal) -> Self {
        Self {
            code: &refusal.code,
            guardrail: refusal.guardrail,
            address: &refusal.address,
            what: &refusal.what,
            why: &refusal.why,
            fix: refusal.fix.as_deref(),
        }
    }
}

impl<'a> From<&'a Refused> for RefusalRow<'a> {
    fn from(refused: &'a Refused) -> Self {
        Self {
            code: &refused.code,
            guardrail: refused.guardrail,
            address: &refused.address,
            what: &refused.what,
            why: &refused.why,
            fix: refused.fix.as_deref(),
        }
    }
}

/// Refusals as text, all together, in the order given.
pub fn text(refusals: &[RefusalRow<'_>], style: Style) -> String {
    let mut text = String::new();
    for refusal in refusals {
        let RefusalRow { code, guardrail, address, what, why, fix } = *refusal;
        let kind = Kind::of_refusal(guardrail);
        text.push_str(&diagnostic::head(kind, code, what, address, style));
        push!(text, "{}\n", wrap::prose(&escape::terminal(why), 2, style));
        push!(text, "{}\n", diagnostic::hint(fix, style));
    }
    text
}

/// One note as text.
pub fn note(note: &Note, style: Style) -> String {
    let kind = match note.severity {
        Severity::Warning => Kind::Warning,
        Severity::Note => Kind::Note,
    };
    let head = diagnostic::head(kind, &note.code, &note.text, &note.address, style);
    head + &diagnostic::hint(note.fix.as_deref(), style)
}
