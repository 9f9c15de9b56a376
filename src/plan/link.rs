//! Links the desired state with what only observation can tell: issuers, role definitions, identities.
//!
//! A link never guesses. What could not be read stays unknown, with the reason that its rows then show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::state::{DesiredIdentity, DesiredState};
use crate::model::arm_id::ArmId;
use crate::model::awaited::{Awaited, IdentityOutputs};
use crate::model::guid::{ClientId, PrincipalId, SubscriptionId, TenantId};
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::kinds::role_assignment::Role;
use crate::model::text::{ClusterName, Issuer, fold};
use crate::observed::read::Read;
use crate::observed::state::{CustomRole, ManagedCluster, ObservedState};
use crate::profile::resolved::{Cluster, RoleChoice};

/// What observation adds to the desired state.
pub(crate) struct Links<'a> {
    /// The desired identities.
    pub(crate) identities: BTreeMap<&'a IdentityKey, IdentityLink<'a>>,
    /// The clusters' issuers.
    pub(crate) issuers: BTreeMap<&'a ClusterName, IssuerLink>,
    /// The tenant of identities that are still to be created.
    pub(crate) tenant: Option<TenantId>,
    /// All observed identities by client id.
    pub(crate) clients: BTreeMap<ClientId, &'a LiveIdentity>,
    /// All observed identities by principal.
    pub(crate) principals: BTreeMap<PrincipalId, &'a IdentityKey>,
}

/// What is known of a desired identity.
pub(crate) enum IdentityLink<'a> {
    /// It exists.
    Live(&'a Arc<LiveIdentity>),
    /// It can be created.
    New,
    /// It does not exist, and the profile says that somebody else creates it.
    Missing,
    /// It does not exist, and neither does its resource group.
    NoResourceGroup,
    /// Whether it exists could not be read.
    Unknown(Arc<str>),
}

/// What is known of a cluster's issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum IssuerLink {
    /// The issuer to trust.
    Known {
        /// Byte for byte.
        issuer: Issuer,
        /// What confirmed it.
        source: IssuerSource,
    },
    /// It could not be read.
    Unknown(Arc<str>),
    /// ARM has no such cluster.
    NoCluster,
    /// The cluster has no issuer.
    Disabled,
    /// ARM and the cluster's discovery document differ by more than a slash.
    Mismatch {
        /// What ARM says.
        arm: Issuer,
        /// What the document says.
        discovered: Issuer,
    },
}

/// Where an issuer comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum IssuerSource {
    /// The discovery document says so, and nothing contradicts it.
    Discovered,
    /// The document differs from ARM's value by one trailing slash.
    DiscoveredOverSlash,
    /// ARM alone says so; the document could not be read.
    ArmAlone,
    /// The profile pins it, and nothing contradicts it.
    Pinned,
    /// The profile pins it; the cluster says something else.
    PinnedAgainst(Issuer),
}

/// What is known of a role.
pub(crate) enum RoleLink<'a> {
    /// A built-in role, or one given by its GUID.
    Known(Role),
    /// A custom role that was looked up.
    Custom(&'a CustomRole),
    /// No such role can be assigned there.
    Missing,
    /// It could not be looked up.
    Unknown(Arc<str>),
}

impl<'a> Links<'a> {
    /// Links a desired with an observed state.
    pub(crate) fn new(desired: &'a DesiredState, observed: &'a ObservedState) -> Self {
        let all = || observed.identities.values().filter_map(Read::facts).flatten();
        let groups: BTreeSet<(SubscriptionId, String)> =
            all().filter_map(|(key, _)| group_of(key)).collect();
        let identities = desired
            .identities
            .iter()
            .map(|(key, wanted)| (key, link_identity(observed, &groups, key, wanted)))
            .collect();
        let issuers = desired
            .clusters
            .iter()
            .map(|(name, cluster)| (name, link_issuer(observed, name, cluster)))
            .collect();
        Self {
            identities,
            issuers,
            tenant: observed.tenant.or(desired.tenant),
            clients: all().map(|(_, live)| (live.client_id, &**live)).collect(),
            principals: all().map(|(key, live)| (live.principal_id, key)).collect(),
        }
    }

    /// What the desired identities that exist have given.
    pub(crate) fn outputs(&self) -> IdentityOutputs {
        let live = self.identities.iter().filter_map(|(key, link)| match link {
            IdentityLink::Live(live) => Some(((*key).clone(), live.output())),
            IdentityLink::New
            | IdentityLink::Missing
            | IdentityLink::NoResourceGroup
            | IdentityLink::Unknown(_) => None,
        });
        live.collect()
    }
}

impl IdentityLink<'_> {
    /// A value that the identity gives: known, after the apply, or why it is neither.
    pub(crate) fn give<T>(
        &self,
        key: &IdentityKey,
        read: impl FnOnce(&LiveIdentity) -> T,
    ) -> Result<Awaited<T>, Option<&Arc<str>>> {
        let given = |value| Awaited { identity: key.clone(), value };
        match self {
            Self::Live(live) => Ok(given(Some(read(live)))),
            Self::New => Ok(given(None)),
            Self::Unknown(why) => Err(Some(why)),
            Self::Missing | Self::NoResourceGroup => Err(None),
        }
    }
}

