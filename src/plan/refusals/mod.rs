//! What a plan refuses: named rules that need observation, beside those that `profile` checks alone.

pub(crate) mod cluster;
pub(crate) mod credential;
pub(crate) mod identity;
pub(crate) mod kubernetes;
pub(crate) mod prune;
pub(crate) mod role;
mod role_actions;

use std::fmt::Display;

use crate::model::rule::Rule;

/// A reason why there is no plan. All of a run are reported together; nothing was written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refusal {
    /// The rule's stable code, `WID-…`.
    pub code: &'static str,
    /// Whether a guardrail refused, rather than something missing or in the way.
    pub guardrail: bool,
    /// What it is about.
    pub address: String,
    /// What is wrong, one sentence.
    pub what: String,
    /// Why that is refused, one sentence.
    pub why: String,
    /// What mends it: a command, a flag, or a line of the profile.
    pub fix: Option<String>,
}

impl Rule {
    /// A refusal by this rule. The rule's own cause says why, and its fix stands in for an exact one.
    pub(crate) fn refuse(
        &self,
        address: impl Display,
        what: impl Into<String>,
        fix: impl Into<Option<String>>,
    ) -> Refusal {
        Refusal {
            code: self.code,
            guardrail: self.kind.is_refusal(),
            address: address.to_string(),
            what: what.into(),
            why: self.cause.to_owned(),
            fix: fix.into().or_else(|| Some(self.fix.to_owned())),
        }
    }
}
