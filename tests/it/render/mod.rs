//! `render` as people run it: which documents, where they go, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

pub(crate) mod admission;
mod airflow;
mod argo;
mod cronjob;
mod kubernetes;
pub(crate) mod prefect;
mod services;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::support::{Ran, Stage, repository};
use crate::page;

/// A profile of the repository whose teams are on a second cluster, `neu`, as well.
fn on_two_clusters(name: &str) -> String {
    let text = repository(&format!("profiles/{name}.toml"));
    let neu = "[clusters.neu]\nresource_group = \"rg-aks\"\nname = \"aks-neu-prod\"\n\n[[team]]";
    text.replacen("[[team]]", neu, 1).replace("[\"weu\"]", "[\"neu\", \"weu\"]")
}

/// The files below a folder, with their texts.
fn files(stage: &Stage, folder: &str) -> BTreeMap<String, String> {
    let folder = stage.path(folder);
    let entries = walkdir::WalkDir::new(&folder).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            let name = entry.path().strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

/// A folder with the profile of three teams that run Prefect.
fn prefect() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", repository("profiles/prefect-teams.toml"));
    stage
}

#[test]
fn each_account_of_flow_runs_has_a_template_of_its_own() {
    let stage = prefect();
    let ran = stage.expect(0, "render teams.toml --target prefect --out-dir pools");
    page::shows(
        "docs/prefect.md",
        ("--target prefect --out-dir pools\n", "```\n\nA file for each account"),
        &ran.stderr,
    );
    insta::assert_snapshot!("template", stage.read("pools/data-eng.flows.json"));
    let of = |name: &str, path: &str| stage.json(name).pointer(path).unwrap().clone();
    let account = "/job_configuration/job_manifest/spec/template/spec/serviceAccountName";
    assert_eq!(of("pools/data-eng.flows.json", account), "flows");
    assert_eq!(of("pools/ml.training.json", account), "training");
    assert_eq!(of("pools/ml.training.json", "/job_configuration/namespace"), "ml");
    assert!(!stage.exists("pools/ml.prefect-worker.json"), "a worker is no flow run");
    let spaced = "render teams.toml --target prefect --team ml --out-dir";
    let mut command = stage.command(spaced);
    command.arg("my pools");
    let ran = Ran::of(command);
    assert!(ran.stderr.contains("--base-job-template 'my pools/ml.training.json'\n"), "{ran:?}");
}

#[test]
fn one_document_is_printed_and_several_need_a_folder() {
    let stage = prefect();
    let ran = stage.expect(0, "render teams.toml --target prefect --team ml");
    let template: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(template["job_configuration"]["namespace"], "ml");
    assert!(ran.stderr.contains("prefect work-pool create ml-training --type kubernetes"));
    let quiet = stage.expect(0, "render teams.toml --target prefect --team ml -q");
    assert_eq!((quiet.stdout, quiet.stderr), (ran.stdout, String::new()));
    for several in ["", " --out pool.json"] {
        let ran = stage.expect(64, &format!("render teams.toml --target prefect{several}"));
        let named = "error: the target has 2 documents, data-eng.flows.json, ml.training.json";
        assert!(ran.stderr.starts_with(named), "{}", ran.stderr);
        assert!(ran.stderr.contains("--out-dir DIR"), "{}", ran.stderr);
    }
    assert!(!stage.exists("pool.json"));
}

#[test]
fn a_changed_file_is_replaced_only_by_force_and_an_equal_one_is_left() {
    let stage = prefect();
    let line = "render teams.toml --target prefect --out-dir pools";
    stage.expect(0, line);
    let rendered = stage.read("pools/ml.training.json");
    let again = stage.expect(0, line);
    assert!(again.stderr.contains("Unchanged: pools/data-eng.flows.json"), "{}", again.stderr);

    stage.write("pools/data-eng.flows.json", "{}");
    std::fs::remove_file(stage.path("pools/ml.training.json")).unwrap();
    let refused = stage.expect(1, line);
    insta::assert_snapshot!(refused.stderr);
    assert_eq!(stage.read("pools/data-eng.flows.json"), "{}");
    assert!(!stage.exists("pools/ml.training.json"), "all are written or none");

    let forced = stage.expect(0, &format!("{line} --force"));
    assert!(forced.stderr.contains("Wrote pools/data-eng.flows.json"), "{}", forced.stderr);
    assert_eq!(stage.read("pools/ml.training.json"), rendered);
    assert_eq!(stage.json("pools/data-eng.flows.json")["variables"]["additionalProperties"], false);
}

