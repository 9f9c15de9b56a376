//! What a plan says of each thing, by its address.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::State;
use crate::plan::action::ActionName;
use crate::plan::contents::Plan;

/// What a plan says of things that the profile wants, and what it keeps.
pub(super) struct States<'p> {
    wanted: BTreeMap<String, State>,
    kept: BTreeSet<&'p str>,
}

impl<'p> States<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let changes = plan.changes.iter().filter_map(|change| {
            let state = match change.action() {
                ActionName::Create => State::Missing,
                ActionName::Update | ActionName::Replace | ActionName::Adopt => State::Drifting,
                ActionName::Release | ActionName::Delete => return None,
            };
            Some((change.address(), state))
        });
        let mut wanted: BTreeMap<String, State> = changes.collect();
        let unknown = plan.unknown.iter().map(|row| (row.address.clone(), State::Unknown));
        let refused = plan.refused.iter().map(|row| (row.address.clone(), State::Refused));
        let waiting = plan.waiting.iter().map(|row| (row.address.clone(), State::Refused));
        wanted.extend(unknown.chain(waiting).chain(refused));
        let kept = plan.kept.iter().map(|kept| kept.address.as_str()).collect();
        Self { wanted, kept }
    }

    /// Of something that the profile wants: it exists where the plan has nothing to say.
    pub(super) fn of(&self, address: &str) -> State {
        self.wanted.get(address).copied().unwrap_or(State::Exists)
    }

    /// Whether something owned is left over.
    pub(super) fn is_kept(&self, address: &str) -> bool {
        self.kept.contains(address)
    }
}
