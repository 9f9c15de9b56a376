//! What can be read.

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use crate::model::arm_id::ArmId;
use crate::model::guid::{SubscriptionId, TenantId};
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::kinds::role_assignment::LiveRoleAssignment;
use crate::model::kinds::{Kind, each_kind};
use crate::model::text::{ClusterName, Issuer, Namespace, RoleName};
use crate::observed::cluster_roles::ClusterRoles;
use crate::observed::evidence::{Document, Keys};
use crate::observed::state::{CustomRole, IdentityBinding, ManagedCluster};
use crate::observed::webhook::Webhook;
use crate::ports::error::PortError;
use crate::ports::right::ArmRights;

/// Who is signed in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedIn {
    /// The tenant of the token.
    pub tenant: TenantId,
    /// The principal for people: a user name, or an application's client id.
    pub principal: String,
    /// The principal's object id in its directory, where the token says it.
    pub object_id: Option<String>,
    /// How it signed in: `azure-cli`, `github-actions`, …
    pub method: String,
}

/// A list as it comes.
pub type Pages<'a, T> = BoxStream<'a, Result<Vec<T>, PortError>>;

/// What can be read from Azure. Lists are whole: every page.
#[async_trait]
pub trait AzureRead: ArmRights {
    /// Who is signed in, from the token for ARM.
    async fn signed_in(&self) -> Result<SignedIn, PortError>;
    /// The subscriptions that the caller sees.
    async fn subscriptions(&self) -> Result<Vec<SubscriptionId>, PortError>;
    /// All identities of a subscription, page by page; nothing follows an error.
    fn identity_pages(&self, subscription: SubscriptionId) -> Pages<'_, LiveIdentity>;
    /// The same, when the last page has come.
    async fn identities(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Vec<LiveIdentity>, PortError> {
        self.identity_pages(subscription).try_concat().await
    }
    /// All credentials of an identity.
    async fn credentials(
        &self,
        identity: &IdentityKey,
    ) -> Result<Vec<LiveFederatedCredential>, PortError>;
    /// All role assignments at and below a scope.
    async fn role_assignments(&self, scope: &ArmId) -> Result<Vec<LiveRoleAssignment>, PortError>;
    /// The role of this name, or of this GUID, that can be assigned at the scope.
    async fn role_by_name(
        &self,
        scope: &ArmId,
        name: &RoleName,
    ) -> Result<Option<CustomRole>, PortError>;
    /// Whether a resource group exists.
    async fn resource_group_exists(&self, id: &ArmId) -> Result<bool, PortError>;
    /// An AKS cluster; `None` where it does not exist.
    async fn managed_cluster(&self, id: &ArmId) -> Result<Option<ManagedCluster>, PortError>;
    /// The identity bindings of an AKS cluster.
    async fn identity_bindings(&self, cluster: &ArmId) -> Result<Vec<IdentityBinding>, PortError>;
}

/// Which objects of a kind a list names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Look<'a> {
    /// The namespace that they are in; all of them where there is none.
    pub namespace: Option<&'a Namespace>,
    /// The label that they bear and its value; with any labels where there is none.
    pub label: Option<(&'static str, &'a str)>,
    /// After how many pages the list is broken off; it is read whole where nothing is said.
    pub most_pages: Option<usize>,
}

/// What a list named.
#[derive(Debug)]
pub struct Listed<K: Kind> {
    /// The objects, each with its key.
    pub objects: Vec<(K::Key, K::Live)>,
    /// Whether the list came to its end.
    pub whole: bool,
}

/// What can be read of one kind on one cluster.
#[async_trait]
pub trait KindRead<K: Kind>: Send + Sync {
    /// The objects that a list names.
    async fn list(&self, look: Look<'_>) -> Result<Listed<K>, PortError>;
    /// One object; `None` where it does not exist.
    async fn find(&self, key: &K::Key) -> Result<Option<K::Live>, PortError>;
}

macro_rules! declare_cluster_read {
    (
        ()
        azure $azure:tt
        cluster { $($field:ident: $variant:ident($kind:ty),)+ }
    ) => {
        /// What can be read from one cluster.
        #[async_trait]
        pub trait ClusterRead: $(KindRead<$kind> +)+ {
            /// The issuer of the API server's own discovery document.
            async fn issuer(&self) -> Result<Issuer, PortError>;
            /// The workload identity webhook, if it is registered.
            async fn webhook(&self) -> Result<Option<Webhook>, PortError>;
        }
    };
}
each_kind!(declare_cluster_read);

/// Reads who has which rights in the whole of one cluster.
#[async_trait]
pub trait ClusterRoleRead: Send + Sync {
    /// All `ClusterRoles` and `ClusterRoleBindings`, a list each.
    async fn cluster_roles(&self) -> Result<ClusterRoles, PortError>;
}

/// Connects to the clusters of a profile.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// A connected cluster.
    type Cluster: ClusterRead;
    /// Connects to one of them, by its name in the profile.
    async fn connect(&self, name: &ClusterName) -> Result<Self::Cluster, PortError>;
}

/// Reads an issuer's public documents.
#[async_trait]
pub trait IssuerRead: Send + Sync {
    /// The `issuer` of the document at `<issuer>/.well-known/openid-configuration`.
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError>;
    /// The same document, with where it says that the keys are.
    async fn document(&self, issuer: &Issuer) -> Result<Document, PortError>;
    /// The keys of an issuer, at the address that its document names.
    async fn keys(&self, issuer: &Issuer, keys_at: &str) -> Result<Keys, PortError>;
}
