//! What needs what, and what follows what, read from the relations of the changes.
//!
//! Edges lead along one order of kinds only (identity, credential, role assignment, namespace, role, role binding,
//! deletion of roles, service account), so there can be no cycle. Of what is deleted or released of a team, each kind
//! waits for the ones before it.

use std::collections::BTreeMap;

use super::Schedule;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::TeamName;
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;
use crate::plan::relation::{Point, Removal, Wait};

/// Adds all relations of the changes to the schedule.
pub(super) fn connect(changes: &[AnyChange], schedule: &mut Schedule) {
    let mut offers: BTreeMap<Point<'_>, Vec<usize>> = BTreeMap::new();
    let mut waits = Vec::new();
    // All writes of credentials of an identity: the deletes, then the others.
    let mut queues: BTreeMap<&IdentityKey, [Vec<usize>; 2]> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        let relations = change.relations();
        for point in relations.offers {
            offers.entry(point).or_default().push(index);
        }
        for identity in relations.queues {
            let place = usize::from(change.action() != ActionName::Delete);
            queues.entry(identity).or_default()[place].push(index);
        }
        waits.extend(relations.waits.into_iter().map(|(point, wait)| (index, point, wait)));
    }
    for (index, point, wait) in waits {
        for &earlier in offers.get(&point).into_iter().flatten() {
            let makes = makes(changes[earlier].action());
            let needs = match wait {
                Wait::Inside | Wait::Reference => makes,
                Wait::Need => true,
                Wait::Order => false,
            };
            schedule.nodes[index].new_parent |= wait == Wait::Inside && makes;
            if needs {
                schedule.add_need(index, earlier);
            } else {
                schedule.add_order(index, earlier);
            }
        }
    }
    order_removals(changes, schedule);
    for queue in queues.into_values().map(|queue| queue.concat()) {
        for pair in queue.windows(2) {
            schedule.add_order(pair[1], pair[0]);
        }
    }
}

/// What is taken away of a team goes step by step. The first of a step waits for all of the step before it, and the
/// others wait for the first: so there are no more edges than changes.
fn order_removals(changes: &[AnyChange], schedule: &mut Schedule) {
    let mut steps: BTreeMap<(Option<&TeamName>, Removal), Vec<usize>> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        if let Some(removal) = change.removal() {
            steps.entry((change.team(), removal)).or_default().push(index);
        }
    }
    let steps: Vec<_> = steps.into_iter().collect();
    for pair in steps.windows(2) {
        let [((before, _), earlier), ((team, _), later)] = pair else { continue };
        let [first, others @ ..] = later.as_slice() else { continue };
        if before == team {
            for earlier in earlier {
                schedule.add_order(*first, *earlier);
            }
            for other in others {
                schedule.add_order(*other, *first);
            }
        }
    }
}

/// Whether the resource does not exist, or not under this key, before the change.
fn makes(action: ActionName) -> bool {
    match action {
        ActionName::Create | ActionName::Replace => true,
        ActionName::Update | ActionName::Adopt | ActionName::Release | ActionName::Delete => false,
    }
}
