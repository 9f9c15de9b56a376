//! When a right counts as missing, and what is not tried for that.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tokio::sync::watch;

use super::changes::{credential, identity, key, namespace, output, role_assignment};
use super::world::{Fault, World, options};
use crate::apply::cause;
use crate::apply::error::ChangeError;
use crate::apply::execute::execute;
use crate::apply::outcome::Outcome;
use crate::apply::schedule::Schedule;
use crate::event::Ended;
use crate::model::awaited::IdentityOutputs;
use crate::model::right::Right;
use crate::plan::change::AnyChange;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::{AzurePlace, Place};
use crate::ports::remedy::catalogue::MISSING_RIGHT;

const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/write";
const CREDENTIAL: &str =
    "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write";
const GROUP: &str =
    "/subscriptions/00000000-0000-0000-0000-000000000005/resourceGroups/rg-workload-identity";

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("id-{number}")).collect()
}

/// Refuses one after another for want of this action; answers how many were handed out.
fn refused(schedule: &mut Schedule, action: &str) -> usize {
    let tried = std::iter::from_fn(|| {
        let index = schedule.take_ready(1)?;
        schedule.refuse(index, action);
        schedule.finish(index, false);
        Some(index)
    });
    tried.count()
}

#[test]
fn after_five_refusals_below_a_resource_group_the_rest_there_is_not_tried() {
    let changes: Vec<AnyChange> = names(8).iter().map(|name| identity(name)).collect();
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    assert_eq!(refused(&mut schedule, &IDENTITY.to_uppercase()), 5, "Azure answers in any case");
    let withheld = schedule.withheld();
    assert_eq!(withheld.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [5, 6, 7]);
    assert_eq!(withheld[0].1.refusals, 5);
    assert_eq!(withheld[0].1.right.scope.as_str(), GROUP);
    assert_eq!(schedule.waiting(), [5, 6, 7]);
    // Another action says nothing of this one.
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    assert_eq!(refused(&mut schedule, CREDENTIAL), 8);
}

#[test]
fn a_success_there_lets_all_be_tried() {
    let changes: Vec<AnyChange> = names(9).iter().map(|name| identity(name)).collect();
    let mut schedule = Schedule::new(&changes, &IdentityOutputs::new());
    let begun: Vec<usize> = std::iter::from_fn(|| schedule.take_ready(6)).collect();
    for index in &begun[..5] {
        schedule.refuse(*index, IDENTITY);
        schedule.finish(*index, false);
    }
    assert_eq!(schedule.take_ready(6), None);
    assert_eq!(schedule.withheld().len(), 3);
    schedule.finish(begun[5], true);
    assert!(schedule.withheld().is_empty());
    assert_eq!(refused(&mut schedule, IDENTITY), 3);
}

#[test]
fn an_identity_that_exists_is_tried_once_whatever_was_refused_beside_it() {
    let existing: IdentityOutputs = names(7).iter().map(|name| (key(name), output(name))).collect();
    let on = |name: &String| ["a", "b", "c"].map(|account| credential(name, account));
    let changes: Vec<AnyChange> = names(7).iter().flat_map(on).collect();
    let mut schedule = Schedule::new(&changes, &existing);
    let mut tried = Vec::new();
    while let Some(index) = schedule.take_ready(1) {
        tried.push(changes[index].identity().unwrap().name().to_owned());
        schedule.refuse(index, CREDENTIAL);
        schedule.finish(index, false);
    }
    assert_eq!(tried.iter().collect::<BTreeSet<_>>().len(), 7, "each can have a role of its own");
    assert!(tried.len() < 12, "{tried:?}");
}

