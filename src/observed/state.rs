//! The observed state: facts only, each scope wrapped in [`Read`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wildmatch::WildMatch;

use crate::model::arm_id::ArmId;
use crate::model::guid::{SubscriptionId, TenantId};
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::kinds::role_assignment::{LiveRoleAssignment, Role};
use crate::model::kinds::{Kind, each_kind};
use crate::model::text::{ClusterName, Issuer, RoleName};
use crate::observed::read::{Read, Unread};
use crate::observed::webhook::Webhook;

/// Everything that was observed. A scope that nobody asked for has no entry.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ObservedState {
    /// The tenant that the signed-in principal works in.
    pub tenant: Option<TenantId>,
    /// The subscriptions in which what is left over was looked for, or why not.
    pub subscriptions: BTreeMap<SubscriptionId, Sought>,
    /// The subscriptions that the caller sees and that were too many to read.
    pub beyond: BTreeSet<SubscriptionId>,
    /// Why nobody knows which other subscriptions the caller sees.
    pub unlisted: Option<Unread>,
    /// The clusters that no row needs, and whether what is left over on them was looked for. Their objects are
    /// beside the other clusters' where they were all read.
    pub tried: BTreeMap<ClusterName, Read<()>>,
    /// All identities of each subscription. Of one that the profile does not name there are facts or nothing, here
    /// and in the next two.
    pub identities: BTreeMap<SubscriptionId, Read<BTreeMap<IdentityKey, Arc<LiveIdentity>>>>,
    /// All credentials of each identity that exists and is desired or owned by the estate.
    pub credentials: BTreeMap<IdentityKey, Read<Vec<Arc<LiveFederatedCredential>>>>,
    /// All role assignments at and below each root: a subscription, or a wider scope that the profile names.
    pub role_assignments: BTreeMap<ArmId, Read<Vec<Arc<LiveRoleAssignment>>>>,
    /// Custom roles by name, looked up at the scope where they are used; `None` where there is none.
    pub custom_roles: BTreeMap<(ArmId, RoleName), Read<Option<CustomRole>>>,
    /// Whether a resource group exists, asked only where no observed identity proves it.
    pub resource_groups: BTreeMap<ArmId, Read<bool>>,
    /// What the caller may do in these groups, for whoever asks before writing there. No row waits for it.
    pub permissions: BTreeMap<ArmId, Read<Vec<Permission>>>,
    /// The clusters.
    pub clusters: BTreeMap<ClusterName, ObservedCluster>,
    /// The identity bindings of each AKS cluster. No row waits for them.
    pub identity_bindings: BTreeMap<ClusterName, Read<Vec<IdentityBinding>>>,
}

/// Whether what is left over in a subscription was looked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sought {
    /// Whether something desired is in the subscription; it is read for what is left over alone otherwise.
    pub needed: bool,
    /// Whether all of it was read.
    pub read: Read<()>,
}

impl ObservedState {
    /// Whether every subscription that the caller sees was read.
    pub fn knows_every_subscription(&self) -> bool {
        let mut sought = self.subscriptions.values();
        self.unlisted.is_none()
            && self.beyond.is_empty()
            && sought.all(|sought| sought.read.facts().is_some())
    }

    /// Every scope that something desired needs: read, or why not. What is merely tried for the sake of what is left over
    /// is none of them.
    pub fn scopes(&self) -> Vec<Result<(), &Unread>> {
        let Self {
            tenant: _,
            subscriptions,
            beyond: _,
            unlisted: _,
            tried,
            identities,
            credentials,
            role_assignments,
            custom_roles,
            resource_groups,
            permissions: _,
            clusters,
            identity_bindings: _,
        } = self;
        let is_needed = |subscription: Option<SubscriptionId>| {
            let sought = subscription.and_then(|subscription| subscriptions.get(&subscription));
            sought.is_none_or(|sought| sought.needed)
        };
        let identities_needed = identities.iter().filter(|(key, _)| is_needed(Some(**key)));
        let credentials_needed =
            credentials.iter().filter(|(key, _)| is_needed(key.id().subscription()));
        let roots_needed =
            role_assignments.iter().filter(|(root, _)| is_needed(root.subscription()));
        let mut scopes: Vec<Result<(), &Unread>> = Vec::new();
        scopes.extend(identities_needed.map(|(_, read)| read.outcome()));
        scopes.extend(credentials_needed.map(|(_, read)| read.outcome()));
        scopes.extend(roots_needed.map(|(_, read)| read.outcome()));
        scopes.extend(custom_roles.values().map(Read::outcome));
        scopes.extend(resource_groups.values().map(Read::outcome));
        for (name, cluster) in clusters {
            scopes.extend(cluster.managed.as_ref().map(Read::outcome));
            scopes.extend(cluster.discovered_issuer.as_ref().map(Read::outcome));
            if !tried.contains_key(name) {
                scopes.extend(cluster.needs());
            }
        }
        scopes
    }
}

