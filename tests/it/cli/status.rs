//! `status`: what exists, team by team.

use serde_json::{Value, json};

use super::foreign_trust::put_credential;
use super::graph::team as with_role;
use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const STATUS: &str = "status teams.toml --sandbox=sandbox.json";

fn two_teams() -> Stage {
    let stage = Stage::new();
    let teams = with_role("data", "kv-data") + &with_role("web", "kv-web");
    stage.write("teams.toml", root("acme", &["weu"]) + &teams);
    stage
}

fn many_teams(count: usize) -> Stage {
    let stage = Stage::new();
    let teams: String = (1..=count).map(|n| team(&format!("team-{n:02}"), &["weu"])).collect();
    stage.write("teams.toml", root("acme", &["weu"]) + &teams);
    stage
}

/// The team as JSON tells it.
fn told(stage: &Stage, name: &str) -> Value {
    let document = stage.expect(0, &format!("{STATUS} --format json")).json();
    let teams = document["teams"].as_array().unwrap().clone();
    teams.into_iter().find(|team| team["team"] == name).unwrap()
}

/// Takes the account of a team out of the state of the sandbox.
fn delete_account(stage: &Stage, namespace: &str) {
    let mut world = stage.json("sandbox.json");
    let clusters = world["clusters"].as_object_mut().unwrap().values_mut();
    let mut gone = 0;
    for cluster in clusters {
        let objects = cluster["objects"].as_object_mut().unwrap();
        let before = objects.len();
        objects.remove(&format!("/serviceaccounts/{namespace}/app"));
        gone += before - objects.len();
    }
    assert_eq!(gone, 1);
    stage.write("sandbox.json", world.to_string());
}

/// Client ids are the sandbox's own.
fn without_ids(text: &str) -> String {
    let mut words: Vec<String> = text.split(' ').map(ToOwned::to_owned).collect();
    for at in 2..words.len() {
        if words[at - 2] == "client" && words[at - 1] == "id" {
            let rest = words[at].split_once('\n').map(|(_, rest)| format!("\n{rest}"));
            words[at] = format!("ID{}", rest.unwrap_or_default());
        }
    }
    words.join(" ")
}

#[test]
fn drift_is_told_of_the_team_that_has_it_and_the_others_are_folded() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    insta::assert_snapshot!("in_sync", stage.expect(0, STATUS).stdout);
    delete_account(&stage, "web");
    insta::assert_snapshot!("drift", without_ids(&stage.expect(0, STATUS).stdout));
    assert_eq!(told(&stage, "data")["drift"]["changes"], 0);
    let web = told(&stage, "web");
    assert_eq!(web["drift"]["changes"], 1);
    assert_eq!(web["accounts"][0]["state"], "missing");
}

#[test]
fn what_does_not_exist_yet_is_missing_and_no_failure() {
    let stage = two_teams();
    let web = told(&stage, "web");
    let identity = &web["identities"][0];
    assert_eq!(identity["state"], "missing");
    assert_eq!(
        [&identity["client_id"], &identity["owner"], &identity["credentials"]],
        [&Value::Null; 3]
    );
    assert_eq!(identity["roles"][0]["state"], "missing");
}

#[test]
fn credentials_of_others_count_and_strangers_among_them_are_told() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    let github = "https://token.actions.githubusercontent.com";
    let trust = json!({ "issuer": github, "subject": "repo:somebody/x:ref:refs/heads/main" });
    put_credential(&stage, "id-data", "theirs", &trust);
    let identity = told(&stage, "data")["identities"][0].clone();
    assert_eq!(identity["credentials"], 2);
    assert_eq!(identity["owner"], "this-estate");
    assert_eq!(identity["foreign_trust"][0]["by"], "theirs");
    assert_eq!(told(&stage, "web")["identities"][0]["foreign_trust"], json!([]));
    let text = stage.expect(0, STATUS).stdout;
    assert!(text.contains("foreign trust: `repo:somebody/x:ref:refs/heads/main`"), "{text}");
    assert!(text.contains("credentials: 2 of 20"), "{text}");
}

#[test]
fn what_a_team_left_is_told_below_its_name() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    stage.write("teams.toml", root("acme", &["weu"]) + &with_role("data", "kv-data"));
    let text = stage.expect(0, STATUS).stdout;
    assert!(text.contains("web: 5 leftovers, not in the profile\n"), "{text}");
    assert!(text.contains("leftover azure/identity/id-web"), "{text}");
    assert!(text.ends_with("Estate acme: 1 team, 1 in sync.\n"), "{text}");
}

