//! Teams that leave: what becomes of what they had, in which order, and what people are told to do.

use serde_json::Value;

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const ROLES: &str = "roles = [{ role = \"Key Vault Secrets User\", scope = \"/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-web/providers/Microsoft.KeyVault/vaults/kv-web\" }]";

/// A team whose account has a Role, with an identity that has a role.
fn leaving(retired: bool) -> String {
    let web =
        team("web", &["weu"]).replace("name = \"id-web\"", &format!("name = \"id-web\"\n{ROLES}"));
    let web = web.replace("\"app\"\n", "\"app\"\npreset = \"prefect-worker\"\n");
    if retired { web.replace("name = \"web\"\n", "name = \"web\"\nretired = true\n") } else { web }
}

/// Two teams that are there, one of which leaves from now on.
fn left() -> Stage {
    let stage = Stage::new();
    let stays = root("acme", &["weu"]) + &team("near", &["weu"]);
    stage.write("teams.toml", stays.clone() + &leaving(false));
    stage.expect(0, SYNC);
    stage.write("teams.toml", stays + &leaving(true));
    stage
}

fn kinds(rows: &[Value]) -> Vec<&str> {
    let addresses = rows.iter().map(|row| row["address"].as_str().unwrap());
    addresses.map(|address| address.split('/').nth(1).unwrap()).collect()
}

const ORDER: [&str; 5] =
    ["federated-credential", "role-assignment", "role-binding", "role", "service-account"];

#[test]
fn what_a_team_had_that_leaves_is_kept_until_it_is_pruned() {
    let stage = left();
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    let kept = kinds(plan["kept"].as_array().unwrap());
    assert!(ORDER.iter().all(|kind| kept.contains(kind)), "{kept:?}");
    assert_eq!(plan["changes"].as_array().unwrap().len(), 0);
    stage.expect(2, "sync teams.toml --sandbox=sandbox.json --check");
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --check --ignore-kept");
    let status = stage.expect(0, "status teams.toml --sandbox=sandbox.json --team web");
    assert!(status.stdout.contains("web: 7 leftovers, leaves\n"), "{status:#?}");
    // Whose a team is that stays is not decided by a flag.
    for team in ["near", "*"] {
        let refused = stage.expect(64, &format!("{PLAN} --prune --team {team}"));
        assert!(refused.stderr.contains("only of teams that leave"), "{refused:#?}");
    }
    stage.expect(64, &format!("{PLAN} --prune --team web --cluster weu"));
}

#[test]
fn a_team_goes_alone_and_in_order_and_people_are_told_the_rest() {
    let stage = left();
    let refused = stage.expect(1, &format!("{SYNC} --prune --team web"));
    assert!(refused.stderr.contains("5 of 9 objects"), "{refused:#?}");
    let deleted = stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete --team web --json"));
    let events = deleted.events();
    let of = |kind: &str| -> Vec<Value> {
        events.iter().filter(|event| event["type"] == kind).cloned().collect()
    };
    assert_eq!(kinds(&of("apply_start")), ORDER);
    assert_eq!(kinds(&of("apply_complete")), ORDER);
    let told = of("message");
    let told: Vec<&str> = told.iter().filter_map(|event| event["@message"].as_str()).collect();
    let by_hand = told.iter().filter(|text| text.starts_with("widctl never deletes the rest."));
    let by_hand = by_hand.copied().collect::<String>();
    assert!(by_hand.contains("az identity delete "), "{by_hand}");
    assert!(by_hand.contains("delete namespace web"), "{by_hand}");
    // What is only people's to delete is a leftover like any other, and can be forgotten.
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert_eq!(kinds(plan["kept"].as_array().unwrap()), ["identity", "namespace"]);
    stage.expect(2, "sync teams.toml --sandbox=sandbox.json --check");
    let release = "release teams.toml azure/identity/id-web weu/namespace/web";
    stage.expect(0, &format!("{release} --sandbox=sandbox.json --auto-approve"));
    let plan = stage.expect(0, PLAN);
    assert!(plan.stdout.contains("[WID-RETIRED-GONE]"), "{plan:#?}");
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --check");
}

#[test]
fn while_a_cluster_is_unread_nothing_of_a_team_is_deleted() {
    let stage = left();
    stage.write("down.toml", "[[rules]]\npath = \"/clusters/*\"\neffect = \"forbidden\"\n");
    let before = stage.read("sandbox.json");
    let flags = "--prune --allow-mass-delete --team web --sandbox-faults down.toml";
    let refused = stage.expect(1, &format!("{SYNC} {flags} --allow-incomplete"));
    assert!(refused.stderr.contains("error[WID-PRUNE-UNREAD]"), "{refused:#?}");
    let objects = |text: &str| serde_json::from_str::<Value>(text).unwrap()["clusters"].clone();
    assert_eq!(objects(&stage.read("sandbox.json")), objects(&before));
    let plan = stage.expect(0, &format!("{PLAN} --format json")).json();
    assert_eq!(plan["kept"].as_array().unwrap().len(), 7);
}

#[test]
fn nothing_is_rendered_or_verified_of_a_team_that_leaves() {
    let stage = left();
    let all = stage.expect(0, "render teams.toml --target admission");
    let text = all.stdout.replace("webhook", "");
    assert!(text.contains("near") && !text.contains("web"), "{all:#?}");
    let refused = stage.expect(64, "render teams.toml --target admission --team web");
    assert!(refused.stderr.contains("team `web` leaves"), "{refused:#?}");
    let line = "verify teams.toml --sandbox=sandbox.json --team web";
    let refused = stage.expect(64, line);
    assert!(refused.stderr.contains("it leaves"), "{refused:#?}");
    let valid = stage.expect(0, "validate teams.toml");
    assert!(valid.stdout.contains("with 1 team and 1 that leaves, 1 identity"), "{valid:#?}");
}

#[test]
fn an_identity_of_others_is_looked_through_for_a_team_that_leaves() {
    let stage = Stage::new();
    let stays = root("acme", &["weu"]) + &team("near", &["weu"]);
    let theirs =
        team("web", &["weu"]).replace("name = \"id-web\"", "name = \"id-web\"\ncreate = false");
    stage.write("teams.toml", stays.clone() + &theirs);
    stage.expect(0, SYNC);
    let theirs = theirs.replace("name = \"web\"\n", "name = \"web\"\nretired = true\n");
    stage.write("teams.toml", stays + &theirs);
    let synced = stage.expect(0, &format!("{SYNC} --prune --allow-mass-delete --team web"));
    assert!(synced.stdout.contains("note[WID-RETIRED-STAYS]"), "{synced:#?}");
    assert!(synced.stderr.contains("az identity delete"), "{synced:#?}");
    let world = stage.read("sandbox.json");
    assert!(!world.contains("system:serviceaccount:web:app"), "its credential is gone");
}
