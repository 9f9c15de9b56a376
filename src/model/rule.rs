//! The rules that widctl checks, each under a code that stays the same from release to release.

/// What kind of rule it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RuleKind {
    /// The profile has the right form, is complete and within the limits of Azure and Kubernetes.
    Check,
    /// The policy, or widctl itself, denies something to everyone alike.
    Guardrail,
    /// A team in its own file claims what the root file did not grant it.
    Grant,
    /// Two teams would share what belongs to one.
    Isolation,
    /// There is no plan: what it needs is missing, or something else is in its way.
    Obstacle,
    /// The plan goes on, but people should know.
    Note,
}

/// A rule with what `explain` says about it.
#[derive(Debug)]
pub struct Rule {
    /// The code, `WID-` and the rule's name.
    pub code: &'static str,
    /// What kind of rule it is.
    pub kind: RuleKind,
    /// One phrase without a full stop: what a profile's rule asks for, what a plan's rule finds.
    pub title: &'static str,
    /// Why the rule exists.
    pub cause: &'static str,
    /// What to change where the rule is broken.
    pub fix: &'static str,
}

impl RuleKind {
    /// Whether a broken rule of this kind is a refusal (exit code 7): what is asked for is clear, but may
    /// not be had.
    pub fn is_refusal(self) -> bool {
        match self {
            Self::Check | Self::Obstacle | Self::Note => false,
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
            Self::Obstacle => "obstacle",
            Self::Note => "note",
        }
    }
}

/// Declares the rules of one file, and the table of them.
macro_rules! rules {
    ($($name:ident = $code:literal, $kind:ident; $title:literal, $cause:literal, $fix:literal;)+) => {
        $(
            #[doc = $title]
            pub(crate) static $name: $crate::model::rule::Rule = $crate::model::rule::Rule {
                code: $code,
                kind: $crate::model::rule::RuleKind::$kind,
                title: $title,
                cause: $cause,
                fix: $fix,
            };
        )+

        /// The rules of this file.
        pub(crate) const RULES: &[&$crate::model::rule::Rule] = &[$(&$name),+];
    };
}

pub(crate) use rules;
