//! `render --target admission`: which documents, and what is in them.

use serde_json::Value;
use widctl::model::webhook::Variable;
use widctl::model::workload_kind::KINDS;

use crate::cli::support::{Ran, Stage};
use crate::page;
use crate::render::prefect;

/// A team on two clusters, with an account of one name in both of its namespaces and one whose tokens a controller asks
/// for; on `neu` another team shares its first namespace, on `weu` a neighbour has one beside it.
pub(crate) fn teams(estate: &str, namespace: &str) -> String {
    TEAMS.replace("ESTATE", estate).replace("NAMESPACE", namespace)
}

const TEAMS: &str = r#"version = 1
estate = "ESTATE"

[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-wi"
location = "westeurope"

[clusters.neu]
context = "other"
issuer = "https://neu.example.com/"

[clusters.weu]
context = "any"
issuer = "https://weu.example.com/"

[policy]
shared_namespaces = true

[policy.controllers]
external-secrets = "NAMESPACE/eso"

[[team]]
name = "data"
namespace = "NAMESPACE"
clusters = ["neu", "weu"]

[[team.identity]]
name = "id-data"

[[team.workload]]
service_account = "synced"

[[team.workload]]
service_account = "bare"
mode = "trust-only"

[[team.workload]]
service_account = "later"

[[team.workload]]
service_account = "asked"
preset = "external-secrets"

[[team.workload]]
service_account = "elsewhere"
clusters = ["neu"]

[[team.workload]]
service_account = "loader"
namespace = "NAMESPACE-two"
clusters = ["weu"]
audience = "api://Own"

[[team.workload]]
service_account = "synced"
namespace = "NAMESPACE-two"
clusters = ["weu"]

[[team]]
name = "neighbour"
namespace = "NAMESPACE-three"
clusters = ["weu"]

[[team.identity]]
name = "id-neighbour"

[[team.workload]]
service_account = "theirs"

[[team]]
name = "web"
namespace = "NAMESPACE"
clusters = ["neu"]

[[team.identity]]
name = "id-web"

[[team.workload]]
service_account = "web"
"#;

/// The same in another cloud.
fn in_government(text: &str) -> String {
    let (public, other) = ("[azure]\n", "[azure]\ncloud = \"usgovernment\"\n");
    assert!(text.contains(public));
    text.replace(public, other)
}

fn rendered(line: &str) -> (Stage, Ran) {
    let stage = Stage::new();
    stage.write("teams.toml", in_government(&teams("Prod_1", "data")));
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
    insta::assert_snapshot!("admission", stage.read("fence/weu.data.json"));
    for name in ["neu.data", "neu.web", "weu.data", "weu.neighbour"] {
        assert!(ran.stderr.contains(&format!("Wrote fence/{name}.json\n")), "{}", ran.stderr);
    }
    let neu = stage.json("fence/neu.data.json");
    // The closed list is the namespace's, so that two teams in one do not refuse each other's pods.
    let accounts =
        r#"{"data":["asked","bare","elsewhere","eso","later","synced","web"]}[request.namespace]"#;
    assert_eq!(variable(&neu, "accounts"), accounts);
    assert_eq!(variable(&stage.json("fence/neu.web.json"), "accounts"), accounts);
    assert_eq!(variable(&neu, "unlabelled"), r#"{"data":["asked"]}[request.namespace]"#);
    let audiences = r#"["api://AKSIdentityBinding","api://AzureADTokenExchange","api://AzureADTokenExchangeUSGov"]"#;
    assert_eq!(variable(&neu, "audiences"), audiences);
    let weu = stage.json("fence/weu.data.json");
    assert!(variable(&weu, "audiences").contains(r#""api://Own""#));
    assert!(variable(&weu, "injected").contains("https://login.microsoftonline.us/"));
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
    stage.write("teams.toml", format!("{}{more}", teams("e", "data")));
    let ran = stage.expect(0, "render teams.toml --target admission --team web");
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    let offered = variable(&list, "offered");
    assert!(offered.contains("w03 or one of 9 more"), "{offered}");
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
    let all = teams("e", "data");
    let alone = all.split("[[team.workload]]").next().unwrap();
    stage.write("teams.toml", alone);
    let ran = stage.expect(64, "render teams.toml --target admission --team data");
    assert!(ran.stderr.starts_with("error: team `data` has no workload: "), "{}", ran.stderr);
    let ran = stage.expect(64, "render teams.toml --target admission");
    assert!(ran.stderr.starts_with("error: no team has a workload: "), "{}", ran.stderr);
}

/// The names of the policies of a team on a cluster, bindings left out.
fn names(estate: &str) -> Vec<String> {
    let stage = Stage::new();
    stage.write("teams.toml", teams(estate, "data"));
    let line = "render teams.toml --target admission --team data --cluster weu";
    let list: Value = serde_json::from_str(&stage.expect(0, line).stdout).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    let policies = items.filter(|item| item["kind"] == "ValidatingAdmissionPolicy");
    policies.map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn estates_whose_names_are_written_alike_have_policies_of_their_own() {
    assert_eq!(names("prod-1"), ["pods.data.prod-1.widctl.dev", "identity.data.prod-1.widctl.dev"]);
    let all: Vec<String> =
        ["prod-1", "Prod-1", "prod_1", "prod.1", "PROD-1"].into_iter().flat_map(names).collect();
    let mut distinct = all.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
    // https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names
    let longest = names(&format!("E{}", "_e".repeat(31)));
    for name in all.iter().chain(&longest) {
        assert!(name.len() <= 253, "{name}");
        for label in name.split('.') {
            let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(label.chars().all(is_fine) && !label.starts_with('-') && !label.ends_with('-'));
        }
    }
}
