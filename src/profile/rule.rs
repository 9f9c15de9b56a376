//! The rules that a profile obeys, each under a code that stays the same from release to release.

use super::findings::Findings;
use super::merge::Merged;

/// What kind of rule it is. Everything but a check is a refusal: the profile says what it means, but may
/// not have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RuleKind {
    /// The profile is well formed, complete and within the limits of Azure and Kubernetes.
    Check,
    /// The policy, or widctl itself, denies something to everyone alike.
    Guardrail,
    /// A team in its own file claims what the root file did not grant it.
    Grant,
    /// Two teams would share what belongs to one.
    Isolation,
}

/// A rule with what `explain` says about it.
#[derive(Debug)]
pub struct Rule {
    /// The code, `WID-` and the rule's name.
    pub code: &'static str,
    /// What kind of rule it is.
    pub kind: RuleKind,
    /// The rule as one sentence without a full stop.
    pub title: &'static str,
    /// Why the rule exists, in whole sentences.
    pub cause: &'static str,
    /// How to mend a profile that breaks it, in whole sentences.
    pub fix: &'static str,
    /// The check over the merged profile; `None` for a rule that is checked while files are read and
    /// merged.
    pub(crate) run: Option<fn(&Merged<'_>, &mut Findings)>,
}

impl RuleKind {
    /// Whether a broken rule of this kind is a refusal (exit code 7).
    pub fn is_refusal(self) -> bool {
        match self {
            Self::Check => false,
            Self::Guardrail | Self::Grant | Self::Isolation => true,
        }
    }

    /// The kind in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Guardrail => "guardrail",
            Self::Grant => "grant",
            Self::Isolation => "isolation",
        }
    }
}

/// All rules, sorted by code.
pub fn rules() -> &'static [&'static Rule] {
    super::checks::RULES
}

/// Declares the rules of one file.
macro_rules! define_rules {
    ($($name:ident = $code:literal, $kind:ident, $run:expr;
        $title:literal, $cause:literal, $fix:literal;)+) => {$(
        #[doc = $title]
        pub(crate) static $name: $crate::profile::rule::Rule = $crate::profile::rule::Rule {
            code: $code,
            kind: $crate::profile::rule::RuleKind::$kind,
            title: $title,
            cause: $cause,
            fix: $fix,
            run: $run,
        };
    )+};
}

pub(super) use define_rules;
