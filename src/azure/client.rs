//! Azure behind the ports.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::SecretBytes;

use super::arm::Arm;
use super::arm::federated_credential::ListVersion;
use super::cloud::Cloud;
use super::managed_identity_client::ManagedIdentityClient;
use super::pipeline;
use super::pipeline::Parts;
use super::sign_in::exchange::Exchanger;
use super::sign_in::library::Reach;
use super::sign_in::{TokenSource, claims};
use super::transport::Transport;
use crate::event::EventSink;
use crate::model::arm_id::ArmId;
use crate::model::guid::{ClientId, SubscriptionId, TenantId};
use crate::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials, LiveFederatedCredential,
};
use crate::model::kinds::identity;
use crate::model::kinds::identity::{
    Identities, Identity, IdentityKey, LiveIdentity, TAG_ESTATE, Tags,
};
use crate::model::kinds::role_assignment::{
    LiveRoleAssignment, RoleAssignmentKey, RoleAssignmentWrite, RoleAssignments,
};
use crate::model::text::RoleName;
use crate::observed::evidence::Exchanged;
use crate::observed::state::{CustomRole, IdentityBinding, ManagedCluster, Permission};
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::Place;
use crate::ports::read::{AzureRead, Pages, SignedIn};
use crate::ports::right::ArmRights;
use crate::ports::store::{Put, Store, WriteMode};
use crate::ports::workload::{Exchange, WorkloadToken};

/// What a client is made of.
pub struct AzureClientOptions {
    /// Whose endpoints.
    pub cloud: Cloud,
    /// Who signs in. Give it a cache: every request asks.
    pub tokens: Arc<dyn TokenSource>,
    /// The way out.
    pub transport: Transport,
    /// Who hears of requests and pauses.
    pub events: Arc<dyn EventSink>,
    /// The most requests in flight.
    pub parallelism: usize,
    /// The most time that one attempt of a request may take, its answer included.
    pub timeout: Duration,
    /// Spreads the pauses between attempts, the same way for the same seed.
    pub seed: u64,
}

/// Azure Resource Manager. All its requests share one pipeline: sign-in, pace, retries.
pub struct AzureClient {
    arm: Arm,
    msi: ManagedIdentityClient,
    tokens: Arc<dyn TokenSource>,
    scope: String,
    exchanger: Exchanger,
    parallelism: usize,
}

impl fmt::Debug for AzureClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AzureClient")
            .field("endpoint", &self.arm.endpoint.as_str())
            .finish_non_exhaustive()
    }
}

impl AzureClient {
    /// Builds the client; nothing is sent.
    pub fn new(options: AzureClientOptions) -> Result<Self, PortError> {
        let AzureClientOptions { cloud, tokens, transport, events, parallelism, timeout, seed } =
            options;
        let parallelism = parallelism.max(1);
        let (endpoint, scope) = (cloud.arm.clone(), cloud.arm_scope());
        let reach = Reach::by(&cloud, &transport, &events, timeout, seed);
        let exchanger = Exchanger { reach, scope: scope.clone() };
        let parts = Parts {
            cloud,
            tokens: Arc::clone(&tokens),
            transport,
            events,
            parallelism,
            timeout,
            seed,
        };
        let credential_list = ListVersion::default();
        let arm = Arm { endpoint, pipeline: pipeline::to_arm(parts), credential_list };
        let msi = ManagedIdentityClient::new(&arm)?;
        Ok(Self { arm, msi, tokens, scope, exchanger, parallelism })
    }

    /// The most requests in flight, at least one; more that are ready would only wait.
    pub fn parallelism(&self) -> usize {
        self.parallelism
    }

    /// The kubeconfig that AKS gives to the users of a cluster. It can hold a secret.
    pub async fn list_cluster_user_credential(&self, id: &ArmId) -> Result<SecretBytes, PortError> {
        self.arm.list_cluster_user_credential(id).await
    }

