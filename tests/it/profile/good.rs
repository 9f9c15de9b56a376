//! Profiles that are right, and what becomes of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use widctl::desired::derive::derive;
use widctl::model::rule::Rule;
use widctl::model::text::Issuer;
use widctl::profile;
use widctl::profile::resolved::{Cluster, Mode, RoleChoice};

use super::{VERSION, codes, files, load, load_text, repository};

#[test]
fn the_quickstart_fills_every_default() {
    let profile = load(&files(&repository("profiles/quickstart.toml"))).unwrap();
    insta::assert_debug_snapshot!(profile);
}

#[test]
fn every_profile_of_the_folder_loads_without_an_environment() {
    for name in [
        "quickstart.toml",
        "prefect-teams.toml",
        "argo.toml",
        "airflow.toml",
        "gitops.toml",
        "pipelines/runners.toml",
        "multi-cluster",
        "service-to-service.toml",
    ] {
        let profile = load(&files(&repository("profiles").join(name)));
        let profile =
            profile.unwrap_or_else(|errors| panic!("{name}: {}", super::bad::render(&errors)));
        assert!(!profile.teams.is_empty(), "{name}");
    }
}

#[test]
fn every_profile_of_the_folder_names_the_schema_that_the_code_makes() {
    let schema = repository("docs/profile.schema.json");
    let made = profile::schema_json();
    #[expect(clippy::disallowed_methods, reason = "whether to write the schema anew")]
    if std::env::var_os("WIDCTL_BLESS").is_some() {
        fs::write(&schema, &made).unwrap();
    }
    assert_eq!(fs::read_to_string(&schema).unwrap(), made, "WIDCTL_BLESS=1 writes it anew");
    let profiles = repository("profiles");
    for file in files(&profiles) {
        let text = String::from_utf8(file.text).unwrap();
        let first = text.lines().next().unwrap();
        let named = first.strip_prefix("#:schema ").unwrap_or_else(|| panic!("{}", file.path));
        let folder = profiles.join(&file.path).parent().unwrap().to_path_buf();
        assert_eq!(folder.join(named).canonicalize().unwrap(), schema.canonicalize().unwrap());
    }
}

#[test]
fn the_schema_knows_every_key_and_no_null() {
    let schema: serde_json::Value = serde_json::from_str(&profile::schema_json()).unwrap();
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["properties"]["estate"]["description"].as_str().unwrap().contains("owns"));
    assert!(!profile::schema_json().contains("null"));
    let workload = &schema["$defs"]["WorkloadTable"];
    assert_eq!(workload["required"], serde_json::json!(["service_account"]));
    assert_eq!(workload["properties"]["mode"]["enum"][2], "trust-only");
}

#[test]
fn the_profile_with_three_clusters_resolves_each_of_them() {
    let profile = load(&files(&repository("profiles/multi-cluster"))).unwrap();
    let cluster = |name: &str| &profile.clusters[name];
    assert!(matches!(cluster("weu"), Cluster::Aks { context: None, .. }));
    assert!(matches!(cluster("neu"), Cluster::Aks { context: Some(_), .. }));
    assert!(matches!(cluster("onprem"), Cluster::Pinned { .. }));
    let names: Vec<&str> = profile.teams.iter().map(|team| team.name.as_str()).collect();
    assert_eq!(names, ["data-eng", "platform", "web"]);
    let data_eng = &profile.teams[0];
    assert!(data_eng.identities[0].per_cluster);
    let backfill =
        data_eng.workloads.iter().find(|each| each.service_account.as_str() == "backfill");
    assert_eq!(backfill.unwrap().clusters.len(), 1);
    let batch = profile.teams[2].workloads.iter().find(|each| each.mode == Mode::TrustOnly);
    assert!(!batch.unwrap().create_namespace, "trust-only leaves the cluster alone");
}

