//! A profile after every check: merged, defaults filled, names resolved. Nothing in it is left to choose.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::model::arm_id::ArmId;
use crate::model::guid::{SubscriptionId, TenantId};
use crate::model::kinds::identity::{IdentityKey, Tags};
use crate::model::kinds::rbac::PolicyRule;
use crate::model::kinds::role_assignment::Role;
use crate::model::location::Location;
use crate::model::subject;
use crate::model::text::{
    Audience, ClusterName, Estate, Issuer, Namespace, ObjectName, RoleName, Subject, TeamName,
};
use crate::presets::Preset;
use crate::profile::source::quotable;

/// A whole profile, root and team files merged.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// What owns the objects that this profile creates.
    pub estate: Estate,
    /// The cloud: `public`, `usgovernment`, `china`, or a name from the cloud file.
    pub cloud: String,
    /// The tenant, where the profile pins it.
    pub tenant: Option<TenantId>,
    /// The subscriptions that `[azure]` and the granted scopes name, whatever is in them.
    pub subscriptions: BTreeSet<SubscriptionId>,
    /// The clusters by their key.
    pub clusters: BTreeMap<ClusterName, Cluster>,
    /// The issuers that clusters had before, credentials for which are kept.
    pub retiring: BTreeMap<ClusterName, Vec<Issuer>>,
    /// The guardrails that need observation; the others were checked already.
    pub policy: Policy,
    /// The teams, sorted by name.
    pub teams: Vec<Team>,
    /// The teams that leave, sorted by name: nothing of them is wanted, and what exists of them is left over.
    pub retired: Vec<Team>,
    /// What people should know though nothing is wrong, in the order of files and places.
    pub remarks: Vec<Remark>,
    /// The names of variables for which a placeholder was filled in.
    pub placeholders: Vec<String>,
    /// SHA-256 of all files, their relative paths and the values of `variables`, in lower-case hex.
    pub sha256: String,
}

/// Something that people should know of a profile that is right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// The rule's stable code, `WID-…`.
    pub code: &'static str,
    /// The place of the first of what it is about.
    pub place: Place,
    /// What is remarked, one sentence.
    pub text: String,
    /// The edit or command that helps.
    pub fix: String,
}

/// A place in a file, as people and editors write it: `teams/web.toml:18:11`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file's path, as people name it from where they are.
    pub path: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", quotable(&self.path), self.line, self.column)
    }
}

/// Where a cluster's issuer and credentials come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cluster {
    /// An AKS cluster: the issuer is looked up.
    Aks {
        /// The cluster's ARM id.
        id: ArmId,
        /// A kubeconfig context to use instead of the AKS credential call.
        context: Option<String>,
        /// The audience that an Entra token for the API server has instead of the AKS server application.
        token_audience: Option<String>,
    },
    /// A cluster connected by Azure Arc: the issuer is looked up, and it is reached by its context.
    Arc {
        /// The cluster's ARM id.
        id: ArmId,
        /// The kubeconfig context.
        context: String,
        /// The audience that an Entra token for the API server has instead of the AKS server application.
        token_audience: Option<String>,
    },
    /// Any other cluster: both are pinned in the profile.
    Pinned {
        /// The kubeconfig context.
        context: String,
        /// The issuer, byte for byte.
        issuer: Issuer,
        /// The audience that an Entra token for the API server has instead of the AKS server application.
        token_audience: Option<String>,
    },
}

impl Cluster {
    /// Its ARM id, where it has one: its issuer is looked up there.
    pub fn id(&self) -> Option<&ArmId> {
        match self {
            Self::Aks { id, .. } | Self::Arc { id, .. } => Some(id),
            Self::Pinned { .. } => None,
        }
    }

    /// The kubeconfig context that it is reached by; none where the AKS credential call gives the kubeconfig.
    pub fn context(&self) -> Option<&str> {
        match self {
            Self::Aks { context, .. } => context.as_deref(),
            Self::Arc { context, .. } | Self::Pinned { context, .. } => Some(context),
        }
    }

