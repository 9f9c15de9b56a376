//! Roles that a condition narrows.

use serde_json::Value;

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const ROLE: &str = r#"{ role = "Storage Blob Data Reader", scope = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/logs" }"#;
const NARROW: &str =
    "@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'web'";

fn profile(condition: &str) -> String {
    let role = match condition {
        "" => ROLE.to_owned(),
        condition => ROLE.replace(" }", &format!(", condition = \"{condition}\" }}")),
    };
    let name = "name = \"id-web\"";
    root("acme", &["weu"])
        + &team("web", &["weu"]).replace(name, &format!("{name}\nroles = [{role}]"))
}

/// The assignment's properties in the sandbox.
fn assignment(stage: &Stage) -> Value {
    let world = stage.json("sandbox.json");
    let resources = world["resources"].as_object().unwrap();
    let mut found = resources.iter().filter(|(path, _)| path.contains("/roleassignments/"));
    found.next().unwrap().1["properties"].clone()
}

#[test]
fn a_condition_is_written_changed_and_taken_off_and_a_plan_compares_it() {
    let stage = Stage::new();
    for condition in ["", NARROW, &NARROW.replace("web", "api"), ""] {
        stage.write("teams.toml", profile(condition));
        stage.expect(2, &format!("{PLAN} --detailed-exitcode"));
        stage.expect(0, SYNC);
        let expected = if condition.is_empty() { Value::Null } else { condition.into() };
        assert_eq!(assignment(&stage)["condition"], expected);
        let version = if condition.is_empty() { Value::Null } else { "2.0".into() };
        assert_eq!(assignment(&stage)["conditionVersion"], version);
        stage.expect(0, &format!("{PLAN} --detailed-exitcode"));
    }
}

#[test]
fn an_approval_covers_the_condition() {
    let stage = Stage::new();
    stage.write("teams.toml", profile(NARROW));
    stage.expect(0, &format!("{PLAN} --out plan.json"));
    stage.write("teams.toml", profile(""));
    let apply = "apply teams.toml --sandbox=sandbox.json --plan plan.json";
    let refused = stage.expect(3, apply);
    assert!(refused.stderr.contains("condition"), "{refused:#?}");
}
