//! Many failures of one cause are told once, and what is sure to fail is not tried.

use super::support::{Ran, Stage, root};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const IDENTITIES: &str = "denied_actions = [\"Microsoft.ManagedIdentity/*/write\"]\n";
const CREDENTIALS: &str = "denied_actions = [\"*/federatedIdentityCredentials/write\"]\n";
const TEAMS: usize = 200;

/// Teams with an identity, two accounts on two clusters, and a role on a vault of their own.
fn teams(count: usize, faults: &str) -> Stage {
    let stage = Stage::new();
    let team = |number: usize| {
        format!(
            "[[team]]\nname = \"team-{number}\"\nnamespace = \"team-{number}\"\n\
             clusters = [\"weu\", \"neu\"]\ncreate_namespace = true\n\n\
             [[team.identity]]\nname = \"id-{number}\"\nroles = [{{ role = \"Reader\", scope = \
             \"/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-{number}/providers/Microsoft.KeyVault/vaults/kv-{number}\" }}]\n\n\
             [[team.workload]]\nservice_account = \"api\"\n\n\
             [[team.workload]]\nservice_account = \"worker\"\n\n"
        )
    };
    let teams: String = (0..count).map(team).collect();
    stage.write("teams.toml", root("acme", &["weu", "neu"]) + &teams);
    stage.write("faults.toml", faults);
    stage
}

/// What is printed after the plan.
fn outcome(ran: &Ran) -> &str {
    let (_, outcome) = ran.stdout.split_once("to destroy.\n").unwrap();
    outcome
}

/// What stderr says of changes: neither what the sandbox assumes nor who is signed in.
fn live(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines();
    lines.filter(|line| !line.starts_with("sandbox: ")).collect()
}

#[test]
fn one_missing_role_at_200_teams_is_told_on_one_screen_and_ends_the_writes_that_need_it() {
    let stage = teams(TEAMS, IDENTITIES);
    let ran = stage.expect(5, &format!("{SYNC} --sandbox-faults faults.toml"));
    let end = outcome(&ran);
    assert!(end.lines().count() < 60, "{end}");
    assert!(end.contains("Managed Identity Contributor"), "{end}");
    assert!(!end.contains("<object id>"), "{end}");
    // The plan's own lines and what the sandbox assumes of 200 groups are not counted; the 400 namespaces
    // that were written are.
    let told = live(&ran).len() + end.lines().count();
    assert!(told < 700, "{told} lines");
    let skipped = "200 role assignments, 800 federated credentials, 800 service accounts";
    assert!(end.contains(&format!("skipped because of it: {skipped} (200 teams)")), "{end}");
    assert!(ran.last().starts_with("Apply incomplete. 400 added"), "{end}");

    let sync = SYNC.replace("sandbox.json", "another.json");
    let json = stage.expect(5, &format!("{sync} --sandbox-faults faults.toml --format json"));
    let json = json.json();
    let of = |ended: &str| {
        let changes = json["changes"].as_array().unwrap().iter();
        changes.filter(|change| change["ended"] == ended).count()
    };
    assert_eq!(of("failed") + of("not-started"), TEAMS, "every change is in JSON");
    assert!(of("failed") < 5 + 64, "{}", of("failed"));
}

#[test]
fn a_missing_role_on_credentials_stops_none_of_the_rest() {
    let stage = teams(20, CREDENTIALS);
    let ran = stage.expect(5, &format!("{SYNC} --sandbox-faults faults.toml --parallelism 4"));
    let end = outcome(&ran);
    assert!(ran.last().starts_with("Apply incomplete. 80 added"), "{end}");
    let failed = end.lines().next().unwrap();
    assert!(failed.starts_with("failed: ") && failed.contains(" federated credentials ("), "{end}");
    assert!(end.contains("not tried because of it: "), "{end}");
    assert!(end.contains("skipped because of it: 80 service accounts (20 teams)"), "{end}");
    assert_eq!(end.matches("hint: ").count(), 1, "{end}");
    assert!(end.contains("/rg-workload-identity\"`"), "{end}");
    assert_eq!(live(&ran).iter().filter(|line| line.ends_with(": FAILED")).count(), 1, "{ran:#?}");

    let complete = stage.expect(0, SYNC);
    assert!(complete.last().starts_with("Apply complete! 160 added"), "{complete:#?}");
}

#[test]
fn of_many_changes_those_that_are_done_are_counted_and_dash_v_tells_each() {
    let stage = teams(5, "");
    let done = |line: &str| {
        let ran = stage.expect(0, line);
        let lines = live(&ran).into_iter();
        let done = lines.filter(|line| line.contains(" done so far") || line.ends_with(": done"));
        done.map(str::to_owned).collect::<Vec<_>>()
    };
    let counted = done(SYNC);
    assert!(counted.len() == 2 && counted[0].ends_with(": done"), "{counted:#?}");
    assert_eq!(counted[1], "  10 done so far; `-v` tells each");
    let another = SYNC.replace("sandbox.json", "another.json");
    assert_eq!(done(&format!("{another} -v")).len(), 60, "each of them");
}

#[test]
fn every_address_is_told_to_whoever_asks_for_more() {
    let stage = teams(4, CREDENTIALS);
    let ran = stage.expect(5, &format!("{SYNC} --sandbox-faults faults.toml -v"));
    let end = outcome(&ran);
    assert_eq!(end.matches("create azure/federated-credential/").count(), 16, "{end}");
    assert_eq!(end.matches("/service-account/team-").count(), 16, "{end}");
    assert!(!end.contains("… and ") && !end.contains("with `-v`"), "{end}");
}

#[test]
fn likely_missing_rights_are_told_by_action_and_the_one_that_blocks_most_comes_first() {
    let denied = "denied_actions = [\"Microsoft.Authorization/*/write\", \"Microsoft.ManagedIdentity/*/write\"]";
    let stage = teams(30, denied);
    let plan = "plan teams.toml --sandbox=sandbox.json --sandbox-faults faults.toml";
    let ran = stage.expect(0, plan);
    let (_, told) = ran.stdout.split_once("warning[WID-LIKELY-DENIED]").unwrap();
    let subscription = "/subscriptions/00000000-0000-4000-8000-000000000001";
    insta::assert_snapshot!("by_action", told.replace(subscription, "SUBSCRIPTION"));
    let json = stage.expect(0, &format!("{plan} --format json")).json();
    assert_eq!(json["missing_rights"].as_array().unwrap().len(), 32, "JSON has each scope");
    assert!(json["missing_rights"][0].get("shared").is_none());
}
