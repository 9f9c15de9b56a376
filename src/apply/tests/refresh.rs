//! Stories of plans that waited too long.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use super::changes::{credential, delete_credential, identity, live_trust, rename_credential};
use super::world::{World, options};
use crate::apply::error::ChangeError;
use crate::apply::execute::Options;
use crate::apply::outcome::Outcome;
use crate::apply::refresh::Refresh;
use crate::event::Ended;
use crate::model::arm_id::ArmId;
use crate::model::guid::SubscriptionId;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::kinds::role_assignment::LiveRoleAssignment;
use crate::model::text::RoleName;
use crate::observed::state::{CustomRole, IdentityBinding, ManagedCluster, Permission};
use crate::plan::change::AnyChange;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::{AzureRead, Pages, SignedIn};
use crate::ports::right::ArmRights;

/// Answers lists of credentials and counts them.
#[derive(Default)]
pub(super) struct Lists {
    credentials: Vec<LiveFederatedCredential>,
    failures: Mutex<usize>,
    reads: Mutex<usize>,
}

const NOT_ASKED: &str = "an apply lists credentials and nothing else";

#[async_trait]
impl ArmRights for Lists {
    async fn permissions(&self, _: &ArmId) -> Result<Vec<Permission>, PortError> {
        panic!("{NOT_ASKED}")
    }
}

#[async_trait]
impl AzureRead for Lists {
    async fn credentials(
        &self,
        _: &IdentityKey,
    ) -> Result<Vec<LiveFederatedCredential>, PortError> {
        *self.reads.lock().unwrap() += 1;
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            let kind = PortErrorKind::ServiceFault;
            return Err(PortError::new(kind, Service::Arm, "list credentials"));
        }
        Ok(self.credentials.clone())
    }

    async fn signed_in(&self) -> Result<SignedIn, PortError> {
        panic!("{NOT_ASKED}")
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionId>, PortError> {
        panic!("{NOT_ASKED}")
    }

    fn identity_pages(&self, _: SubscriptionId) -> Pages<'_, LiveIdentity> {
        panic!("{NOT_ASKED}")
    }

    async fn role_assignments(&self, _: &ArmId) -> Result<Vec<LiveRoleAssignment>, PortError> {
        panic!("{NOT_ASKED}")
    }

    async fn role_by_name(&self, _: &ArmId, _: &RoleName) -> Result<Option<CustomRole>, PortError> {
        panic!("{NOT_ASKED}")
    }

    async fn resource_group_exists(&self, _: &ArmId) -> Result<bool, PortError> {
        panic!("{NOT_ASKED}")
    }

    async fn identity_bindings(&self, _: &ArmId) -> Result<Vec<IdentityBinding>, PortError> {
        panic!("{NOT_ASKED}")
    }

    async fn managed_cluster(&self, _: &ArmId) -> Result<Option<ManagedCluster>, PortError> {
        panic!("{NOT_ASKED}")
    }
}

/// Applies changes whose credentials were read this long ago.
async fn apply_after(age: Duration, lists: &Lists, changes: &[AnyChange]) -> Outcome {
    apply_to(&World::new(), age, lists, changes).await
}

async fn apply_to(
    world: &Arc<World>,
    age: Duration,
    lists: &Lists,
    changes: &[AnyChange],
) -> Outcome {
    let read_at = Instant::now();
    tokio::time::sleep(age).await;
    let (_sender, interrupted) = watch::channel(false);
    let refresh = Refresh { azure: lists, read_at };
    let options = Options { refresh: Some(refresh), ..options(interrupted) };
    world.apply_with(changes, &options).await
}

const OLD: Duration = Duration::from_secs(61);

fn errors(outcome: &Outcome) -> String {
    let errors = outcome.changes.iter().filter_map(|change| change.error.as_ref());
    errors.map(ChangeError::in_full).collect::<Vec<_>>().join("\n")
}

async fn verdict(credentials: Vec<LiveFederatedCredential>, changes: &[AnyChange]) -> String {
    let lists = Lists { credentials, ..Lists::default() };
    errors(&apply_after(OLD, &lists, changes).await)
}