#[test]
fn what_could_not_be_read_is_no_drift_and_the_exit_code_is_1() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    let faults =
        "[[rules]]\npath = \"*/id-web/federatedIdentityCredentials\"\neffect = \"forbidden\"\n";
    stage.write("faults.toml", faults);
    let ran = stage.expect(1, &format!("{STATUS} --sandbox-faults faults.toml"));
    assert!(ran.stdout.contains("web: 2 unread: "), "{ran:#?}");
    assert!(ran.stdout.contains("    credentials: unread\n"), "{ran:#?}");
    assert_eq!(ran.stdout.matches("could not list").count(), 1, "a reason is told once: {ran:#?}");
    assert!(ran.stdout.contains("data: in sync (identity id-data, "), "{ran:#?}");
    let line = format!("{STATUS} --sandbox-faults faults.toml --format json");
    let document = stage.expect(1, &line).json();
    assert_eq!(document["complete"], false);
    assert_eq!(document["teams"][1]["identities"][0]["foreign_trust"], Value::Null);
    // Of another team it fails nothing, and it is said.
    let ran = stage.expect(0, &format!("{STATUS} --team data --sandbox-faults faults.toml"));
    assert!(ran.stdout.contains("1 other team was not compared."), "{ran:#?}");
}

#[test]
fn a_tenant_who_may_read_one_cluster_alone_gets_the_status_of_their_team() {
    let stage = Stage::new();
    let teams = team("data", &["neu"]) + &team("web", &["weu"]);
    stage.write("teams.toml", root("acme", &["neu", "weu"]) + &teams);
    stage.expect(0, SYNC);
    stage.write("faults.toml", "[[rules]]\npath = \"*/aks-neu*\"\neffect = \"forbidden\"\n");
    let ran = stage.expect(0, &format!("{STATUS} --team web --sandbox-faults faults.toml"));
    assert!(ran.stdout.starts_with("web: in sync ("), "{ran:#?}");
    assert!(ran.stdout.contains("\nNot read:\n") && ran.stdout.contains("neu"), "{ran:#?}");
}

#[test]
fn a_part_that_was_compared_is_not_called_in_sync() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    let text = stage.expect(0, &format!("{STATUS} --cluster weu")).stdout;
    assert!(text.starts_with("data: no changes in what was compared ("), "{text}");
    assert!(!text.contains("in sync"), "{text}");
}

#[test]
fn many_teams_are_a_table_and_full_shows_their_blocks() {
    let stage = many_teams(21);
    stage.expect(0, SYNC);
    delete_account(&stage, "team-07");
    insta::assert_snapshot!("table", stage.expect(0, STATUS).stdout);
    let full = stage.expect(0, &format!("{STATUS} --full")).stdout;
    assert!(full.contains("\nteam-07: 1 change pending\n  identity id-team-07: exists"), "{full}");
    assert!(full.contains("\nteam-08: in sync\n  identity id-team-08: exists"), "{full}");
}

#[test]
fn markdown_has_the_table_and_what_differs() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    delete_account(&stage, "web");
    let text = stage.expect(0, &format!("{STATUS} --format markdown")).stdout;
    insta::assert_snapshot!("markdown", without_ids(&text));
}

#[test]
fn a_status_asks_for_no_more_than_a_plan() {
    let stage = many_teams(20);
    stage.expect(0, SYNC);
    let requests = |line: &str| {
        let ran =
            stage.expect(0, &format!("{line} teams.toml --sandbox=sandbox.json --format json"));
        let requests = ran.json()["run"]["requests"].clone();
        ["arm_reads", "arm_writes", "cluster_reads", "cluster_writes", "token_requests"]
            .map(|class| requests[class].as_u64().unwrap())
    };
    let (status, plan) = (requests("status"), requests("plan"));
    assert!(status.iter().zip(plan).all(|(status, plan)| *status <= plan), "{status:?} {plan:?}");
    assert!(status[0] > 0);
}

#[test]
fn wrong_input_is_told_with_what_helps() {
    let stage = two_teams();
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json --out plan.json");
    let ran = stage.expect(64, "status plan.json --sandbox=sandbox.json");
    assert!(ran.stderr.contains("`plan.json` is a saved plan, not a profile"), "{ran:#?}");
    assert!(ran.stderr.contains("hint: show it with `widctl show plan.json`"), "{ran:#?}");
    let ran = stage.expect(64, &format!("{STATUS} --team wbe"));
    assert!(ran.stderr.contains("did you mean `web`"), "{ran:#?}");
    assert_eq!(ran.stdout, "");
    let ran = stage.expect(64, "status --sandbox=sandbox.json");
    assert!(ran.stderr.contains("status"), "{ran:#?}");
}
