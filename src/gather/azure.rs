//! Reads Azure: everything that a desired state may touch, side by side.
//!
//! For T identities, C AKS clusters and S subscriptions at most T + 2C + 2S + 1 requests where nothing is
//! missing: the list of subscriptions, a list of identities and of role assignments for each of them, a list of
//! credentials per identity, a read of each cluster and a list of its identity bindings, and the further pages of a
//! list. Identities and subscriptions are those of the profile and those in which it has left something.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::arm_word::ArmWord;
use super::facts::{facts, late, unread};
use super::identities::{Credentials, Groups, Identities};
use super::rights::{ASK, LIMIT};
use super::{identities, side_by_side};
use crate::desired::state::{DesiredState, MOST_SUBSCRIPTIONS};
use crate::event::{Event, EventSink};
use crate::model::arm_id::ArmId;
use crate::model::guid::SubscriptionId;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::role_assignment::LiveRoleAssignment;
use crate::model::text::{ClusterName, RoleName};
use crate::observed::read::{Read, Unread};
use crate::observed::state::{CustomRole, ObservedCluster, ObservedState, Permission, Sought};
use crate::ports::error::{PortError, Service};
use crate::ports::panic::caught;
use crate::ports::read::{AzureRead, SignedIn};
use crate::profile::resolved::{Cluster, RoleChoice};

/// How long what no row waits for takes at most.
const MOST_TIME: Duration = Duration::from_secs(30);

/// Reads all that the desired state may touch in Azure. Of each cluster only what ARM says is filled in.
/// A scope that could not be read says so; nothing is taken for empty.
#[cfg(feature = "testing")]
pub async fn observe(
    read: &dyn AzureRead,
    desired: &DesiredState,
    sink: &dyn EventSink,
) -> ObservedState {
    let reader = Reader { read, side_by_side: 32, desired, sink };
    observe_and_tell(reader, &ArmWord::default()).await
}

/// The same for a caller who goes on with what ARM says of a cluster while the rest is read.
pub(super) async fn observe_and_tell(reader: Reader<'_>, word: &ArmWord) -> ObservedState {
    let Reader { read, desired, .. } = reader;
    let named = desired.named_subscriptions();
    let (signed_in, subscriptions, visible, role_assignments, custom_roles, clusters, bindings) = futures::join!(
        reader.signed_in(),
        reader.all(named.iter().copied(), |subscription| reader.subscription(subscription)),
        reader.visible(&named),
        reader.all(reader.wider_roots(), |root| reader.role_assignments(root)),
        reader.all(reader.custom_roles(), |(scope, name)| reader.custom_role(scope, name)),
        reader.all(reader.clusters_in_azure(), |(name, id)| async move {
            let title = format!("cluster {} in Azure", id.name());
            let managed = facts(reader.read(title, read.managed_cluster(&id)).await);
            word.tell(&name, managed.facts());
            let cluster =
                ObservedCluster { managed: Some(managed), discovered_issuer: None, objects: None };
            (name, cluster)
        }),
        reader.all(reader.aks_clusters(), |(name, id)| async move {
            let title = format!("identity bindings of cluster {}", id.name());
            let listed = reader.read(title, read.identity_bindings(&id));
            let listed = timeout(MOST_TIME, listed).await;
            (name, listed.map_or_else(|_| Read::Unread(late(MOST_TIME)), facts))
        }),
    );
    let mut state = ObservedState {
        tenant: signed_in.ok().map(|signed_in| signed_in.tenant),
        role_assignments: role_assignments.into_iter().collect(),
        custom_roles: custom_roles.into_iter().collect(),
        clusters: clusters.into_iter().collect(),
        identity_bindings: bindings.into_iter().collect(),
        ..ObservedState::default()
    };
    let needed = desired.needed_subscriptions();
    for found in subscriptions {
        let is_needed = needed.contains(&found.subscription);
        found.tell(&mut state, is_needed);
    }
    match visible {
        Ok(visible) => {
            visible.read.into_iter().for_each(|found| found.tell(&mut state, false));
            state.subscriptions.extend(visible.unread);
            state.beyond = visible.beyond;
        }
        Err(unread) => state.unlisted = Some(unread),
    }
    state
}

/// What one subscription gave.
struct Found {
    subscription: SubscriptionId,
    identities: Read<Identities>,
    credentials: Credentials,
    groups: Groups,
    role_assignments: (ArmId, Read<Vec<Arc<LiveRoleAssignment>>>),
}

