//! Reads Azure: everything that a desired state may touch, side by side.
//!
//! For T identities, C AKS clusters and S subscriptions at most T + C + 2S requests where nothing is
//! missing: a list of identities and of role assignments per subscription, a list of credentials per
//! identity, a read per cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use futures::StreamExt;

use super::facts::facts;
use super::side_by_side;
use crate::desired::state::DesiredState;
use crate::event::{Event, EventSink};
use crate::model::arm_id::ArmId;
use crate::model::guid::SubscriptionId;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity, TAG_ESTATE};
use crate::model::kinds::role_assignment::LiveRoleAssignment;
use crate::model::text::{ClusterName, RoleName};
use crate::observed::read::Read;
use crate::observed::state::{CustomRole, ObservedCluster, ObservedState};
use crate::ports::error::{PortError, Service};
use crate::ports::panic::caught;
use crate::ports::read::{AzureRead, SignedIn};
use crate::profile::resolved::{Cluster, RoleChoice};

type Identities = BTreeMap<IdentityKey, Arc<LiveIdentity>>;
type Credentials = BTreeMap<IdentityKey, Read<Vec<Arc<LiveFederatedCredential>>>>;

/// Reads all that the desired state may touch in Azure. Of each cluster only what ARM says is filled in.
/// A scope that could not be read says so; nothing is taken for empty.
pub async fn observe(
    read: &dyn AzureRead,
    desired: &DesiredState,
    sink: &dyn EventSink,
) -> ObservedState {
    let reader = Reader { read, desired, sink };
    let (signed_in, subscriptions, role_assignments, custom_roles, clusters) = futures::join!(
        reader.signed_in(),
        all(reader.subscriptions(), |subscription| reader.subscription(subscription)),
        all(reader.role_roots(), |root| reader.role_assignments(root)),
        all(reader.custom_roles(), |(scope, name)| reader.custom_role(scope, name)),
        all(reader.aks_clusters(), |(name, id)| async move {
            let title = format!("AKS cluster {}", id.name());
            let managed = facts(reader.read(title, read.managed_cluster(&id)).await);
            let cluster =
                ObservedCluster { managed: Some(managed), discovered_issuer: None, objects: None };
            (name, cluster)
        }),
    );
    let mut state = ObservedState {
        tenant: signed_in.ok().map(|signed_in| signed_in.tenant),
        role_assignments: role_assignments.into_iter().collect(),
        custom_roles: custom_roles.into_iter().collect(),
        clusters: clusters.into_iter().collect(),
        ..ObservedState::default()
    };
    for found in subscriptions {
        state.identities.insert(found.subscription, found.identities);
        state.credentials.extend(found.credentials);
        state.resource_groups.extend(found.resource_groups);
    }
    state
}

/// What one subscription gave.
struct Found {
    subscription: SubscriptionId,
    identities: Read<Identities>,
    credentials: Credentials,
    resource_groups: BTreeMap<ArmId, Read<bool>>,
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    read: &'a dyn AzureRead,
    desired: &'a DesiredState,
    sink: &'a dyn EventSink,
}

impl Reader<'_> {
    /// The subscriptions in which the profile has identities.
    fn subscriptions(&self) -> BTreeSet<SubscriptionId> {
        let identities = self.desired.identities.keys();
        identities.filter_map(|identity| identity.id().subscription()).collect()
    }

    /// Where role assignments are listed: the subscriptions of the profile's identities, which may hold
    /// assignments that the profile has dropped, and of its scopes; a wider scope by itself.
    fn role_roots(&self) -> BTreeSet<ArmId> {
        let root = |scope: &ArmId| {
            scope.subscription().map_or_else(|| scope.clone(), ArmId::of_subscription)
        };
        let scopes = self.desired.role_assignments.iter();
        scopes
            .map(|assignment| root(&assignment.scope))
            .chain(self.subscriptions().into_iter().map(ArmId::of_subscription))
            .collect()
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

    fn aks_clusters(&self) -> Vec<(ClusterName, ArmId)> {
        let clusters = self.desired.clusters.iter();
        clusters
            .filter_map(|(name, cluster)| match cluster {
                Cluster::Aks { id, .. } => Some((name.clone(), id.clone())),
                Cluster::Pinned { .. } => None,
            })
            .collect()
    }

    /// The identities of a subscription, and what depends on which of them exist.
    async fn subscription(self, subscription: SubscriptionId) -> Found {
        let title = format!("identities of subscription {subscription}");
        let listed = self.read(title, self.read.identities(subscription)).await;
        let identities = facts(listed.map(|listed| {
            let keyed =
                |live: LiveIdentity| (IdentityKey::from_id(live.id.clone()), Arc::new(live));
            listed.into_iter().map(keyed).collect::<Identities>()
        }));
        let Read::Facts(known) = &identities else {
            return Found {
                subscription,
                identities,
                credentials: Credentials::new(),
                resource_groups: BTreeMap::new(),
            };
        };
        let (credentials, resource_groups) = futures::join!(
            all(self.with_credentials(known), |identity| self.credentials(identity)),
            all(self.unproven_groups(subscription, known), |group| self.resource_group(group)),
        );
        Found {
            subscription,
            credentials: credentials.into_iter().collect(),
            resource_groups: resource_groups.into_iter().collect(),
            identities,
        }
    }

    /// Of the identities that exist, the desired ones and the ones that carry the estate's tag.
    fn with_credentials(&self, known: &Identities) -> Vec<IdentityKey> {
        let is_ours = |live: &LiveIdentity| {
            live.tags.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case(TAG_ESTATE)
                    && value.as_ref() == self.desired.estate.as_str()
            })
        };
        known
            .iter()
            .filter(|(key, live)| self.desired.identities.contains_key(*key) || is_ours(live))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// The resource groups of the profile's identities that no identity proves to exist.
    fn unproven_groups(&self, subscription: SubscriptionId, known: &Identities) -> BTreeSet<ArmId> {
        let group = |id: &ArmId| {
            id.resource_group().map(|group| ArmId::of_resource_group(subscription, group))
        };
        let proven: BTreeSet<ArmId> = known.keys().filter_map(|key| group(key.id())).collect();
        self.desired
            .identities
            .keys()
            .filter(|key| key.id().subscription() == Some(subscription))
            .filter_map(|key| group(key.id()))
            .filter(|group| !proven.contains(group))
            .collect()
    }

    async fn credentials(
        self,
        identity: IdentityKey,
    ) -> (IdentityKey, Read<Vec<Arc<LiveFederatedCredential>>>) {
        let title = format!("credentials of {}", identity.name());
        let listed = self.read(title, self.read.credentials(&identity)).await;
        let shared = listed.map(|listed| listed.into_iter().map(Arc::new).collect());
        (identity, facts(shared))
    }

    async fn resource_group(self, group: ArmId) -> (ArmId, Read<bool>) {
        let title = format!("resource group {}", group.name());
        let exists = self.read(title, self.read.resource_group_exists(&group));
        let exists = facts(exists.await);
        (group, exists)
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

/// Runs one read per item; the order of the results does not matter, they go into maps.
async fn all<T, F: Future>(
    items: impl IntoIterator<Item = T>,
    read: impl FnMut(T) -> F,
) -> Vec<F::Output> {
    side_by_side::run(items, side_by_side::AZURE, read).collect().await
}
