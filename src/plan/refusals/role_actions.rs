//! Which actions of Azure let whoever holds a role, or whom it chooses, have rights that the role does
//! not name: one table, and what of it a permission reaches.

use wildmatch::WildMatchPattern;

use crate::observed::state::Permission;

/// A pattern of actions: `*` alone is a wildcard.
/// <https://learn.microsoft.com/azure/role-based-access-control/role-definitions#actions-format>
type Pattern = WildMatchPattern<'*', '\0'>;

/// An action that no role of a workload may hold.
#[derive(Debug)]
pub(super) struct Privileged {
    /// The action.
    pub(super) action: &'static str,
    /// Whether it is about data: it counts among `dataActions`.
    data: bool,
    /// What it lets the holder do.
    pub(super) reason: &'static str,
}

/// Declares the rows of the table.
macro_rules! rows {
    ($($kind:ident $action:literal => $reason:literal,)+) => {
        &[$(Privileged { action: $action, data: rows!($kind), reason: $reason }),+]
    };
    (control) => { false };
    (data) => { true };
}

/// The actions that widen rights. What gives away no more than the data of the resource on which the role
/// holds, a storage account's keys for instance, is not among them.
/// <https://learn.microsoft.com/azure/role-based-access-control/permissions/management-and-governance>
/// <https://learn.microsoft.com/azure/role-based-access-control/permissions/containers>
const PRIVILEGED: &[Privileged] = rows![
    control "Microsoft.Authorization/roleAssignments/write" => "it gives any role to anyone",
    control "Microsoft.Authorization/roleAssignments/delete" => "it takes roles away, those of its guards too",
    control "Microsoft.Authorization/roleDefinitions/write" => "it adds actions to roles that are given already",
    control "Microsoft.Authorization/roleAssignmentScheduleRequests/write" => "it gives a role for a time",
    control "Microsoft.Authorization/roleEligibilityScheduleRequests/write" => "it lets anyone take a role when they like",
    control "Microsoft.Authorization/roleManagementPolicies/write" => "it lifts the approval that taking a role needs",
    control "Microsoft.Authorization/roleManagementPolicyAssignments/write" => "it lifts the approval that taking a role needs",
    control "Microsoft.Authorization/classicAdministrators/write" => "it makes an owner of a subscription",
    control "Microsoft.Authorization/elevateAccess/action" => "it gives access to the whole tenant",
    control "Microsoft.Authorization/denyAssignments/write" => "it changes what is denied to whom",
    control "Microsoft.Authorization/denyAssignments/delete" => "it lifts what is denied to it",
    control "Microsoft.Authorization/policyAssignments/write" => "it remedies with an identity of its choice, or lifts a policy",
    control "Microsoft.Authorization/policyAssignments/delete" => "it lifts a policy",
    control "Microsoft.Authorization/policyAssignments/exempt/action" => "it lifts a policy",
    control "Microsoft.Authorization/policyDefinitions/write" => "it rewrites a policy that is assigned already",
    control "Microsoft.Authorization/policySetDefinitions/write" => "it rewrites policies that are assigned already",
    control "Microsoft.Authorization/policyExemptions/write" => "it lifts a policy",
    control "Microsoft.Authorization/locks/write" => "it locks others out of what they run",
    control "Microsoft.Authorization/locks/delete" => "it lifts what guards against deletion",
    control "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write" => "it lets anyone become the identity",
    control "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action" => "it puts the identity on a machine of its choice and becomes it there",
    control "Microsoft.ContainerService/managedClusters/identityBindings/write" => "it lets accounts of a cluster become an identity",
    control "Microsoft.ContainerService/managedClusters/write" => "it makes itself the cluster's administrator, and so each of its accounts",
    control "Microsoft.ContainerService/managedClusters/resetAADProfile/action" => "it makes itself the cluster's administrator, and so each of its accounts",
    control "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action" => "it is the cluster's administrator, and so each of its accounts",
    control "Microsoft.ContainerService/managedClusters/accessProfiles/listCredential/action" => "it is the cluster's administrator, and so each of its accounts",
    control "Microsoft.ContainerService/managedClusters/runCommand/action" => "it runs commands as the cluster's administrator",
    control "Microsoft.ContainerService/managedClusters/trustedAccessRoleBindings/write" => "it gives a service of Azure rights in the cluster",
    control "Microsoft.RedHatOpenShift/openShiftClusters/listCredentials/action" => "it is the cluster's administrator, and so each of its accounts",
    control "Microsoft.RedHatOpenShift/openShiftClusters/listAdminCredentials/action" => "it is the cluster's administrator, and so each of its accounts",
    control "Microsoft.Compute/virtualMachines/runCommand/action" => "it runs commands on a machine, as the identities of it",
    control "Microsoft.Compute/virtualMachines/runCommands/write" => "it runs commands on a machine, as the identities of it",
    control "Microsoft.Compute/virtualMachines/extensions/write" => "it runs commands on a machine, as the identities of it",
    control "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action" => "it runs commands on a node, as every pod there",
    control "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommands/write" => "it runs commands on a node, as every pod there",
    control "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions/write" => "it runs commands on a node, as every pod there",
    control "Microsoft.Compute/virtualMachineScaleSets/extensions/write" => "it runs commands on a node, as every pod there",
    control "Microsoft.HybridCompute/machines/runCommands/write" => "it runs commands on a machine, as the identity of it",
    control "Microsoft.HybridCompute/machines/extensions/write" => "it runs commands on a machine, as the identity of it",
    control "Microsoft.Blueprint/blueprintAssignments/write" => "it deploys with rights that are not its own",
    control "Microsoft.ManagedServices/registrationAssignments/write" => "it hands the scope to another tenant",
    control "Microsoft.Management/managementGroups/subscriptions/write" => "it moves a subscription under other roles and policies",
    control "Microsoft.Resources/deploymentStacks/manageDenySetting/action" => "it changes what is denied to whom",
    data "Microsoft.ContainerService/managedClusters/users/impersonate/action" => "it acts as another user of the cluster",
    data "Microsoft.ContainerService/managedClusters/groups/impersonate/action" => "it acts as the cluster's administrators",
    data "Microsoft.ContainerService/managedClusters/serviceaccounts/impersonate/action" => "it acts as any account of the cluster",
    data "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/roles/escalate/action" => "it hands out rights in the cluster that it does not have",
    data "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/roles/bind/action" => "it hands out rights in the cluster that it does not have",
    data "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/clusterroles/escalate/action" => "it hands out rights in the cluster that it does not have",
    data "Microsoft.ContainerService/managedClusters/rbac.authorization.k8s.io/clusterroles/bind/action" => "it hands out rights in the cluster that it does not have",
    data "Microsoft.Kubernetes/connectedClusters/users/impersonate/action" => "it acts as another user of the cluster",
    data "Microsoft.Kubernetes/connectedClusters/groups/impersonate/action" => "it acts as the cluster's administrators",
    data "Microsoft.Kubernetes/connectedClusters/serviceaccounts/impersonate/action" => "it acts as any account of the cluster",
    data "Microsoft.Kubernetes/connectedClusters/rbac.authorization.k8s.io/clusterroles/escalate/action" => "it hands out rights in the cluster that it does not have",
    data "Microsoft.Kubernetes/connectedClusters/rbac.authorization.k8s.io/clusterroles/bind/action" => "it hands out rights in the cluster that it does not have",
];