impl Found {
    /// Whether all of it was read.
    fn outcome(&self) -> Read<()> {
        let Self { subscription: _, identities, credentials, groups: _, role_assignments } = self;
        let lists = [identities.outcome(), role_assignments.1.outcome()];
        let read: Result<(), &Unread> =
            lists.into_iter().chain(credentials.values().map(Read::outcome)).collect();
        read.map_or_else(|unread| Read::Unread(unread.clone()), Read::Facts)
    }

    /// Adds it to what was observed. Where nothing is desired no row can wait, so only its facts are.
    fn tell(self, state: &mut ObservedState, needed: bool) {
        let sought = Sought { needed, read: self.outcome() };
        state.subscriptions.insert(self.subscription, sought);
        let tells = |unread: Option<&Unread>| needed || unread.is_none();
        if tells(self.identities.unread()) {
            state.identities.insert(self.subscription, self.identities);
        }
        if tells(self.role_assignments.1.unread()) {
            state.role_assignments.extend([self.role_assignments]);
        }
        let credentials = self.credentials.into_iter();
        state.credentials.extend(credentials.filter(|(_, read)| tells(read.unread())));
        for (id, group) in self.groups {
            state.resource_groups.insert(id.clone(), group.exists);
            state.permissions.insert(id, group.permissions);
        }
    }
}

/// A resource group that no identity proves.
pub(super) struct Group {
    exists: Read<bool>,
    permissions: Read<Vec<Permission>>,
}

/// What the subscriptions gave that the caller merely sees, and why others of them were not read.
struct Visible {
    read: Vec<Found>,
    unread: Vec<(SubscriptionId, Sought)>,
    beyond: BTreeSet<SubscriptionId>,
}

/// Reads for a desired state and tells of it.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) read: &'a dyn AzureRead,
    pub(super) side_by_side: usize,
    pub(super) desired: &'a DesiredState,
    pub(super) sink: &'a dyn EventSink,
}

