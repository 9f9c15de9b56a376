//! Which role gives a caller what it lacks in Azure.

use wildmatch::WildMatch;

use super::template;
use crate::model::right::ArmRight;

/// The smallest built-in role with an action, the first that fits.
/// <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>
const ROLES: &[(&str, &str)] = &[
    ("*/read", "Reader"),
    ("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", "Managed Identity Operator"),
    ("Microsoft.ManagedIdentity/*/write", "Managed Identity Contributor"),
    ("Microsoft.ManagedIdentity/*/delete", "Managed Identity Contributor"),
    ("Microsoft.Authorization/roleAssignments/write", "Role Based Access Control Administrator"),
    ("Microsoft.Authorization/roleAssignments/delete", "Role Based Access Control Administrator"),
    (
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        "Azure Kubernetes Service Cluster User Role",
    ),
];

/// The command that gives somebody a role.
pub(super) const ASSIGN: &str =
    "az role assignment create --assignee {object_id} --role \"{role}\" --scope \"{scope}\"";

/// How a right is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remedy {
    /// The smallest built-in role with the right.
    pub role: &'static str,
    /// The command that assigns it.
    pub command: String,
}

/// How a right is given to the principal of this object id; `None` where no built-in role is known to have it.
pub fn remedy(right: &ArmRight, object_id: Option<&str>) -> Option<Remedy> {
    let role = smallest(right.action)?;
    let value = |name: &str| match name {
        "object_id" => object_id.map(|id| vec![id.to_owned()]),
        "role" => Some(vec![role.to_owned()]),
        "scope" => Some(vec![right.scope.to_string()]),
        _ => None,
    };
    let command = template::fill(&format!("`{ASSIGN}`"), &value).text;
    Some(Remedy { role, command: command.trim_matches('`').to_owned() })
}

/// The smallest built-in role with an action.
pub(super) fn smallest(action: &str) -> Option<&'static str> {
    let fits = |pattern: &str| WildMatch::new_case_insensitive(pattern).matches(action);
    ROLES.iter().find(|(pattern, _)| fits(pattern)).map(|(_, role)| *role)
}

/// Where to assign a role for an action. A resource that is still to be created has no place to assign it at,
/// so writes name the resource group.
pub(super) fn assignable<'a>(action: &str, scope: &'a str) -> &'a str {
    let group = scope.to_ascii_lowercase().find("/providers/microsoft.managedidentity/");
    match group {
        Some(end) if !action.ends_with("/read") => &scope[..end],
        _ => scope,
    }
}
