//! `presets` as people and programs read it.

use serde_json::Value;

use crate::cli::support::Stage;
use crate::page;

#[test]
fn the_list_names_every_preset_and_what_it_needs() {
    let ran = Stage::new().expect(0, "presets");
    page::shows(
        "docs/profile.md",
        ("$ widctl presets\n", "```\n\n`widctl presets NAME`"),
        &ran.stdout,
    );
}

#[test]
fn one_preset_of_each_shape_is_shown_whole() {
    let stage = Stage::new();
    let names = ["prefect-worker", "prefect-flow", "airflow-scheduler", "keda", "external-secrets"];
    let shown = names.map(|name| stage.expect(0, &format!("presets {name}")).stdout);
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn programs_read_the_same() {
    let stage = Stage::new();
    let all: Value =
        serde_json::from_str(&stage.expect(0, "presets --format json").stdout).unwrap();
    let named =
        |name: &str| all.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap();
    let flow = named("prefect-flow");
    assert_eq!(flow["shape"], "pod");
    assert_eq!(flow["places"][0]["label"], "spec.template.metadata.labels");
    assert_eq!(named("external-secrets")["places"][0]["label"], Value::Null);
    assert_eq!(named("airflow-scheduler")["needs_grant_for"][0], "`pods/exec`");
    assert_eq!(named("prefect-worker")["needs_grant_for"], serde_json::json!([]));
    let one = stage.expect(0, "presets prefect-flow --format json").stdout;
    assert_eq!(serde_json::from_str::<Value>(&one).unwrap(), *flow);
}

#[test]
fn an_unknown_preset_is_a_usage_error_with_the_nearest_name() {
    let ran = Stage::new().expect(64, "presets prefect-flows");
    assert!(ran.stderr.contains("did you mean `prefect-flow`?"), "{}", ran.stderr);
}
