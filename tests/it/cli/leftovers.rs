//! What a profile has dropped in other subscriptions, and on clusters that it only trusts.

use serde_json::{Value, json};

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const FIRST: &str = "00000000-0000-4000-8000-000000000001";
const SECOND: &str = "00000000-0000-4000-8000-000000000002";
const THIRD: &str = "00000000-0000-4000-8000-000000000003";

/// A team with its identity in the second subscription and a role in the third.
fn far_away() -> String {
    let scope = format!(
        "/subscriptions/{THIRD}/resourceGroups/rg-far/providers/Microsoft.KeyVault/vaults/kv-far"
    );
    let place = format!(
        "name = \"id-far\"\nsubscription = \"{SECOND}\"\nroles = [{{ role = \"Key Vault Secrets User\", scope = \"{scope}\" }}]"
    );
    team("far", &["weu"]).replace("name = \"id-far\"", &place)
}

fn addresses(rows: &Value) -> Vec<&str> {
    rows.as_array().unwrap().iter().map(|row| row["address"].as_str().unwrap()).collect()
}

/// A team that has left, with everything of it in subscriptions that the profile names no more.
fn left() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", root("acme", &["weu"]) + &team("near", &["weu"]) + &far_away());
    stage.expect(0, SYNC);
    stage.write("teams.toml", root("acme", &["weu"]) + &team("near", &["weu"]));
    stage
}

#[test]
fn a_team_that_left_is_found_and_pruned_in_whatever_subscription_it_was() {
    let stage = left();
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    let kept = addresses(&plan["kept"]);
    let begins = |text: &str| kept.iter().filter(|address| address.starts_with(text)).count();
    assert_eq!(begins("azure/identity/id-far"), 1, "{kept:?}");
    assert_eq!(begins("azure/federated-credential/id-far/"), 1, "{kept:?}");
    assert_eq!(begins("azure/role-assignment/id-far/"), 1, "{kept:?}");
    let read = json!({ "read": [FIRST, SECOND, THIRD], "not_read": [] });
    assert_eq!(plan["scope_read"]["subscriptions"], read);
    assert_eq!(plan["scope_read"]["unlisted"], Value::Null);
    stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete"));
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert_eq!(addresses(&plan["kept"]), ["azure/identity/id-far", "weu/namespace/far"]);
}

#[test]
fn the_last_team_that_leaves_is_found_all_the_same() {
    let stage = left();
    stage.write("teams.toml", root("acme", &["weu"]));
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    let kept = addresses(&plan["kept"]);
    assert!(kept.contains(&"azure/identity/id-near"), "{kept:?}");
    assert!(kept.contains(&"azure/identity/id-far"), "{kept:?}");
}

#[test]
fn a_subscription_that_was_not_read_is_said_and_changes_nothing_else() {
    let stage = left();
    let rules = [SECOND, THIRD].map(|name| {
        format!("[[rules]]\npath = \"/subscriptions/{name}/*\"\neffect = \"forbidden\"\n")
    });
    stage.write("refused.toml", rules.concat());
    let said = format!(
        "Leftovers were not all looked for in 2 subscriptions: {SECOND}, {THIRD} (not allowed)."
    );
    let flags = "--sandbox-faults refused.toml";
    let plan = stage.expect(0, &format!("{PLAN} {flags}"));
    assert_eq!(plan.last(), said);
    // What is left on the cluster is pruned, with the same sentence.
    let pruned = stage.expect(0, &format!("{SYNC} {flags} --prune --allow-mass-delete"));
    assert!(pruned.stdout.contains(&said), "{pruned:#?}");
    assert!(pruned.stdout.contains("warning[WID-IDENTITY-UNREAD]"), "{pruned:#?}");
    let json = stage.expect(0, &format!("{PLAN} {flags} --require-all --format json")).json();
    assert_eq!(json["complete"], true);
    assert_eq!(json["scope_read"]["subscriptions"]["read"], json!([FIRST]));
    let unread = json["scope_read"]["subscriptions"]["not_read"].as_array().unwrap();
    assert_eq!((unread.len(), &unread[0]["reason"]), (2, &json!("refused")));
    // So is one that the profile names, unless something desired is in it.
    stage.edit("teams.toml", "[azure]\n", &format!("[azure]\nalso_read = [\"{SECOND}\"]\n"));
    let plan = stage.expect(0, &format!("{PLAN} {flags} --prune"));
    assert_eq!(plan.last(), said);
    stage.write("teams.toml", root("acme", &["weu"]) + &team("near", &["weu"]) + &far_away());
    let refused = stage.expect(1, &format!("{PLAN} {flags} --prune"));
    assert!(refused.stderr.contains("WID-PRUNE-UNREAD"), "{refused:#?}");
}

#[test]
fn accounts_on_a_cluster_that_is_only_trusted_from_now_on_are_listed_and_pruned() {
    let stage = Stage::new();
    let teams = root("acme", &["weu"]) + &team("near", &["weu"]);
    stage.write("teams.toml", &teams);
    stage.expect(0, SYNC);
    stage.write("teams.toml", teams.replace("\"app\"\n", "\"app\"\nmode = \"trust-only\"\n"));
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert!(addresses(&plan["kept"]).contains(&"weu/service-account/near/app"), "{plan:#}");
    let fault = "[[rules]]\npath = \"/clusters/*\"\neffect = \"forbidden\"\n";
    stage.write("refused.toml", fault);
    let flags = "--sandbox-faults refused.toml --detailed-exitcode --require-all";
    let plan = stage.expect(0, &format!("{PLAN} {flags}"));
    let said = "Leftovers were not all looked for on 1 cluster: weu (not allowed).";
    assert_eq!(plan.stdout, format!("No changes. Live state matches the profile.\n{said}\n"));
    stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete"));
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert!(!addresses(&plan["kept"]).contains(&"weu/service-account/near/app"), "{plan:#}");
}

#[test]
fn where_leftovers_of_a_cluster_were_not_all_looked_for_nothing_is_pruned() {
    let stage = Stage::new();
    stage.write("teams.toml", root("acme", &["weu"]) + &team("near", &["weu"]));
    stage.expect(0, SYNC);
    let list = "[[rules]]\npath = \"/clusters/*/api/v1/serviceaccounts\"\neffect = \"forbidden\"\n";
    stage.write("refused.toml", list);
    let flags = "--sandbox-faults refused.toml";
    let said = "Leftovers were not all looked for on 1 cluster: weu (not allowed).";
    assert_eq!(stage.expect(0, &format!("{PLAN} {flags}")).last(), said);
    let refused = stage.expect(1, &format!("{PLAN} {flags} --prune"));
    assert!(refused.stderr.contains("WID-PRUNE-UNREAD"), "{refused:#?}");
}