#[tokio::test(start_paused = true)]
async fn the_list_is_read_again_once_before_the_first_write_of_an_old_plan() {
    let lists = Lists::default();
    let changes = [credential("id-a", "a"), credential("id-a", "b")];
    assert!(apply_after(OLD, &lists, &changes).await.is_complete());
    assert_eq!(*lists.reads.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_plan_and_a_new_identity_need_no_second_reading() {
    let lists = Lists::default();
    let fresh = Duration::from_secs(59);
    let changes = [credential("id-a", "a")];
    assert!(apply_after(fresh, &lists, &changes).await.is_complete());
    let changes = [identity("id-a"), credential("id-a", "a")];
    assert!(apply_after(OLD, &lists, &changes).await.is_complete());
    assert_eq!(*lists.reads.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_no_longer_fits_fails_every_change_of_its_identity() {
    let lists = Lists { credentials: vec![live_trust("manual", "a")], ..Lists::default() };
    let changes = [credential("id-a", "a"), credential("id-a", "b")];
    let outcome = apply_after(OLD, &lists, &changes).await;
    insta::assert_snapshot!(errors(&outcome), @r"
    the credentials of `azure/identity/id-a` changed since they were read: `manual` trusts the same subject by now
    the credentials of `azure/identity/id-a` changed since they were read: `manual` trusts the same subject by now
    ");
    assert_eq!(*lists.reads.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_fails_one_change_and_is_read_again_for_the_next() {
    let lists = Lists { failures: Mutex::new(1), ..Lists::default() };
    let changes = [credential("id-a", "a"), credential("id-a", "b")];
    let outcome = apply_after(OLD, &lists, &changes).await;
    let ends: Vec<_> = outcome.changes.iter().map(|change| change.ended).collect();
    assert_eq!(ends, [Ended::Failed, Ended::Done]);
}

#[tokio::test(start_paused = true)]
async fn what_was_done_meanwhile_just_as_planned_does_no_harm() {
    let done = vec![live_trust("fc-a", "a")];
    let changes = [credential("id-a", "a"), delete_credential("id-a", "b")];
    assert_eq!(verdict(done, &changes).await, "");
}

#[tokio::test(start_paused = true)]
async fn what_was_done_meanwhile_is_not_written_again() {
    let world = World::new();
    let credentials = vec![live_trust("fc-a", "a"), live_trust("fc-c", "c")];
    let lists = Lists { credentials, ..Lists::default() };
    let changes = [credential("id-a", "a"), credential("id-a", "b"), credential("id-a", "c")];
    assert!(apply_to(&world, OLD, &lists, &changes).await.is_complete());
    assert_eq!(world.log(), ["put azure/federated-credential/id-a/fc-b"]);
}

#[tokio::test(start_paused = true)]
async fn every_way_in_which_a_list_can_change_is_named() {
    let create = [credential("id-a", "a")];
    let taken = vec![live_trust("fc-a", "somebody-else")];
    insta::assert_snapshot!(verdict(taken, &create).await, @"the credentials of `azure/identity/id-a` changed since they were read: `fc-a` exists by now");

    let manual = |n: usize| live_trust(&format!("manual-{n}"), &n.to_string());
    let full = (0..20).map(manual).collect();
    insta::assert_snapshot!(verdict(full, &create).await, @"the credentials of `azure/identity/id-a` changed since they were read: it would hold 21/20 credentials");

    let delete = [delete_credential("id-a", "a")];
    let altered = vec![live_trust("fc-a", "somebody-else")];
    insta::assert_snapshot!(verdict(altered, &delete).await, @"the credentials of `azure/identity/id-a` changed since they were read: `fc-a` is not what it was");

    let rename = [rename_credential("id-a", "manual", "a")];
    insta::assert_snapshot!(verdict(Vec::new(), &rename).await, @"the credentials of `azure/identity/id-a` changed since they were read: `manual` is gone");
    assert_eq!(verdict(vec![live_trust("manual", "a")], &rename).await, "");
}
