//! Stories of identities that others wrote after the plan read them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use tokio::time::Instant;

use super::changes::{change, credential, key, output, role_assignment, service_account};
use super::refresh::Lists;
use super::world::{World, options};
use crate::apply::error::ChangeError;
use crate::apply::execute::{Options, execute};
use crate::apply::outcome::Outcome;
use crate::apply::refresh::Refresh;
use crate::event::Ended;
use crate::model::awaited::IdentityOutputs;
use crate::model::guid::ClientId;
use crate::model::kinds::identity::{Identities, Identity, IdentityKey, LiveIdentity, Tags};
use crate::model::location::Location;
use crate::plan::action::{Action, Force};
use crate::plan::change::AnyChange;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::store::{Put, Store, WriteMode};

/// The identity `id-a` as Azure has it: every write replaces all tags.
#[derive(Default)]
struct Azure {
    live: Mutex<Option<LiveIdentity>>,
    sent: Mutex<Vec<&'static str>>,
    /// The answer to the next write is lost.
    loses: Mutex<bool>,
    /// The next reading shows nothing, as a replica does that lags behind.
    lags: Mutex<bool>,
    /// What a policy makes of every write.
    policy: Option<(&'static str, &'static str)>,
}

impl Azure {
    fn with(tags: &[(&str, &str)]) -> Self {
        Self { live: Mutex::new(Some(live(tags))), ..Self::default() }
    }

    fn sent(&self) -> Vec<&'static str> {
        self.sent.lock().unwrap().clone()
    }

    fn tags(&self) -> Option<Tags> {
        self.live.lock().unwrap().as_ref().map(|live| live.tags.clone())
    }
}

#[async_trait]
impl Store<Identities> for Azure {
    async fn put(
        &self,
        _: &IdentityKey,
        write: &Identity,
        _: WriteMode,
    ) -> Result<Put<LiveIdentity>, PortError> {
        self.sent.lock().unwrap().push("put");
        let mut written = LiveIdentity { tags: write.tags.clone(), ..live(&[]) };
        written.tags.extend(self.policy.map(|(name, value)| (name.into(), value.into())));
        let existed = self.live.lock().unwrap().replace(written.clone()).is_some();
        if std::mem::take(&mut *self.loses.lock().unwrap()) {
            return Err(PortError::new(PortErrorKind::AnswerLost, Service::Arm, "put"));
        }
        Ok(Put { live: written, existed })
    }

    async fn get(&self, _: &IdentityKey, _: &Identity) -> Result<Option<LiveIdentity>, PortError> {
        self.sent.lock().unwrap().push("get");
        let live = self.live.lock().unwrap().clone();
        Ok(live.filter(|_| !std::mem::take(&mut *self.lags.lock().unwrap())))
    }

    fn is_written(&self, live: &LiveIdentity, written: &Identity) -> bool {
        written.tags.iter().all(|(name, value)| live.tags.get(name) == Some(value))
    }

    async fn delete(
        &self,
        _: &IdentityKey,
        _: &LiveIdentity,
        never: Infallible,
    ) -> Result<(), PortError> {
        match never {}
    }

    async fn release(&self, _: &IdentityKey, _: &LiveIdentity, (): ()) -> Result<(), PortError> {
        panic!("nothing here is released")
    }
}