#[test]
fn a_profile_without_teams_is_one_for_a_folder_that_has_none_yet() {
    assert!(load_text("version = 1\nestate = \"empty\"\n").unwrap().teams.is_empty());
    let errors = load_text("version = 2\n").unwrap_err();
    assert_eq!(codes(&errors), ["WID-MISSING-KEY", "WID-VERSION"]);
    assert!(!errors.refused());
}

#[test]
fn a_file_with_windows_line_ends_and_a_byte_order_mark_is_the_same_profile() {
    let unix = fs::read_to_string(repository("profiles/quickstart.toml")).unwrap();
    let windows = format!("\u{feff}{}", unix.replace('\n', "\r\n"));
    let (mut unix, mut windows) = (load_text(&unix).unwrap(), load_text(&windows).unwrap());
    assert_ne!(unix.sha256, windows.sha256);
    unix.sha256.clear();
    windows.sha256.clear();
    assert_eq!(unix, windows);
}

const VARIABLES: &str = r#"
version = 1
estate = "${ESTATE}-$${ESTATE}"
variables = ["ESTATE", "UNUSED"]
"#;

#[test]
fn variables_are_filled_in_once_and_count_in_the_hash_only_where_used() {
    let load = |text: &str, pairs: &[(&str, &str)]| {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let file = profile::SourceFile { path: "widctl.toml".into(), text: text.into() };
        profile::load(&[file], &pairs.collect::<BTreeMap<_, _>>(), &VERSION)
    };
    let text = VARIABLES.replace("-$${ESTATE}", "");
    let first = load(&text, &[("ESTATE", "one"), ("UNUSED", "1")]).unwrap();
    let same = load(&text, &[("ESTATE", "one"), ("UNUSED", "2"), ("OTHER", "3")]).unwrap();
    let other = load(&text, &[("ESTATE", "two")]).unwrap();
    assert_eq!(first.estate.as_str(), "one");
    assert_eq!(first.sha256, same.sha256);
    assert_ne!(first.sha256, other.sha256);
    // `$${` is a literal `${`, which a context may have, and a value is not looked into again.
    for (written, value, context) in
        [("${ESTATE}-$${ESTATE}", "one", "one-${ESTATE}"), ("${ESTATE}", "${UNUSED}", "${UNUSED}")]
    {
        let text = format!(
            "{}[clusters.weu]\ncontext = \"{written}\"\nissuer = \"https://oidc.example.com\"\n",
            text.replace("${ESTATE}", "fixed")
        );
        let profile = load(&text, &[("ESTATE", value), ("UNUSED", "1")]).unwrap();
        let found = profile.clusters.into_values().next();
        let issuer = Issuer::from("https://oidc.example.com");
        let context = context.to_owned();
        assert_eq!(found, Some(Cluster::Pinned { context, issuer, token_audience: None }));
    }
    // An estate may not, and the message shows what is written, not what the variable holds.
    let errors = load(VARIABLES, &[("ESTATE", "one-value")]).unwrap_err();
    let message = errors.iter().next().unwrap().to_string();
    assert!(message.contains("`${ESTATE}-$${ESTATE}`"), "{message}");
    assert!(!message.contains("one-value"), "{message}");
}