proptest! {
    /// The caller may write what `allowed` says, identity by identity: what an apply writes is what it would write
    /// if it tried everything.
    #[test]
    fn nothing_that_is_allowed_is_left_unwritten(
        count in 1_usize..12,
        allowed in proptest::collection::vec(any::<bool>(), 12),
        exist in proptest::collection::vec(any::<bool>(), 12),
        window in 1_usize..6,
        picks in proptest::collection::vec(any::<u8>(), 40),
    ) {
        let names = names(count);
        let existing: IdentityOutputs = (names.iter().zip(&exist))
            .filter(|(_, exists)| **exists)
            .map(|(name, _)| (key(name), output(name)))
            .collect();
        // What does not exist has no scope of its own: there the first answers for all.
        let allows = |name: &str| {
            let place = names.iter().position(|other| other == name).unwrap();
            if exist[place] { allowed[place] } else { allowed[0] }
        };
        let on = |name: &String| ["a", "b", "c"].map(|account| credential(name, account));
        let changes: Vec<AnyChange> = names.iter().flat_map(on).collect();
        let name = |index: usize| changes[index].identity().unwrap().name();
        let mut schedule = Schedule::new(&changes, &existing);
        let (mut under_way, mut written) = (Vec::new(), BTreeSet::new());
        for pick in picks.into_iter().cycle() {
            while let Some(index) = schedule.take_ready(window) {
                under_way.push(index);
            }
            if under_way.is_empty() {
                break;
            }
            let index = under_way.swap_remove(usize::from(pick) % under_way.len());
            let is_allowed = allows(name(index));
            if is_allowed {
                written.insert(index);
            } else {
                schedule.refuse(index, CREDENTIAL);
            }
            schedule.finish(index, is_allowed);
        }
        let expected = (0..changes.len()).filter(|index| allows(name(*index)));
        prop_assert_eq!(written, expected.collect::<BTreeSet<_>>());
    }
}

#[test]
fn a_change_needs_what_the_preflight_asks_for() {
    let rights = identity("id-a").rights(&IdentityOutputs::new());
    let [Right::Arm(right)] = &rights[..] else { panic!("{rights:?}") };
    assert_eq!((right.action, right.scope.as_str()), (IDENTITY, GROUP));
}

async fn apply(world: &std::sync::Arc<World>, changes: &[AnyChange]) -> Outcome {
    let (_sender, interrupted) = watch::channel(false);
    let options = crate::apply::execute::Options { parallelism: 1, ..options(interrupted) };
    execute(changes, &world.stores(), IdentityOutputs::new(), &options, &**world).await
}

fn missing(action: &str) -> Fault {
    let scope = format!("{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id");
    Fault::Refuse(PortErrorKind::Refused { action: Some(action.to_owned()), scope: Some(scope) })
}

#[tokio::test(start_paused = true)]
async fn what_is_not_tried_is_not_started_and_what_needs_it_is_skipped() {
    let world = World::new();
    let mut changes = vec![namespace()];
    for name in names(8) {
        world.fail(&format!("put azure/identity/{name}"), [missing(IDENTITY)]);
        changes.push(identity(&name));
        changes.push(role_assignment(&name, true));
    }
    let outcome = apply(&world, &changes).await;
    let counts = outcome.counts();
    assert_eq!((counts.added, counts.failed, counts.not_started, counts.skipped), (1, 5, 3, 8));
    let writes = world.log().iter().filter(|call| call.starts_with("put azure/")).count();
    assert_eq!(writes, 5);
    let left = outcome.changes.iter().find(|change| change.ended == Ended::NotStarted).unwrap();
    assert_eq!(
        left.error.as_ref().map(ChangeError::in_full).unwrap(),
        format!(
            "it was not tried: Azure refused `{IDENTITY}` 5 times below `{GROUP}` and allowed it nowhere there"
        )
    );
    assert!(!outcome.interrupted);

    let groups = cause::groups(&outcome);
    assert_eq!(groups.len(), 1, "{groups:#?}");
    let sizes = [&groups[0].failed, &groups[0].withheld, &groups[0].skipped].map(Vec::len);
    assert_eq!(sizes, [5, 3, 8]);
    assert_eq!(groups[0].cause.refused, Some(format!("{IDENTITY} below {GROUP}")));
}

#[test]
fn a_refusal_by_a_condition_on_a_role_says_nothing_of_the_next_write() {
    let refusal = |conditional: bool, code: &str| {
        let kind = PortErrorKind::Refused { action: Some(IDENTITY.to_owned()), scope: None };
        let mut error = PortError::new(kind, Service::Arm, "create it");
        error.code = Some(code.to_owned());
        error.place =
            Some(Box::new(Place::Azure(AzurePlace { conditional, ..AzurePlace::default() })));
        let error = ChangeError::from(error);
        error.missing_action().is_some()
    };
    assert!(refusal(false, MISSING_RIGHT));
    assert!(!refusal(true, MISSING_RIGHT));
    assert!(!refusal(false, "LinkedAuthorizationFailed"));
}
