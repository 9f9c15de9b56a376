//! The page about upgrades shows what is printed.

use serde_json::{Value, json};

use super::support::Stage;
use crate::page;

const PAGE: &str = "docs/upgrade.md";

/// What an apply of a saved plan says in which this was edited.
fn refused(field: &str, value: &str) -> String {
    let stage = Stage::quickstart();
    stage.expect(0, "plan teams.toml --sandbox --out plan.json");
    let mut plan = stage.json("plan.json");
    plan[field] = json!(value);
    stage.write("plan.json", plan.to_string());
    let ran = stage.expect(3, "apply teams.toml --sandbox --plan plan.json");
    ran.stderr
}

#[test]
fn a_saved_plan_of_another_version_or_format_is_refused_as_the_page_shows() {
    let command = "$ widctl apply teams.toml --plan plan.json\n";
    let version = refused("widctl_version", "0.0.1");
    page::shows(PAGE, (&format!("exit code 3:\n\n```console\n{command}"), "```"), &version);
    let format = refused("format_version", "1.0");
    page::shows(PAGE, (&format!("by `show` neither:\n\n```console\n{command}"), "```"), &format);
}

/// The version of the format of a document.
fn version(document: &Value) -> &str {
    document["format_version"].as_str().unwrap_or_else(|| panic!("{document}"))
}

#[test]
fn the_versions_of_the_page_are_those_that_are_printed() {
    let stage = Stage::quickstart();
    let mut table =
        "\n| printed by | `format_version` | described in |\n|---|---|---|\n".to_owned();
    let mut row = |printed: &str, document: &Value, described: &str| {
        let line = format!("| {printed} | `{}` | {described} |\n", version(document));
        table.push_str(&line);
    };
    let run = |line: &str| stage.expect(0, &format!("{line} teams.toml --sandbox")).json();
    let plan = run("plan --out plan.json --format json");
    row("`plan --out`, `plan --format json`", &plan, "[plan-format.md](plan-format.md#the-plan)");
    let shown = stage.expect(0, "show plan.json --format json").json();
    let showing = "[plan-format.md](plan-format.md#showing-saved-plans)";
    row("`show --format json`", &shown, showing);
    let outcome = run("sync --auto-approve --format json");
    let described = "[plan-format.md](plan-format.md#the-outcome)";
    row("`apply`, `sync --format json`", &outcome, described);
    let events = stage.expect(0, "plan teams.toml --sandbox --json").events();
    row("`--json`", &events[0], "[events.md](events.md)");
    row("`status --format json`", &run("status --format json"), "[status.md](status.md)");
    row("`verify --format json`", &run("verify --format json"), "[verify.md](verify.md)");
    page::shows(PAGE, ("<!-- formats -->", "<!-- /formats -->"), &table);
}