#[test]
fn an_empty_list_of_denied_roles_lifts_the_guardrail_and_says_so() {
    let scope =
        "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg/providers/A.B/c/d";
    let text = format!(
        r#"
version = 1
estate = "e"
azure = {{ subscription = "00000000-0000-4000-8000-000000000001", resource_group = "rg", location = "weu" }}
policy = {{ denied_roles = [], denied_scopes = ["subscription"] }}

[[team]]
name = "a"
[[team.identity]]
name = "id-a"
roles = [
  {{ role = "contributor", scope = "{scope}" }},
  {{ role = "Reader", scope = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg" }},
  {{ role = "Contoso Operator", scope = "{scope}" }},
]
"#
    );
    let profile = load_text(&text).unwrap();
    assert!(!profile.policy.deny_privileged_roles);
    let roles = &profile.teams[0].identities[0].roles;
    assert!(
        matches!(&roles[0].role, RoleChoice::Known(role) if role.name.as_str() == "Contributor")
    );
    assert!(matches!(&roles[2].role, RoleChoice::Custom(_)));
}

#[test]
fn a_thousand_team_files_with_ten_thousand_workloads_load() {
    let mut root = fs::read_to_string(repository("profiles/quickstart.toml")).unwrap();
    root.truncate(root.find("[[team]]").unwrap());
    root.push_str("[policy.grants]\nscopes = [\"/subscriptions/*/resourceGroups/rg-{team}/*\"]\n");
    let mut files = vec![profile::SourceFile { path: "widctl.toml".into(), text: root.into() }];
    for team in 0..1_000 {
        let mut text = format!(
            r#"[[team]]
name = "team-{team}"
namespace = "team-{team}"
clusters = ["weu"]
[[team.identity]]
name = "id-team-{team}"
roles = [{{ role = "Reader", scope = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-team-{team}/providers/A.B/c/d" }}]
"#
        );
        for workload in 0..10 {
            writeln!(text, "[[team.workload]]\nservice_account = \"app-{workload}\"").unwrap();
        }
        files.push(profile::SourceFile { path: format!("teams/{team}.toml"), text: text.into() });
    }
    let profile = load(&files).unwrap();
    assert_eq!(profile.teams.len(), 1_000);
    let workloads = profile.teams.iter().map(|team| team.workloads.len());
    assert_eq!(workloads.sum::<usize>(), 10_000);

    // Every reference broken: suggestions must not cost more than the profile.
    for file in &mut files[1..] {
        let text = String::from_utf8(std::mem::take(&mut file.text)).unwrap();
        let broken =
            text.replace("[[team.workload]]\n", "[[team.workload]]\nidentity = \"id-tean\"\n");
        file.text = broken.into();
    }
    assert_eq!(load(&files).unwrap_err().count(), 10_000);
}

#[test]
fn the_page_about_the_profile_names_every_key_and_rule() {
    let page = fs::read_to_string(repository("docs/profile.md")).unwrap();
    let mut rules: Vec<&Rule> = profile::rules().collect();
    rules.sort_by_key(|rule| rule.code);
    let row =
        |rule: &&Rule| format!("| `{}` | {} | {} |", rule.code, rule.kind.as_str(), rule.title);
    let expected: Vec<String> = rules.iter().map(row).collect();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `WID-")).collect();
    assert_eq!(rows, expected);
    let schema: serde_json::Value = serde_json::from_str(&profile::schema_json()).unwrap();
    let tables = schema["$defs"].as_object().unwrap().values().chain([&schema]);
    for key in tables.flat_map(|table| table["properties"].as_object().unwrap().keys()) {
        let named = ["`", "[", "."].iter().any(|before| page.contains(&format!("{before}{key}")));
        assert!(named, "the page does not name `{key}`");
    }
}

#[test]
fn every_subscription_that_the_profile_names_is_known_wherever_it_stands() {
    let guid = |number: usize| format!("00000000-0000-4000-8000-{number:012}");
    let text = format!(
        "version = 1\nestate = \"e\"\n[azure]\nsubscription = \"{}\"\nalso_read = [\"{}\"]\n\
         [clusters.weu]\nsubscription = \"{}\"\nresource_group = \"rg\"\nname = \"aks\"\n\
         [policy.grants]\nscopes = [\"/Subscriptions/{}/resourceGroups/rg-{{team}}/*\", \"*\", \"/subscriptions/*\"]\n\
         [policy.grants.teams.t]\nscopes = [\"/subscriptions/{}/*\"]\n",
        guid(1),
        guid(2),
        guid(3),
        guid(4),
        guid(5)
    );
    let named = derive(&load_text(&text).unwrap()).named_subscriptions();
    let named: Vec<String> = named.iter().map(ToString::to_string).collect();
    assert_eq!(named, (1..=5).map(guid).collect::<Vec<_>>());
}