fn group_of(key: &IdentityKey) -> Option<(SubscriptionId, String)> {
    let group = fold(key.id().resource_group()?);
    Some((key.id().subscription()?, group))
}

fn link_identity<'a>(
    observed: &'a ObservedState,
    groups: &BTreeSet<(SubscriptionId, String)>,
    key: &IdentityKey,
    wanted: &DesiredIdentity,
) -> IdentityLink<'a> {
    let subscription = key.id().subscription();
    let read = subscription.and_then(|subscription| observed.identities.get(&subscription));
    let facts = match read {
        None => return IdentityLink::Unknown(unasked("the identities of its subscription")),
        Some(Read::Unread(unread)) => return IdentityLink::Unknown(Arc::clone(&unread.why)),
        Some(Read::Facts(facts)) => facts,
    };
    if let Some(live) = facts.get(key) {
        return IdentityLink::Live(live);
    }
    if !wanted.create {
        return IdentityLink::Missing;
    }
    if group_of(key).is_some_and(|group| groups.contains(&group)) {
        return IdentityLink::New;
    }
    match resource_group(key).and_then(|id| observed.resource_groups.get(&id)) {
        None => IdentityLink::Unknown(unasked("its resource group")),
        Some(Read::Unread(unread)) => IdentityLink::Unknown(Arc::clone(&unread.why)),
        Some(Read::Facts(true)) => IdentityLink::New,
        Some(Read::Facts(false)) => IdentityLink::NoResourceGroup,
    }
}

/// The resource group that an identity lives in.
pub(crate) fn resource_group(key: &IdentityKey) -> Option<ArmId> {
    let id = key.id();
    Some(ArmId::of_resource_group(id.subscription()?, id.resource_group()?))
}

fn link_issuer(observed: &ObservedState, name: &ClusterName, cluster: &Cluster) -> IssuerLink {
    let seen = observed.clusters.get(name);
    let discovered =
        seen.and_then(|cluster| cluster.discovered_issuer.as_ref()).and_then(Read::facts);
    match cluster {
        Cluster::Pinned { issuer, .. } => IssuerLink::Known {
            issuer: issuer.clone(),
            source: match discovered {
                Some(discovered) if discovered != issuer => {
                    IssuerSource::PinnedAgainst(discovered.clone())
                }
                Some(_) | None => IssuerSource::Pinned,
            },
        },
        Cluster::Aks { .. } | Cluster::Arc { .. } => {
            let managed = seen.and_then(|cluster| cluster.managed.as_ref());
            link_managed(managed, discovered)
        }
    }
}

fn link_managed(
    managed: Option<&Read<Option<ManagedCluster>>>,
    discovered: Option<&Issuer>,
) -> IssuerLink {
    let managed = match managed {
        Some(Read::Facts(None)) => return IssuerLink::NoCluster,
        Some(Read::Facts(Some(managed))) => Ok(managed),
        Some(Read::Unread(unread)) => Err(Arc::clone(&unread.why)),
        None => Err(unasked("the cluster")),
    };
    let arm = match &managed {
        Ok(managed) if !managed.issuer_enabled => return IssuerLink::Disabled,
        Ok(managed) => match &managed.issuer {
            None => return IssuerLink::Disabled,
            Some(issuer) => Some(issuer),
        },
        Err(_) => None,
    };
    let known = |issuer: &Issuer, source| IssuerLink::Known { issuer: issuer.clone(), source };
    match (arm, discovered, managed) {
        (Some(arm), Some(discovered), _) if arm == discovered => {
            known(discovered, IssuerSource::Discovered)
        }
        (Some(arm), Some(discovered), _) if differ_by_slash(arm, discovered) => {
            known(discovered, IssuerSource::DiscoveredOverSlash)
        }
        (Some(arm), Some(discovered), _) => {
            IssuerLink::Mismatch { arm: arm.clone(), discovered: discovered.clone() }
        }
        (Some(arm), None, _) => known(arm, IssuerSource::ArmAlone),
        (None, Some(discovered), _) => known(discovered, IssuerSource::Discovered),
        (None, None, Err(why)) => IssuerLink::Unknown(why),
        (None, None, Ok(_)) => IssuerLink::Disabled,
    }
}

/// Whether two issuers differ by exactly one trailing slash.
pub(crate) fn differ_by_slash(one: &Issuer, other: &Issuer) -> bool {
    one.as_str().strip_suffix('/') == Some(other.as_str())
        || other.as_str().strip_suffix('/') == Some(one.as_str())
}

/// The role that an assignment at this scope gives.
pub(crate) fn link_role<'a>(
    observed: &'a ObservedState,
    scope: &ArmId,
    choice: &RoleChoice,
) -> RoleLink<'a> {
    let name = match choice {
        RoleChoice::Known(role) => return RoleLink::Known(role.clone()),
        RoleChoice::Custom(name) => name,
    };
    match observed.custom_roles.get(&(scope.clone(), name.clone())) {
        None => RoleLink::Unknown(unasked("its role")),
        Some(Read::Unread(unread)) => RoleLink::Unknown(Arc::clone(&unread.why)),
        Some(Read::Facts(None)) => RoleLink::Missing,
        Some(Read::Facts(Some(custom))) => RoleLink::Custom(custom),
    }
}

/// Why a row is unknown whose scope nobody read: what was not read.
pub(crate) fn unasked(what: &str) -> Arc<str> {
    what.into()
}
