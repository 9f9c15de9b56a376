//! One file per kind: how it is matched and compared, what is done about it and why.

pub(crate) mod federated_credential;
pub(crate) mod identity;
pub(crate) mod leftovers;
pub(crate) mod marked;
pub(crate) mod namespace;
pub(crate) mod role;
pub(crate) mod role_assignment;
pub(crate) mod role_binding;
pub(crate) mod service_account;

use std::time::Duration;

use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::marks::FieldOwner;
use crate::model::right::Right;
use crate::plan::action::Action;
use crate::plan::change::{Change, Listed};
use crate::plan::fields::{FieldRow, Side};
use crate::plan::relation::{Limit, Relations};
use crate::plan::row::Place;

/// What rows, the schedule, the estimate and the preflight need to know of a kind.
pub(crate) trait PlannedKind: Listed {
    /// All fields that widctl looks at, in a fixed order, whether or not they differ.
    fn fields<'a>(
        before: Side<'a, Self::Key, Self::Live>,
        after: Side<'a, Self::Key, Self::Planned>,
    ) -> Vec<FieldRow<'a>>;

    /// Who wrote which field.
    fn owners(_: &Self::Live) -> &[FieldOwner] {
        &[]
    }

    /// Where the resource is; with its address that is the whole key.
    fn place(key: &Self::Key) -> Place<'_>;

    /// The identity that the resource is, belongs to, or names after the change.
    fn identity(_: &Change<Self>) -> Option<&IdentityKey> {
        None
    }

    /// The identity to which the change gives more than it had: another trust, or another role.
    fn widens(_: &Change<Self>) -> Option<&IdentityKey> {
        None
    }

    /// The limit that a write shares with the others of its subscription or cluster.
    fn limit(key: &Self::Key) -> Limit;

    /// What a change has to do with others.
    fn relations(change: &Change<Self>) -> Relations<'_>;

    /// The rights that a change needs; `existing` are the identities that exist.
    fn rights(change: &Change<Self>, existing: &IdentityOutputs) -> Vec<Right>;

    /// How old the last reading may be at a write; `None` where the write is bound to it, or needs none.
    const FRESH: Option<Duration> = None;

    /// What to write where this was found right before, or why the change no longer fits.
    fn fit(
        _: &Action<Self>,
        _: Option<&Self::Live>,
        planned: &Self::Write,
    ) -> Result<Self::Write, String> {
        Ok(planned.clone())
    }

    /// What of an answer is not as it was written.
    fn difference(_: &Self::Live, _: &Self::Write) -> Option<String> {
        None
    }

    /// Puts sorted changes into the order in which they can be written.
    fn arrange(_: &mut Vec<Change<Self>>) {}
}
