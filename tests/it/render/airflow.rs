//! `--target airflow`: values of Airflow's Helm chart.

use serde_json::{Value, json};

use crate::cli::support::{Stage, repository};
use crate::page;

/// A folder with the profile of one team that runs Airflow.
fn airflow() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", repository("profiles/airflow.toml"));
    stage
}

/// What it prints for the one namespace.
fn values(stage: &Stage) -> Value {
    let ran = stage.expect(0, "render teams.toml --target airflow");
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn a_namespace_has_one_file_with_the_accounts_and_labels_of_both() {
    let stage = airflow();
    let ran = stage.expect(0, "render teams.toml --target airflow --out-dir airflow");
    let mark = ("--target airflow --out-dir airflow\n", "```\n\nA file for each");
    page::shows("docs/airflow.md", mark, &ran.stderr);
    let shown = format!("{}\n", stage.read("airflow/weu.airflow.json").trim_end());
    page::shows("docs/airflow.md", ("$ cat airflow/weu.airflow.json\n", "```\n\nThe"), &shown);
}

#[test]
fn every_setting_of_the_presets_is_in_the_values() {
    let stage = airflow();
    let values = values(&stage);
    for (preset, account) in
        [("airflow-scheduler", "airflow-scheduler"), ("airflow-worker", "airflow-tasks")]
    {
        let shown = stage.expect(0, &format!("presets {preset} --format json")).stdout;
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let settings = shown["settings"][0]["values"].as_array().unwrap();
        assert!(!settings.is_empty());
        for setting in settings {
            let path = setting[0].as_str().unwrap();
            let expected = match setting[1].as_str().unwrap() {
                "false" => json!(false),
                "ACCOUNT" => json!(account),
                "azure.workload.identity/use: \"true\"" => {
                    json!({ "azure.workload.identity/use": "true" })
                }
                other => panic!("{other}"),
            };
            let pointer = format!("/{}", path.replace('.', "/"));
            assert_eq!(values.pointer(&pointer), Some(&expected), "{path}");
        }
    }
}

#[test]
fn what_a_namespace_has_no_account_for_is_left_to_the_chart() {
    let stage = airflow();
    stage.edit("teams.toml", "preset          = \"airflow-scheduler\"", "#");
    let values = values(&stage);
    assert_eq!(values.as_object().unwrap().keys().collect::<Vec<_>>(), ["workers"]);
}

#[test]
fn two_accounts_in_the_place_of_one_are_refused() {
    let stage = airflow();
    stage.edit("teams.toml", "\"airflow-worker\" ", "\"airflow-scheduler\" ");
    insta::assert_snapshot!(stage.expect(64, "render teams.toml --target airflow").stderr);
}

#[test]
fn a_team_without_airflow_is_told_so() {
    let stage = Stage::quickstart();
    insta::assert_snapshot!(stage.expect(64, "render teams.toml --target airflow").stderr);
}
