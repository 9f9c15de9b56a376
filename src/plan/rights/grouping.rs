//! Rights that the caller lacks, put together as they are best given.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::arm_id::ArmId;
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
    /// The right that closes this gap and the others of the same action in the subscription, or of the same verbs and
    /// resource in the cluster; `None` where there is no other.
    pub shared: Option<Right>,
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
        shared: None,
    });
    let mut gaps: Vec<Gap<'_>> = gaps.collect();
    share(&mut gaps);
    gaps
}

/// Fills in what closes several gaps at once.
fn share(gaps: &mut [Gap<'_>]) {
    let mut alike: BTreeMap<(Right, Vec<&str>), Vec<usize>> = BTreeMap::new();
    for (place, gap) in gaps.iter().enumerate() {
        alike.entry((widest(&gap.right), gap.verbs.clone())).or_default().push(place);
    }
    for ((widest, _), places) in alike.into_iter().filter(|(_, places)| places.len() > 1) {
        let mut groups = places.iter().map(|place| enclosing(&gaps[*place].right));
        let group = groups.next().filter(|first| groups.all(|group| group == *first));
        let shared = group.unwrap_or(widest);
        for place in places {
            gaps[place].shared = Some(shared.clone());
        }
    }
}

/// A right on the whole subscription, or in the whole cluster.
fn widest(right: &Right) -> Right {
    match right {
        Right::Arm(right) => {
            let subscription = right.scope.subscription().map(ArmId::of_subscription);
            let scope = subscription.unwrap_or_else(|| right.scope.clone());
            Right::Arm(ArmRight { scope, ..right.clone() })
        }
        Right::Cluster(right) => Right::Cluster(ClusterRight { namespace: None, ..right.clone() }),
    }
}

/// A right on the resource group; on a cluster itself.
fn enclosing(right: &Right) -> Right {
    match right {
        Right::Arm(right) => Right::Arm(on_group(right)),
        Right::Cluster(_) => right.clone(),
    }
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
