//! Which changes share a limit, so that one that is held back does not keep the others waiting.

use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;
use crate::plan::relation::Limit;

/// Changes that count against the same limit; in Azure deletes have one of their own.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Lane {
    limit: Limit,
    deletes: bool,
}

impl Lane {
    pub(super) fn of(change: &AnyChange) -> Self {
        let limit = change.limit();
        let deletes = change.action() == ActionName::Delete && !matches!(limit, Limit::Cluster(_));
        Self { limit, deletes }
    }
}
