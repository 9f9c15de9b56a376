//! How long an apply takes at least, if Azure enforces its documented rates to the letter.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::kinds::identity::IdentityKey;
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;
use crate::plan::relation::Limit;

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
    let mut limits: BTreeMap<Limit, Load> = BTreeMap::new();
    let mut identities: BTreeMap<&IdentityKey, Load> = BTreeMap::new();
    for change in changes {
        limits.entry(change.limit()).or_default().add(change.action());
        for identity in change.relations().queues {
            identities.entry(identity).or_default().add(change.action());
        }
    }
    let second = Duration::from_secs(1);
    let shared = limits.iter().map(|(limit, load)| match limit {
        Limit::Identities(_) => second * load.busier().saturating_sub(1) / SUBSCRIPTION_RATE,
        Limit::Assignments(_) => second * load.busier().saturating_sub(ARM_BURST) / ARM_RATE,
        Limit::Cluster(_) => Duration::ZERO,
    });
    let queued = identities.values();
    let queued = queued.map(|load| second * load.busier().saturating_sub(1) * IDENTITY_PAUSE);
    shared.chain(queued).max().unwrap_or_default()
}