    /// The identities with one of these client ids that the caller sees. Azure Resource Graph names them, and each is
    /// read as it is now.
    pub async fn identities_by_client(
        &self,
        clients: &BTreeSet<ClientId>,
    ) -> Result<Vec<LiveIdentity>, PortError> {
        let mut found = Vec::new();
        for key in self.arm.identities_by_client(clients).await? {
            let live = self.msi.identity(&key).await?;
            found.extend(live.filter(|live| clients.contains(&live.client_id)));
        }
        Ok(found)
    }
}

#[async_trait]
impl Exchange for AzureClient {
    async fn exchange(
        &self,
        tenant: TenantId,
        client: ClientId,
        token: &WorkloadToken,
    ) -> Result<Exchanged, PortError> {
        self.exchanger.exchange(tenant, client, token).await
    }
}

#[async_trait]
impl AzureRead for AzureClient {
    async fn signed_in(&self) -> Result<SignedIn, PortError> {
        claims::signed_in(&self.tokens.token(&self.scope).await?)
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionId>, PortError> {
        self.arm.subscriptions().await
    }

    fn identity_pages(&self, subscription: SubscriptionId) -> Pages<'_, LiveIdentity> {
        self.msi.identity_pages(subscription)
    }

    async fn credentials(
        &self,
        identity: &IdentityKey,
    ) -> Result<Vec<LiveFederatedCredential>, PortError> {
        self.arm.credentials(identity).await
    }

    async fn role_assignments(&self, scope: &ArmId) -> Result<Vec<LiveRoleAssignment>, PortError> {
        self.arm.role_assignments(scope).await
    }

    async fn role_by_name(
        &self,
        scope: &ArmId,
        name: &RoleName,
    ) -> Result<Option<CustomRole>, PortError> {
        self.arm.role_by_name(scope, name).await
    }

    async fn resource_group_exists(&self, id: &ArmId) -> Result<bool, PortError> {
        self.arm.resource_group_exists(id).await
    }

    async fn managed_cluster(&self, id: &ArmId) -> Result<Option<ManagedCluster>, PortError> {
        self.arm.managed_cluster(id).await
    }

    async fn identity_bindings(&self, cluster: &ArmId) -> Result<Vec<IdentityBinding>, PortError> {
        self.arm.identity_bindings(cluster).await
    }
}

#[async_trait]
impl ArmRights for AzureClient {
    async fn permissions(&self, scope: &ArmId) -> Result<Vec<Permission>, PortError> {
        self.arm.permissions(scope).await
    }
}

#[async_trait]
impl Store<Identities> for AzureClient {
    async fn put(
        &self,
        key: &IdentityKey,
        value: &Identity,
        mode: WriteMode,
    ) -> Result<Put<LiveIdentity>, PortError> {
        match mode {
            WriteMode::Create => self.msi.create_identity(key, value).await,
            WriteMode::Update | WriteMode::UpdateForced => {
                let live = self.msi.tag_identity(key, &value.tags).await?;
                Ok(Put { live, existed: true })
            }
        }
    }

    async fn get(
        &self,
        key: &IdentityKey,
        _: &Identity,
    ) -> Result<Option<LiveIdentity>, PortError> {
        self.msi.identity(key).await
    }

    fn is_written(&self, live: &LiveIdentity, written: &Identity) -> bool {
        live.location == written.location && has_all(live, &written.tags)
    }

    async fn delete(
        &self,
        _: &IdentityKey,
        _: &LiveIdentity,
        never: Infallible,
    ) -> Result<(), PortError> {
        match never {}
    }

