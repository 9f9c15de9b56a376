//! Which rights the writes of a plan need. Whether the caller has them is for others to find out.

use std::collections::BTreeMap;

use crate::model::arm_id::ArmId;
use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::Kind;
use crate::model::kinds::federated_credential::FederatedCredentials;
use crate::model::kinds::identity::{Identities, IdentityKey};
use crate::model::kinds::role_assignment::RoleAssignments;
use crate::model::right::{ArmRight, ClusterRight, Right};
use crate::model::text::{ClusterName, Namespace};
use crate::plan::action::Action;
use crate::plan::change::{AnyChange, Change};
use crate::plan::contents::Plan;

const RBAC: &str = "rbac.authorization.k8s.io";

/// The rights that a plan's writes need, each with the changes that need it, by their place in the plan.
///
/// Not among them: what a Role or a binding gives, which its author must have as well.
/// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>
pub fn needed(plan: &Plan) -> BTreeMap<Right, Vec<usize>> {
    let mut needed: BTreeMap<Right, Vec<usize>> = BTreeMap::new();
    for (place, change) in plan.changes.iter().enumerate() {
        for right in of_change(change, &plan.identities) {
            let places = needed.entry(right).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    needed
}

fn of_change(change: &AnyChange, existing: &IdentityOutputs) -> Vec<Right> {
    match change {
        AnyChange::Identity(change) => of_identity(change),
        AnyChange::RoleAssignment(change) => of_role_assignment(change),
        AnyChange::FederatedCredential(change) => of_credential(change, existing),
        AnyChange::Namespace(change) => {
            let cluster = &change.key.cluster;
            on_cluster(&change.action, cluster, None, ("", "namespaces"), false)
        }
        AnyChange::Role(change) => {
            let (cluster, namespace) = (&change.key.cluster, &change.key.namespace);
            on_cluster(&change.action, cluster, Some(namespace), (RBAC, "roles"), false)
        }
        AnyChange::RoleBinding(change) => {
            let (cluster, namespace) = (&change.key.cluster, &change.key.namespace);
            let resource = (RBAC, "rolebindings");
            on_cluster(&change.action, cluster, Some(namespace), resource, false)
        }
        AnyChange::ServiceAccount(change) => {
            let (cluster, namespace) = (&change.key.cluster, &change.key.namespace);
            // An account that somebody else owns is looked up before it is annotated.
            let looked_up = match &change.action {
                Action::Update { after, .. } | Action::Adopt { after, .. } => after.marks.is_none(),
                Action::Create { .. }
                | Action::Replace { .. }
                | Action::Release { .. }
                | Action::Delete { .. } => false,
            };
            let resource = ("", "serviceaccounts");
            on_cluster(&change.action, cluster, Some(namespace), resource, looked_up)
        }
    }
}

/// Rights on the resource of Azure that a change writes and on the one that it deletes, which a replace
/// may name otherwise.
fn in_azure<K: Kind>(
    action: &Action<K>,
    [write, delete]: [&'static str; 2],
    written: ArmId,
    deleted: ArmId,
) -> Vec<Right> {
    let right = |action, scope| Right::Arm(ArmRight { scope, action });
    match action {
        Action::Create { .. } | Action::Update { .. } | Action::Adopt { .. } => {
            vec![right(write, written)]
        }
        Action::Replace { .. } => vec![right(delete, deleted), right(write, written)],
        Action::Delete { .. } => vec![right(delete, deleted)],
        // Nothing in Azure can be released.
        Action::Release { .. } => Vec::new(),
    }
}

/// <https://learn.microsoft.com/azure/role-based-access-control/permissions/identity>
fn of_identity(change: &Change<Identities>) -> Vec<Right> {
    const ACTIONS: [&str; 2] = [
        "Microsoft.ManagedIdentity/userAssignedIdentities/write",
        "Microsoft.ManagedIdentity/userAssignedIdentities/delete",
    ];
    let exists = !matches!(change.action, Action::Create { .. });
    let place = place_of(&change.key, exists);
    in_azure(&change.action, ACTIONS, place.clone(), place)
}

fn of_credential(change: &Change<FederatedCredentials>, existing: &IdentityOutputs) -> Vec<Right> {
    const ACTIONS: [&str; 2] = [
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete",
    ];
    let identity = &change.key.identity;
    // What has a credential exists, whether it is desired or not.
    let exists = !matches!(change.action, Action::Create { .. }) || existing.contains_key(identity);
    let written = place_of(identity, exists);
    let deleted = match &change.action {
        Action::Replace { before_key, .. } => before_key.identity.id().clone(),
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Adopt { .. }
        | Action::Release { .. }
        | Action::Delete { .. } => identity.id().clone(),
    };
    in_azure(&change.action, ACTIONS, written, deleted)
}

/// <https://learn.microsoft.com/azure/role-based-access-control/permissions/management-and-governance#microsoftauthorization>
fn of_role_assignment(change: &Change<RoleAssignments>) -> Vec<Right> {
    const ACTIONS: [&str; 2] = [
        "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Authorization/roleAssignments/delete",
    ];
    let deleted = match &change.action {
        Action::Replace { before, .. } | Action::Delete { before } => before.live().scope.clone(),
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Adopt { .. }
        | Action::Release { .. } => change.key.scope.clone(),
    };
    in_azure(&change.action, ACTIONS, change.key.scope.clone(), deleted)
}

/// Where rights on an identity can be asked for: at itself, or at its resource group before it exists.
fn place_of(identity: &IdentityKey, exists: bool) -> ArmId {
    let id = identity.id();
    match (id.subscription(), id.resource_group()) {
        (Some(subscription), Some(group)) if !exists => {
            ArmId::of_resource_group(subscription, group)
        }
        _ => id.clone(),
    }
}

/// Rights on a resource of a cluster. Writes are server-side applies: of an object that does not exist
/// they need `create` as well.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/>
fn on_cluster<K: Kind>(
    action: &Action<K>,
    cluster: &ClusterName,
    namespace: Option<&Namespace>,
    (group, resource): (&'static str, &'static str),
    looked_up: bool,
) -> Vec<Right> {
    let verbs: &[&'static str] = match action {
        // A creation looks first, so that it never takes over what somebody else has just made.
        Action::Create { .. } => &["get", "create", "patch"],
        Action::Update { .. } | Action::Adopt { .. } if looked_up => &["get", "patch"],
        Action::Update { .. } | Action::Adopt { .. } => &["patch"],
        Action::Replace { .. } => &["get", "delete", "create", "patch"],
        Action::Release { .. } => &["get", "patch"],
        Action::Delete { .. } => &["get", "delete"],
    };
    let right = |&verb: &&'static str| {
        Right::Cluster(ClusterRight {
            cluster: cluster.clone(),
            namespace: namespace.cloned(),
            group,
            resource,
            verb,
        })
    };
    verbs.iter().map(right).collect()
}
