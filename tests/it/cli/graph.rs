//! `graph`: who can become whom, of what is desired and what is live.

use serde_json::{Value, json};

use super::foreign_trust::put_credential;
use super::support::{Stage, root};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const GRAPH: &str = "graph teams.toml --sandbox=sandbox.json --format";
const VAULTS: &str = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-apps/providers/Microsoft.KeyVault/vaults";

/// A team with an identity that may read a vault, and an account.
pub(super) fn team(name: &str, vault: &str) -> String {
    format!(
        r#"[[team]]
name = "{name}"
namespace = "{name}"
clusters = ["weu"]
create_namespace = true

[[team.identity]]
name = "id-{name}"
roles = [{{ role = "Key Vault Secrets User", scope = "{VAULTS}/{vault}" }}]

[[team.workload]]
service_account = "app"

"#
    )
}

fn two_teams() -> Stage {
    let stage = Stage::new();
    let teams = team("data", "kv-data") + &team("web", "kv-web");
    stage.write("teams.toml", root("acme", &["weu"]) + &teams);
    stage
}

/// What a page holds.
pub(super) fn facts(page: &str) -> Value {
    let (_, facts) = page.split_once("id=\"facts\">").unwrap();
    serde_json::from_str(facts.split_once("</script>").unwrap().0).unwrap()
}

/// The edges, as `from -> to: state`, sorted.
fn edges(facts: &Value) -> Vec<String> {
    let name = |at: &Value| {
        let at = usize::try_from(at.as_u64().unwrap()).unwrap();
        facts["nodes"][at]["name"].as_str().unwrap().to_owned()
    };
    let all = facts["edges"].as_array().unwrap().iter();
    let mut edges: Vec<String> = all
        .map(|edge| {
            let (from, to) = (name(&edge["from"]), name(&edge["to"]));
            format!("{from} -> {to}: {}", edge["state"].as_str().unwrap())
        })
        .collect();
    edges.sort();
    edges
}

fn drawn(stage: &Stage) -> Value {
    facts(&stage.expect(0, &format!("{GRAPH} html")).stdout)
}

#[test]
fn what_is_missing_exists_is_left_over_or_lets_a_stranger_in_is_told_apart() {
    let stage = two_teams();
    let chains = |state: &str| {
        [
            "id-data -> kv-data",
            "id-web -> kv-web",
            "weu/data/app -> id-data",
            "weu/web/app -> id-web",
        ]
        .map(|edge| format!("{edge}: {state}"))
    };
    assert_eq!(edges(&drawn(&stage)), chains("missing"));
    stage.expect(0, SYNC);
    assert_eq!(edges(&drawn(&stage)), chains("exists"));
    let github = "https://token.actions.githubusercontent.com";
    let trust = json!({ "issuer": github, "subject": "repo:somebody/x:ref:refs/heads/main" });
    put_credential(&stage, "id-data", "theirs", &trust);
    stage.write("teams.toml", root("acme", &["weu"]) + &team("data", "kv-other"));
    let drawn = drawn(&stage);
    let expected = [
        "`repo:somebody/x:ref:refs/heads/main` of https://token.actions.githubusercontent.com -> id-data: foreign",
        "id-data -> kv-data: leftover",
        "id-data -> kv-other: missing",
        "id-web -> kv-web: leftover",
        "weu/data/app -> id-data: exists",
        "weu/web/app -> id-web: leftover",
    ];
    assert_eq!(edges(&drawn), expected);
    let states = drawn["nodes"].as_array().unwrap().iter();
    let states = states.filter(|node| node["kind"] == "identity").map(|node| &node["state"]);
    assert_eq!(states.collect::<Vec<_>>(), ["exists", "leftover"]);
}

#[test]
fn a_filter_draws_its_teams_alone_and_one_that_matches_none_is_a_usage_error() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    let drawn = facts(&stage.expect(0, &format!("{GRAPH} html --team web")).stdout);
    assert_eq!(edges(&drawn), ["id-web -> kv-web: exists", "weu/web/app -> id-web: exists"]);
    assert_eq!(drawn["other_teams"], 1);
    let lost = stage.expect(64, &format!("{GRAPH} html --team wbe"));
    assert!(lost.stderr.contains("did you mean `web`"), "{lost:#?}");
}

#[test]
fn mermaid_has_a_box_for_each_team() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    stage.edit("teams.toml", "kv-web", "kv-shop");
    let drawn = stage.expect(0, &format!("{GRAPH} mermaid"));
    insta::assert_snapshot!(drawn.stdout);
}

#[test]
fn a_page_in_a_file_leaves_stdout_empty() {
    let stage = two_teams();
    let ran = stage.expect(0, &format!("{GRAPH} html --out graph.html"));
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("Wrote graph.html."), "{ran:#?}");
    assert_eq!(facts(&stage.read("graph.html"))["estate"], "acme");
}

#[test]
fn what_could_not_be_read_is_on_the_page() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    stage.write(
        "faults.toml",
        "[[rules]]\npath = \"*/federatedIdentityCredentials\"\neffect = \"forbidden\"\n",
    );
    let ran = stage.widctl(&format!("{GRAPH} html --sandbox-faults faults.toml"));
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let drawn = facts(&ran.stdout);
    assert!(edges(&drawn).contains(&"weu/web/app -> id-web: unknown".to_owned()), "{drawn:#}");
    assert!(drawn["not_read"].to_string().contains("The credentials of id-web"), "{drawn:#}");
    assert!(ran.stderr.contains("The graph is incomplete: "), "{}", ran.stderr);
}

#[test]
fn a_saved_plan_is_no_profile() {
    let stage = two_teams();
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json --out plan.json");
    stage.expect(1, "graph plan.json --sandbox=sandbox.json --format html");
    stage.expect(1, "graph gone.toml --sandbox=sandbox.json --format html");
}

#[test]
fn a_plan_for_a_pull_request_draws_the_teams_that_something_happens_to() {
    let stage = two_teams();
    stage.expect(0, SYNC);
    let plan = "plan teams.toml --sandbox=sandbox.json --format markdown --graph";
    let same = stage.expect(0, plan).stdout;
    assert!(!same.contains("mermaid") && !same.contains("Who can become whom"), "{same}");
    stage.edit("teams.toml", "kv-web", "kv-new");
    let drawn = stage.expect(0, plan).stdout;
    let (above, drawing) = drawn.split_once("```mermaid\n").unwrap();
    let (drawing, below) = drawing.split_once("```").unwrap();
    assert!(above.contains("| Team |"), "{above}");
    assert!(
        drawing.contains("team web") && drawing.contains("Key Vault Secrets User (missing)"),
        "{drawing}"
    );
    assert!(!drawing.contains("id-data"), "{drawing}");
    assert!(below.contains("### Team `web`"), "{below}");
    let refused = stage.expect(64, "plan teams.toml --sandbox=sandbox.json --graph");
    assert!(refused.stderr.contains("hint: add `--format markdown`"), "{refused:#?}");
}
