//! The order of credential writes.

use std::collections::BTreeMap;

use crate::model::kinds::federated_credential::FederatedCredentials;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{Issuer, Subject};
use crate::plan::action::Action;
use crate::plan::change::Change;

/// What an identity takes only once.
type Pair<'a> = (&'a IdentityKey, &'a Issuer, &'a Subject);

/// Deletes come first, for their slots; a write of a pair of issuer and subject comes after the write
/// that frees it, because Azure refuses the same pair twice on one identity.
pub(super) fn free_pairs_first(changes: &mut Vec<Change<FederatedCredentials>>) {
    let freed: BTreeMap<Pair<'_>, usize> = changes
        .iter()
        .enumerate()
        .filter_map(|(index, change)| Some((freed_pair(change)?, index)))
        .collect();
    let rank = |index: usize| -> usize {
        if matches!(changes[index].action, Action::Delete { .. }) {
            return 0;
        }
        let (mut rank, mut at) = (1, index);
        while let Some(next) = written_pair(&changes[at]).and_then(|pair| freed.get(&pair)) {
            // A ring cannot be: whoever starts one takes a pair that nobody held.
            if *next == at || rank > changes.len() {
                break;
            }
            (rank, at) = (rank + 1, *next);
        }
        rank
    };
    let ranks: Vec<usize> = (0..changes.len()).map(rank).collect();
    let mut ranked: Vec<_> = ranks.into_iter().zip(changes.drain(..)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    changes.extend(ranked.into_iter().map(|(_, change)| change));
}

fn written_pair(change: &Change<FederatedCredentials>) -> Option<Pair<'_>> {
    match &change.action {
        Action::Create { after } | Action::Update { after, .. } | Action::Adopt { after, .. } => {
            Some((&change.key.identity, &after.issuer, &after.subject))
        }
        Action::Replace { .. } | Action::Release { .. } | Action::Delete { .. } => None,
    }
}

fn freed_pair(change: &Change<FederatedCredentials>) -> Option<Pair<'_>> {
    let Action::Update { before, after, .. } = &change.action else {
        return None;
    };
    let subject = before.subject.as_ref()?;
    let moved = before.issuer != after.issuer || *subject != after.subject;
    moved.then_some((&change.key.identity, &before.issuer, subject))
}
