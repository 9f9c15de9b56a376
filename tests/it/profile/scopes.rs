//! Which scopes a role may hold on, however they are written.

use super::{Refused, root_team, team_file};

const SUBSCRIPTION: &str = "/subscriptions/00000000-0000-4000-8000-000000000001";

fn role(scope: &str) -> String {
    format!("roles = [{{ role = \"Reader\", scope = {scope:?} }}]\n")
}

/// A policy with these denied scopes and these grants of scopes; the defaults where there are none.
fn policy(denied: Option<&[&str]>, scopes: &[&str]) -> String {
    let denied =
        denied.map_or(String::new(), |denied| format!("[policy]\ndenied_scopes = {denied:?}\n"));
    format!("{denied}[policy.grants]\nscopes = {scopes:?}\n")
}

fn own(denied: Option<&[&str]>, grants: &[&str], scope: &str) -> Refused {
    team_file(&policy(denied, grants), "a", &role(scope))
}

/// Scopes that are no resource of a subscription, though they end like one.
fn outside() -> Vec<String> {
    let resource = "providers/Microsoft.KeyVault/vaults/kv";
    let mut scopes = vec![
        "/providers/Microsoft.Billing/billingAccounts/b".to_owned(),
        "/providers/Microsoft.Billing/billingAccounts/b/subscriptions/s".to_owned(),
        "/PROVIDERS/microsoft.capacity/reservationOrders/r".to_owned(),
        format!("/{resource}"),
    ];
    for group in ["managementGroups", "MANAGEMENTGROUPS", "managementgroups"] {
        let root = format!("/providers/Microsoft.Management/{group}/mg");
        scopes.push(root.clone());
        scopes.push(format!("{root}{SUBSCRIPTION}"));
        scopes.push(format!("{root}/{resource}"));
        scopes.push(format!("{root}{SUBSCRIPTION}/{resource}/x/y").to_uppercase());
    }
    scopes
}

#[test]
fn what_lies_outside_every_subscription_is_no_resource() {
    for scope in outside() {
        for refused in [own(None, &["*"], &scope), root_team("", "a", &role(&scope))] {
            assert_eq!(refused.codes().first(), Some(&"WID-DENIED-SCOPE"), "{scope}");
        }
    }
}

#[test]
fn no_policy_lets_a_team_in_its_own_file_outside_every_subscription() {
    let billing = "/providers/Microsoft.Billing/billingAccounts/b";
    for grant in ["*", "/providers/*", billing] {
        assert_eq!(own(Some(&[]), &[grant], billing).codes(), ["WID-DENIED-SCOPE"], "{grant}");
    }
    // The root file's own teams may, where management groups are allowed.
    let allowed = policy(Some(&["subscription"]), &[]);
    assert_eq!(root_team(&allowed, "a", &role(billing)).codes(), [""; 0]);
    let denied = policy(Some(&["management-group"]), &[]);
    assert_eq!(root_team(&denied, "a", &role(billing)).codes(), ["WID-DENIED-SCOPE"]);
    // The tenant's root never.
    assert_eq!(root_team(&allowed, "a", &role("/")).codes(), ["WID-DENIED-SCOPE"]);
}

#[test]
fn a_glob_about_resource_groups_grants_no_management_group() {
    let group = "/providers/Microsoft.Management/managementGroups/mg";
    let below = format!("{group}{SUBSCRIPTION}");
    for grant in [
        "*",
        "/*",
        "/providers/*",
        "*/subscriptions/*",
        "/providers/Microsoft.Management/managementGroups/*",
        "/providers/Microsoft.Management/managementGroups/m?",
    ] {
        for scope in [group, &below] {
            let codes = own(Some(&[]), &[grant], scope).codes();
            assert_eq!(codes, ["WID-GRANT-SCOPE"], "{grant} {scope}");
        }
    }
    for scope in [group, &below, &group.to_uppercase()] {
        assert_eq!(own(Some(&[]), &[scope], &scope.to_lowercase()).codes(), [""; 0], "{scope}");
    }
}

#[test]
fn what_lies_in_a_subscription_outside_its_resource_groups_counts_as_the_subscription() {
    let scope = format!("{SUBSCRIPTION}/providers/Microsoft.Security/pricings/p");
    assert_eq!(own(None, &["*"], &scope).codes(), ["WID-DENIED-SCOPE"]);
    assert_eq!(own(Some(&["subscription"]), &["*"], &scope).codes(), ["WID-DENIED-SCOPE"]);
    assert_eq!(own(Some(&["resource-group"]), &["*"], &scope).codes(), [""; 0]);
}

#[test]
fn other_ways_to_write_a_scope_are_errors_or_the_same_scope() {
    let group = format!("{SUBSCRIPTION}/resourceGroups/rg-a");
    let vault = format!("{group}/providers/Microsoft.KeyVault/vaults/kv");
    let grants: &[&str] = &["/subscriptions/*/resourceGroups/rg-{team}/*"];
    assert_eq!(own(None, grants, &vault).codes(), [""; 0]);
    for same in [
        vault.to_uppercase(),
        vault.to_lowercase(),
        vault.replace("resourceGroups", "RESOURCEGROUPS"),
    ] {
        assert_eq!(own(None, grants, &same).codes(), [""; 0], "{same}");
    }
    let upper = group.to_uppercase();
    assert_eq!(own(None, &["*"], &upper).codes(), ["WID-DENIED-SCOPE"]);
    let others = group.replace("rg-a", "rg-b");
    for wrong in [
        format!("{vault}/"),
        format!("/{vault}"),
        vault.replace("/providers", "//providers"),
        vault.replace("rg-a", "rg-a/../rg-b"),
        vault.replace("rg-a", "rg-a/./x"),
        vault.replace("rg-a", "%72g-a"),
        vault.replace("/vaults", "%2fvaults"),
        vault.replace("/vaults", "\\\\vaults"),
        vault.replace("/vaults", "\u{ff0f}vaults"),
        vault.replace("/vaults", "\u{2215}vaults"),
        vault.replace("resourceGroups", "re\u{455}ourceGroups"),
        vault.replace("subscriptions", "\u{455}ubscriptions"),
        vault.replace("Microsoft", "Micr\u{43e}soft"),
        vault.replace("00000000-0000-4000-8000-000000000001", "00000000000040008000000000000001"),
        vault.replace("kv", "kv?x"),
        vault.replace("kv", "kv#x"),
        format!(" {vault}"),
        // A part of somebody else's resource that is named like the team's resource group.
        format!("{others}/providers/A.B/c/d/resourceGroups/rg-a/e/f"),
        format!("{others}/providers/A.B/c/resourceGroups/rg-a/e"),
        format!("{others}/providers/A.B/c/d/providers/E.F/RESOURCEGROUPS/rg-a"),
    ] {
        assert_eq!(own(None, grants, &wrong).codes().last(), Some(&"WID-SCOPE"), "{wrong}");
    }
    // A name may have letters of any script, and stays what it is.
    let umlaut = vault.replace("rg-a", "rg-\u{e4}");
    assert_eq!(own(None, grants, &umlaut).codes(), ["WID-GRANT-SCOPE"]);
    // A topic has subscriptions of its own.
    let topic =
        format!("{group}/providers/Microsoft.ServiceBus/namespaces/n/topics/t/subscriptions/s");
    assert_eq!(own(None, grants, &topic).codes(), [""; 0]);
}
