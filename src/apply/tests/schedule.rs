//! Properties of the schedule.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::changes::{
    credential, delete_binding, delete_credential, delete_role, identity, namespace, namespace_on,
    rename_credential, role, role_assignment, role_binding, service_account, workload,
};
use crate::apply::estimate::estimate;
use crate::apply::schedule::Schedule;
use crate::model::awaited::IdentityOutputs;
use crate::plan::action::ActionName;
use crate::plan::change::AnyChange;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Any mix of changes, at most one for each address, in any order.
fn any_changes() -> impl Strategy<Value = Vec<AnyChange>> {
    let of = |name: &'static str| {
        let other = if name == "a" { "b" } else { "a" };
        vec![
            identity(name),
            role_assignment(name, true),
            credential(name, name),
            credential(name, other),
            delete_credential(name, "gone"),
            rename_credential(name, "manual", "renamed"),
            role(name),
            role_binding(name, name),
            delete_role(other),
            delete_binding(other),
            service_account(name, name, true),
        ]
    };
    let all: Vec<AnyChange> = NAMES.into_iter().flat_map(of).chain([namespace()]).collect();
    let count = all.len();
    (Just(all).prop_shuffle(), 0..=count).prop_map(|(all, count)| {
        let mut seen = BTreeSet::new();
        let fresh = |change: &AnyChange| seen.insert(change.address());
        all.into_iter().take(count).filter(fresh).collect()
    })
}

/// Whether `change` cannot do without `other`, told independently of the schedule.
fn needs(change: &AnyChange, other: &AnyChange) -> bool {
    let makes = matches!(other.action(), ActionName::Create | ActionName::Replace);
    let goes = change.action() == ActionName::Delete;
    let (one, two) = (change.address(), other.address());
    let parts: Vec<&str> = one.split('/').collect();
    makes
        && match (parts[1], two.split('/').collect::<Vec<_>>().as_slice()) {
            ("role-assignment" | "federated-credential", ["azure", "identity", name]) => {
                parts[2] == *name
            }
            ("service-account", ["azure", "identity", name]) => parts[3] == *name,
            ("service-account", ["azure", "federated-credential", _, name]) => {
                format!("fc-{}", parts[3]) == *name
            }
            ("role-binding", [_, "role", _, name]) => !goes && parts[3] == *name,
            ("role" | "role-binding" | "service-account", [_, "namespace", _]) => !goes,
            _ => false,
        }
}

/// The identity in whose queue a change stands.
fn queue(change: &AnyChange) -> Option<String> {
    let address = change.address();
    let rest = address.strip_prefix("azure/federated-credential/")?;
    rest.split('/').next().map(str::to_owned)
}

