//! Stories of whole applies.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::changes::{
    credential, delete_credential, identity, rename_credential, role, role_assignment,
    role_assignment_call, service_account, workload,
};
use super::world::{CALL, Fault, World, options};
use crate::apply::error::ChangeError;
use crate::apply::execute::{Options, execute};
use crate::apply::outcome::Outcome;
use crate::event::{Ended, Event};
use crate::model::awaited::IdentityOutputs;
use crate::plan::change::AnyChange;
use crate::ports::error::PortErrorKind;

const PUT_IDENTITY: &str = "put azure/identity/id-a";
const PUT_CREDENTIAL: &str = "put azure/federated-credential/id-a/fc-a";

fn ends(outcome: &Outcome) -> Vec<Ended> {
    outcome.changes.iter().map(|change| change.ended).collect()
}

fn errors(outcome: &Outcome) -> Vec<String> {
    let errors = outcome.changes.iter().filter_map(|change| change.error.as_ref());
    errors.map(ChangeError::in_full).collect()
}

fn refused() -> Fault {
    Fault::Refuse(PortErrorKind::Refused { action: None, scope: None })
}

fn position(log: &[String], call: &str) -> usize {
    log.iter().position(|other| other == call).expect(call)
}

fn count(log: &[String], call: &str) -> usize {
    log.iter().filter(|other| *other == call).count()
}

#[tokio::test(start_paused = true)]
async fn a_new_workload_is_made_in_order_with_the_ids_of_the_answers() {
    let world = World::new();
    let outcome = world.apply(&workload("id-a", "a")).await;
    assert!(outcome.is_complete(), "{:?}", errors(&outcome));
    let log = world.log();
    let account = position(&log, "put weu/service-account/data/a");
    assert_eq!(account, log.len() - 1, "{log:#?}");
    assert!(position(&log, PUT_IDENTITY) < position(&log, PUT_CREDENTIAL));
    assert!(!outcome.interrupted);
    assert_eq!(outcome.counts().added, 7);
}

