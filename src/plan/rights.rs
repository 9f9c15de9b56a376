//! Which rights the writes of a plan need. Whether the caller has them is for others to find out.

use std::collections::BTreeMap;

use crate::model::arm_id::ArmId;
use crate::model::kinds::Kind;
use crate::model::kinds::identity::IdentityKey;
use crate::model::right::{ArmRight, ClusterRight, Right};
use crate::model::text::{ClusterName, Namespace};
use crate::plan::action::Action;
use crate::plan::contents::Plan;

pub mod grouping;

/// The API group of Roles and bindings.
pub(crate) const RBAC: &str = "rbac.authorization.k8s.io";

/// The rights that a plan's writes need, each with the changes that need it, by their place in the plan.
///
/// Not among them: what a Role or a binding gives, which its author must have as well.
/// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>
pub fn needed(plan: &Plan) -> BTreeMap<Right, Vec<usize>> {
    let mut needed: BTreeMap<Right, Vec<usize>> = BTreeMap::new();
    for (place, change) in plan.changes.iter().enumerate() {
        for right in change.rights(&plan.identities) {
            let places = needed.entry(right).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    needed
}

/// Rights on the resource of Azure that a change writes and on the one that it deletes, which a replace
/// may name otherwise.
pub(crate) fn in_azure<K: Kind>(
    action: &Action<K>,
    [write, delete]: [&'static str; 2],
    written: ArmId,
    deleted: ArmId,
) -> Vec<Right> {
    let right = |action, scope| Right::Arm(ArmRight { scope, action });
    match action {
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Adopt { .. }
        | Action::Release { .. } => vec![right(write, written)],
        Action::Replace { .. } => vec![right(delete, deleted), right(write, written)],
        Action::Delete { .. } => vec![right(delete, deleted)],
    }
}

/// Where rights on an identity can be asked for: at itself, or at its resource group before it exists.
pub(crate) fn scope_of(identity: &IdentityKey, exists: bool) -> ArmId {
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
pub(crate) fn on_cluster<K: Kind>(
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
