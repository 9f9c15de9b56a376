//! What a plan refuses: named rules that need observation, beside those that `profile` checks alone.

pub(crate) mod cluster;
pub(crate) mod credential;
pub(crate) mod identity;
pub(crate) mod kubernetes;
pub(crate) mod prune;
pub(crate) mod role;
mod role_actions;

use std::borrow::Cow;
use std::fmt::Display;

use crate::model::rule::Rule;
use crate::model::text::{ClusterName, TeamName};
use crate::plan::contents::Refused;

/// A reason why there is no plan, or why one resource is left out of it. All of a run are reported together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refusal {
    /// The rule's stable code, `WID-…`.
    pub code: Cow<'static, str>,
    /// Whether a guardrail refused, rather than something missing or in the way.
    pub guardrail: bool,
    /// What it is about.
    pub address: String,
    /// What is wrong, one sentence.
    pub what: String,
    /// Why that is refused, one sentence.
    pub why: String,
    /// What fixes it: a command, a flag, or a line of the profile.
    pub fix: Option<String>,
}

impl From<(Refusal, Option<TeamName>, Option<ClusterName>)> for Refused {
    fn from((refusal, team, cluster): (Refusal, Option<TeamName>, Option<ClusterName>)) -> Self {
        let Refusal { code, guardrail, address, what, why, fix } = refusal;
        Self { address, team, cluster, code, guardrail, what, why, fix }
    }
}

impl From<&Refused> for Refusal {
    fn from(refused: &Refused) -> Self {
        Self {
            code: refused.code.clone(),
            guardrail: refused.guardrail,
            address: refused.address.clone(),
            what: refused.what.clone(),
            why: refused.why.clone(),
            fix: refused.fix.clone(),
        }
    }
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
            code: self.code.into(),
            guardrail: self.kind.is_refusal(),
            address: address.to_string(),
            what: what.into(),
            why: self.cause.to_owned(),
            fix: fix.into().or_else(|| Some(self.fix.to_owned())),
        }
    }
}
