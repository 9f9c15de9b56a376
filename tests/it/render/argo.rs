//! `--target argo`: patches of what makes workflows, and settings of the controller.

use serde_json::{Value, json};

use crate::cli::support::{Stage, repository};
use crate::page;

const LABEL: &str = "azure.workload.identity/use";

/// A folder with the profile of one team that runs Argo Workflows.
fn argo() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", repository("profiles/argo.toml"));
    stage
}

/// Another team of its own with an account of this name, on these clusters.
fn and_team(stage: &Stage, account: &str, clusters: &str) {
    let neu = "[clusters.neu]\nresource_group = \"rg-aks\"\nname = \"aks-neu-prod\"\n\n[[team]]";
    let text = stage.read("teams.toml").replacen("[[team]]", neu, 1);
    let team = format!(
        "\n[[team]]\nname = \"ml\"\nowner = \"ml@example.com\"\nnamespace = \"ml\"\nclusters = {clusters}\n\n\
         [[team.identity]]\nname = \"id-ml\"\n\n\
         [[team.workload]]\nservice_account = \"{account}\"\npreset = \"argo-executor\"\n"
    );
    stage.write("teams.toml", text + &team);
}

/// The defaults of a cluster's workflows, as its controller reads them.
fn defaults(stage: &Stage, cluster: &str) -> Value {
    let patch = stage.json(&format!("argo/{cluster}.workflowDefaults.configmap.json"));
    let text = patch["data"]["workflowDefaults"].as_str().unwrap();
    let defaults: Value = serde_json::from_str(text).unwrap();
    let values = stage.json(&format!("argo/{cluster}.workflowDefaults.values.json"));
    assert_eq!(values, json!({ "controller": { "workflowDefaults": defaults } }));
    defaults
}

#[test]
fn what_makes_workflows_and_the_controller_have_a_file_each() {
    let stage = argo();
    let ran = stage.expect(0, "render teams.toml --target argo --out-dir argo");
    let mark = ("--target argo --out-dir argo\n", "```\n\nA file for each");
    page::shows("docs/argo.md", mark, &ran.stderr);
    let names = ran.stderr.lines().filter_map(|line| line.strip_prefix("Wrote "));
    let files = names.map(|name| format!("{name}\n{}", stage.read(name)));
    insta::assert_snapshot!(files.collect::<Vec<_>>().join("\n"));
}

#[test]
fn defaults_name_an_account_only_where_all_of_the_cluster_have_its_name() {
    let stage = argo();
    and_team(&stage, "training", "[\"neu\", \"weu\"]");
    // The controller of a cluster is every team's, whichever one is rendered.
    let ran = stage.expect(0, "render teams.toml --target argo --team ml --out-dir argo");
    let labels = json!({ LABEL: "true" });
    assert_eq!(defaults(&stage, "weu"), json!({ "spec": { "podMetadata": { "labels": labels } } }));
    assert_eq!(defaults(&stage, "neu")["spec"]["serviceAccountName"], "training");
    let said =
        "  it sets no account: those of workflows on cluster weu differ: training, workflows\n";
    assert_eq!(ran.stderr.matches(said).count(), 2, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("it sets no account").count(), 2, "{}", ran.stderr);
    assert!(!stage.exists("argo/batch.workflows.workflow-template.json"), "it is another team's");

    let stage = argo();
    and_team(&stage, "workflows", "[\"weu\"]");
    stage.expect(0, "render teams.toml --target argo --out-dir argo");
    assert_eq!(defaults(&stage, "weu")["spec"]["serviceAccountName"], "workflows");
}

#[test]
fn a_patch_names_every_cluster_of_the_account() {
    let stage = argo();
    and_team(&stage, "training", "[\"neu\", \"weu\"]");
    let ran = stage.expect(0, "render teams.toml --target argo --out-dir argo");
    let from = ran.stderr.split_once("Wrote argo/ml.training.cron-workflow.json\n").unwrap().1;
    let lines: Vec<&str> = from.lines().take_while(|line| line.starts_with("  ")).collect();
    let line = |cluster: &str| {
        format!(
            "  on cluster {cluster}: kubectl --context CONTEXT --namespace ml patch cronworkflows.argoproj.io/NAME --type merge --patch-file argo/ml.training.cron-workflow.json"
        )
    };
    assert_eq!(lines, [line("neu"), line("weu")]);
}

#[test]
fn a_team_without_workflows_is_told_so() {
    let stage = Stage::quickstart();
    let ran = stage.expect(64, "render teams.toml --target argo");
    let said = "error: no team has a workload with `preset = \"argo-executor\"`";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
    assert!(ran.stderr.contains("of the account of its workflows"), "{}", ran.stderr);
}