impl ObservedCluster {
    /// What the rows of the profile need of it: read, or why not.
    fn needs(&self) -> Vec<Result<(), &Unread>> {
        match &self.objects {
            None => Vec::new(),
            Some(Read::Unread(unread)) => vec![Err(unread)],
            Some(Read::Facts(objects)) => objects.needs(),
        }
    }

    /// Whether what is left over of each kind was looked for; none where nobody asked for its objects.
    pub fn leftovers(&self) -> Vec<Result<(), &Unread>> {
        match &self.objects {
            None => Vec::new(),
            Some(Read::Unread(unread)) => vec![Err(unread)],
            Some(Read::Facts(objects)) => objects.leftovers(),
        }
    }
}

/// A role that only Azure knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CustomRole {
    /// Its GUID and name.
    pub role: Role,
    /// Its permissions; a role may do what any one of them allows.
    pub permissions: Vec<Permission>,
}

/// One permission of a role: what it allows less what it excepts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Permission {
    /// Allowed control-plane actions, `*` as a wildcard.
    pub actions: Vec<Arc<str>>,
    /// Exceptions from them.
    pub not_actions: Vec<Arc<str>>,
    /// Allowed actions on data.
    pub data_actions: Vec<Arc<str>>,
    /// Exceptions from them.
    pub not_data_actions: Vec<Arc<str>>,
}

impl Permission {
    /// Whether it allows an action: one of its actions matches and none of its exceptions does, without
    /// regard to case. An exception takes nothing away from what another permission allows.
    /// <https://learn.microsoft.com/azure/role-based-access-control/role-definitions>
    pub fn allows(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let matches = |patterns: &[Arc<str>]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| WildMatch::new(&pattern.to_ascii_lowercase()).matches(&action))
        };
        matches(&self.actions) && !matches(&self.not_actions)
    }
}

/// A cluster as ARM describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManagedCluster {
    /// Whether the OIDC issuer is enabled.
    pub issuer_enabled: bool,
    /// The issuer as ARM gives it.
    pub issuer: Option<Issuer>,
    /// Whether the workload identity webhook is enabled as an add-on.
    pub workload_identity: bool,
}

/// That accounts of an AKS cluster may become an identity. Which of them, the binding's selectors and cluster roles say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdentityBinding {
    /// The binding's name.
    pub name: Arc<str>,
    /// The identity.
    pub identity: IdentityKey,
}

/// What was observed of one cluster. Kubernetes objects are absent where no workload needs them
/// (all of them trust-only) and they could not be read.
#[derive(Clone, PartialEq, Debug)]
pub struct ObservedCluster {
    /// The cluster in ARM; `None` inside for one that does not exist. Absent for a pinned cluster.
    pub managed: Option<Read<Option<ManagedCluster>>>,
    /// The issuer of the discovery document: the cluster's own, else the public one at ARM's issuer.
    pub discovered_issuer: Option<Read<Issuer>>,
    /// The cluster's objects, or why its API server could not be read at all; absent where not needed.
    pub objects: Option<Read<ClusterObjects>>,
}

