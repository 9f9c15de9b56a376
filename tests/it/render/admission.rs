//! `render --target admission`: which documents, and what is in them.

use serde_json::Value;
use widctl::model::webhook::Variable;
use widctl::model::workload_kind::KINDS;

use crate::cli::support::{Ran, Stage};
use crate::page;
use crate::render::prefect;

/// A namespace that two teams share, and an account whose tokens a controller asks for.
const TEAMS: &str = r#"version = 1
estate = "Prod_1"

[azure]
cloud = "usgovernment"
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-wi"
location = "usgovvirginia"

[clusters.east]
resource_group = "rg-aks"
name = "aks-east"

[clusters.west]
resource_group = "rg-aks"
name = "aks-west"

[policy]
shared_namespaces = true

[policy.controllers]
external-secrets = "data/eso"

[[team]]
name = "data"
namespace = "data"
clusters = ["east", "west"]

[[team.identity]]
name = "id-data"

[[team.workload]]
service_account = "flows"

[[team.workload]]
service_account = "vault"
preset = "external-secrets"

[[team.workload]]
service_account = "loader"
namespace = "data-load"
clusters = ["west"]
audience = "api://Own"

[[team]]
name = "web"
namespace = "data"
clusters = ["east"]

[[team.identity]]
name = "id-web"

[[team.workload]]
service_account = "web"
"#;

fn rendered(line: &str) -> (Stage, Ran) {
    let stage = Stage::new();
    stage.write("teams.toml", TEAMS);
    let ran = stage.expect(0, &format!("render teams.toml --target admission {line}"));
    (stage, ran)
}

/// The expression of a variable of the first policy that has it.
fn variable<'a>(list: &'a Value, name: &str) -> &'a str {
    let items = list["items"].as_array().unwrap().iter();
    let mut variables =
        items.flat_map(|item| item["spec"]["variables"].as_array().into_iter().flatten());
    variables.find(|variable| variable["name"] == name).unwrap()["expression"].as_str().unwrap()
}

#[test]
fn a_team_has_its_policies_on_each_of_its_clusters() {
    let (stage, ran) = rendered("--out-dir fence");
    insta::assert_snapshot!("admission", stage.read("fence/west.data.json"));
    for name in ["east.data", "east.web", "west.data"] {
        assert!(ran.stderr.contains(&format!("Wrote fence/{name}.json\n")), "{}", ran.stderr);
    }
    let east = stage.json("fence/east.data.json");
    // The closed list is the namespace's, so that two teams in one do not refuse each other's pods.
    let accounts = r#"{"data":["eso","flows","vault","web"]}[request.namespace]"#;
    assert_eq!(variable(&east, "accounts"), accounts);
    assert_eq!(variable(&stage.json("fence/east.web.json"), "accounts"), accounts);
    assert_eq!(variable(&east, "unlabelled"), r#"{"data":["vault"]}[request.namespace]"#);
    let audiences = r#"["api://AKSIdentityBinding","api://AzureADTokenExchange","api://AzureADTokenExchangeUSGov"]"#;
    assert_eq!(variable(&east, "audiences"), audiences);
    let west = stage.json("fence/west.data.json");
    assert!(variable(&west, "audiences").contains(r#""api://Own""#));
    assert!(variable(&west, "injected").contains("https://login.microsoftonline.us/"));
}

#[test]
fn every_variable_and_every_kind_that_verify_knows_is_in_the_policies() {
    let (_stage, ran) = rendered("--team web");
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    for known in Variable::ALL {
        assert!(variable(&list, "overriding").contains(&format!("\"{}\"", known.name())));
    }
    let rules = &list["items"][0]["spec"]["matchConstraints"]["resourceRules"];
    for known in KINDS.iter().filter(|kind| kind.is_built_in()) {
        let mut rules = rules.as_array().unwrap().iter();
        let rule = rules.find(|rule| rule["apiGroups"][0] == known.group).unwrap();
        assert!(rule["resources"].as_array().unwrap().contains(&known.plural.into()), "{known:?}");
    }
}

#[test]
fn long_lists_are_cut_in_what_a_refusal_offers() {
    let one = |number| format!("\n[[team.workload]]\nservice_account = \"w{number:02}\"\n");
    let more: String = (0..12).map(one).collect();
    let stage = Stage::new();
    stage.write("teams.toml", format!("{TEAMS}{more}"));
    let ran = stage.expect(0, "render teams.toml --target admission --team web");
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    let offered = variable(&list, "offered");
    assert!(offered.contains("w06 or one of 6 more"), "{offered}");
    assert!(variable(&list, "accounts").contains("w11"));
}

#[test]
fn the_page_shows_what_is_written() {
    let stage = prefect();
    let ran = stage.expect(0, "render teams.toml --target admission --out-dir fence");
    let marks = ("--target admission --out-dir fence\n", "```\n\nA file for each");
    page::shows("docs/admission.md", marks, &ran.stderr);
}

#[test]
fn a_profile_without_workloads_is_told_so() {
    let stage = Stage::new();
    let alone = TEAMS.split("[[team.workload]]").next().unwrap();
    stage.write("teams.toml", alone);
    let ran = stage.expect(64, "render teams.toml --target admission --team data");
    assert!(ran.stderr.starts_with("error: team `data` has no workload: "), "{}", ran.stderr);
    let ran = stage.expect(64, "render teams.toml --target admission");
    assert!(ran.stderr.starts_with("error: no team has a workload: "), "{}", ran.stderr);
}
