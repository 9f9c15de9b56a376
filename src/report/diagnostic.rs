//! The one shape of everything that is wrong or worth knowing: `error[CODE]: text`, `--> place`, why, and `hint:`.

use crate::report::style::{Label, Style};
use crate::report::{escape, wrap};

/// How much it weighs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A mistake, or something that does not allow what is wanted.
    Error,
    /// A guardrail, a grant or the isolation of teams says no.
    Refused,
    /// It goes on, and will not work as it should.
    Warning,
    /// It goes on.
    Note,
}

impl Kind {
    /// What ends a run, or a resource: said no, or wrong.
    pub fn of_refusal(guardrail: bool) -> Self {
        if guardrail { Self::Refused } else { Self::Error }
    }
}

/// The first lines: what is wrong, and where.
pub fn head(kind: Kind, code: &str, what: &str, place: &str, style: Style) -> String {
    let (word, label) = match kind {
        Kind::Error => ("error", Label::Error),
        Kind::Refused => ("refused", Label::Error),
        Kind::Warning => ("warning", Label::Warning),
        Kind::Note => ("note", Label::Hint),
    };
    let word = format!("{word}[{code}]");
    let what = wrap::prose(&format!("{word}: {}", escape::terminal(what)), 0, style);
    let what = what.replacen(&word, &style.paint(label, &word), 1);
    format!("{what}\n  --> {}\n", escape::terminal(place))
}

/// The line that tells what helps. It is never broken, so that it can be copied.
pub fn hint(hint: Option<&str>, style: Style) -> String {
    let Some(hint) = hint else {
        return String::new();
    };
    format!("  {} {}\n", style.paint(Label::Hint, "hint:"), escape::terminal(hint))
}
