//! The result of reading one scope.

use std::sync::Arc;

/// What reading one scope gave. There is no empty default: a scope that could not be read is never
/// taken for an empty one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Read<T> {
    /// The scope's facts.
    Facts(T),
    /// The scope could not be read.
    Unread(Unread),
}

/// Why a scope could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// Whether the answer was a refusal (401, 403) rather than a fault.
    pub refused: bool,
    /// What happened, for people: one line without secrets.
    pub why: Arc<str>,
}

impl<T> Read<T> {
    /// The facts, if they were read.
    pub fn facts(&self) -> Option<&T> {
        match self {
            Self::Facts(facts) => Some(facts),
            Self::Unread(_) => None,
        }
    }

    /// Whether it was read, or why not.
    pub fn outcome(&self) -> Result<(), &Unread> {
        match self {
            Self::Facts(_) => Ok(()),
            Self::Unread(unread) => Err(unread),
        }
    }

    /// Why there are none, if there are none.
    pub fn unread(&self) -> Option<&Unread> {
        match self {
            Self::Facts(_) => None,
            Self::Unread(unread) => Some(unread),
        }
    }
}
