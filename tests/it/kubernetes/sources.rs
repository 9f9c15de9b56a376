//! What a test observes clusters with: an Azure that knows clusters alone, the clusters, public issuers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use widctl::desired::state::{
    DesiredCredential, DesiredServiceAccount, DesiredState, Retired, Trust,
};
use widctl::gather::{Documents, Sources};
use widctl::kubernetes::client::ClusterClient;
use widctl::model::arm_id::ArmId;
use widctl::model::guid::SubscriptionId;
use widctl::model::kinds::Kind;
use widctl::model::kinds::federated_credential::{FederatedCredentialKey, LiveFederatedCredential};
use widctl::model::kinds::identity::{IdentityKey, LiveIdentity};
use widctl::model::kinds::role_assignment::LiveRoleAssignment;
use widctl::model::kinds::service_account::ServiceAccountKey;
use widctl::model::text::{ClusterName, Issuer, RoleName};
use widctl::observed::evidence::{Document, Keys};
use widctl::observed::state::{CustomRole, IdentityBinding, ManagedCluster, Permission};
use widctl::observed::webhook::Webhook;
use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::ports::read::{
    AzureRead, ClusterRead, Clusters, IssuerRead, KindRead, Listed, Look, Pages, SignedIn,
};
use widctl::ports::right::ArmRights;
use widctl::profile::resolved::{Cluster, ForeignVerdict, MassDelete, Policy};

const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";
const NOT_ASKED: &str = "the profile has clusters and nothing else";
/// The issuer of every AKS cluster, as ARM gives it.
pub(super) const ARM_ISSUER: &str = "https://arm.example.com/";

/// Azure with AKS clusters alone.
pub(super) struct Arm;

/// An AKS cluster as ARM describes it.
pub(super) fn managed() -> ManagedCluster {
    ManagedCluster {
        issuer_enabled: true,
        issuer: Some(ARM_ISSUER.into()),
        workload_identity: true,
    }
}

#[async_trait]
impl ArmRights for Arm {
    async fn permissions(&self, _: &ArmId) -> Result<Vec<Permission>, PortError> {
        panic!("{NOT_ASKED}")
    }
}

#[async_trait]
impl AzureRead for Arm {
    async fn signed_in(&self) -> Result<SignedIn, PortError> {
        let tenant = SUBSCRIPTION.parse().unwrap();
        Ok(SignedIn { tenant, principal: "dev".into(), object_id: None, method: "the test".into() })
    }
    async fn identity_bindings(&self, _: &ArmId) -> Result<Vec<IdentityBinding>, PortError> {
        panic!("{NOT_ASKED}")
    }

    async fn managed_cluster(&self, _: &ArmId) -> Result<Option<ManagedCluster>, PortError> {
        Ok(Some(managed()))
    }
    async fn subscriptions(&self) -> Result<Vec<SubscriptionId>, PortError> {
        Ok(Vec::new())
    }
    fn identity_pages(&self, _: SubscriptionId) -> Pages<'_, LiveIdentity> {
        panic!("{NOT_ASKED}")
    }
    async fn credentials(
        &self,
        _: &IdentityKey,
    ) -> Result<Vec<LiveFederatedCredential>, PortError> {
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
}

/// Clusters as a function makes them.
pub(super) struct Made<F>(pub(super) F);

#[async_trait]
impl<C, F> Clusters for Made<F>
where
    C: ClusterRead,
    F: Fn(&ClusterName) -> Result<C, PortError> + Send + Sync,
{
    type Cluster = C;

    async fn connect(&self, name: &ClusterName) -> Result<C, PortError> {
        (self.0)(name)
    }
}

/// A cluster, or a bug whatever it is asked.
pub(super) struct Trapped(pub(super) Option<ClusterClient>);

impl Trapped {
    fn cluster(&self) -> &ClusterClient {
        self.0.as_ref().expect("index out of bounds")
    }
}

#[async_trait]
impl<K: Kind> KindRead<K> for Trapped
where
    ClusterClient: KindRead<K>,
{
    async fn list(&self, look: Look<'_>) -> Result<Listed<K>, PortError> {
        self.cluster().list(look).await
    }
    async fn find(&self, key: &K::Key) -> Result<Option<K::Live>, PortError> {
        KindRead::<K>::find(self.cluster(), key).await
    }
}

#[async_trait]
impl ClusterRead for Trapped {
    async fn issuer(&self) -> Result<Issuer, PortError> {
        self.cluster().issuer().await
    }
    async fn webhook(&self) -> Result<Option<Webhook>, PortError> {
        self.cluster().webhook().await
    }
}