#[test]
fn a_team_without_flow_runs_is_told_so() {
    let stage = prefect();
    let ran = stage.expect(64, "render teams.toml --target prefect --team reporting");
    insta::assert_snapshot!(ran.stderr);
    let ran = stage.expect(64, "render teams.toml --target prefect --team data-end");
    assert!(ran.stderr.contains("did you mean `data-eng`?"), "{}", ran.stderr);
    let ran = stage.expect(64, "render teams.toml --target argos");
    assert!(ran.stderr.contains("prefect-operator"), "{}", ran.stderr);
}

#[test]
fn a_base_that_is_no_template_of_kubernetes_leaves_no_file() {
    let stage = prefect();
    let process = r#"{"job_configuration": {"command": "{{ command }}"}, "variables": {}}"#;
    for (base, what) in [
        ("not json", "the base template is not JSON"),
        ("{}", "the base template has no object `job_configuration`"),
        (process, "the base template is not of a Kubernetes work pool"),
    ] {
        stage.write("base.json", base);
        let line = "render teams.toml --target prefect --team ml --base base.json --out pool.json";
        let ran = stage.expect(1, line);
        assert!(ran.stderr.contains(what), "{}", ran.stderr);
        assert!(ran.stderr.contains("nothing was written"), "{}", ran.stderr);
        assert!(!stage.exists("pool.json"), "{what}");
    }
    let ran = stage.expect(1, "render teams.toml --target prefect --team ml --base gone.json");
    assert!(ran.stderr.contains("could not read `gone.json`"), "{}", ran.stderr);
}

#[test]
fn the_operator_is_given_a_work_pool_with_its_worker_and_template() {
    let stage = prefect();
    let line = "render teams.toml --target prefect-operator --team data-eng";
    let ran = stage.expect(64, line);
    assert!(ran.stderr.contains("--prefect-api-url URL"), "{}", ran.stderr);
    let ran = stage.expect(0, &format!("{line} --prefect-api-url http://prefect:4200/api"));
    let mut pool: Value = serde_json::from_str(&ran.stdout).unwrap();
    let template = pool["spec"]["baseJobTemplate"]["value"].take();
    assert_eq!(template["job_configuration"]["namespace"], "data-eng");
    insta::assert_snapshot!(format!("{pool:#}\n{}", ran.stderr));
}

#[test]
fn the_hint_names_what_chooses_fewer_documents_and_nothing_else() {
    let stage = Stage::new();
    stage.write("teams.toml", admission::teams("e", "data"));
    let hint = |line: &str| {
        let said = stage.expect(64, &format!("render teams.toml --target admission {line}")).stderr;
        said.split_once("  hint: ").unwrap().1.to_owned()
    };
    let folder = "write them to a folder with `--out-dir DIR`";
    assert_eq!(hint(""), format!("{folder}, or choose with `--team NAME` and `--cluster NAME`\n"));
    assert_eq!(hint("--team data"), format!("{folder}, or choose with `--cluster NAME`\n"));
    assert_eq!(hint("--cluster weu"), format!("{folder}, or choose with `--team NAME`\n"));
    assert_eq!(hint("--cluster weuu"), "did you mean `weu`?\n");
    let ran = stage.expect(64, "render teams.toml --target admission --team web --cluster weu");
    assert!(
        ran.stderr.starts_with("error: team `web` has no workload on cluster `weu`"),
        "{ran:?}"
    );

    let argo = Stage::new();
    argo.write("teams.toml", repository("profiles/argo.toml"));
    let ran = argo.expect(64, "render teams.toml --target argo");
    assert!(ran.stderr.ends_with(&format!("  hint: {folder}\n")), "one team, one cluster: {ran:?}");
}

#[test]
fn a_cluster_chooses_documents_and_changes_none() {
    for (profile, target) in [
        (admission::teams("e", "data"), "admission"),
        (on_two_clusters("argo"), "argo"),
        (on_two_clusters("airflow"), "airflow"),
        (on_two_clusters("gitops"), "flux"),
        (on_two_clusters("prefect-teams"), "prefect-operator --prefect-api-url http://prefect"),
        (on_two_clusters("service-to-service"), "service-auth"),
    ] {
        let stage = Stage::new();
        stage.write("teams.toml", profile);
        let line = format!("render teams.toml --target {target} --out-dir");
        stage.expect(0, &format!("{line} all"));
        let all = files(&stage, "all");
        for (cluster, other) in [("neu", "weu"), ("weu", "neu")] {
            stage.expect(0, &format!("{line} {cluster} --cluster {cluster}"));
            let chosen = files(&stage, cluster);
            assert!(!chosen.is_empty() && chosen.len() < all.len(), "{target} {cluster}");
            for (name, text) in chosen {
                assert_eq!(all.get(&name), Some(&text), "{target} {name}");
                assert!(!name.split(['.', '/']).any(|part| part == other), "{target} {name}");
            }
        }
    }
}
