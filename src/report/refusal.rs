//! Notes, warnings and refusals: what is wrong, why that matters, what mends it.

use crate::plan::contents::{Note, Refused, Severity};
use crate::plan::refusals::Refusal;
use crate::report::style::{Label, Style};
use crate::report::{escape, wrap};

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
    /// What mends it.
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
        let kind = if refusal.guardrail { "refused" } else { "error" };
        let head = style.paint(Label::Error, &format!("{kind}[{}]", refusal.code));
        let address = escape::terminal(refusal.address);
        let what = wrap::prose(&escape::terminal(refusal.what), 2);
        let why = wrap::prose(&escape::terminal(refusal.why), 2);
        push!(text, "{head} {address}\n{what}\n{why}\n");
        text.push_str(&fix(refusal.fix, style));
        text.push('\n');
    }
    text
}

/// One note as text.
pub fn note(note: &Note, style: Style) -> String {
    let (kind, label) = match note.severity {
        Severity::Warning => ("warning", Label::Warning),
        Severity::Note => ("note", Label::Hint),
    };
    let head = style.paint(label, &format!("{kind}[{}]", note.code));
    let address = escape::terminal(&note.address);
    let text = wrap::prose(&escape::terminal(&note.text), 2);
    format!("{head} {address}\n{text}\n{}", fix(note.fix.as_deref(), style))
}

/// The line that tells what mends it. It is never broken, so that it can be copied.
fn fix(fix: Option<&str>, style: Style) -> String {
    let Some(fix) = fix else {
        return String::new();
    };
    let head = style.paint(Label::Hint, "fix:");
    format!("  {head} {}\n", escape::terminal(fix))
}
