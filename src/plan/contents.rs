//! What a plan holds: changes, what is kept, what is unknown, notes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{ClusterName, TeamName};
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;
use crate::plan::row::ChangeRow;
use crate::plan::scope::ScopeRead;

/// A plan: the changes, in order, and what people should know about it.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The changes in the order in which they are shown; dependencies come first.
    pub changes: Vec<AnyChange>,
    /// Owned things that the profile no longer has and that are left as they are.
    pub kept: Vec<Kept>,
    /// What could not be compared because its scope, or one it depends on, could not be read.
    pub unknown: Vec<Unknown>,
    /// What is refused, so that nothing of it is written.
    pub refused: Vec<Refused>,
    /// What is not written because it needs something that is refused.
    pub waiting: Vec<Waiting>,
    /// Remarks.
    pub notes: Vec<Note>,
    /// How many desired things exist as the profile wants them.
    pub unchanged: usize,
    /// What the desired identities that exist have given.
    pub identities: IdentityOutputs,
    /// Identities of the profile that exist without the estate's tags: an approval of their creation is none of
    /// using what somebody else made.
    pub strangers: BTreeSet<IdentityKey>,
    /// Where each cluster is: its ARM id, or its context and issuer.
    pub clusters: BTreeMap<ClusterName, Arc<str>>,
    /// What of the profile was compared.
    pub compared: Compared,
    /// Whether the profile names nothing that could be compared.
    pub names_nothing: bool,
    /// Where what is left over was looked for.
    pub scope_read: ScopeRead,
}

impl Plan {
    /// The changes as rows.
    pub fn rows(&self) -> impl Iterator<Item = ChangeRow> {
        self.changes.iter().map(|change| ChangeRow::new(change, &self.clusters))
    }

    /// Whether everything was read and nothing is left out.
    pub fn is_complete(&self) -> bool {
        self.left_out() == 0
    }

    /// How many resources could not be compared, are refused, or wait for what is.
    pub fn left_out(&self) -> usize {
        self.unknown.len() + self.refused.len() + self.waiting.len()
    }

    /// Whether there is nothing to do and nothing is left over.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.kept.is_empty() && self.is_complete()
    }

    /// The counts of the summary line; a replace counts in `create` and `delete` as well for people.
    pub fn summary(&self) -> Summary {
        let summary = Summary::of(self.changes.iter().map(AnyChange::action));
        Summary { kept: self.kept.len(), unchanged: self.unchanged, ..summary }
    }
}

/// What of the profile a plan compared: all of it, or what its filters matched.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The teams that `--team` matched; null where all were compared.
    pub teams: Option<Vec<String>>,
    /// The clusters that `--cluster` matched, with the identities and roles that their workloads need; null where all
    /// were compared, and what belongs to no cluster.
    pub clusters: Option<Vec<String>>,
    /// How many teams of the profile were not compared.
    pub other_teams: usize,
    /// How many clusters of the profile were not compared.
    pub other_clusters: usize,
}

/// How many changes of each action a plan has. A release counts as an update.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Taken over.
    pub adopt: usize,
    /// Created.
    pub create: usize,
    /// Changed in place, or released.
    pub update: usize,
    /// Deleted and created.
    pub replace: usize,
    /// Deleted.
    pub delete: usize,
    /// Owned, not in the profile, left.
    pub kept: usize,
    /// As the profile wants them.
    pub unchanged: usize,
}

impl Summary {
    /// The counts of changes alone.
    pub fn of(actions: impl Iterator<Item = ActionName>) -> Self {
        let mut summary = Self::default();
        for action in actions {
            *match action {
                ActionName::Adopt => &mut summary.adopt,
                ActionName::Create => &mut summary.create,
                ActionName::Update | ActionName::Release => &mut summary.update,
                ActionName::Replace => &mut summary.replace,
                ActionName::Delete => &mut summary.delete,
            } += 1;
        }
        summary
    }
}

/// An owned thing that the profile no longer has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its address.
    pub address: String,
    /// The team that it was made for, where that is known.
    #[schemars(with = "Option<String>")]
    pub team: Option<TeamName>,
    /// Its cluster, for Kubernetes objects.
    #[schemars(with = "Option<String>")]
    pub cluster: Option<ClusterName>,
    /// Why it is kept rather than deleted.
    pub reason: KeptReason,
    /// The command with which people delete what widctl never does, once nothing uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<String>,
    /// Whether `widctl release PROFILE ADDRESS` takes our ownership labels off it, so that no plan lists it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub releasable: bool,
}

/// Why an owned thing is kept.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum KeptReason {
    /// Nobody asked for its deletion.
    NotPruned,
    /// Identities and namespaces are never deleted by widctl.
    NeverDeleted,
    /// The policy denies its namespace, so nothing is deleted or released there.
    DeniedNamespace,
}

impl fmt::Display for KeptReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotPruned => "kept, not in the profile (use --prune)",
            Self::NeverDeleted => "kept, not in the profile (widctl never deletes it)",
            Self::DeniedNamespace => {
                "kept, not in the profile (`denied_namespaces` of the policy has its namespace)"
            }
        })
    }
}

/// Something that could not be compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unknown {
    /// Its address.
    pub address: String,
    /// Its team.
    #[schemars(with = "Option<String>")]
    pub team: Option<TeamName>,
    /// Its cluster.
    #[schemars(with = "Option<String>")]
    pub cluster: Option<ClusterName>,
    /// What could not be read.
    #[schemars(with = "String")]
    pub why: Arc<str>,
}

/// Something that is refused: neither it nor what needs it is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Its address.
    pub address: String,
    /// Its team, where that is known.
    #[schemars(with = "Option<String>")]
    pub team: Option<TeamName>,
    /// Its cluster.
    #[schemars(with = "Option<String>")]
    pub cluster: Option<ClusterName>,
    /// The rule's stable code, `WID-…`.
    #[schemars(with = "String")]
    pub code: Cow<'static, str>,
    /// Whether a guardrail refused, rather than something missing or in the way.
    pub guardrail: bool,
    /// What is wrong, one sentence.
    pub what: String,
    /// Why that is refused, one sentence.
    pub why: String,
    /// The command, flag or line of the profile that helps.
    pub fix: Option<String>,
}

/// Something that is not written because it needs something that is refused.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Its address.
    pub address: String,
    /// Its team, where that is known.
    #[schemars(with = "Option<String>")]
    pub team: Option<TeamName>,
    /// Its cluster.
    #[schemars(with = "Option<String>")]
    pub cluster: Option<ClusterName>,
    /// The address of what is refused, or waits itself.
    pub waits_for: String,
}

/// How much a note matters.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Something will not work as it should.
    Warning,
}

/// A remark of the planner.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Its stable code, `WID-…`.
    #[schemars(with = "String")]
    pub code: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub address: String,
    /// The remark, one sentence.
    pub text: String,
    /// The command that helps, if one does.
    pub fix: Option<String>,
}