macro_rules! declare_objects {
    (
        ()
        azure $azure:tt
        cluster { $($field:ident: $variant:ident($kind:ty),)+ }
    ) => {
        /// The Kubernetes objects of one cluster that are the estate's or that the profile wants.
        #[derive(Clone, PartialEq, Debug)]
        pub struct ClusterObjects {
            $(#[doc = concat!("What was looked for of [`", stringify!($kind), "`].")]
            pub $field: Objects<$kind>,)+
            /// The workload identity webhook, if it is registered.
            pub webhook: Read<Option<Webhook>>,
        }

        impl ClusterObjects {
            /// Those of a cluster on which no estate has anything, before anything is looked for by name.
            pub fn of_no_estate(webhook: Read<Option<Webhook>>) -> Self {
                let everywhere = || Read::Facts(());
                Self {
                    $($field: Looked {
                        found: BTreeMap::new(),
                        missing: BTreeMap::new(),
                        everywhere: Some(everywhere()),
                    },)+
                    webhook,
                }
            }

            /// Whether what the estate may have left of each kind that was listed was looked for in all namespaces.
            pub fn leftovers(&self) -> Vec<Result<(), &Unread>> {
                [$(&self.$field.everywhere,)+].into_iter().flatten().map(Read::outcome).collect()
            }

            /// Whether what was asked for by name was read, or why not.
            pub fn needs(&self) -> Vec<Result<(), &Unread>> {
                let mut needs = vec![self.webhook.outcome()];
                $(needs.extend(self.$field.missing.values().map(Read::outcome));
                needs.extend(self.$field.found.values().map(|_| Ok(())));)+
                needs
            }
        }
    };
}
each_kind!(declare_objects);

/// What was looked for of the kind `K` on one cluster.
pub type Objects<K> = Looked<<K as Kind>::Key, <K as Kind>::Live>;

/// What was looked for of one kind on one cluster. Others have objects there as well that nobody looked at, so
/// what is not among those found is not there only if [`Self::missing`] says so.
#[derive(Clone, PartialEq, Debug)]
pub struct Looked<Key, Live> {
    /// What was found: what bears the estate's labels, and what the profile wants.
    pub found: BTreeMap<Key, Arc<Live>>,
    /// What was asked for: it does not exist unless it was found, or nobody knows and why.
    pub missing: BTreeMap<Key, Read<()>>,
    /// Whether what bears the estate's labels was looked for in all namespaces; absent where nobody asked for that.
    pub everywhere: Option<Read<()>>,
}

impl<Key: Ord, Live> Looked<Key, Live> {
    /// The object; `None` where it does not exist, or why nobody knows.
    pub fn find(&self, key: &Key) -> Result<Option<&Arc<Live>>, Arc<str>> {
        match (self.found.get(key), self.missing.get(key)) {
            (Some(live), _) => Ok(Some(live)),
            (None, Some(Read::Facts(()))) => Ok(None),
            (None, Some(Read::Unread(unread))) => Err(Arc::clone(&unread.why)),
            (None, None) => Err("it was not asked for".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Permission;

    fn allows(actions: &[&str], not_actions: &[&str], action: &str) -> bool {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.into()).collect();
        let permission = Permission {
            actions: texts(actions),
            not_actions: texts(not_actions),
            ..Permission::default()
        };
        permission.allows(action)
    }

    const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";

    #[test]
    fn wildcards_stand_for_any_part_of_an_action_whatever_its_case() {
        for pattern in [
            "*",
            "*/write",
            "Microsoft.Authorization/*",
            "microsoft.authorization/ROLEASSIGNMENTS/write",
            "Microsoft.Authorization/*/Write",
        ] {
            assert!(allows(&[pattern], &[], ASSIGN), "{pattern}");
        }
        for pattern in ["*/read", "Microsoft.Authorization", "Microsoft.Author*/delete"] {
            assert!(!allows(&[pattern], &[], ASSIGN), "{pattern}");
        }
        assert!(!allows(&[], &[], ASSIGN));
    }

    #[test]
    fn an_exception_takes_away_what_it_matches_and_nothing_else() {
        // Contributor, as Azure has it.
        let exceptions = ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"];
        assert!(!allows(&["*"], &exceptions, ASSIGN));
        assert!(allows(&["*"], &exceptions, "Microsoft.Authorization/roleAssignments/read"));
        assert!(allows(
            &["*"],
            &exceptions,
            "Microsoft.ManagedIdentity/userAssignedIdentities/write"
        ));
    }
}
