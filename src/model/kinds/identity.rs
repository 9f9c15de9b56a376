//! User-assigned managed identities.
//! <https://learn.microsoft.com/rest/api/managedidentity/user-assigned-identities>

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use crate::model::arm_id::ArmId;
use crate::model::awaited::{IdentityOutput, IdentityOutputs};
use crate::model::guid::{ClientId, PrincipalId, SubscriptionId, TenantId};
use crate::model::kinds::Kind;
use crate::model::location::Location;
use crate::model::text::is_same_name;

/// The ARM type of user-assigned identities.
pub const IDENTITY_TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";
/// The tag that says who manages an identity; its value is [`MANAGED_BY_VALUE`].
pub const TAG_MANAGED_BY: &str = "managed-by";
/// The value of [`TAG_MANAGED_BY`] on what widctl created or adopted.
pub const MANAGED_BY_VALUE: &str = "widctl";
/// The tag that names the owning estate.
pub const TAG_ESTATE: &str = "widctl-estate";
/// The tag that names the owning team.
pub const TAG_TEAM: &str = "widctl-team";

/// Tags of an ARM resource; Azure keeps the case of names but compares them without it.
pub type Tags = BTreeMap<Arc<str>, Arc<str>>;

/// The tag of this name as it is spelled, and its value: Azure compares names without regard to case.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources>
pub fn tag<'a>(tags: &'a Tags, name: &str) -> Option<(&'a Arc<str>, &'a Arc<str>)> {
    tags.get_key_value(name).or_else(|| tags.iter().find(|(key, _)| is_same_name(key, name)))
}

/// Whether a tag is a mark of ownership.
pub fn is_mark(name: &str, value: &str) -> bool {
    let is = |mark: &str| is_same_name(name, mark);
    is(TAG_ESTATE) || is(TAG_TEAM) || (is(TAG_MANAGED_BY) && value == MANAGED_BY_VALUE)
}

/// An identity, by its ARM id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityKey(ArmId);

impl IdentityKey {
    /// The key of an identity by where it lives.
    pub fn new(subscription: SubscriptionId, resource_group: &str, name: &str) -> Self {
        Self(ArmId::of_resource(subscription, resource_group, IDENTITY_TYPE, name))
    }

    /// The key of an identity that Azure answered with this id.
    pub fn from_id(id: ArmId) -> Self {
        Self(id)
    }

    /// A stand-in for an identity that no longer exists, of which only the principal is known. Only
    /// what it left behind is addressed by it.
    pub fn of_lost_principal(principal: PrincipalId) -> Self {
        let id = ArmId::parse(&format!("/principals/{principal}"));
        Self(id.expect("a GUID is a segment"))
    }

    /// The identity's ARM id.
    pub fn id(&self) -> &ArmId {
        &self.0
    }

    /// The identity's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }
}

impl fmt::Display for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "azure/identity/{}", self.name())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

/// What the plan wants of an identity, and what is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The region; it cannot be changed after creation.
    pub location: Location,
    /// All tags that the profile wants on the identity: ours, the profile's, and the foreign ones it already has.
    pub tags: Tags,
}

/// An identity as Azure answered it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveIdentity {
    /// Its ARM id as Azure spells it.
    pub id: ArmId,
    /// What ServiceAccounts are annotated with.
    pub client_id: ClientId,
    /// What role assignments name.
    pub principal_id: PrincipalId,
    /// The tenant it lives in.
    pub tenant_id: TenantId,
    /// Its region.
    pub location: Location,
    /// All its tags.
    pub tags: Tags,
}

impl LiveIdentity {
    /// The ids that others name it by.
    pub fn output(&self) -> IdentityOutput {
        IdentityOutput {
            client_id: self.client_id,
            principal_id: self.principal_id,
            tenant_id: self.tenant_id,
        }
    }
}

/// The kind of user-assigned managed identities.
#[derive(Debug)]
pub struct Identities;

impl Kind for Identities {
    const NAME: &'static str = "identity";
    type Key = IdentityKey;
    type Planned = Identity;
    type Live = LiveIdentity;
    type Write = Identity;
    type MayDelete = Infallible;
    type MayRelease = ();

    fn output(key: &IdentityKey, live: &LiveIdentity) -> Option<(IdentityKey, IdentityOutput)> {
        Some((key.clone(), live.output()))
    }

    fn resolve(_: &IdentityKey, planned: &Identity, _: &IdentityOutputs) -> Option<Identity> {
        Some(planned.clone())
    }
}
