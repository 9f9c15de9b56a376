//! How long an apply takes at least, if Azure enforces its documented rates to the letter.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::arm_id::ArmId;
use crate::model::guid::SubscriptionId;
use crate::model::kinds::identity::IdentityKey;
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;

/// Identity and credential writes a second in one subscription, deletes counted apart.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
const SUBSCRIPTION_RATE: u32 = 2;
/// Seconds between two credential writes on one identity (0.25 a second), deletes counted apart.
const IDENTITY_PAUSE: u32 = 4;
/// Writes that ARM lets pass at once in one subscription.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling>
const ARM_BURST: u32 = 200;
/// Writes a second that ARM lets pass after the burst.
const ARM_RATE: u32 = 10;

/// How many writes and deletes one bucket gets.
#[derive(Clone, Copy, Default)]
struct Load {
    writes: u32,
    deletes: u32,
}

impl Load {
    fn add(&mut self, action: ActionName) {
        match action {
            ActionName::Create | ActionName::Update | ActionName::Adopt | ActionName::Release => {
                self.writes += 1;
            }
            ActionName::Delete => self.deletes += 1,
            ActionName::Replace => {
                self.writes += 1;
                self.deletes += 1;
            }
        }
    }

    /// The busier verb: both run side by side.
    fn busier(self) -> u32 {
        self.writes.max(self.deletes)
    }
}

/// A lower bound of the time that these changes take where Azure enforces its documented rates. It
/// counts nothing but those rates: a handful of changes takes no time at all.
pub fn estimate(changes: &[AnyChange]) -> Duration {
    let mut subscriptions: BTreeMap<Option<SubscriptionId>, Load> = BTreeMap::new();
    let mut identities: BTreeMap<&IdentityKey, Load> = BTreeMap::new();
    let mut assignments: BTreeMap<Option<SubscriptionId>, Load> = BTreeMap::new();
    let subscription = |id: &ArmId| id.subscription();
    for change in changes {
        let action = change.action();
        match change {
            AnyChange::Identity(change) => {
                let load = subscriptions.entry(subscription(change.key.id()));
                load.or_default().add(action);
            }
            AnyChange::FederatedCredential(change) => {
                let identity = &change.key.identity;
                let load = subscriptions.entry(subscription(identity.id()));
                load.or_default().add(action);
                identities.entry(identity).or_default().add(action);
            }
            AnyChange::RoleAssignment(change) => {
                let load = assignments.entry(subscription(&change.key.scope));
                load.or_default().add(action);
            }
            AnyChange::Namespace(_)
            | AnyChange::Role(_)
            | AnyChange::RoleBinding(_)
            | AnyChange::ServiceAccount(_) => {}
        }
    }
    let subscriptions = subscriptions.values().map(|load| {
        let after_the_first = load.busier().saturating_sub(1);
        Duration::from_secs(1) * after_the_first / SUBSCRIPTION_RATE
    });
    let identities = identities.values().map(|load| {
        let pauses = load.busier().saturating_sub(1);
        Duration::from_secs(1) * pauses * IDENTITY_PAUSE
    });
    let assignments = assignments.values().map(|load| {
        let after_the_burst = load.busier().saturating_sub(ARM_BURST);
        Duration::from_secs(1) * after_the_burst / ARM_RATE
    });
    let slowest = subscriptions.chain(identities).chain(assignments).max();
    slowest.unwrap_or_default()
}
