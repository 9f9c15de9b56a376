//! What a caller may need to be allowed to do.

use crate::model::arm_id::ArmId;
use crate::model::text::{ClusterName, Namespace};

/// An action of Azure at a scope.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ArmRight {
    /// Where.
    pub scope: ArmId,
    /// `Microsoft.Authorization/roleAssignments/write`
    pub action: &'static str,
}

/// A verb on a resource of a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ClusterRight {
    /// The cluster.
    pub cluster: ClusterName,
    /// The namespace; `None` for cluster-wide resources, and for all namespaces at once.
    pub namespace: Option<Namespace>,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, `serviceaccounts`.
    pub resource: &'static str,
    /// The RBAC verb, `patch`.
    pub verb: &'static str,
}

/// A right that a write needs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Right {
    /// In Azure.
    Arm(ArmRight),
    /// On a cluster.
    Cluster(ClusterRight),
}