impl Reader<'_> {
    /// The scopes of role assignments that are wider than a subscription.
    fn wider_roots(&self) -> BTreeSet<ArmId> {
        let scopes = self.desired.role_assignments.iter().map(|assignment| &assignment.scope);
        let scopes = scopes.chain(&self.desired.retired.scopes);
        scopes.filter(|scope| scope.subscription().is_none()).cloned().collect()
    }

    /// The subscriptions that the caller sees and the profile does not name. None of them holds up a plan.
    async fn visible(self, named: &BTreeSet<SubscriptionId>) -> Result<Visible, Unread> {
        let until = Instant::now() + MOST_TIME;
        let listed = self.read("subscriptions".to_owned(), self.read.subscriptions());
        let listed = timeout_at(until, listed).await.map_err(|_| late(MOST_TIME))?;
        let listed = listed.map_err(|error| unread(&error))?;
        let (chosen, beyond) = choose(named, listed);
        let answers = self.all(chosen, |subscription| async move {
            let found = timeout_at(until, self.subscription(subscription)).await;
            let late = Sought { needed: false, read: Read::Unread(late(MOST_TIME)) };
            found.map_err(|_| (subscription, late))
        });
        let (mut read, mut unread) = (Vec::new(), Vec::new());
        for answer in answers.await {
            match answer {
                Ok(found) => read.push(found),
                Err(late) => unread.push(late),
            }
        }
        Ok(Visible { read, unread, beyond })
    }

    /// The roles that only Azure knows, where they are used.
    fn custom_roles(&self) -> BTreeSet<(ArmId, RoleName)> {
        let assignments = self.desired.role_assignments.iter();
        assignments
            .filter_map(|assignment| match &assignment.role {
                RoleChoice::Known(_) => None,
                RoleChoice::Custom(name) => Some((assignment.scope.clone(), name.clone())),
            })
            .collect()
    }

    fn clusters_in_azure(&self) -> Vec<(ClusterName, ArmId)> {
        let clusters = self.desired.clusters.iter();
        clusters.filter_map(|(name, cluster)| Some((name.clone(), cluster.id()?.clone()))).collect()
    }

    /// Those that can have identity bindings.
    fn aks_clusters(&self) -> Vec<(ClusterName, ArmId)> {
        let clusters = self.desired.clusters.iter();
        let aks = |(name, cluster): (&ClusterName, &Cluster)| match cluster {
            Cluster::Aks { id, .. } => Some((name.clone(), id.clone())),
            Cluster::Arc { .. } | Cluster::Pinned { .. } => None,
        };
        clusters.filter_map(aks).collect()
    }

    /// The identities and the role assignments of a subscription.
    async fn subscription(self, subscription: SubscriptionId) -> Found {
        let (found, role_assignments) = futures::join!(
            identities::read(self, subscription),
            self.role_assignments(ArmId::of_subscription(subscription)),
        );
        let (identities, credentials, groups) = found;
        Found { subscription, identities, credentials, groups, role_assignments }
    }

    /// The resource groups of the profile's identities that no identity proves to exist.
    pub(super) fn unproven_groups(
        &self,
        subscription: SubscriptionId,
        known: &Identities,
    ) -> BTreeSet<ArmId> {
        let proven: BTreeSet<ArmId> = known.keys().map(|key| key.id().enclosing_group()).collect();
        self.desired
            .identities
            .keys()
            .filter(|key| key.id().subscription() == Some(subscription))
            .map(|key| key.id().enclosing_group())
            .filter(|group| !proven.contains(group))
            .collect()
    }

    pub(super) async fn credentials(
        self,
        identity: IdentityKey,
    ) -> (IdentityKey, Result<Vec<Arc<LiveFederatedCredential>>, PortError>) {
        let title = format!("credentials of {}", identity.name());
        let listed = self.read(title, self.read.credentials(&identity)).await;
        (identity, listed.map(|listed| listed.into_iter().map(Arc::new).collect()))
    }

    /// Whether a resource group exists, and what the caller may do there: where no identity proves it, one is to be made.
    pub(super) async fn resource_group(self, id: ArmId) -> (ArmId, Group) {
        let title = format!("resource group {}", id.name());
        let (exists, permissions) = futures::join!(
            self.read(title, self.read.resource_group_exists(&id)),
            timeout(LIMIT, caught(Service::Arm, ASK, self.read.permissions(&id))),
        );
        let permissions = permissions.map_or_else(|_| Read::Unread(late(LIMIT)), facts);
        (id, Group { exists: facts(exists), permissions })
    }

    async fn role_assignments(self, root: ArmId) -> (ArmId, Read<Vec<Arc<LiveRoleAssignment>>>) {
        let title = format!("role assignments of {root}");
        let listed = self.read(title, self.read.role_assignments(&root)).await;
        let shared = listed.map(|listed| listed.into_iter().map(Arc::new).collect());
        (root, facts(shared))
    }

    async fn custom_role(
        self,
        scope: ArmId,
        name: RoleName,
    ) -> ((ArmId, RoleName), Read<Option<CustomRole>>) {
        let title = format!("role {name}");
        let role = facts(self.read(title, self.read.role_by_name(&scope, &name)).await);
        ((scope, name), role)
    }

    async fn signed_in(self) -> Result<SignedIn, PortError> {
        caught(Service::Entra, "see who is signed in", self.read.signed_in()).await
    }

    /// Runs one read per item; the order of the results does not matter, they go into maps.
    pub(super) async fn all<T, F: Future>(
        self,
        items: impl IntoIterator<Item = T>,
        read: impl FnMut(T) -> F,
    ) -> Vec<F::Output> {
        side_by_side::run(items, self.side_by_side, read).collect().await
    }

    /// One read, and that it is finished. A panic in it is an error of this read alone.
    async fn read<T>(
        self,
        title: String,
        read: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        let read = caught(Service::Arm, &format!("read the {title}"), read).await;
        self.sink.emit(Event::StepFinished { title });
        read
    }
}

/// Of the subscriptions that the caller sees those to read beside the named ones, and those beyond the limit.
fn choose(
    named: &BTreeSet<SubscriptionId>,
    visible: Vec<SubscriptionId>,
) -> (BTreeSet<SubscriptionId>, BTreeSet<SubscriptionId>) {
    let others: BTreeSet<SubscriptionId> =
        visible.into_iter().filter(|subscription| !named.contains(subscription)).collect();
    let room = MOST_SUBSCRIPTIONS.saturating_sub(named.len());
    let beyond = others.iter().skip(room).copied().collect();
    (others.into_iter().take(room).collect(), beyond)
}
