//! Refusals about custom roles, which Azure alone knows.

use wildmatch::WildMatch;

use crate::desired::state::DesiredRoleAssignment;
use crate::model::text::RoleName;
use crate::observed::state::CustomRole;
use crate::observed::state::Permission;
use crate::plan::refusals::Refusal;
use crate::plan::refusals::Rule;
use crate::profile::resolved::Policy;
use crate::profile::resolved::RoleChoice;

/// A role does not exist.
pub(crate) const MISSING: Rule = Rule {
    code: "WID-ROLE-MISSING",
    guardrail: false,
    title: "a custom role does not exist",
    cause: "it is no built-in role, and no custom role of this name can be assigned at the scope",
    fix: "correct its name, add the scope to the role's assignable scopes, or give the role's GUID",
};

/// A role is denied.
pub(crate) const DENIED: Rule = Rule {
    code: "WID-ROLE-DENIED",
    guardrail: true,
    title: "a custom role is denied by policy",
    cause: "whoever may write authorization or federated credentials can give himself everything else",
    fix: "give a smaller role, or have the platform team change `denied_roles`",
};

/// Actions that stand for all that lets a role raise itself.
const PRIVILEGED: &[&str] = &[
    "microsoft.authorization/roleassignments/write",
    "microsoft.authorization/roledefinitions/write",
    "microsoft.authorization/elevateaccess/action",
    "microsoft.authorization/denyassignments/delete",
    "microsoft.authorization/policyassignments/write",
    "microsoft.authorization/locks/delete",
    "microsoft.authorization/roleassignmentschedulerequests/write",
    "microsoft.authorization/roleeligibilityschedulerequests/write",
    "microsoft.authorization/rolemanagementpolicies/write",
    "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials/write",
];
/// Everything below it but reads is privileged.
const AUTHORIZATION: &str = "microsoft.authorization/";

/// The address of an assignment whose role is known by name alone.
pub(crate) fn address(wanted: &DesiredRoleAssignment) -> String {
    let (identity, role) = (wanted.identity.name(), role_name(&wanted.role));
    format!("azure/role-assignment/{identity}/{role}@{}", wanted.scope)
}

pub(crate) fn missing(wanted: &DesiredRoleAssignment) -> Refusal {
    let name = role_name(&wanted.role);
    MISSING.refuse(
        address(wanted),
        format!("there is no role `{name}` at {}", wanted.scope),
        format!(
            "az role definition list --scope {} --custom-role-only --query \"[].roleName\"",
            wanted.scope
        ),
    )
}

/// A refusal of the custom role, if policy denies it.
pub(crate) fn denied(
    policy: &Policy,
    wanted: &DesiredRoleAssignment,
    custom: &CustomRole,
) -> Option<Refusal> {
    let name = role_name(&wanted.role);
    let listed = policy.denied_roles.iter().any(|denied| {
        let same = |name: &RoleName| denied.as_str().eq_ignore_ascii_case(name.as_str());
        same(&custom.role.name) || same(name)
    });
    let what = if listed {
        format!("role `{name}` is in `denied_roles`")
    } else if policy.deny_privileged_roles {
        let action = custom.permissions.iter().find_map(privileged_action)?;
        format!("role `{name}` allows `{action}`")
    } else {
        return None;
    };
    Some(DENIED.refuse(address(wanted), what, None))
}

fn role_name(choice: &RoleChoice) -> &RoleName {
    match choice {
        RoleChoice::Known(role) => &role.name,
        RoleChoice::Custom(name) => name,
    }
}

/// The first action of a permission that lets its holder raise himself. Exceptions are believed only
/// where one of them covers the action whole.
/// <https://learn.microsoft.com/azure/role-based-access-control/role-definitions>
fn privileged_action(permission: &Permission) -> Option<&str> {
    let excepted = |action: &str| {
        let mut patterns = permission.not_actions.iter();
        patterns.any(|pattern| covers(pattern, action))
    };
    let is_privileged = |pattern: &str| {
        let folded = pattern.to_ascii_lowercase();
        if folded == "*" {
            return true;
        }
        let reaches = PRIVILEGED
            .iter()
            .any(|action| covers(&folded, action) && !excepted(action));
        let below = folded.starts_with(AUTHORIZATION) && !folded.ends_with("/read");
        reaches || (below && !excepted(&folded))
    };
    let mut actions = permission.actions.iter().map(|action| &**action);
    actions.find(|action| is_privileged(action))
}

/// Whether a pattern covers every action of another one: a `*` there is covered by a `*` here alone.
fn covers(pattern: &str, action: &str) -> bool {
    WildMatch::new(&pattern.to_ascii_lowercase()).matches(&action.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::privileged_action;
    use crate::observed::state::Permission;

    fn allows(actions: &[&str], not_actions: &[&str]) -> bool {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.into()).collect();
        let permission = Permission {
            actions: texts(actions),
            not_actions: texts(not_actions),
        };
        privileged_action(&permission).is_some()
    }

    #[test]
    fn roles_that_can_raise_themselves_are_seen_behind_any_wildcard() {
        for action in [
            "*",
            "*/write",
            "Microsoft.Authorization/*",
            "Microsoft.Authorization/*/write",
            "microsoft.authorization/RoleAssignments/Write",
            "Microsoft.Authorization/policyExemptions/write",
            "Microsoft.ManagedIdentity/*",
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/*",
            "*/userAssignedIdentities/*",
        ] {
            assert!(allows(&[action], &[]), "{action}");
        }
    }

    #[test]
    fn readers_and_ordinary_writers_pass() {
        for action in [
            "*/read",
            "Microsoft.Authorization/*/read",
            "Microsoft.Storage/*",
            "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        ] {
            assert!(!allows(&[action], &[]), "{action}");
        }
    }

    #[test]
    fn an_exception_counts_only_where_it_covers_the_whole_action() {
        let assignments = "Microsoft.Authorization/roleAssignments/write";
        assert!(!allows(&[assignments], &["Microsoft.Authorization/*"]));
        assert!(allows(&["Microsoft.Authorization/*"], &[assignments]));
        assert!(allows(
            &["*"],
            &["Microsoft.Authorization/*", "Microsoft.ManagedIdentity/*"]
        ));
    }
}
