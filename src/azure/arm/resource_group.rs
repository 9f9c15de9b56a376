//! Resource groups: only whether they exist.

use serde::Deserialize;

use super::{Arm, is_about};
use crate::model::arm_id::ArmId;
use crate::ports::error::PortError;

const API_VERSION: &str = "2024-11-01";

/// A group on the wire.
#[derive(Deserialize)]
struct Wire {
    id: Option<String>,
}

impl Arm {
    /// Whether the group exists.
    pub(crate) async fn resource_group_exists(&self, id: &ArmId) -> Result<bool, PortError> {
        let url = self.url(id, [], API_VERSION);
        let operation = format!("read the resource group {}", id.name());
        let group: Option<Wire> = self.get_optional(url, &operation).await?;
        if let Some(answered) = group.as_ref().and_then(|wire| wire.id.as_deref()) {
            is_about(id, answered, &operation)?;
        }
        Ok(group.is_some())
    }
}
