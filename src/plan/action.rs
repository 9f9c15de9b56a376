//! What a change does.

use std::fmt;
use std::sync::Arc;

use crate::model::kinds::Kind;
use crate::plan::ownership::Ours;

/// Whether an apply takes fields from the manager that holds them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Force {
    /// A conflict is an error.
    No,
    /// The fields are taken: a hand edit of what is ours, or `--force-conflicts`.
    Yes,
}

/// What a change does, with all that it needs. No action is the absence of a change.
#[derive(Debug)]
pub enum Action<K: Kind> {
    /// Makes what does not exist.
    Create {
        /// What it becomes.
        after: Arc<K::Planned>,
    },
    /// Changes what exists.
    Update {
        /// What it is.
        before: Arc<K::Live>,
        /// What it becomes.
        after: Arc<K::Planned>,
        /// Whether fields are taken from another manager.
        force: Force,
    },
    /// Starts to manage what exists; only marks and drifted fields are written.
    Adopt {
        /// What it is.
        before: Arc<K::Live>,
        /// What it becomes.
        after: Arc<K::Planned>,
        /// Whether fields are taken from another manager.
        force: Force,
    },
    /// Deletes, then makes: for a name, principal or role that cannot be changed in place.
    Replace {
        /// Where the old object is, if its key differs from the change's.
        before_key: K::Key,
        /// What is deleted.
        before: Ours<K>,
        /// What is made.
        after: Arc<K::Planned>,
    },
    /// Stops managing without deleting: removes only the fields that widctl applied.
    Release {
        /// What it is.
        before: Arc<K::Live>,
        /// The right to.
        may: K::MayRelease,
    },
    /// Deletes what is ours.
    Delete {
        /// What it is.
        before: Ours<K>,
    },
}

impl<K: Kind> Clone for Action<K> {
    fn clone(&self) -> Self {
        match self {
            Self::Create { after } => Self::Create { after: Arc::clone(after) },
            Self::Update { before, after, force } => {
                Self::Update { before: Arc::clone(before), after: Arc::clone(after), force: *force }
            }
            Self::Adopt { before, after, force } => {
                Self::Adopt { before: Arc::clone(before), after: Arc::clone(after), force: *force }
            }
            Self::Replace { before_key, before, after } => Self::Replace {
                before_key: before_key.clone(),
                before: before.clone(),
                after: Arc::clone(after),
            },
            Self::Release { before, may } => {
                Self::Release { before: Arc::clone(before), may: *may }
            }
            Self::Delete { before } => Self::Delete { before: before.clone() },
        }
    }
}

/// An action's name, without its data.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Debug,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ActionName {
    /// See [`Action::Create`].
    Create,
    /// See [`Action::Update`].
    Update,
    /// See [`Action::Adopt`].
    Adopt,
    /// See [`Action::Replace`].
    Replace,
    /// See [`Action::Release`].
    Release,
    /// See [`Action::Delete`].
    Delete,
}

impl<K: Kind> Action<K> {
    /// What the resource becomes, unless it is let go.
    pub fn after(&self) -> Option<&Arc<K::Planned>> {
        match self {
            Self::Create { after }
            | Self::Update { after, .. }
            | Self::Adopt { after, .. }
            | Self::Replace { after, .. } => Some(after),
            Self::Release { .. } | Self::Delete { .. } => None,
        }
    }

    /// What is deleted.
    pub fn deleted(&self) -> Option<&Arc<K::Live>> {
        match self {
            Self::Delete { before } | Self::Replace { before, .. } => Some(before.live()),
            Self::Create { .. }
            | Self::Update { .. }
            | Self::Adopt { .. }
            | Self::Release { .. } => None,
        }
    }

    /// The action's name.
    pub fn name(&self) -> ActionName {
        match self {
            Self::Create { .. } => ActionName::Create,
            Self::Update { .. } => ActionName::Update,
            Self::Adopt { .. } => ActionName::Adopt,
            Self::Replace { .. } => ActionName::Replace,
            Self::Release { .. } => ActionName::Release,
            Self::Delete { .. } => ActionName::Delete,
        }
    }
}

impl ActionName {
    /// The word, as plans and events write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Adopt => "adopt",
            Self::Replace => "replace",
            Self::Release => "release",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
