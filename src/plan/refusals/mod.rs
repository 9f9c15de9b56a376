//! What a plan refuses: named rules that need observation, beside those that `profile` checks alone.

pub(crate) mod cluster;
pub(crate) mod credential;
pub(crate) mod identity;
pub(crate) mod kubernetes;
pub(crate) mod prune;
pub(crate) mod role;
mod role_actions;

use std::fmt::Display;

/// Every rule that can refuse a plan.
#[cfg(feature = "testing")]
pub const RULES: &[Rule] = &[
    cluster::TENANT,
    cluster::MISSING,
    cluster::ISSUER_DISABLED,
    cluster::ISSUER_MISMATCH,
    cluster::ISSUER_SHARED,
    identity::MISSING,
    identity::NO_RESOURCE_GROUP,
    identity::ELSEWHERE,
    identity::OTHER_ESTATE,
    credential::LIMIT,
    credential::AUDIENCE,
    credential::NAME_TAKEN,
    credential::DUPLICATE,
    credential::OTHER_TEAM,
    role::MISSING,
    role::DENIED,
    kubernetes::NAMESPACE_MISSING,
    kubernetes::TERMINATING,
    kubernetes::FIELD_HELD,
    kubernetes::NOT_OURS,
    kubernetes::OTHER_ROLE,
    prune::FILTER,
    prune::UNREAD,
    prune::MASS_DELETE,
];

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

/// A rule that needs observation, as `explain` prints it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Its stable code.
    pub code: &'static str,
    /// Whether it is a guardrail.
    pub guardrail: bool,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// Why that happens and why it is refused.
    pub cause: &'static str,
    /// How to mend it.
    pub fix: &'static str,
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
            guardrail: self.guardrail,
            address: address.to_string(),
            what: what.into(),
            why: self.cause.to_owned(),
            fix: fix.into().or_else(|| Some(self.fix.to_owned())),
        }
    }
}
