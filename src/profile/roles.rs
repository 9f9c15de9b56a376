//! Azure's built-in roles. <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles>

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::model::guid::RoleDefinitionId;
use crate::model::kinds::role_assignment::Role;
use crate::model::text;
use crate::model::text::RoleName;

/// A built-in role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuiltInRole {
    /// Its GUID, the same in every tenant, and its name.
    pub role: Role,
    /// Whether it may write `Microsoft.Authorization` or federated credentials, or everything (`*`), or
    /// where its actions are known here, anything else that a custom role is refused for.
    pub privileged: bool,
}

/// Name, GUID and `y` or `n` for privileged, a tab between them, one role a line, sorted by name.
static TABLE: &str = include_str!("built_in_roles.tsv");

static BY_NAME: LazyLock<BTreeMap<String, BuiltInRole>> = LazyLock::new(|| {
    TABLE.lines().filter_map(row).map(|role| (fold(role.role.name.as_str()), role)).collect()
});

static BY_GUID: LazyLock<BTreeMap<RoleDefinitionId, &'static BuiltInRole>> =
    LazyLock::new(|| BY_NAME.values().map(|role| (role.role.id, role)).collect());

/// The built-in role of this name, whatever its case.
pub fn by_name(name: &str) -> Option<&'static BuiltInRole> {
    BY_NAME.get(&fold(name))
}

/// The built-in role with this GUID.
pub fn by_guid(id: RoleDefinitionId) -> Option<&'static BuiltInRole> {
    BY_GUID.get(&id).copied()
}

/// All built-in roles, sorted by name.
pub fn all() -> impl Iterator<Item = &'static BuiltInRole> {
    BY_NAME.values()
}

fn fold(name: &str) -> String {
    text::fold(name.trim())
}

fn row(line: &'static str) -> Option<BuiltInRole> {
    let mut fields = line.split('\t');
    let name = RoleName::new(fields.next()?);
    let id = fields.next()?.parse().ok()?;
    let privileged = fields.next()? == "y";
    Some(BuiltInRole { role: Role { id, name }, privileged })
}

#[cfg(test)]
mod tests {
    use super::{TABLE, all, by_guid, by_name, row};

    #[test]
    fn every_line_of_the_table_is_a_role_of_its_own() {
        assert!(TABLE.lines().all(|line| row(line).is_some()));
        assert_eq!(all().count(), TABLE.lines().count());
        assert!(all().all(|role| by_guid(role.role.id) == Some(role)));
    }

    #[test]
    fn a_role_is_found_whatever_the_case_of_its_name() {
        let role = by_name("key vault SECRETS user").unwrap();
        assert_eq!(role.role.id.to_string(), "4633458b-17de-408a-b874-0445c86b69e6");
        assert!(!role.privileged);
    }

    #[test]
    fn roles_that_can_hand_out_access_are_privileged() {
        for name in [
            "Owner",
            "Contributor",
            "User Access Administrator",
            "Role Based Access Control Administrator",
            "Managed Identity Contributor",
            "Managed Identity Operator",
            "Azure Kubernetes Service Cluster Admin Role",
            "Managed Identity Federated Identity Credential Contributor",
            "Azure Red Hat OpenShift Federated Credential",
        ] {
            assert!(by_name(name).unwrap().privileged, "{name}");
        }
        for name in [
            "Reader",
            "AcrPull",
            "Azure Kubernetes Service Cluster User Role",
            "Key Vault Secrets User",
            "Storage Blob Data Contributor",
            "Storage Blob Data Owner",
        ] {
            assert!(!by_name(name).unwrap().privileged, "{name}");
        }
    }
}