#[tokio::test(start_paused = true)]
async fn credentials_of_one_identity_never_overlap_and_those_of_others_run_side_by_side() {
    let world = World::new();
    let on = |identity: &'static str| {
        ["a", "b", "c", "d", "e"].map(|account| credential(identity, account))
    };
    let changes: Vec<AnyChange> = ["id-a", "id-b", "id-c"].into_iter().flat_map(on).collect();
    let began = Instant::now();
    assert!(world.apply(&changes).await.is_complete());
    assert_eq!(world.overlaps(), Vec::<String>::new());
    assert_eq!(world.widest(), 3);
    assert!(began.elapsed() < CALL * 6, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn deletes_come_first_on_an_identity() {
    let world = World::new();
    let changes = [credential("id-a", "new"), delete_credential("id-a", "old")];
    world.apply(&changes).await;
    let expected = [
        "delete azure/federated-credential/id-a/fc-old",
        "put azure/federated-credential/id-a/fc-new",
    ];
    assert_eq!(world.log(), expected);
}

#[tokio::test(start_paused = true)]
async fn no_more_changes_are_under_way_than_asked_for() {
    let world = World::new();
    let changes: Vec<AnyChange> = (0..20).map(|n| role(&format!("role-{n}"))).collect();
    let (_sender, interrupted) = watch::channel(false);
    let options = Options { parallelism: 4, ..options(interrupted) };
    assert!(world.apply_with(&changes, &options).await.is_complete());
    assert_eq!(world.widest(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_failed_identity_skips_what_needs_it_and_nothing_else() {
    let world = World::new();
    world.fail(PUT_IDENTITY, [refused()]);
    let changes = [workload("id-a", "a"), vec![identity("id-b")]].concat();
    let outcome = world.apply(&changes).await;
    let (done, failed, skipped) = (Ended::Done, Ended::Failed, Ended::Skipped);
    assert_eq!(ends(&outcome), [failed, skipped, skipped, done, done, done, skipped, done]);
    insta::assert_snapshot!(errors(&outcome).join("\n"), @r"
    could not put azure/identity/id-a: Azure Resource Manager failed
    it needs `azure/identity/id-a`, which did not succeed
    it needs `azure/identity/id-a`, which did not succeed
    it needs `azure/identity/id-a`, which did not succeed
    ");
}

#[tokio::test(start_paused = true)]
async fn an_account_is_left_alone_when_nobody_trusts_it_but_not_when_a_role_is_missing() {
    let world = World::new();
    world.fail(PUT_CREDENTIAL, [refused()]);
    world.fail(&role_assignment_call("id-b"), [refused()]);
    let changes = [
        role_assignment("id-b", false),
        credential("id-a", "a"),
        credential("id-b", "b"),
        service_account("a", "id-a", false),
        service_account("b", "id-b", false),
    ];
    let (done, failed, skipped) = (Ended::Done, Ended::Failed, Ended::Skipped);
    let outcome = world.apply(&changes).await;
    assert_eq!(ends(&outcome), [failed, failed, done, skipped, done]);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_existed_at_its_creation_is_no_success_unless_an_answer_was_lost() {
    let changes = [credential("id-a", "a"), service_account("a", "id-a", false)];
    let world = World::new();
    world.put_already("azure/federated-credential/id-a/fc-a");
    let outcome = world.apply(&changes).await;
    assert_eq!(ends(&outcome), [Ended::Failed, Ended::Skipped]);
    assert_eq!(world.log(), [PUT_CREDENTIAL]);

    let world = World::new();
    world.put_already("azure/federated-credential/id-a/fc-a");
    world.fail(PUT_CREDENTIAL, [Fault::LoseRequest]);
    assert!(world.apply(&changes).await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_read_back_before_anything_is_written_again() {
    let world = World::new();
    world.fail(PUT_IDENTITY, [Fault::LoseAnswer]);
    let outcome = world.apply(&workload("id-a", "a")).await;
    assert!(outcome.is_complete(), "{:?}", errors(&outcome));
    let log = world.log();
    assert_eq!(count(&log, PUT_IDENTITY), 1, "{log:#?}");
    assert_eq!(count(&log, "get azure/identity/id-a"), 1, "{log:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_read_back_that_fails_is_tried_again() {
    let world = World::new();
    world.fail(PUT_IDENTITY, [Fault::LoseAnswer]);
    world.fail("get azure/identity/id-a", [Fault::LoseRequest]);
    assert!(world.apply(&[identity("id-a")]).await.is_complete());
    let log = world.log();
    assert_eq!(count(&log, PUT_IDENTITY), 1, "{log:#?}");
    assert_eq!(count(&log, "get azure/identity/id-a"), 2, "{log:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_written_again_but_not_for_ever() {
    let world = World::new();
    world.fail(PUT_IDENTITY, [Fault::LoseRequest]);
    assert!(world.apply(&[identity("id-a")]).await.is_complete());
    assert_eq!(count(&world.log(), PUT_IDENTITY), 2);

    let world = World::new();
    world.fail(PUT_IDENTITY, vec![Fault::LoseRequest; 9]);
    let outcome = world.apply(&[identity("id-a")]).await;
    assert_eq!(ends(&outcome), [Ended::Failed]);
    assert_eq!(count(&world.log(), PUT_IDENTITY), 4);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_cannot_be_read_back_is_unproven_and_stops_its_dependants() {
    let world = World::new();
    world.fail(PUT_IDENTITY, [Fault::LoseAnswer]);
    world.fail("get azure/identity/id-a", vec![Fault::LoseRequest; 9]);
    let outcome = world.apply(&[identity("id-a"), credential("id-a", "a")]).await;
    assert_eq!(ends(&outcome), [Ended::Unproven, Ended::Skipped]);
    assert!(outcome.wrote_something());
    insta::assert_snapshot!(errors(&outcome).join("\n"), @r"
    whether it was written is not known; run again to find out: could not put azure/identity/id-a: Azure Resource Manager broke the connection before its answer was complete
    it needs `azure/identity/id-a`, which did not succeed
    ");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_change_leaves_the_others_to_be_done() {
    let world = World::new();
    world.fail(PUT_IDENTITY, [Fault::Panic]);
    let account = "put weu/service-account/data/b";
    world.fail(account, [Fault::Panic]);
    let changes = [
        identity("id-a"),
        credential("id-a", "a"),
        identity("id-b"),
        service_account("b", "id-b", true),
    ];
    let outcome = world.apply(&changes).await;
    let (unproven, skipped) = (Ended::Unproven, Ended::Skipped);
    assert_eq!(ends(&outcome), [unproven, skipped, Ended::Done, unproven]);
    assert!(!outcome.is_complete() && outcome.wrote_something());
    insta::assert_snapshot!(errors(&outcome).join("\n"), @r"
    whether it was written is not known; run again to find out: could not create azure/identity/id-a: Azure Resource Manager was asked; internal error: a bug in widctl: index out of bounds: the len is 0 but the index is 0
    it needs `azure/identity/id-a`, which did not succeed
    whether it was written is not known; run again to find out: could not create weu/service-account/data/b: cluster `weu` was asked; internal error: a bug in widctl: index out of bounds: the len is 0 but the index is 0
    ");
}

#[tokio::test(start_paused = true)]
async fn a_new_parent_that_is_not_known_yet_is_waited_for_within_the_budget() {
    let missing = Fault::Refuse(PortErrorKind::ParentNotFound);
    let changes = [identity("id-a"), credential("id-a", "a")];
    let world = World::new();
    world.fail(PUT_CREDENTIAL, vec![missing.clone(); 2]);
    assert!(world.apply(&changes).await.is_complete());
    assert_eq!(world.pauses().len(), 2);

    let world = World::new();
    world.fail(PUT_CREDENTIAL, vec![missing.clone(); 99]);
    let began = Instant::now();
    let outcome = world.apply(&changes).await;
    assert_eq!(ends(&outcome), [Ended::Done, Ended::Failed]);
    let waited = began.elapsed().as_secs();
    assert!((90..=121).contains(&waited), "{waited}");

    let world = World::new();
    world.fail(PUT_CREDENTIAL, [missing]);
    let outcome = world.apply(&[credential("id-a", "a")]).await;
    assert_eq!(ends(&outcome), [Ended::Failed], "an old parent is not waited for");
    assert!(world.pauses().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_new_principal_is_waited_for_five_minutes() {
    let world = World::new();
    let missing = Fault::Refuse(PortErrorKind::PrincipalNotFound);
    world.fail(&role_assignment_call("id-a"), vec![missing; 99]);
    let began = Instant::now();
    let outcome = world.apply(&[identity("id-a"), role_assignment("id-a", true)]).await;
    assert_eq!(ends(&outcome), [Ended::Done, Ended::Failed]);
    let waited = began.elapsed().as_secs();
    assert!((270..=301).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn pauses_are_the_same_for_the_same_seed() {
    let pauses = async |seed| {
        let world = World::new();
        world.fail(PUT_CREDENTIAL, vec![Fault::Refuse(PortErrorKind::ParentNotFound); 5]);
        let (_sender, interrupted) = watch::channel(false);
        let options = Options { seed, ..options(interrupted) };
        let changes = [identity("id-a"), credential("id-a", "a")];
        world.apply_with(&changes, &options).await;
        world.pauses()
    };
    assert_eq!(pauses(1).await, pauses(1).await);
    assert_ne!(pauses(1).await, pauses(2).await);
}

#[tokio::test(start_paused = true)]
async fn an_equal_role_assignment_under_another_name_is_enough() {
    let world = World::new();
    let exists = Fault::Refuse(PortErrorKind::RoleAssignmentExists);
    world.fail(&role_assignment_call("id-a"), [exists]);
    assert!(world.apply(&[role_assignment("id-a", false)]).await.is_complete());
}

#[tokio::test(start_paused = true)]
async fn an_interruption_finishes_what_is_under_way_and_begins_nothing() {
    let world = World::new();
    let changes: Vec<AnyChange> = (0..10).map(|n| role(&format!("role-{n}"))).collect();
    let (sender, interrupted) = watch::channel(false);
    let options = Options { parallelism: 2, ..options(interrupted) };
    let interrupt = async {
        tokio::time::sleep(CALL + CALL / 2).await;
        sender.send(true).unwrap();
    };
    let (outcome, ()) = tokio::join!(world.apply_with(&changes, &options), interrupt);
    assert!(outcome.interrupted);
    let counts = outcome.counts();
    assert_eq!((counts.added, counts.not_started), (4, 6));
    let ended = |event: &&Event| matches!(event, Event::ChangeEnded { .. });
    assert_eq!(world.events().iter().filter(ended).count(), 10);
}

#[tokio::test(start_paused = true)]
async fn an_interruption_cuts_a_pause_short() {
    let world = World::new();
    let missing = Fault::Refuse(PortErrorKind::ParentNotFound);
    world.fail(PUT_CREDENTIAL, vec![missing; 99]);
    let (sender, interrupted) = watch::channel(false);
    let options = options(interrupted);
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        sender.send(true).unwrap();
    };
    let changes = [identity("id-a"), credential("id-a", "a")];
    let began = Instant::now();
    let (outcome, ()) = tokio::join!(world.apply_with(&changes, &options), interrupt);
    assert_eq!(ends(&outcome), [Ended::Done, Ended::Failed]);
    assert!(outcome.interrupted);
    assert!(began.elapsed() < Duration::from_secs(31));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_read_back_at_once_when_the_run_is_interrupted() {
    let world = World::new();
    world.fail(PUT_IDENTITY, [Fault::LoseAnswer]);
    let (sender, interrupted) = watch::channel(false);
    let interrupt = async {
        tokio::time::sleep(CALL / 2).await;
        sender.send(true).unwrap();
    };
    let options = options(interrupted);
    let changes = [identity("id-a"), credential("id-a", "a")];
    let began = Instant::now();
    let (outcome, ()) = tokio::join!(world.apply_with(&changes, &options), interrupt);
    assert_eq!(ends(&outcome), [Ended::Done, Ended::NotStarted]);
    assert!(began.elapsed() < CALL * 3);
}

#[tokio::test(start_paused = true)]
async fn a_replace_deletes_the_old_one_before_it_writes_the_new_one() {
    let world = World::new();
    world.put_already("azure/federated-credential/id-a/manual");
    let outcome = world.apply(&[rename_credential("id-a", "manual", "a")]).await;
    let counts = outcome.counts();
    assert_eq!((counts.added, counts.destroyed), (1, 1));
    let expected = ["delete azure/federated-credential/id-a/manual", PUT_CREDENTIAL];
    assert_eq!(world.log(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_replace_that_fails_halfway_says_exactly_that() {
    let world = World::new();
    world.put_already("azure/federated-credential/id-a/manual");
    world.fail(PUT_CREDENTIAL, [refused()]);
    let outcome = world.apply(&[rename_credential("id-a", "manual", "a")]).await;
    insta::assert_snapshot!(errors(&outcome).join("\n"), @"the old one was deleted, but the new one was not written; run again to write it: could not put azure/federated-credential/id-a/fc-a: Azure Resource Manager failed");
    assert!(!world.has("azure/federated-credential/id-a/manual"));
    assert!(outcome.wrote_something());

    let world = World::new();
    world.fail("delete azure/federated-credential/id-a/manual", [refused()]);
    let outcome = world.apply(&[rename_credential("id-a", "manual", "a")]).await;
    insta::assert_snapshot!(errors(&outcome).join("\n"), @"could not delete azure/federated-credential/id-a/manual: Azure Resource Manager failed");
    assert_eq!(world.log().len(), 1, "without the delete nothing is put");
    assert!(!outcome.wrote_something());

    let world = World::new();
    world.put_already("azure/federated-credential/id-a/fc-a");
    let outcome = world.apply(&[rename_credential("id-a", "manual", "a")]).await;
    insta::assert_snapshot!(errors(&outcome).join("\n"), @"it existed already: somebody made it since it was read, and this write replaced what they wrote");
}

#[tokio::test(start_paused = true)]
async fn a_replace_that_is_killed_between_its_writes_is_finished_by_the_next_run() {
    let world = World::new();
    world.put_already("azure/federated-credential/id-a/manual");
    let changes = [rename_credential("id-a", "manual", "a")];
    let killed = tokio::time::timeout(CALL + CALL / 2, world.apply(&changes)).await;
    assert!(killed.is_err());
    assert!(!world.has("azure/federated-credential/id-a/manual"));
    assert!(!world.has("azure/federated-credential/id-a/fc-a"));
    // The next plan finds neither and creates.
    assert!(world.apply(&[credential("id-a", "a")]).await.is_complete());
    assert!(world.has("azure/federated-credential/id-a/fc-a"));
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_azure_still_counts_after_a_delete_is_waited_for_within_the_budget() {
    let taken = Fault::Refuse(PortErrorKind::PairTaken);
    let changes = [rename_credential("id-a", "manual", "a")];
    let world = World::new();
    world.put_already("azure/federated-credential/id-a/manual");
    world.fail(PUT_CREDENTIAL, vec![taken.clone(); 3]);
    assert!(world.apply(&changes).await.is_complete());
    let delete = "delete azure/federated-credential/id-a/manual";
    assert_eq!(count(&world.log(), delete), 1, "the delete is not done again");
    let reasons = world.reasons();
    assert_eq!(
        reasons,
        vec!["Azure still counts another credential with this issuer and subject"; 3]
    );

    let world = World::new();
    world.put_already("azure/federated-credential/id-a/manual");
    world.fail(PUT_CREDENTIAL, vec![taken; 99]);
    let began = Instant::now();
    let outcome = world.apply(&changes).await;
    assert_eq!(ends(&outcome), [Ended::Failed]);
    let waited = began.elapsed().as_secs();
    assert!((90..=121).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_removal_that_was_not_confirmed_is_repeated() {
    let world = World::new();
    let call = "delete azure/federated-credential/id-a/fc-a";
    world.fail(call, [Fault::LoseAnswer]);
    let changes = [delete_credential("id-a", "a")];
    assert!(world.apply(&changes).await.is_complete());
    assert_eq!(world.log(), [call, call]);

    world.fail(call, vec![Fault::LoseRequest; 9]);
    assert_eq!(ends(&world.apply(&changes).await), [Ended::Unproven]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_stores_fails_its_changes_alone() {
    let world = World::new();
    let mut stores = world.stores();
    stores.clusters.clear();
    let (_sender, interrupted) = watch::channel(false);
    let changes = [identity("id-a"), role("reader")];
    let (known, options) = (IdentityOutputs::new(), options(interrupted));
    let outcome = execute(&changes, &stores, known, &options, &*world).await;
    assert_eq!(ends(&outcome), [Ended::Done, Ended::Failed]);
    insta::assert_snapshot!(errors(&outcome).join("\n"), @"cluster `weu` was not reached");
}
