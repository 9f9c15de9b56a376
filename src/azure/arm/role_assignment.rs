//! Role assignments.
//! <https://learn.microsoft.com/rest/api/authorization/role-assignments>

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Arm, id, is_about, unreadable};
use crate::azure::error;
use crate::model::arm_id::ArmId;
use crate::model::guid::{PrincipalId, RoleDefinitionId};
use crate::model::kinds::role_assignment::{LiveRoleAssignment, RoleAssignmentWrite, description};
use crate::ports::error::{PortError, PortErrorKind};

pub(super) const API_VERSION: &str = "2022-04-01";
const ASSIGNMENTS: [&str; 3] = ["providers", "Microsoft.Authorization", "roleAssignments"];
const DEFINITIONS: &str = "/providers/Microsoft.Authorization/roleDefinitions/";

/// An assignment on the wire.
#[derive(Deserialize)]
struct Wire {
    id: String,
    properties: WireProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProperties {
    scope: String,
    role_definition_id: String,
    principal_id: PrincipalId,
    description: Option<String>,
    condition: Option<String>,
}

/// An assignment as it is written.
#[derive(Serialize)]
struct Written<'a> {
    properties: WrittenProperties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenProperties<'a> {
    role_definition_id: String,
    principal_id: PrincipalId,
    // Without it a principal that is not replicated yet is refused.
    // https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template#new-service-principal
    principal_type: &'static str,
    description: String,
    #[serde(flatten)]
    narrowed: Option<Narrowed<'a>>,
}

/// The condition of an assignment. No other version is taken:
/// <https://learn.microsoft.com/rest/api/authorization/role-assignments/create>
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Narrowed<'a> {
    condition: &'a str,
    condition_version: &'static str,
}

impl Wire {
    fn into_live(self, operation: &str) -> Result<LiveRoleAssignment, PortError> {
        let role = self.properties.role_definition_id;
        let guid = role.rsplit('/').next().unwrap_or_default();
        let role: RoleDefinitionId = guid
            .parse()
            .map_err(|problem| unreadable("roleDefinitionId", &role, &problem, operation))?;
        let scope = id(&self.properties.scope, operation)?;
        let own = id(&self.id, operation)?;
        let condition = self.properties.condition.as_deref().map(str::trim);
        is_about(&assignment_id(&scope, own.name(), operation)?, &self.id, operation)?;
        Ok(LiveRoleAssignment {
            id: own,
            scope,
            role,
            principal: self.properties.principal_id,
            description: self.properties.description.map(Into::into),
            condition: condition.filter(|text| !text.is_empty()).map(Into::into),
        })
    }
}

/// The full id of a role definition, as an assignment at the scope names it.
fn definition_id(scope: &ArmId, role: RoleDefinitionId) -> String {
    match scope.subscription() {
        Some(subscription) => format!("/subscriptions/{subscription}{DEFINITIONS}{role}"),
        None => format!("{DEFINITIONS}{role}"),
    }
}

/// The id of an assignment at a scope: deletions go there, so it must be nowhere else.
fn assignment_id(scope: &ArmId, name: &str, operation: &str) -> Result<ArmId, PortError> {
    let above = scope.as_str().trim_end_matches('/');
    id(&format!("{above}/{}/{name}", ASSIGNMENTS.join("/")), operation)
}

impl Arm {
    /// All assignments at and below a scope. Azure adds the ones from above; they are left out.
    pub(crate) async fn role_assignments(
        &self,
        scope: &ArmId,
    ) -> Result<Vec<LiveRoleAssignment>, PortError> {
        let operation = format!("list the role assignments of {scope}");
        let url = self.url(scope, ASSIGNMENTS, API_VERSION);
        let wires: Vec<Wire> = self.list(url, &operation).await?;
        let mut assignments = Vec::new();
        for wire in wires {
            let assignment = wire.into_live(&operation)?;
            if scope.contains(&assignment.scope) {
                assignments.push(assignment);
            }
        }
        Ok(assignments)
    }

    /// Assigns a role, or changes the condition of the assignment of this name.
    pub(crate) async fn put_role_assignment(
        &self,
        write: &RoleAssignmentWrite,
    ) -> Result<LiveRoleAssignment, PortError> {
        let assignment = &write.assignment;
        let operation = format!("assign role {} on {}", assignment.role, assignment.scope);
        let body = Written {
            properties: WrittenProperties {
                role_definition_id: definition_id(&assignment.scope, assignment.role),
                principal_id: assignment.principal,
                principal_type: "ServicePrincipal",
                description: description(&assignment.estate),
                narrowed: assignment
                    .condition
                    .as_deref()
                    .map(|condition| Narrowed { condition, condition_version: "2.0" }),
            },
        };
        let wire: Wire = self
            .put(self.assignment_url(write), &body, &operation)
            .await
            .map_err(of_missing_scope)?;
        about(write, wire, &operation)
    }

    /// One assignment, by the name that it was written under.
    pub(crate) async fn role_assignment(
        &self,
        write: &RoleAssignmentWrite,
    ) -> Result<Option<LiveRoleAssignment>, PortError> {
        let operation = format!("read the role assignment {}", write.name);
        let wire: Option<Wire> = self.get_optional(self.assignment_url(write), &operation).await?;
        wire.map(|wire| about(write, wire, &operation)).transpose()
    }

    /// Takes a role away at a scope.
    pub(crate) async fn delete_role_assignment(
        &self,
        scope: &ArmId,
        id: &ArmId,
    ) -> Result<(), PortError> {
        let operation = format!("delete the role assignment {}", id.name());
        if assignment_id(scope, id.name(), &operation)? != *id {
            let problem = format!("`{id}` is not a role assignment of {scope}");
            return Err(error::not_sent(&operation, problem));
        }
        self.delete(self.url(id, [], API_VERSION), &operation).await
    }

    fn assignment_url(&self, write: &RoleAssignmentWrite) -> Url {
        let name = write.name.to_string();
        let [providers, provider, assignments] = ASSIGNMENTS;
        let below = [providers, provider, assignments, name.as_str()];
        self.url(&write.assignment.scope, below, API_VERSION)
    }
}

/// The assignment that was written, or asked for.
fn about(
    write: &RoleAssignmentWrite,
    wire: Wire,
    operation: &str,
) -> Result<LiveRoleAssignment, PortError> {
    let name = write.name.to_string();
    let asked = assignment_id(&write.assignment.scope, &name, operation)?;
    is_about(&asked, &wire.id, operation)?;
    wire.into_live(operation)
}

/// A scope is never something that widctl makes, so a missing one will not appear by waiting.
fn of_missing_scope(mut error: PortError) -> PortError {
    if error.kind == PortErrorKind::ParentNotFound {
        error.kind = PortErrorKind::NotFound;
    }
    error
}
