//! Refusals about custom roles, which Azure alone knows.

use std::fmt::Write as _;

use crate::desired::state::DesiredRoleAssignment;
use crate::model::kinds::role_assignment::{LiveRoleAssignment, RoleAssignmentKey};
use crate::model::rule::rules;
use crate::model::shell;
use crate::model::text::{RoleName, is_same_name};
use crate::observed::state::CustomRole;
use crate::plan::refusals::{Refusal, role_actions};
use crate::profile::resolved::{Policy, RoleChoice};

rules! {
    MISSING = "WID-ROLE-MISSING", Obstacle;
        "a custom role does not exist",
        "no built-in role has this name, and no custom role with it can be assigned at the scope",
        "correct its name, add the scope to the role's assignable scopes, or give the role's GUID";
    DENIED = "WID-ROLE-DENIED", Guardrail;
        "a custom role is denied by policy",
        "whoever holds it could grant access that the profile does not",
        "give a smaller role, or have the platform team change `denied_roles`";
    OTHER_CONDITION = "WID-ROLE-CONDITION", Obstacle;
        "an assignment of somebody else gives the role under another condition",
        "Azure takes a role, principal and scope only once, and widctl changes only what it made",
        "state its condition in the profile, or delete it";
}

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
            shell::quote(wanted.scope.as_str())
        ),
    )
}

/// The role is given already, by somebody else and not as the profile says.
pub(crate) fn other_condition(
    key: &RoleAssignmentKey,
    live: &LiveRoleAssignment,
    wanted: Option<&str>,
) -> Refusal {
    let said = |condition: Option<&str>| match condition {
        Some(condition) => format!("under the condition `{condition}`"),
        None => "without a condition".to_owned(),
    };
    let what = format!(
        "assignment {}, which widctl did not make, gives the role {}, and the profile gives it {}",
        live.id.name(),
        said(live.condition.as_deref()),
        said(wanted)
    );
    let id = shell::quote(live.id.as_str());
    OTHER_CONDITION.refuse(key, what, format!("az role assignment delete --ids {id}"))
}

/// A refusal of the custom role, if policy denies it.
pub(crate) fn denied(
    policy: &Policy,
    wanted: &DesiredRoleAssignment,
    custom: &CustomRole,
) -> Option<Refusal> {
    let name = role_name(&wanted.role);
    let listed = policy.denied_roles.iter().any(|denied| {
        let same = |name: &RoleName| is_same_name(denied.as_str(), name.as_str());
        same(&custom.role.name) || same(name)
    });
    if listed {
        let what = format!("role `{name}` is in `denied_roles`");
        return Some(DENIED.refuse(address(wanted), what, None));
    }
    if !policy.deny_privileged_roles {
        return None;
    }
    let reach = custom.permissions.iter().find_map(role_actions::reach)?;
    let (pattern, action) = (reach.pattern, reach.row.action);
    let mut what = format!("role `{name}` allows `{pattern}`");
    if pattern.contains('*') && pattern != action {
        let _ = write!(what, ", which covers `{action}`");
    }
    let mut refusal = DENIED.refuse(address(wanted), what, None);
    refusal.why = format!("{}: {}", reach.row.reason, DENIED.cause);
    Some(refusal)
}

/// The role's name, as the profile gives it.
pub(crate) fn role_name(choice: &RoleChoice) -> &RoleName {
    match choice {
        RoleChoice::Known(role) => &role.name,
        RoleChoice::Custom(name) => name,
    }
}
