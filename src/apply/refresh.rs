//! Reading an identity's credentials again before they are written, when the plan's reading is old.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::error::ChangeError;
use crate::model::kinds::federated_credential::{
    CREDENTIALS_PER_IDENTITY, FederatedCredential, FederatedCredentials, LiveFederatedCredential,
};
use crate::model::kinds::identity::IdentityKey;
use crate::plan::action::Action;
use crate::plan::change::{AnyChange, Change};
use crate::ports::read::AzureRead;

/// How old the plan's reading of an identity's credentials may be at its first write.
const FRESH: Duration = Duration::from_mins(1);

/// How credentials are read again.
#[derive(Clone, Copy)]
pub struct Refresh<'a> {
    /// Reads them.
    pub azure: &'a dyn AzureRead,
    /// When they were read for the plan.
    pub read_at: Instant,
}

/// All credential changes of a run by identity, and whether they still fit.
pub(super) struct Ledger<'a> {
    changes: BTreeMap<&'a IdentityKey, Vec<&'a Change<FederatedCredentials>>>,
    verdicts: BTreeMap<&'a IdentityKey, Result<(), String>>,
    /// Addresses of credentials that are written as planned already.
    done: BTreeSet<String>,
    /// Identities that are not what the plan saw.
    lost: BTreeSet<&'a IdentityKey>,
}

/// A check that is due before the first write on an identity.
pub(super) struct Check<'a> {
    azure: &'a dyn AzureRead,
    pub identity: &'a IdentityKey,
    changes: Vec<&'a Change<FederatedCredentials>>,
}

/// What a check found: the addresses of what is done already, or why the changes do not fit.
pub(super) type Verdict = Result<BTreeSet<String>, String>;

impl<'a> Ledger<'a> {
    pub(super) fn new(changes: &'a [AnyChange]) -> Self {
        let mut by_identity: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for change in changes {
            if let AnyChange::FederatedCredential(change) = change {
                let changes = by_identity.entry(&change.key.identity).or_default();
                changes.push(change);
            }
        }
        Self {
            changes: by_identity,
            verdicts: BTreeMap::new(),
            done: BTreeSet::new(),
            lost: BTreeSet::new(),
        }
    }

    /// The check that must pass before a write on the identity; `None` where none is due, an error where
    /// it has failed already.
    pub(super) fn due(
        &mut self,
        identity: &'a IdentityKey,
        refresh: Option<Refresh<'a>>,
    ) -> Result<Option<Check<'a>>, ChangeError> {
        match self.verdicts.get(identity) {
            Some(Ok(())) => return Ok(None),
            Some(Err(why)) => return Err(outdated(identity, why.clone())),
            None => {}
        }
        let Some(refresh) = refresh.filter(|refresh| refresh.read_at.elapsed() > FRESH) else {
            self.verdicts.insert(identity, Ok(()));
            return Ok(None);
        };
        Ok(Some(Check {
            azure: refresh.azure,
            identity,
            changes: self.changes.get(identity).cloned().unwrap_or_default(),
        }))
    }

    /// Takes note that an identity is not what the plan saw, so that nothing more is written on it.
    pub(super) fn lose(&mut self, identity: &'a IdentityKey) {
        self.lost.insert(identity);
    }

    /// Whether the identity is still what the plan saw, as far as is known.
    pub(super) fn is_kept(&self, identity: &IdentityKey) -> Result<(), ChangeError> {
        if self.lost.contains(identity) {
            return Err(ChangeError::Skipped(identity.to_string()));
        }
        Ok(())
    }

    /// Takes note of what a check found.
    pub(super) fn learn(&mut self, identity: &'a IdentityKey, verdict: Verdict) {
        let verdict = verdict.map(|done| self.done.extend(done));
        self.verdicts.insert(identity, verdict);
    }

    /// Whether a check found that nothing is left to do for this address.
    pub(super) fn is_done(&self, address: &str) -> bool {
        self.done.contains(address)
    }
}

