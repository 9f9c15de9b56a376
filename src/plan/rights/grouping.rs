//! Rights that the caller lacks, put together as they are best given.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::right::{ArmRight, ClusterRight, Right};
use crate::plan::change::AnyChange;
use crate::plan::contents::Plan;

/// What one assignment in Azure, or one rule of a Role, gives.
pub struct Gap<'a> {
    /// The action and the scope; on a cluster the resource, without a verb.
    pub right: Right,
    /// The verbs that are missing on a cluster.
    pub verbs: Vec<&'static str>,
    /// The changes that need it, in the plan's order.
    pub changes: Vec<&'a AnyChange>,
}

/// One gap for each action at a scope, and for each resource in a namespace with all verbs that are missing,
/// sorted. `needed` is what [`super::needed`] answered of the plan.
pub fn gaps<'a>(
    plan: &'a Plan,
    needed: &BTreeMap<Right, Vec<usize>>,
    denied: &BTreeSet<Right>,
) -> Vec<Gap<'a>> {
    let shared = shared(denied);
    let mut gaps: BTreeMap<Right, (Vec<&'static str>, BTreeSet<usize>)> = BTreeMap::new();
    for right in denied {
        let (given, verb) = match right {
            Right::Arm(arm) => (Right::Arm(assignable(arm, &shared)), None),
            Right::Cluster(cluster) => {
                let resource = ClusterRight { verb: "", ..cluster.clone() };
                (Right::Cluster(resource), Some(cluster.verb))
            }
        };
        let (verbs, places) = gaps.entry(given).or_default();
        verbs.extend(verb);
        places.extend(needed.get(right).into_iter().flatten());
    }
    let gaps = gaps.into_iter().map(|(right, (verbs, places))| Gap {
        right,
        verbs,
        changes: places.into_iter().map(|place| &plan.changes[place]).collect(),
    });
    gaps.collect()
}

/// What is missing on several identities of a resource group, as rights on the group.
fn shared(denied: &BTreeSet<Right>) -> BTreeSet<ArmRight> {
    let (mut once, mut shared) = (BTreeSet::new(), BTreeSet::new());
    for right in denied {
        if let Right::Arm(right) = right
            && right.action.starts_with("Microsoft.ManagedIdentity/")
        {
            let on_group = on_group(right);
            if !once.insert(on_group.clone()) {
                shared.insert(on_group);
            }
        }
    }
    shared
}

/// Where a right is best given: what several identities lack, on their group.
fn assignable(right: &ArmRight, shared: &BTreeSet<ArmRight>) -> ArmRight {
    let on_group = on_group(right);
    if shared.contains(&on_group) { on_group } else { right.clone() }
}

fn on_group(right: &ArmRight) -> ArmRight {
    ArmRight { scope: right.scope.enclosing_group(), ..right.clone() }
}
