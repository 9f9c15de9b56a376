//! Resource groups: only whether they exist.

use serde::de::IgnoredAny;

use super::Arm;
use crate::model::arm_id::ArmId;
use crate::ports::error::PortError;

const API_VERSION: &str = "2024-11-01";

impl Arm {
    /// Whether the group exists.
    pub(crate) async fn resource_group_exists(&self, id: &ArmId) -> Result<bool, PortError> {
        let url = self.url(id, [], API_VERSION);
        let operation = format!("read the resource group {}", id.name());
        let group: Option<IgnoredAny> = self.get_optional(url, &operation).await?;
        Ok(group.is_some())
    }
}