    /// Where the cluster is, whole: what a plan's rows are about, whatever the profile calls the cluster.
    pub fn place(&self) -> Arc<str> {
        match self {
            Self::Aks { id, context: None, .. } => id.as_str().into(),
            Self::Aks { id, context: Some(context), .. } | Self::Arc { id, context, .. } => {
                format!("{id}, context {context}").into()
            }
            Self::Pinned { context, issuer, .. } => {
                format!("context {context}, issuer {issuer}").into()
            }
        }
    }
}

/// Guardrails that only observation can decide: custom roles are known to Azure alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Roles that no identity gets, by name; built-in ones were resolved to their GUID for the checks.
    pub denied_roles: Vec<RoleName>,
    /// Whether any role that can write authorization or federated credentials is denied; only an
    /// empty `denied_roles` lifts this.
    pub deny_privileged_roles: bool,
    /// Globs of the namespaces that no workload gets, and in which nothing is deleted or released. `{team}`
    /// is any team here: whose a left-over object was may be unknown.
    pub denied_namespaces: Vec<Arc<str>>,
    /// What is done where an identity of the estate lets in whom the profile does not name.
    pub foreign_trust: ForeignVerdict,
    /// Whom identities may let in besides.
    pub trusted: Vec<TrustedForeigner>,
    /// How much may be deleted without a flag of its own.
    pub mass_delete: MassDelete,
}

/// How much `--prune` may delete or release; what exceeds either asks for `--allow-mass-delete`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MassDelete {
    /// The most objects.
    pub objects: u32,
    /// The largest share of what the estate has, in percent.
    pub percent: u32,
}

impl Default for MassDelete {
    fn default() -> Self {
        Self { objects: 10, percent: 25 }
    }
}

/// What is done about trust in whom the profile does not name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ForeignVerdict {
    /// Nothing is said of it.
    Allow,
    /// It is told.
    #[default]
    Warn,
    /// It is told, and nothing more is given to the identity.
    Refuse,
}

/// Whom some identities may let in although no team's entry names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedForeigner {
    /// Who signs the tokens.
    pub issuer: Issuer,
    /// Whom the tokens are about, a glob that crosses neither `:` nor `/`; or the whole text of an expression.
    pub subject: Arc<str>,
    /// Globs of the identities' names; `{team}` is the name of the identity's team.
    pub identities: Vec<Arc<str>>,
}

/// A team.
#[derive(Clone, PartialEq, Debug)]
pub struct Team {
    /// Its name.
    pub name: TeamName,
    /// Whom to ask about it.
    pub owner: Option<String>,
    /// Whether namespaces are created where they are missing, by whoever owns the accounts.
    pub create_namespace: bool,
    /// Its identities, sorted by name.
    pub identities: Vec<Identity>,
    /// Its workloads, sorted by namespace and account.
    pub workloads: Vec<Workload>,
    /// Its services, sorted by name.
    pub services: Vec<Service>,
}

/// A service that takes tokens of service accounts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// Its name, unique in its team.
    pub name: Arc<str>,
    /// The audience of the tokens that it takes.
    pub audience: Audience,
    /// The account of its own pods.
    pub account: Account,
    /// The clusters it runs on, sorted.
    pub clusters: Vec<ClusterName>,
    /// Whose tokens it takes, as the profile lists them.
    pub callers: Vec<Caller>,
}

/// Whose tokens a service takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The account's team.
    pub team: TeamName,
    /// The account.
    pub account: Account,
    /// The clusters that it shares with the service, sorted; at least one.
    pub clusters: Vec<ClusterName>,
}

/// A service account of a workload.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Account {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name.
    pub name: ObjectName,
}

impl Account {
    /// The `sub` of its tokens.
    pub fn subject(&self) -> Subject {
        subject::of_service_account(&self.namespace, &self.name)
    }
}