/// Everything that needs a change, directly or not.
fn dependants(changes: &[AnyChange], failed: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    loop {
        let missing: Vec<usize> = found.iter().copied().chain([failed]).collect();
        let more: Vec<usize> = (0..changes.len())
            .filter(|index| !found.contains(index))
            .filter(|index| missing.iter().any(|other| needs(&changes[*index], &changes[*other])))
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// What must hold when a change is handed out.
fn may_begin(
    changes: &[AnyChange],
    index: usize,
    under_way: &[usize],
    succeeded: &BTreeSet<usize>,
    ended: &BTreeSet<usize>,
) -> Result<(), TestCaseError> {
    let change = &changes[index];
    prop_assert!(!ended.contains(&index) && !under_way.contains(&index));
    for (earlier, other) in changes.iter().enumerate() {
        prop_assert!(
            !needs(change, other) || succeeded.contains(&earlier),
            "{change} before {other}"
        );
        let same_queue = queue(change).is_some() && queue(change) == queue(other);
        prop_assert!(!same_queue || !under_way.contains(&earlier), "{change} beside {other}");
        let delete_is_open = other.action() == ActionName::Delete && !ended.contains(&earlier);
        prop_assert!(
            !(same_queue && delete_is_open) || change.action() == ActionName::Delete,
            "{change} before {other}"
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_order_respects_needs_and_queues_and_a_failure_skips_exactly_its_dependants(
        changes in any_changes(),
        picks in proptest::collection::vec((any::<bool>(), any::<u8>(), 0_u8..4), 100),
    ) {
        let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
        let mut under_way = Vec::new();
        let (mut succeeded, mut ended) = (BTreeSet::new(), BTreeSet::new());
        for (take, pick, luck) in picks.into_iter().cycle() {
            let take = take || under_way.is_empty();
            if let Some(index) = take.then(|| schedule.take_ready(32)).flatten() {
                may_begin(&changes, index, &under_way, &succeeded, &ended)?;
                under_way.push(index);
                continue;
            }
            if under_way.is_empty() {
                break;
            }
            let index = under_way.swap_remove(usize::from(pick) % under_way.len());
            let lucky = luck > 0;
            let skipped: BTreeSet<usize> = schedule.finish(index, lucky).into_iter().collect();
            let mut expected = BTreeSet::new();
            if lucky {
                succeeded.insert(index);
            } else {
                expected = dependants(&changes, index).difference(&ended).copied().collect();
            }
            prop_assert_eq!(&skipped, &expected);
            ended.insert(index);
            ended.extend(skipped);
        }
        prop_assert_eq!(ended.len(), changes.len(), "nothing is left behind");
        prop_assert!(schedule.waiting().is_empty());
    }
}

#[test]
fn an_account_waits_for_the_roles_of_the_identity_that_it_names_by_a_known_id() {
    let changes = [service_account("a", "a", false), role_assignment("a", false)];
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    assert_eq!(schedule.take_ready(32), Some(1));
    assert_eq!(schedule.take_ready(32), None);
    assert_eq!(schedule.finish(1, false), Vec::<usize>::new());
    assert_eq!(schedule.take_ready(32), Some(0));
}

#[test]
fn a_role_goes_after_the_binding_to_it() {
    let changes = [delete_role("a"), delete_binding("a")];
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    assert_eq!(schedule.take_ready(32), Some(1));
    assert_eq!(schedule.take_ready(32), None);
}

#[test]
fn changes_without_relations_come_in_the_plans_order() {
    let changes = ["x", "b", "m"].map(identity);
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    let order: Vec<_> = std::iter::from_fn(|| schedule.take_ready(32)).collect();
    assert_eq!(order, [0, 1, 2]);
}

#[test]
fn the_longest_chain_goes_first() {
    let changes = [
        credential("a", "one"),
        identity("m"),
        credential("b", "two"),
        credential("b", "three"),
        credential("m", "four"),
        service_account("four", "m", true),
    ];
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    assert_eq!(schedule.take_ready(1), Some(1), "two changes wait for it");
    schedule.finish(1, true);
    let rest = std::iter::from_fn(|| {
        let next = schedule.take_ready(1)?;
        schedule.finish(next, true);
        Some(next)
    });
    assert_eq!(rest.collect::<Vec<_>>(), [2, 4, 0, 3, 5]);
}

#[test]
fn what_one_limit_holds_back_does_not_keep_the_others_waiting() {
    let [one, two, three] = ["x", "b", "m"].map(identity);
    let changes = [one, two, three, namespace(), role_assignment("a", false)];
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    let begun: Vec<_> = std::iter::from_fn(|| schedule.take_ready(2)).collect();
    assert_eq!(begun, [0, 1, 3, 4], "the third identity waits for a place");
    schedule.finish(4, true);
    assert_eq!(schedule.take_ready(2), None);
    schedule.finish(1, true);
    assert_eq!(schedule.take_ready(2), Some(2));
}

#[test]
fn a_slow_cluster_does_not_keep_the_others_waiting() {
    let changes = ["weu", "neu"].map(namespace_on);
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    let begun: Vec<_> = std::iter::from_fn(|| schedule.take_ready(1)).collect();
    assert_eq!(begun, [0, 1]);
}

#[test]
fn deletes_have_a_limit_of_their_own_in_azure_and_share_it_on_a_cluster() {
    let begun = |changes: [AnyChange; 2], window| {
        let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
        std::iter::from_fn(|| schedule.take_ready(window)).count()
    };
    assert_eq!(begun([credential("a", "x"), delete_credential("b", "gone")], 1), 2);
    assert_eq!(begun([credential("a", "x"), credential("b", "x")], 1), 1);
    assert_eq!(begun([role("a"), delete_role("b")], 1), 1);
    assert_eq!(begun([role("a"), delete_role("b")], 2), 2);
}

#[test]
fn an_apply_of_a_hundred_teams_takes_as_long_as_azure_makes_it() {
    let team = |n: usize| workload(&format!("id-{n}"), &format!("worker-{n}"));
    let changes: Vec<AnyChange> = (0..100).flat_map(team).collect();
    assert_eq!(estimate(&changes).as_millis(), 99_500);
    let credentials: Vec<_> = (0..20).map(|n| credential("id-a", &n.to_string())).collect();
    assert_eq!(estimate(&credentials).as_secs(), 76);
    assert_eq!(estimate(&workload("id-a", "worker")).as_millis(), 500);
}
