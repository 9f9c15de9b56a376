//! Which changes share a limit, so that one that is held back does not keep the others waiting.

use crate::model::guid::SubscriptionId;
use crate::model::text::ClusterName;
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;

/// Changes that count against the same limit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Lane {
    /// Identities and credentials of a subscription; deletes have a limit of their own.
    Identities { subscription: Option<SubscriptionId>, deletes: bool },
    /// Role assignments of a subscription, in the same way.
    Assignments { subscription: Option<SubscriptionId>, deletes: bool },
    /// Everything in a cluster: each has an API server of its own.
    Cluster(ClusterName),
}

impl Lane {
    pub(super) fn of(change: &AnyChange) -> Self {
        let deletes = change.action() == ActionName::Delete;
        match change {
            AnyChange::Identity(change) => {
                Self::Identities { subscription: change.key.id().subscription(), deletes }
            }
            AnyChange::FederatedCredential(change) => {
                Self::Identities { subscription: change.key.identity.id().subscription(), deletes }
            }
            AnyChange::RoleAssignment(change) => {
                Self::Assignments { subscription: change.key.scope.subscription(), deletes }
            }
            AnyChange::Namespace(change) => Self::Cluster(change.key.cluster.clone()),
            AnyChange::Role(change) => Self::Cluster(change.key.cluster.clone()),
            AnyChange::RoleBinding(change) => Self::Cluster(change.key.cluster.clone()),
            AnyChange::ServiceAccount(change) => Self::Cluster(change.key.cluster.clone()),
        }
    }
}