/// Everything that is not listed and not a read below it counts too.
const AUTHORIZATION: Privileged = Privileged {
    action: "Microsoft.Authorization/*",
    data: false,
    reason: "it changes who may do what",
};
/// A role with this action may do all of the table, now or once an exception is lifted.
const EVERYTHING: Privileged =
    Privileged { action: "*", data: false, reason: "it may do everything" };

/// What of the table a permission allows.
pub(super) struct Reach<'a> {
    /// The action as the role has it.
    pub(super) pattern: &'a str,
    /// What that reaches.
    pub(super) row: &'static Privileged,
}

/// The first action of a permission that reaches a row of the table. Exceptions are believed only where
/// one of them covers the row whole.
pub(super) fn reach(permission: &Permission) -> Option<Reach<'_>> {
    let control = (&permission.actions, &permission.not_actions, false);
    let data = (&permission.data_actions, &permission.not_data_actions, true);
    [control, data].into_iter().find_map(|(actions, exceptions, data)| {
        let excepted = |action: &str| exceptions.iter().any(|pattern| covers(pattern, action));
        actions.iter().find_map(|pattern| {
            let listed = || {
                let mut rows = PRIVILEGED.iter().filter(|row| row.data == data);
                rows.find(|row| reaches(pattern, row.action) && !excepted(row.action))
            };
            let row = match pattern.trim_matches(['*', '/']) {
                "" if !data && !pattern.is_empty() => Some(&EVERYTHING),
                _ => listed(),
            };
            let below = !data && is_authorization(pattern) && !excepted(pattern);
            let row = row.or(below.then_some(&AUTHORIZATION))?;
            Some(Reach { pattern, row })
        })
    })
}

