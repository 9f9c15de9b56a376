//! Which changes are not tried any more, because Azure has refused the right that they need.
//!
//! A refusal says nothing of another scope: a role can be assigned on one identity or vault. So each scope at which a
//! right can be given is tried once, whatever was refused beside it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::arm_id::ArmId;
use crate::model::awaited::IdentityOutputs;
use crate::model::right::{ArmRight, Right};
use crate::plan::change::AnyChange;

/// How many refusals of one action below one resource group are enough.
const ENOUGH: usize = 5;

/// What was refused so far, and what each change needs.
#[derive(Debug)]
pub(super) struct Refusals {
    /// The rights in Azure that each change needs, by its place in the plan.
    needed: Vec<Vec<ArmRight>>,
    /// By action and resource group, or whatever wider scope the right is needed at.
    tallies: BTreeMap<ArmRight, Tally>,
}

#[derive(Default, Debug)]
struct Tally {
    refused: usize,
    /// The scopes that were refused.
    scopes: BTreeSet<ArmId>,
    allowed: bool,
}

/// A right that was refused too often to try it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Withheld {
    /// The action, and below what it was refused.
    pub right: ArmRight,
    /// How often.
    pub refusals: usize,
}

impl Refusals {
    pub(super) fn new(changes: &[AnyChange], existing: &IdentityOutputs) -> Self {
        let in_azure = |right| match right {
            Right::Arm(right) => Some(right),
            Right::Cluster(_) => None,
        };
        let needed = changes.iter().map(|change| {
            let rights = change.rights(existing).into_iter();
            rights.filter_map(in_azure).collect()
        });
        Self { needed: needed.collect(), tallies: BTreeMap::new() }
    }

    /// Takes note that a change succeeded, and so has every right that it needs; answers whether one of them had been
    /// refused to others.
    pub(super) fn allow(&mut self, index: usize) -> bool {
        let mut is_news = false;
        for right in &self.needed[index] {
            let tally = self.tallies.entry(below_group(right)).or_default();
            is_news |= !tally.allowed && tally.refused > 0;
            tally.allowed = true;
        }
        is_news
    }

    /// Takes note that a change was refused for want of an action.
    pub(super) fn refuse(&mut self, index: usize, action: &str) {
        let refused = self.needed[index].iter();
        for right in refused.filter(|right| right.action.eq_ignore_ascii_case(action)) {
            let tally = self.tallies.entry(below_group(right)).or_default();
            tally.refused += 1;
            tally.scopes.insert(right.scope.clone());
        }
    }

    /// What a change needs that was refused too often, and nowhere allowed.
    pub(super) fn withholding(&self, index: usize) -> Option<Withheld> {
        self.needed[index].iter().find_map(|right| {
            let (below, tally) = self.tallies.get_key_value(&below_group(right))?;
            let enough = tally.refused >= ENOUGH && tally.scopes.contains(&right.scope);
            let refusals = tally.refused;
            (enough && !tally.allowed).then(|| Withheld { right: below.clone(), refusals })
        })
    }
}

fn below_group(right: &ArmRight) -> ArmRight {
    ArmRight { scope: right.scope.enclosing_group(), ..right.clone() }
}