fn tags(tags: &[(&str, &str)]) -> Tags {
    tags.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn live(with: &[(&str, &str)]) -> LiveIdentity {
    let output = output("id-a");
    LiveIdentity {
        id: key("id-a").id().clone(),
        client_id: output.client_id,
        principal_id: output.principal_id,
        tenant_id: output.tenant_id,
        location: Location::new("westeurope"),
        tags: tags(with),
    }
}

fn planned(with: &[(&str, &str)]) -> Arc<Identity> {
    Arc::new(Identity { location: Location::new("westeurope"), tags: tags(with) })
}

const OURS: (&str, &str) = ("widctl-estate", "contoso");
const THEIRS: (&str, &str) = ("widctl-estate", "fabrikam");

fn create() -> AnyChange {
    AnyChange::Identity(change(key("id-a"), Action::Create { after: planned(&[OURS]) }))
}

fn update(before: &[(&str, &str)], after: &[(&str, &str)]) -> AnyChange {
    let before = Arc::new(live(before));
    let action = Action::Update { before, after: planned(after), force: Force::No };
    AnyChange::Identity(change(key("id-a"), action))
}

/// Adopts one that has the tag `cost`.
fn adopt() -> AnyChange {
    let before = Arc::new(live(&[("cost", "1")]));
    let after = planned(&[("cost", "1"), OURS]);
    let action = Action::Adopt { before, after, force: Force::No };
    AnyChange::Identity(change(key("id-a"), action))
}

/// Applies changes that were planned this long ago.
async fn apply_after(age: Duration, azure: &Arc<Azure>, changes: &[AnyChange]) -> Outcome {
    let read_at = Instant::now();
    tokio::time::sleep(age).await;
    let (_sender, interrupted) = watch::channel(false);
    let lists = Lists::default();
    let refresh = Refresh { azure: &lists, read_at };
    let options = Options { refresh: Some(refresh), ..options(interrupted) };
    let world = World::new();
    let mut stores = world.stores();
    stores.identities = Arc::clone(azure) as _;
    execute(changes, &stores, IdentityOutputs::new(), &options, &*world).await
}

const FRESH: Duration = Duration::from_secs(5);
const OLD: Duration = Duration::from_millis(5001);

fn error(outcome: &Outcome) -> String {
    outcome.changes[0].error.as_ref().map(ChangeError::in_full).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn an_identity_is_looked_at_again_when_the_plan_is_older_than_five_seconds() {
    for (age, sent) in [(FRESH, vec!["put"]), (OLD, vec!["get", "put"])] {
        let azure = Arc::default();
        assert!(apply_after(age, &azure, &[create()]).await.is_complete());
        assert_eq!(azure.sent(), sent);
    }
}

#[tokio::test(start_paused = true)]
async fn tags_that_others_wrote_since_the_plan_are_kept_and_ours_only_as_shown() {
    let before = [OURS, ("cost", "1"), ("widctl-team", "a")];
    let change = update(&before, &[OURS, ("cost", "1"), ("widctl-team", "b")]);
    let now = [OURS, ("cost", "2"), ("Owner", "ada"), ("WIDCTL-team", "a")];
    let azure = Arc::new(Azure::with(&now));
    let outcome = apply_after(OLD, &azure, &[change]).await;
    assert!(outcome.is_complete(), "{}", error(&outcome));
    let expected = tags(&[OURS, ("cost", "2"), ("Owner", "ada"), ("WIDCTL-team", "b")]);
    assert_eq!(azure.tags(), Some(expected));
}

/// What an old change comes to where this is there; nothing is written.
async fn refused(change: AnyChange, now: Option<LiveIdentity>) -> String {
    let azure = Arc::new(Azure { live: Mutex::new(now.clone()), ..Azure::default() });
    let outcome = apply_after(OLD, &azure, &[change]).await;
    assert_eq!(azure.sent(), ["get"]);
    assert_eq!(*azure.live.lock().unwrap(), now);
    assert!(!outcome.wrote_something());
    error(&outcome)
}

#[tokio::test(start_paused = true)]
async fn every_way_in_which_an_identity_can_change_is_named_and_nothing_is_written() {
    let moved = || update(&[OURS, ("widctl-team", "a")], &[OURS, ("widctl-team", "b")]);
    let remade = LiveIdentity {
        client_id: ClientId::new(uuid::Uuid::from_u128(0x99)),
        ..live(&[OURS, ("widctl-team", "a")])
    };
    let told = [
        refused(create(), Some(live(&[("owner", "ada")]))).await,
        refused(create(), Some(live(&[THEIRS]))).await,
        refused(moved(), None).await,
        refused(moved(), Some(live(&[THEIRS, ("widctl-team", "a")]))).await,
        refused(moved(), Some(live(&[("widctl-team", "a")]))).await,
        refused(moved(), Some(live(&[OURS, ("widctl-team", "c")]))).await,
        refused(moved(), Some(live(&[OURS]))).await,
        refused(moved(), Some(remade)).await,
        refused(adopt(), Some(live(&[("cost", "1"), THEIRS]))).await,
        refused(adopt(), Some(live(&[("cost", "1"), OURS]))).await,
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    it changed since it was read: it exists by now, and it has no tag of an estate
    it changed since it was read: it exists by now, and it is tagged for estate `fabrikam`
    it changed since it was read: it is gone
    it changed since it was read: by now it is tagged for estate `fabrikam`
    it changed since it was read: by now it has no tag of an estate
    it changed since it was read: its tag `widctl-team` is `c` by now
    it changed since it was read: its tag `widctl-team` is gone by now
    it changed since it was read: it was deleted and made again
    it changed since it was read: by now it is tagged for estate `fabrikam`
    it changed since it was read: by now it is tagged for estate `contoso`
    ");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_given_to_an_identity_that_another_estate_has_taken() {
    let azure = Arc::new(Azure::with(&[THEIRS]));
    let changes = [
        update(&[OURS], &[OURS, ("widctl-team", "b")]),
        role_assignment("id-a", false),
        credential("id-a", "a"),
        service_account("a", "id-a", false),
    ];
    let outcome = apply_after(OLD, &azure, &changes).await;
    let ends: Vec<_> = outcome.changes.iter().map(|change| change.ended).collect();
    assert_eq!(ends, [Ended::Failed, Ended::Skipped, Ended::Skipped, Ended::Skipped]);
}

#[tokio::test(start_paused = true)]
async fn one_that_existed_at_its_creation_is_told_and_nothing_more_is_done_to_it() {
    let azure = Arc::new(Azure::with(&[("owner", "ada")]));
    let outcome = apply_after(FRESH, &azure, &[create(), credential("id-a", "a")]).await;
    let ends: Vec<_> = outcome.changes.iter().map(|change| change.ended).collect();
    assert_eq!(ends, [Ended::Failed, Ended::Skipped]);
    assert!(outcome.wrote_something());
    assert_eq!(azure.sent(), ["put"]);
    let told = outcome.changes[0].error.as_ref().unwrap().with_hint();
    insta::assert_snapshot!(told, @r"
    it existed already: somebody made it since it was read, and this write replaced what they wrote
    ask `az monitor activity-log list --resource-id ID` who made it before you plan again: the next plan treats it as the estate's own
    ");
}

#[tokio::test(start_paused = true)]
async fn one_that_existed_after_a_lost_answer_is_our_own() {
    let azure = Azure { loses: Mutex::new(true), lags: Mutex::new(true), ..Azure::default() };
    let azure = Arc::new(azure);
    let outcome = apply_after(FRESH, &azure, &[create()]).await;
    assert!(outcome.is_complete(), "{}", error(&outcome));
    assert_eq!(azure.sent(), ["put", "get", "put"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_back_after_a_lost_answer_and_is_not_ours_is_left_alone() {
    // The write never arrives, and somebody makes one meanwhile; or a policy takes our tag away.
    let policy = Some(("widctl-estate", "fabrikam"));
    let azure = Arc::new(Azure { loses: Mutex::new(true), policy, ..Azure::default() });
    let outcome = apply_after(FRESH, &azure, &[create()]).await;
    assert_eq!(azure.sent(), ["put", "get"]);
    insta::assert_snapshot!(error(&outcome), @"it changed since it was read: it exists by now, and it is tagged for estate `fabrikam`");
}

#[tokio::test(start_paused = true)]
async fn an_answer_with_other_tags_than_were_written_is_no_success() {
    let azure = Arc::new(Azure { policy: Some(("cost", "2")), ..Azure::with(&[OURS]) });
    let change = update(&[OURS], &[OURS, ("cost", "1")]);
    let outcome = apply_after(FRESH, &azure, &[change]).await;
    assert!(outcome.wrote_something());
    let told = outcome.changes[0].error.as_ref().unwrap().with_hint();
    insta::assert_snapshot!(told, @r"
    it was written, but not as planned: tag `cost` is `2` and not `1`
    an Azure Policy that modifies tags does this: put its value into the profile, or exempt the identity from it, and plan again
    ");
}