impl Check<'_> {
    /// Reads the list and compares it with the changes.
    pub(super) async fn run(&self) -> Result<Verdict, ChangeError> {
        let observed = self.azure.credentials(self.identity).await?;
        Ok(fits(&observed, &self.changes))
    }
}

/// The error of a change whose identity's credentials no longer fit.
pub(super) fn outdated(identity: &IdentityKey, why: String) -> ChangeError {
    ChangeError::Outdated { identity: identity.clone(), why }
}

/// Whether the changes of one identity still mean what they meant when they were planned. What was done
/// meanwhile exactly as planned does no harm.
fn fits(
    observed: &[LiveFederatedCredential],
    changes: &[&Change<FederatedCredentials>],
) -> Verdict {
    let mut done = BTreeSet::new();
    let mut names: BTreeSet<_> = observed.iter().map(|live| &live.name).collect();
    for change in changes {
        let name = &change.key.name;
        let unchanged = |name, before: &LiveFederatedCredential| match observed
            .iter()
            .find(|live| live.name == name)
        {
            Some(live) if live == before => Ok(()),
            Some(_) => Err(format!("`{name}` is not what it was")),
            None => Err(format!("`{name}` is gone")),
        };
        match &change.action {
            Action::Create { after } => {
                match observed.iter().find(|live| live.name == *name) {
                    Some(live) if is(live, after) => _ = done.insert(change.key.to_string()),
                    Some(_) => return Err(format!("`{name}` exists by now")),
                    None => {}
                }
                names.insert(name);
            }
            Action::Update { before, after, .. } | Action::Adopt { before, after, .. } => {
                if observed.iter().any(|live| live.name == *name && is(live, after)) {
                    done.insert(change.key.to_string());
                } else {
                    unchanged(name.clone(), before)?;
                }
            }
            Action::Replace { before_key, before, .. } => {
                unchanged(before_key.name.clone(), before.live())?;
                names.remove(&before_key.name);
                names.insert(name);
            }
            Action::Delete { before } => {
                if names.remove(name) {
                    unchanged(name.clone(), before.live())?;
                }
            }
            Action::Release { .. } => {}
        }
    }
    no_pair_twice(observed, changes)?;
    if names.len() > CREDENTIALS_PER_IDENTITY {
        let count = names.len();
        return Err(format!("it would hold {count}/{CREDENTIALS_PER_IDENTITY} credentials"));
    }
    Ok(done)
}

/// Azure takes each issuer and subject once for an identity.
fn no_pair_twice(
    observed: &[LiveFederatedCredential],
    changes: &[&Change<FederatedCredentials>],
) -> Result<(), String> {
    let written: BTreeSet<_> = changes
        .iter()
        .flat_map(|change| match &change.action {
            Action::Replace { before_key, .. } => vec![&change.key.name, &before_key.name],
            Action::Create { .. }
            | Action::Update { .. }
            | Action::Adopt { .. }
            | Action::Release { .. }
            | Action::Delete { .. } => vec![&change.key.name],
        })
        .collect();
    let others = observed.iter().filter(|live| !written.contains(&live.name));
    for live in others {
        let taken = changes.iter().any(|change| match &change.action {
            Action::Create { after }
            | Action::Update { after, .. }
            | Action::Adopt { after, .. }
            | Action::Replace { after, .. } => has_pair(live, after),
            Action::Release { .. } | Action::Delete { .. } => false,
        });
        if taken {
            return Err(format!("`{}` trusts the same subject by now", live.name));
        }
    }
    Ok(())
}

fn has_pair(live: &LiveFederatedCredential, after: &FederatedCredential) -> bool {
    live.issuer == after.issuer && live.subject.as_ref() == Some(&after.subject)
}

fn is(live: &LiveFederatedCredential, after: &FederatedCredential) -> bool {
    has_pair(live, after) && live.audiences == [after.audience.clone()]
}
