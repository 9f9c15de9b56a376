//! What the caller may do, as far as the services tell it beforehand.

use async_trait::async_trait;

use crate::model::arm_id::ArmId;
use crate::model::right::ClusterRight;
use crate::observed::state::Permission;
use crate::ports::error::PortError;

/// Asks Azure what the caller may do.
#[async_trait]
pub trait ArmRights: Send + Sync {
    /// The caller's permissions at a scope: an action is allowed where one of them allows it. Conditions and
    /// deny assignments are not shown.
    async fn permissions(&self, scope: &ArmId) -> Result<Vec<Permission>, PortError>;
}

/// Asks one cluster what the caller may do.
#[async_trait]
pub trait ClusterRights: Send + Sync {
    /// Whether the caller has a right; without a namespace, in all of them.
    async fn may(&self, right: &ClusterRight) -> Result<bool, PortError>;
}
