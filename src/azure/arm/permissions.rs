//! What the caller may do.
//! <https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource>

use std::sync::Arc;

use serde::Deserialize;

use super::Arm;
use super::role_assignment::API_VERSION;
use crate::model::arm_id::ArmId;
use crate::observed::state::Permission;
use crate::ports::error::PortError;

const PERMISSIONS: [&str; 3] = ["providers", "Microsoft.Authorization", "permissions"];

/// A permission on the wire; whatever is absent is empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    #[serde(default)]
    actions: Vec<Arc<str>>,
    #[serde(default)]
    not_actions: Vec<Arc<str>>,
    #[serde(default)]
    data_actions: Vec<Arc<str>>,
    #[serde(default)]
    not_data_actions: Vec<Arc<str>>,
}

impl From<Wire> for Permission {
    fn from(wire: Wire) -> Self {
        Self {
            actions: wire.actions,
            not_actions: wire.not_actions,
            data_actions: wire.data_actions,
            not_data_actions: wire.not_data_actions,
        }
    }
}

impl Arm {
    /// The caller's permissions at a scope.
    pub(crate) async fn permissions(&self, scope: &ArmId) -> Result<Vec<Permission>, PortError> {
        let operation = format!("list what the caller may do at {scope}");
        let url = self.url(scope, PERMISSIONS, API_VERSION);
        let wires: Vec<Wire> = self.list(url, &operation).await?;
        Ok(wires.into_iter().map(Into::into).collect())
    }
}