    /// Reads it, and takes our tags off if they are what the plan saw: ARM has no condition that binds a write of
    /// an identity to what was read.
    async fn release(
        &self,
        key: &IdentityKey,
        live: &LiveIdentity,
        (): (),
    ) -> Result<(), PortError> {
        let Some(found) = self.msi.identity(key).await? else {
            return Ok(());
        };
        let estate = |live: &LiveIdentity| {
            identity::tag(&live.tags, TAG_ESTATE).map(|(_, value)| Arc::clone(value))
        };
        let changed = |what: String| {
            let operation = format!("release the identity {}", key.name());
            let kind = PortErrorKind::Conflict { managers: Vec::new() };
            let mut conflict = PortError::new(kind, Service::Arm, operation);
            conflict.message = Some(what);
            conflict.place = Some(Box::new(Place::Changed));
            Err(conflict)
        };
        if found.client_id != live.client_id {
            return changed("it was deleted and made again".to_owned());
        }
        match estate(&found) {
            None => return Ok(()),
            now if now == estate(live) => {}
            Some(other) => return changed(format!("by now it is tagged for estate `{other}`")),
        }
        let is_mark = |(name, value): (&Arc<str>, &Arc<str>)| identity::is_mark(name, value);
        let mut tags = found.tags;
        tags.retain(|name, value| !identity::is_mark(name, value));
        let now = self.msi.tag_identity(key, &tags).await?;
        if now.tags.iter().any(is_mark) || !has_all(&now, &tags) {
            return changed("its tags in the answer are not those that were written".to_owned());
        }
        Ok(())
    }
}

/// Whether an identity has these tags, whatever the case of their names.
fn has_all(live: &LiveIdentity, tags: &Tags) -> bool {
    let has = |(name, value): (&Arc<str>, &Arc<str>)| {
        identity::tag(&live.tags, name).is_some_and(|(_, now)| now == value)
    };
    tags.iter().all(has)
}

#[async_trait]
impl Store<FederatedCredentials> for AzureClient {
    async fn put(
        &self,
        key: &FederatedCredentialKey,
        value: &FederatedCredential,
        _: WriteMode,
    ) -> Result<Put<LiveFederatedCredential>, PortError> {
        self.msi.put_credential(key, value).await
    }

    async fn get(
        &self,
        key: &FederatedCredentialKey,
        _: &FederatedCredential,
    ) -> Result<Option<LiveFederatedCredential>, PortError> {
        self.arm.credential(key).await
    }

    fn is_written(&self, live: &LiveFederatedCredential, written: &FederatedCredential) -> bool {
        let FederatedCredential { issuer, subject, audience } = written;
        live.issuer == *issuer
            && live.subject.as_ref() == Some(subject)
            && live.audiences == [audience.clone()]
    }

    async fn delete(
        &self,
        key: &FederatedCredentialKey,
        _: &LiveFederatedCredential,
        (): (),
    ) -> Result<(), PortError> {
        self.msi.delete_credential(key).await
    }

    async fn release(
        &self,
        _: &FederatedCredentialKey,
        _: &LiveFederatedCredential,
        never: Infallible,
    ) -> Result<(), PortError> {
        match never {}
    }
}

#[async_trait]
impl Store<RoleAssignments> for AzureClient {
    async fn put(
        &self,
        _: &RoleAssignmentKey,
        value: &RoleAssignmentWrite,
        mode: WriteMode,
    ) -> Result<Put<LiveRoleAssignment>, PortError> {
        // Azure lets nothing but the description and the condition change, so one that it takes again was this very
        // one.
        let live = self.arm.put_role_assignment(value).await?;
        Ok(Put { live, existed: mode != WriteMode::Create })
    }

    async fn get(
        &self,
        _: &RoleAssignmentKey,
        written: &RoleAssignmentWrite,
    ) -> Result<Option<LiveRoleAssignment>, PortError> {
        self.arm.role_assignment(written).await
    }

    fn is_written(&self, live: &LiveRoleAssignment, written: &RoleAssignmentWrite) -> bool {
        let wanted = &written.assignment;
        live.scope == wanted.scope
            && live.role == wanted.role
            && live.principal == wanted.principal
            && live.condition == wanted.condition
    }

    async fn delete(
        &self,
        key: &RoleAssignmentKey,
        live: &LiveRoleAssignment,
        (): (),
    ) -> Result<(), PortError> {
        self.arm.delete_role_assignment(&key.scope, &live.id).await
    }

    async fn release(
        &self,
        _: &RoleAssignmentKey,
        _: &LiveRoleAssignment,
        never: Infallible,
    ) -> Result<(), PortError> {
        match never {}
    }
}