impl fmt::Display for Caller {
    /// As grants name it, whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.team, self.account.namespace, self.account.name)
    }
}

/// A managed identity of a team.
#[derive(Clone, PartialEq, Debug)]
pub struct Identity {
    /// Its name, unique in the profile; with `per_cluster` the stem of the names.
    pub name: String,
    /// Where it lives.
    pub subscription: SubscriptionId,
    /// Where it lives.
    pub resource_group: String,
    /// Its region; empty where `create` is false and the profile names none.
    pub location: Location,
    /// The profile's own tags.
    pub tags: Tags,
    /// Whether widctl creates it; otherwise it must exist and is never tagged, changed or deleted.
    pub create: bool,
    /// Whether there is one per cluster, named `<name>-<cluster>`.
    pub per_cluster: bool,
    /// Its roles.
    pub roles: Vec<RoleGrant>,
    /// Trust in subjects outside the clusters.
    pub federations: Vec<Federation>,
}

impl Identity {
    /// The key of the one that accounts on a cluster use.
    pub fn key_on(&self, cluster: &ClusterName) -> IdentityKey {
        let name =
            if self.per_cluster { format!("{}-{cluster}", self.name) } else { self.name.clone() };
        IdentityKey::new(self.subscription, &self.resource_group, &name)
    }
}

/// A role on a scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleGrant {
    /// The role.
    pub role: RoleChoice,
    /// Where it holds.
    pub scope: ArmId,
    /// What narrows it.
    pub condition: Option<Arc<str>>,
}

/// A role as far as the profile alone can tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RoleChoice {
    /// A built-in role, however it was written.
    Known(Role),
    /// A role that Azure alone knows, to be looked up by name, or by id where the name is a GUID.
    Custom(RoleName),
}

/// Trust in a subject outside the clusters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Federation {
    /// Its name, unique under the identity.
    pub name: String,
    /// Who signs the tokens.
    pub issuer: Issuer,
    /// Whom the tokens are about.
    pub subject: Subject,
    /// Whom the tokens are for.
    pub audience: Audience,
}

/// A workload: one service account on each of some clusters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// The account's name.
    pub service_account: ObjectName,
    /// Its namespace.
    pub namespace: Namespace,
    /// Whether the namespace is created where it is missing.
    pub create_namespace: bool,
    /// The clusters it runs on, sorted.
    pub clusters: Vec<ClusterName>,
    /// The identity that its pods get by default: an [`Identity::name`].
    pub identity: String,
    /// Identities that trust it besides: [`Identity::name`]s.
    pub extra_identities: Vec<String>,
    /// The audience of its tokens.
    pub audience: Audience,
    /// The lifetime of the projected token in seconds.
    pub token_expiration: u32,
    /// How much of the account widctl owns.
    pub mode: Mode,
    /// What the orchestrator in it needs.
    pub preset: Option<&'static Preset>,
    /// The account that asks for tokens of this one, where the preset is of such a controller.
    pub controller: Option<(Namespace, ObjectName)>,
    /// RBAC rules of its own.
    pub rules: Vec<PolicyRule>,
}

impl Workload {
    /// The rules of its Role, those of its preset among them, sorted; none where it has no Role.
    pub fn role_rules(&self) -> Vec<PolicyRule> {
        let preset = self.preset.map(|preset| preset.rules(self.service_account.as_str()));
        let mut rules = preset.unwrap_or_default();
        rules.extend(self.rules.iter().cloned());
        rules.sort();
        rules.dedup();
        rules
    }

    /// Whether its preset has that name.
    pub fn is_of(&self, preset: &str) -> bool {
        self.preset.is_some_and(|found| found.name == preset)
    }
}

/// How much of a `ServiceAccount` widctl owns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// widctl owns the account.
    Manage,
    /// Somebody else owns the account; only the identity's annotations are applied.
    Annotate,
    /// Only the Azure side; the cluster is not touched.
    TrustOnly,
}