/// Whether a pattern is one of `Microsoft.Authorization` and not of reads alone.
fn is_authorization(pattern: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    covers(AUTHORIZATION.action, &pattern) && !pattern.ends_with("/read")
}

/// Whether an allowed pattern reaches an action. Azure's own Managed Identity Operator may assign by
/// `userAssignedIdentities/*/assign/action`, where the action has no segment in between, so that a
/// wildcard segment counts as none too.
fn reaches(pattern: &str, action: &str) -> bool {
    covers(pattern, action) || covers(&pattern.replace("/*/", "/"), action)
}

/// Whether a pattern covers every action of another one: a `*` there is covered by a `*` here alone.
fn covers(pattern: &str, action: &str) -> bool {
    Pattern::new(&pattern.to_ascii_lowercase()).matches(&action.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde::Deserialize;

    use super::{PRIVILEGED, reach};
    use crate::observed::state::Permission;
    use crate::profile::roles;

    /// Whether a role with these actions and exceptions is denied.
    type Judge = fn(&[&str], &[&str]) -> bool;

    fn texts(texts: &[&str]) -> Vec<Arc<str>> {
        texts.iter().map(|&text| text.into()).collect()
    }

    fn allows(actions: &[&str], not_actions: &[&str]) -> bool {
        let permission = Permission {
            actions: texts(actions),
            not_actions: texts(not_actions),
            ..Permission::default()
        };
        reach(&permission).is_some()
    }

    fn allows_data(actions: &[&str], not_actions: &[&str]) -> bool {
        let permission = Permission {
            data_actions: texts(actions),
            not_data_actions: texts(not_actions),
            ..Permission::default()
        };
        reach(&permission).is_some()
    }

    #[test]
    fn every_row_is_reached_by_itself_in_any_case_and_by_its_wildcards() {
        for row in PRIVILEGED {
            let (own, other): (Judge, Judge) =
                if row.data { (allows_data, allows) } else { (allows, allows_data) };
            let (start, verb) = row.action.split_once('/').unwrap();
            let verb = verb.rsplit_once('/').unwrap().1;
            let provider = start.split_once('.').unwrap().1;
            for pattern in [
                row.action.to_owned(),
                row.action.to_uppercase(),
                row.action.to_lowercase(),
                format!("*/{verb}"),
                format!("{start}/*"),
                format!("{start}/*/{verb}"),
                format!("Microsoft.*/{verb}"),
                format!("*.{provider}/*"),
                format!("*{}", &row.action[20..]),
                row.action.replacen("s/", "s*/", 1),
            ] {
                assert!(own(&[&pattern], &[]), "{pattern} reaches {}", row.action);
            }
            // The other kind of action is another action.
            assert!(!other(&[row.action], &[]), "{}", row.action);
            assert!(!own(&[row.action], &[row.action]), "{}", row.action);
        }
    }

    #[test]
    fn roles_that_can_raise_themselves_are_seen_behind_any_wildcard() {
        for action in [
            "*",
            "*/*",
            "**",
            "*/write",
            "*/delete",
            "*/action",
            "Microsoft.*",
            "Microsoft.*/write",
            "*Authorization*",
            "*/roleAssignments/*",
            "Microsoft.Authorization/*",
            "Microsoft.Authorization/*/write",
            "microsoft.authorization/RoleAssignments/Write",
            "Microsoft.Authorization/policyExemptions/write",
            "Microsoft.Authorization/somethingNew/write",
            "Microsoft.ManagedIdentity/*",
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/*",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            "*/federatedIdentityCredentials/*",
            "*/userAssignedIdentities/*",
            "*/runCommand/action",
            "*/listClusterAdminCredential/action",
            "Microsoft.ContainerService/managedClusters/*",
        ] {
            assert!(allows(&[action], &[]), "{action}");
        }
        assert!(allows_data(&["*"], &[]));
        assert!(allows_data(&["Microsoft.ContainerService/managedClusters/*"], &[]));
    }

    #[test]
    fn readers_and_ordinary_writers_pass() {
        for action in [
            "*/read",
            "Microsoft.Authorization/*/read",
            "Microsoft.Storage/*",
            "Microsoft.KeyVault/vaults/*",
            "Microsoft.ManagedIdentity/userAssignedIdentities/read",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
            "Microsoft.Insights/alertRules/*",
            "Microsoft.Resources/deployments/*",
            "",
        ] {
            assert!(!allows(&[action], &[]), "{action}");
        }
        for action in [
            "Microsoft.KeyVault/vaults/*",
            "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*",
            "*/read",
        ] {
            assert!(!allows_data(&[action], &[]), "{action}");
        }
    }

    #[test]
    fn an_exception_counts_only_where_it_covers_the_whole_action() {
        let assignments = "Microsoft.Authorization/roleAssignments/write";
        assert!(!allows(&[assignments], &["Microsoft.Authorization/*"]));
        // Exceptions one by one never cover what is not listed yet.
        let exceptions: Vec<&str> = PRIVILEGED.iter().map(|row| row.action).collect();
        assert!(allows(&["Microsoft.Authorization/*"], &exceptions));
        assert!(allows(&["Microsoft.Authorization/*"], &["*/write", "*/delete"]));
        assert!(allows(&["Microsoft.Authorization/*"], &[assignments]));
        assert!(allows(
            &["*/write"],
            &["Microsoft.Authorization/*", "Microsoft.ManagedIdentity/*"]
        ));
        assert!(allows(&["*"], &["Microsoft.Authorization/*", "Microsoft.ManagedIdentity/*"]));
        // An exception can be lifted, and `*` alone covers what is not in the table yet.
        for everything in ["*", "*/*"] {
            assert!(allows(&[everything], &exceptions), "{everything}");
        }
        // Only `*` is a wildcard of Azure's.
        for exception in [
            "Microsoft.Authorization/roleAssignments/writ?",
            "Microsoft.Authorization/roleAssignments/writ",
            "Microsoft.Authorization/roleAssignments",
            "Microsoft.Authorization/*/read",
            "Microsoft.Authorization/*/roleAssignments/write",
            "",
        ] {
            assert!(allows(&[assignments], &[exception]), "{exception}");
        }
        // An exception among control actions takes nothing from data actions.
        let impersonate = "Microsoft.ContainerService/managedClusters/users/impersonate/action";
        let permission = Permission {
            data_actions: texts(&[impersonate]),
            not_actions: texts(&["*"]),
            ..Permission::default()
        };
        assert!(reach(&permission).is_some());
    }

    #[derive(Deserialize)]
    struct Catalogue {
        role: Vec<BuiltIn>,
    }

    #[derive(Deserialize)]
    struct BuiltIn {
        name: String,
        #[serde(default)]
        actions: Vec<Arc<str>>,
        #[serde(default)]
        not_actions: Vec<Arc<str>>,
        #[serde(default)]
        data_actions: Vec<Arc<str>>,
    }

    #[test]
    fn built_in_roles_are_judged_like_custom_ones_where_their_actions_are_known() {
        let catalogue = include_str!("../../sandbox/arm/role_catalogue.toml");
        let catalogue: Catalogue = toml::from_str(catalogue).unwrap();
        assert!(catalogue.role.len() > 40);
        for role in catalogue.role {
            let permission = Permission {
                actions: role.actions,
                not_actions: role.not_actions,
                data_actions: role.data_actions,
                not_data_actions: vec![],
            };
            let judged = reach(&permission).map(|reach| reach.row.action);
            let known = roles::by_name(&role.name).unwrap().privileged;
            assert_eq!(judged.is_some(), known, "{}: {judged:?}", role.name);
        }
    }

    #[test]
    fn the_page_about_the_profile_lists_the_table_and_nothing_else() {
        let page = include_str!("../../../docs/profile.md");
        let (_, below) = page.split_once("#### Actions that are denied\n").unwrap();
        let section = below.split("\n#").next().unwrap();
        let rows = section.lines().filter(|line| line.starts_with("| "));
        let written: Vec<&str> = rows.skip(1).collect();
        let documented = PRIVILEGED.iter().map(|row| {
            let kind = if row.data { "data action" } else { "action" };
            format!("| `{}` | {kind} | {} |", row.action, row.reason)
        });
        let made: Vec<String> = documented.collect();
        assert_eq!(written.join("\n"), made.join("\n"), "the table is:\n{}", made.join("\n"));
    }
}
