//! The text in which golden cases say what exists.
//!
//! A case starts from a world in which nothing exists (`start = "empty"`), or from one where
//! `before.toml`, else the case's own profile, has been applied (`start = "settled"`). Then it says what
//! is different: what was removed, changed by others, or cannot be read. Things are named by their
//! address, `*` and `?` allowed.

mod happen;
mod unread;

use std::collections::BTreeMap;

use serde::Deserialize;
use uuid::Uuid;

use widctl::model::guid::SubscriptionId;
use widctl::plan::inputs::PlanInputs;

pub(crate) use self::happen::happen;

/// Where a case starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Start {
    Empty,
    Settled,
}

/// What the caller chose; nothing unless it is said.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Inputs {
    teams: Vec<String>,
    clusters: Vec<String>,
    prune: bool,
    allow_mass_delete: bool,
    adopt: bool,
    force_conflicts: bool,
}

/// What exists, and what the caller chose.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(crate) struct Observed {
    pub(crate) start: Start,
    #[serde(default)]
    inputs: Inputs,
    tenant: Option<String>,
    /// Addresses of what is gone.
    #[serde(default)]
    remove: Vec<String>,
    /// Scopes: `identities`, `role-assignments`, `resource-groups`, `custom-roles`,
    /// `credentials/<identity>`, `<cluster>`, `<cluster>/identity-bindings`, `<cluster>/service-accounts` and its like.
    #[serde(default)]
    unread: Vec<String>,
    /// Subscriptions that were looked into, by their ids: `read`, `refused`, `failed` or `beyond`.
    #[serde(default)]
    subscription: BTreeMap<SubscriptionId, String>,
    /// Clusters that no row needs: `read`, `refused` or `failed`.
    #[serde(default)]
    tried: BTreeMap<String, String>,
    /// Whether the subscriptions that the caller sees could not be listed.
    #[serde(default)]
    unlisted: bool,
    #[serde(default)]
    no_resource_group: bool,
    #[serde(default)]
    identity: Vec<IdentityFacts>,
    #[serde(default)]
    credential: Vec<CredentialFacts>,
    #[serde(default)]
    role_assignment: Vec<AssignmentFacts>,
    #[serde(default)]
    custom_role: Vec<RoleFacts>,
    #[serde(default)]
    identity_binding: Vec<BindingFacts>,
    #[serde(default)]
    cluster: BTreeMap<String, ClusterFacts>,
    #[serde(default)]
    namespace: Vec<NamespaceFacts>,
    #[serde(default)]
    account: Vec<AccountFacts>,
    #[serde(default)]
    role: Vec<ObjectFacts>,
    #[serde(default)]
    binding: Vec<ObjectFacts>,
}

impl Observed {
    /// What the caller chose.
    pub(crate) fn inputs(&self) -> PlanInputs {
        let Inputs { teams, clusters, prune, allow_mass_delete, adopt, force_conflicts } =
            self.inputs.clone();
        PlanInputs { teams, clusters, prune, allow_mass_delete, adopt, force_conflicts }
    }
}

/// An identity that others made, or a change of one.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct IdentityFacts {
    name: String,
    location: Option<String>,
    /// Tags to set; an empty value removes one.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Whether it was deleted and made again: other ids, no credentials.
    #[serde(default)]
    anew: bool,
}

/// A credential that others made, or a change of those at an address.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct CredentialFacts {
    /// The address of those to change.
    at: Option<String>,
    /// The identity of one to add.
    identity: Option<String>,
    name: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    audiences: Option<Vec<String>>,
    /// Whether it matches claims by an expression.
    #[serde(default)]
    flexible: bool,
    /// Its expression, where Azure shows it.
    expression: Option<String>,
    /// How many of them, each with a number behind its name and subject.
    count: Option<usize>,
}

/// An identity binding of an AKS cluster.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct BindingFacts {
    cluster: String,
    name: String,
    identity: String,
}

/// A change of the role assignments at an address.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct AssignmentFacts {
    at: String,
    /// Another name, as if somebody else had made it.
    name: Option<Uuid>,
    /// Another description.
    description: Option<String>,
    /// Another condition.
    condition: Option<String>,
}

/// A custom role at every scope of the profile's assignments.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct RoleFacts {
    name: String,
    guid: Option<Uuid>,
    #[serde(default)]
    actions: Vec<String>,
    #[serde(default)]
    not_actions: Vec<String>,
    #[serde(default)]
    data_actions: Vec<String>,
}

/// A cluster; what is not given is as usual.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ClusterFacts {
    #[serde(default)]
    missing: bool,
    issuer_enabled: Option<bool>,
    workload_identity: Option<bool>,
    webhook: Option<bool>,
    issuer: Option<String>,
    discovered: Option<String>,
}

/// A namespace, made if it does not exist.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct NamespaceFacts {
    at: String,
    managed_by: Option<String>,
    #[serde(default)]
    held: BTreeMap<String, String>,
    #[serde(default)]
    terminating: bool,
}

/// A `ServiceAccount`, made if it does not exist.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct AccountFacts {
    at: String,
    client_id: Option<String>,
    token_expiration: Option<String>,
    estate: Option<String>,
    /// Whether all of widctl's marks are gone.
    #[serde(default)]
    unmarked: bool,
    /// Whether widctl took it over rather than created it.
    #[serde(default)]
    adopted: bool,
    /// The address of the account that this one is a copy of, as `kubectl create` makes it.
    copy_of: Option<String>,
    /// Whether the copy says who holds its fields as the account does.
    #[serde(default)]
    with_managers: bool,
    created: Option<String>,
    annotates: Option<String>,
    managed_by: Option<String>,
    /// Labels and annotations by which other tools are known.
    #[serde(default)]
    marks: BTreeMap<String, String>,
    /// Who holds which field now: `client-id = "helm apply"`.
    #[serde(default)]
    held: BTreeMap<String, String>,
}

/// A change of the Roles or `RoleBinding`s at an address.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ObjectFacts {
    at: String,
    /// The verbs of its one rule, or the name of the role that a binding refers to.
    says: Option<String>,
    #[serde(default)]
    unmarked: bool,
    /// Whether widctl took it over rather than created it.
    #[serde(default)]
    adopted: bool,
    created: Option<String>,
    managed_by: Option<String>,
    #[serde(default)]
    held: BTreeMap<String, String>,
}