/// Public issuers that know one document, and keep what they were asked for.
#[derive(Default)]
pub(super) struct Issuers {
    pub(super) document: Option<Issuer>,
    /// How long they take.
    pub(super) takes: Duration,
    pub(super) asked: Mutex<Vec<Issuer>>,
    /// What they told the run.
    pub(super) documents: Documents,
}

#[async_trait]
impl IssuerRead for Issuers {
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError> {
        self.asked.lock().unwrap().push(issuer.clone());
        tokio::time::sleep(self.takes).await;
        let missing = || PortError::new(PortErrorKind::NotFound, Service::Issuer, "read it");
        self.document.clone().ok_or_else(missing)
    }

    async fn document(&self, issuer: &Issuer) -> Result<Document, PortError> {
        let issuer = self.discover(issuer).await?;
        Ok(Document { issuer, keys_at: "".into() })
    }

    async fn keys(&self, _: &Issuer, _: &str) -> Result<Keys, PortError> {
        Ok(Keys::default())
    }
}

/// These and [`Arm`].
pub(super) fn sources<'a, C>(clusters: &'a C, issuers: &'a Issuers) -> Sources<'a, C> {
    let documents = &issuers.documents;
    Sources { azure: &Arm, side_by_side: 32, clusters, issuers, documents, leftovers: true }
}

/// An AKS cluster of the profile.
pub(super) fn aks() -> Cluster {
    let id = ArmId::of_resource(
        SUBSCRIPTION.parse().unwrap(),
        "rg-aks",
        "Microsoft.ContainerService/managedClusters",
        "aks-weu",
    );
    Cluster::Aks { id, context: None, token_audience: None }
}

/// A pinned cluster of the profile.
pub(super) fn pinned() -> Cluster {
    Cluster::Pinned {
        context: "weu".into(),
        issuer: "https://pinned.example.com".into(),
        token_audience: None,
    }
}

/// A profile with clusters alone.
pub(super) fn desired<'a>(clusters: impl IntoIterator<Item = (&'a str, Cluster)>) -> DesiredState {
    let named = clusters.into_iter().map(|(name, cluster)| (name.into(), cluster));
    DesiredState {
        remarks: Vec::new(),
        estate: "contoso-prod".into(),
        tenant: None,
        teams: BTreeSet::new(),
        retired: Retired::default(),
        retiring: BTreeMap::new(),
        subscriptions: BTreeSet::new(),
        policy: Policy {
            denied_roles: vec![],
            deny_privileged_roles: true,
            denied_namespaces: vec![],
            foreign_trust: ForeignVerdict::Warn,
            trusted: Vec::new(),
            mass_delete: MassDelete::default(),
        },
        clusters: named.collect(),
        identities: BTreeMap::new(),
        credentials: BTreeMap::new(),
        role_assignments: Vec::new(),
        namespaces: BTreeMap::new(),
        service_accounts: BTreeMap::new(),
        roles: BTreeMap::new(),
        role_bindings: BTreeMap::new(),
        services: Vec::new(),
    }
}

fn identity() -> IdentityKey {
    IdentityKey::new(SUBSCRIPTION.parse().unwrap(), "rg-wi", "id-a")
}

/// Adds a workload of mode `trust-only` on a cluster.
pub(super) fn trust(desired: &mut DesiredState, cluster: &str) {
    let key = FederatedCredentialKey { identity: identity(), name: cluster.into() };
    let trust = Trust::Cluster {
        cluster: cluster.into(),
        subject: "system:serviceaccount:data:app".into(),
    };
    let audience = "api://AzureADTokenExchange".into();
    desired.credentials.insert(key, DesiredCredential { team: "data".into(), trust, audience });
}

/// Adds a workload's account on a cluster.
pub(super) fn account(desired: &mut DesiredState, cluster: &str) {
    account_in(desired, (cluster, "data", "app"));
}

/// Adds a workload's account of this cluster, namespace and name.
pub(super) fn account_in(
    desired: &mut DesiredState,
    (cluster, namespace, name): (&str, &str, &str),
) {
    let key = ServiceAccountKey::new(cluster, namespace, name);
    let account = DesiredServiceAccount {
        team: "data".into(),
        identity: identity(),
        token_expiration: 3_600,
        annotate_only: false,
    };
    desired.service_accounts.insert(key, account);
}
