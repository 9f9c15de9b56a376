//! Annotated ServiceAccounts.
//! <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>

use std::sync::Arc;

use crate::model::awaited::{Awaited, IdentityOutputs};
use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::marks::{Claim, FieldOwner, LiveMarks, marked};
use crate::model::kinds::namespaced::NamespacedKey;
use crate::model::kinds::{Kind, Release};

/// What the webhook's annotations begin with.
pub const ANNOTATION_PREFIX: &str = "azure.workload.identity/";
/// The annotation that names the identity a pod gets by default.
pub const ANNOTATION_CLIENT_ID: &str = "azure.workload.identity/client-id";
/// The annotation that names the identity's tenant.
pub const ANNOTATION_TENANT_ID: &str = "azure.workload.identity/tenant-id";
/// The annotation with the lifetime of the projected token, in seconds.
pub const ANNOTATION_TOKEN_EXPIRATION: &str =
    "azure.workload.identity/service-account-token-expiration";

/// A `ServiceAccount` on a cluster.
pub type ServiceAccountKey = NamespacedKey<ServiceAccounts>;

/// A `ServiceAccount`'s part that widctl writes; `C` is how much is known of the client id at this stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServiceAccount<C> {
    /// The identity that pods get by default.
    pub client_id: C,
    /// The identity's tenant.
    pub tenant_id: TenantId,
    /// The lifetime of the projected token, 3,600 to 86,400 seconds.
    pub token_expiration: u32,
    /// What widctl says of itself on it.
    pub claim: Claim,
}

/// A `ServiceAccount` as observed: only what widctl writes, whatever its values.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LiveServiceAccount {
    /// The value of [`ANNOTATION_CLIENT_ID`].
    pub client_id: Option<Arc<str>>,
    /// The value of [`ANNOTATION_TENANT_ID`].
    pub tenant_id: Option<Arc<str>>,
    /// The value of [`ANNOTATION_TOKEN_EXPIRATION`].
    pub token_expiration: Option<Arc<str>>,
    /// Other annotations of the webhook's prefix, the first of them: their keys.
    pub strays: Vec<Arc<str>>,
    /// Its marks.
    pub marks: LiveMarks,
    /// Who wrote which of our fields.
    pub owners: Vec<FieldOwner>,
}

marked!(LiveServiceAccount: true);

/// The kind of ServiceAccounts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServiceAccounts;

impl Kind for ServiceAccounts {
    const NAME: &'static str = "service-account";
    type Key = ServiceAccountKey;
    type Planned = ServiceAccount<Awaited<ClientId>>;
    type Live = LiveServiceAccount;
    type Write = ServiceAccount<ClientId>;
    type MayDelete = ();
    type MayRelease = Release;

    fn resolve(
        _: &ServiceAccountKey,
        planned: &ServiceAccount<Awaited<ClientId>>,
        identities: &IdentityOutputs,
    ) -> Option<ServiceAccount<ClientId>> {
        let ServiceAccount { client_id, tenant_id, token_expiration, claim } = planned;
        Some(ServiceAccount {
            client_id: client_id.resolve(identities)?,
            tenant_id: *tenant_id,
            token_expiration: *token_expiration,
            claim: claim.clone(),
        })
    }
}
