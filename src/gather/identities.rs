//! The identities of a subscription page by page, and the credentials of those that matter as soon as one is known: no
//! list of credentials waits for the last page.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, stream};

use super::azure::{Group, Reader};
use super::facts::facts;
use crate::event::Event;
use crate::model::arm_id::ArmId;
use crate::model::guid::SubscriptionId;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity, TAG_ESTATE};
use crate::observed::read::Read;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::panic::caught;

/// The identities of a subscription.
pub(super) type Identities = BTreeMap<IdentityKey, Arc<LiveIdentity>>;
/// The credentials on each of them.
pub(super) type Credentials = BTreeMap<IdentityKey, Read<Vec<Arc<LiveFederatedCredential>>>>;
/// The resource groups of the profile that no identity proves.
pub(super) type Groups = BTreeMap<ArmId, Group>;
/// The list of one identity.
type List = Result<Vec<Arc<LiveFederatedCredential>>, PortError>;

/// The most lists of identities that no page has named yet: fewer than are sent at once, so that pages go on.
const MOST_BY_NAME: usize = 16;

/// The identities of a subscription, and what depends on which of them exist: the credentials, and the resource groups
/// that no identity proves.
pub(super) async fn read(
    reader: Reader<'_>,
    subscription: SubscriptionId,
) -> (Read<Identities>, Credentials, Groups) {
    let title = format!("identities of subscription {subscription}");
    let operation = format!("read the {title}");
    // Asked for inside of what catches a panic.
    let pages = stream::once(async { reader.read.identity_pages(subscription) }).flatten();
    let mut pages = std::pin::pin!(pages);
    let mut lists = Lists::new(reader, subscription);
    let listed = loop {
        lists.begin();
        let page = async { pages.next().await.transpose() };
        tokio::select! {
            biased;
            page = caught(Service::Arm, &operation, page) => match page {
                Ok(Some(page)) => lists.learn(page),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
            // Another page is under way: a first sync of one page asks for nothing in vain.
            () = std::future::ready(()), if lists.has_room() => lists.ask_by_name(),
            Some((identity, list)) = lists.under_way.next() => lists.take(identity, list),
        }
    };
    reader.sink.emit(Event::StepFinished { title });
    if let Err(error) = listed {
        return (facts(Err(error)), Credentials::new(), Groups::new());
    }
    let groups = reader.unproven_groups(subscription, &lists.known);
    let groups = reader.all(groups, |group| reader.resource_group(group));
    let ((known, credentials), groups) = futures::join!(lists.finish(), groups);
    (Read::Facts(known), credentials, groups.into_iter().collect())
}

/// The lists of credentials of one subscription.
struct Lists<'a> {
    reader: Reader<'a>,
    known: Identities,
    /// Whose lists were asked for, or wait for that.
    asked: BTreeSet<IdentityKey>,
    waiting: VecDeque<IdentityKey>,
    under_way: FuturesUnordered<BoxFuture<'a, (IdentityKey, List)>>,
    found: Credentials,
    /// The profile's identities, to be asked for before a page names them.
    by_name: VecDeque<IdentityKey>,
    /// Those of them that are under way.
    guessed: BTreeSet<IdentityKey>,
    /// How many of these may be under way: none before the first page, then one more with each that exists.
    room: usize,
}

impl<'a> Lists<'a> {
    fn new(reader: Reader<'a>, subscription: SubscriptionId) -> Self {
        let desired = reader.desired.identities.keys();
        let by_name = desired.filter(|key| key.id().subscription() == Some(subscription));
        Self {
            reader,
            known: Identities::new(),
            asked: BTreeSet::new(),
            waiting: VecDeque::new(),
            under_way: FuturesUnordered::new(),
            found: Credentials::new(),
            by_name: by_name.cloned().collect(),
            guessed: BTreeSet::new(),
            room: 0,
        }
    }

    /// Asks for those that are known, as many as may be under way.
    fn begin(&mut self) {
        while self.under_way.len() < self.reader.side_by_side
            && let Some(identity) = self.waiting.pop_front()
        {
            self.ask(identity);
        }
    }

    fn has_room(&self) -> bool {
        self.under_way.len() < self.room && !self.by_name.is_empty()
    }

    /// Asks for the next one that no page has named.
    fn ask_by_name(&mut self) {
        if let Some(identity) = self.by_name.pop_front()
            && self.asked.insert(identity.clone())
        {
            self.guessed.insert(identity.clone());
            self.ask(identity);
        }
    }

    fn ask(&self, identity: IdentityKey) {
        self.under_way.push(Box::pin(self.reader.credentials(identity)));
    }

    /// A page has come, and another one may be under way.
    fn learn(&mut self, page: Vec<LiveIdentity>) {
        self.room = self.room.max(1);
        for live in page {
            let key = IdentityKey::from_id(live.id.clone());
            if self.matters(&key, &live) && self.asked.insert(key.clone()) {
                self.waiting.push_back(key.clone());
            }
            self.known.insert(key, Arc::new(live));
        }
    }

    /// Of the identities that exist, the desired ones, those of teams that leave and those that carry the estate's tag.
    fn matters(&self, key: &IdentityKey, live: &LiveIdentity) -> bool {
        let desired = self.reader.desired;
        let is_named =
            desired.identities.contains_key(key) || desired.retired.identities.contains_key(key);
        is_named
            || live.tags.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case(TAG_ESTATE) && value.as_ref() == desired.estate.as_str()
            })
    }

    fn take(&mut self, identity: IdentityKey, list: List) {
        let absent = [PortErrorKind::NotFound, PortErrorKind::ParentNotFound];
        let is_absent = list.as_ref().is_err_and(|error| absent.contains(&error.kind));
        if self.guessed.remove(&identity) && is_absent {
            // Where one does not exist, others will not, and the pages alone are asked.
            self.by_name.clear();
            if self.known.contains_key(&identity) {
                self.waiting.push_back(identity);
            } else {
                self.asked.remove(&identity);
            }
            return;
        }
        self.room = (self.room + 1).min(MOST_BY_NAME);
        self.found.insert(identity, facts(list));
    }

    /// What is still under way after the last page.
    async fn finish(mut self) -> (Identities, Credentials) {
        self.by_name.clear();
        loop {
            self.begin();
            let Some((identity, list)) = self.under_way.next().await else { break };
            self.take(identity, list);
        }
        self.found.retain(|identity, _| self.known.contains_key(identity));
        (self.known, self.found)
    }
}
