//! Why a change did not succeed.

use std::borrow::Cow;

use super::schedule::Withheld;
use crate::event::Ended;
use crate::model::kinds::identity::IdentityKey;
use crate::ports::chain;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::place::Place;
use crate::ports::remedy::catalogue::MISSING_RIGHT;

/// Why one change did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The service, or the way to it, failed.
    #[error(transparent)]
    Port(Box<PortError>),
    /// A replace got as far as its delete.
    #[error("the old one was deleted, but the new one was not written; run again to write it")]
    ReplaceHalfDone(#[source] Box<ChangeError>),
    /// The answer to a write was lost, and so was the answer to the question what it did.
    #[error("whether it was written is not known; run again to find out")]
    Unproven(#[source] Box<PortError>),
    /// The credentials of the identity were read again, and the plan does not fit them.
    #[error("the credentials of `{identity}` changed since they were read: {why}")]
    Outdated {
        /// The identity.
        identity: IdentityKey,
        /// What does not fit.
        why: String,
    },
    /// It was looked at again, and the plan does not fit it.
    #[error("it changed since it was read: {0}")]
    Changed(String),
    /// It was to be made, but the service says that there was one.
    #[error(
        "it existed already: somebody made it since it was read, and this write replaced what they wrote"
    )]
    Existed,
    /// The answer to its write shows something else.
    #[error("it was written, but not as planned: {0}")]
    WrittenOtherwise(String),
    /// The value names an identity whose ids are not known.
    #[error("the ids of the identity that it names are not known")]
    Unresolved,
    /// The cluster was not reached when the stores were made.
    #[error("cluster `{0}` was not reached")]
    NoCluster(String),
    /// What it needs was refused to others too often to try it.
    #[error(
        "it was not tried: Azure refused `{}` {} times below `{}` and allowed it nowhere there",
        .0.right.action, .0.refusals, .0.right.scope
    )]
    Withheld(Withheld),
    /// A change that it needs did not succeed.
    #[error("it needs `{0}`, which did not succeed")]
    Skipped(String),
}

impl From<PortError> for ChangeError {
    fn from(error: PortError) -> Self {
        // What was sent before the bug struck is not known.
        if error.kind == PortErrorKind::Bug {
            return Self::Unproven(Box::new(error));
        }
        Self::Port(Box::new(error))
    }
}

impl ChangeError {
    /// How a change ends that this error stops.
    pub fn ended(&self) -> Ended {
        match self {
            Self::Unproven(_) => Ended::Unproven,
            Self::Withheld(_) => Ended::NotStarted,
            Self::Skipped(_) => Ended::Skipped,
            Self::Port(_)
            | Self::ReplaceHalfDone(_)
            | Self::Outdated { .. }
            | Self::Changed(_)
            | Self::Existed
            | Self::WrittenOtherwise(_)
            | Self::Unresolved
            | Self::NoCluster(_) => Ended::Failed,
        }
    }

    /// The error of a replace whose delete succeeded.
    pub(super) fn after_the_delete(self) -> Self {
        if self.ended() == Ended::Unproven || matches!(self, Self::Existed) {
            return self;
        }
        Self::ReplaceHalfDone(Box::new(self))
    }

    /// The error of the service, if one lies below.
    pub fn port(&self) -> Option<&PortError> {
        match self {
            Self::Port(error) | Self::Unproven(error) => Some(error),
            Self::ReplaceHalfDone(error) => error.port(),
            Self::Outdated { .. }
            | Self::Changed(_)
            | Self::Existed
            | Self::WrittenOtherwise(_)
            | Self::Unresolved
            | Self::NoCluster(_)
            | Self::Withheld(_)
            | Self::Skipped(_) => None,
        }
    }

    /// What the user can do; only a change that was skipped or withheld has no help of its own, but that of the change
    /// that it needs, or that was refused.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Port(error) | Self::Unproven(error) => Some(error.help().into()),
            Self::ReplaceHalfDone(error) => error.hint(),
            Self::Outdated { .. } | Self::Changed(_) => {
                Some("plan again: the new plan takes into account what changed".into())
            }
            Self::Existed => Some(
                "ask `az monitor activity-log list --resource-id ID` who made it before you plan again: the next plan treats it as the estate's own".into(),
            ),
            Self::WrittenOtherwise(_) => Some(
                "an Azure Policy that modifies tags does this: put its value into the profile, or exempt the identity from it, and plan again".into(),
            ),
            Self::Unresolved => Some("run again: the identity's ids are read anew".into()),
            Self::NoCluster(_) => Some("run again when the cluster can be reached".into()),
            Self::Withheld(_) | Self::Skipped(_) => None,
        }
    }

    /// Whether the service said no to this caller.
    pub fn is_refusal(&self) -> bool {
        self.port().is_some_and(PortError::is_refusal)
    }

    /// The action that Azure refused to this caller, where nothing but a missing role can be why: a condition on a
    /// role allows one write and refuses the next.
    pub(super) fn missing_action(&self) -> Option<&str> {
        let port = self.port()?;
        let conditional =
            matches!(port.place.as_deref(), Some(Place::Azure(place)) if place.conditional);
        let is_plain = !conditional && port.code.as_deref() == Some(MISSING_RIGHT);
        if let PortErrorKind::Refused { action, .. } = &port.kind {
            return action.as_deref().filter(|_| is_plain);
        }
        None
    }

    /// The error in full, and the hint on a line of its own.
    pub fn with_hint(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{}\n{hint}", self.in_full()),
            None => self.in_full(),
        }
    }

    /// The error and what lies below it, in one line.
    pub fn in_full(&self) -> String {
        chain::in_full(self)
    }
}
