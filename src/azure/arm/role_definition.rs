//! Role definitions, looked up by name or GUID.
//! <https://learn.microsoft.com/rest/api/authorization/role-definitions/list>

use serde::Deserialize;

use super::role_assignment::API_VERSION;
use super::{Arm, permissions, unreadable};
use crate::model::arm_id::ArmId;
use crate::model::guid::RoleDefinitionId;
use crate::model::kinds::role_assignment::Role;
use crate::model::text::{RoleName, is_same_name};
use crate::observed::state::CustomRole;
use crate::ports::error::PortError;

const DEFINITIONS: [&str; 3] = ["providers", "Microsoft.Authorization", "roleDefinitions"];

/// A definition on the wire; its name is its GUID.
#[derive(Deserialize)]
struct Wire {
    name: RoleDefinitionId,
    properties: WireProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProperties {
    role_name: String,
    permissions: Vec<permissions::Wire>,
}

impl From<Wire> for CustomRole {
    fn from(wire: Wire) -> Self {
        Self {
            role: Role { id: wire.name, name: RoleName::new(wire.properties.role_name) },
            permissions: wire.properties.permissions.into_iter().map(Into::into).collect(),
        }
    }
}

impl Arm {
    /// The role of this name, or of this GUID, that can be assigned at the scope.
    pub(crate) async fn role_by_name(
        &self,
        scope: &ArmId,
        name: &RoleName,
    ) -> Result<Option<CustomRole>, PortError> {
        let operation = format!("look up the role `{name}`");
        if let Ok(guid) = name.as_str().parse::<RoleDefinitionId>() {
            let below = DEFINITIONS.into_iter().chain([name.as_str()]);
            let url = self.url(scope, below, API_VERSION);
            let wire: Option<Wire> = self.get_optional(url, &operation).await?;
            if let Some(other) = wire.as_ref().filter(|wire| wire.name != guid) {
                let (answered, problem) = (other.name.to_string(), "another role was asked for");
                return Err(unreadable("name", &answered, &problem, &operation));
            }
            return Ok(wire.map(Into::into));
        }
        let mut url = self.url(scope, DEFINITIONS, API_VERSION);
        // OData doubles a quote inside a text.
        let filter = format!("roleName eq '{}'", name.as_str().replace('\'', "''"));
        url.query_pairs_mut().append_pair("$filter", &filter);
        let wires: Vec<Wire> = self.list(url, &operation).await?;
        let named =
            wires.into_iter().find(|wire| is_same_name(&wire.properties.role_name, name.as_str()));
        Ok(named.map(Into::into))
    }
}
