//! What is likely not allowed is told before anything is written.

use serde_json::{Value, json};

use super::support::{Ran, Stage, repository};

const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const FAULTS: &str = "--sandbox-faults faults.toml";
const AZURE: &str = "denied_actions = [\"Microsoft.Authorization/roleAssignments/write\"]\n";
const CLUSTER: &str =
    "denied = [{ verb = \"patch\", resource = \"serviceaccounts\", namespace = \"data-eng\" }]\n";

/// The quickstart with these faults.
fn stage(faults: &str) -> Stage {
    let stage = Stage::quickstart();
    stage.write("faults.toml", faults);
    stage
}

/// The rights that a run told of, and where they are missing.
fn told(text: &str) -> Vec<String> {
    let parts = text.split("warning[WID-LIKELY-DENIED]: ").skip(1);
    let lines = parts.map(|part| part.split("\n  It blocks ").next().unwrap());
    lines.map(|lines| lines.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn requests(ran: &Ran) -> Value {
    ran.json()["run"]["requests"].clone()
}

#[test]
fn a_plan_tells_what_azure_and_the_cluster_will_likely_refuse() {
    let stage = stage(&(AZURE.to_owned() + CLUSTER));
    let ran = stage.expect(0, &format!("{PLAN} {FAULTS}"));
    insta::assert_snapshot!("plan_with_missing_rights", ran.stdout);
    stage.expect(2, &format!("{PLAN} {FAULTS} --detailed-exitcode"));
}

#[test]
fn a_sync_tells_it_and_goes_on_with_what_is_allowed() {
    let stage = stage(AZURE);
    let ran = stage.expect(5, &format!("{SYNC} {FAULTS}"));
    // The rest names a request, and those come in no fixed order.
    let plan = ran.stdout.split("failed: ").next().unwrap();
    insta::assert_snapshot!("sync_with_a_missing_right", plan);
    assert!(ran.last().starts_with("Apply incomplete. 4 added"), "{ran:#?}");
    assert!(ran.stderr.contains("roleAssignments/write` is missing"), "{ran:#?}");
}

#[test]
fn a_sync_that_nobody_confirms_has_told_it_and_written_nothing() {
    let stage = stage(AZURE);
    let line = format!("{SYNC} {FAULTS}").replace("--auto-approve", "--no-input");
    let ran = stage.expect(1, &line);
    assert_eq!(told(&ran.stdout).len(), 1, "{ran:#?}");
    assert!(ran.stderr.contains("nobody to confirm"), "{ran:#?}");
    assert!(!stage.read("sandbox.json").contains("userassignedidentities"));
}

#[test]
fn an_apply_of_an_approved_plan_and_a_sync_in_json_tell_it_beside_their_result() {
    let stage = stage(CLUSTER);
    stage.expect(0, &format!("{PLAN} --out plan.json"));
    let apply = "apply teams.toml --plan plan.json --sandbox=sandbox.json";
    let ran = stage.expect(5, &format!("{apply} {FAULTS}"));
    let what = [
        "you likely may not patch serviceaccounts in namespace data-eng --> namespace data-eng of cluster weu",
    ];
    assert_eq!(told(&ran.stderr), what, "{ran:#?}");
    assert!(told(&ran.stdout).is_empty());
    let ran = stage.expect(1, &format!("{SYNC} {FAULTS} --format json"));
    assert_eq!(told(&ran.stderr), what);
    assert_eq!(ran.json()["complete"], false);
}

#[test]
fn programs_get_rows_and_the_saved_plan_is_the_same_whoever_plans() {
    let stage = stage(&(AZURE.to_owned() + CLUSTER));
    let line = format!("{PLAN} --format json");
    let free = stage.expect(0, &format!("{line} --out free.json")).json();
    assert_eq!(free["missing_rights"], json!([]));
    let bound = stage.expect(0, &format!("{line} --out bound.json {FAULTS}")).json();
    let missing = bound["missing_rights"].as_array().unwrap();
    let scopes: Vec<&str> = missing.iter().map(|row| row["scope"].as_str().unwrap()).collect();
    assert_eq!(scopes.len(), 2, "{missing:#?}");
    assert!(scopes[0].ends_with("/vaults/kv-data-eng"), "{scopes:?}");
    assert_eq!(scopes[1], "namespace data-eng");
    let saved = ["free.json", "bound.json"].map(|name| {
        let mut saved = stage.json(name);
        saved.as_object_mut().unwrap().remove("created_at").unwrap();
        saved
    });
    assert_eq!(saved[0], saved[1]);

    let events = stage.expect(0, &format!("{PLAN} --json {FAULTS}")).events();
    let rows: Vec<&Value> = events.iter().filter(|e| e["code"] == "WID-LIKELY-DENIED").collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["missing_right"], missing[0]);
}

#[test]
fn what_cannot_be_asked_is_not_told() {
    let denied = AZURE.to_owned() + CLUSTER;
    let effects =
        ["\"forbidden\"", "\"not-json\"", "{ answer = { status = 404, code = \"NotFound\" } }"];
    for effect in effects {
        let rules = ["*/Microsoft.Authorization/permissions", "*/selfsubjectaccessreviews"]
            .map(|path| format!("[[rules]]\npath = \"{path}\"\neffect = {effect}\n"));
        let stage = stage(&(denied.clone() + &rules.concat()));
        let ran = stage.expect(0, &format!("{PLAN} {FAULTS}"));
        assert!(told(&ran.stdout).is_empty(), "{effect}: {ran:#?}");
        assert!(ran.last().starts_with("Plan: "), "{effect}: {ran:#?}");
        assert!(!ran.stderr.contains("warning"), "{effect}: {ran:#?}");
    }
}

/// Takes away the credentials that were made, as somebody might.
fn lose_credentials(stage: &Stage) {
    let mut sandbox = stage.json("sandbox.json");
    let resources = sandbox["resources"].as_object_mut().unwrap();
    resources.retain(|path, _| !path.contains("/federatedidentitycredentials/"));
    stage.write("sandbox.json", sandbox.to_string());
}

#[test]
fn a_right_is_given_on_the_identity_that_lacks_it_and_for_several_on_their_group() {
    let stage = stage("denied_actions = [\"*/federatedIdentityCredentials/write\"]\n");
    let another = "\n[[team]]\nname = \"web\"\nnamespace = \"web\"\nclusters = [\"weu\"]\n\
        create_namespace = true\n\n[[team.identity]]\nname = \"id-web\"\n\n\
        [[team.workload]]\nservice_account = \"front\"\n";
    let plan = format!("{PLAN} --format json {FAULTS}");
    let missing = |count: usize| {
        stage.expect(0, SYNC);
        lose_credentials(&stage);
        let ran = stage.expect(0, &plan);
        let rows = ran.json()["missing_rights"].as_array().unwrap().clone();
        assert_eq!(rows.len(), 1, "{rows:#?}");
        assert_eq!(rows[0]["changes"].as_array().unwrap().len(), count);
        let scope = rows[0]["scope"].as_str().unwrap().to_owned();
        let fix = rows[0]["fix"].as_str().unwrap();
        assert!(fix.ends_with(&format!("--scope \"{scope}\"")), "{fix}");
        scope
    };
    assert!(missing(1).ends_with("/userAssignedIdentities/id-data-eng"));
    stage.write("teams.toml", stage.read("teams.toml") + another);
    assert!(missing(2).ends_with("/resourceGroups/rg-workload-identity"));
}

#[test]
fn nothing_is_asked_where_nothing_is_to_be_written() {
    let stage = Stage::quickstart();
    stage.expect(0, SYNC);
    let quiet = requests(&stage.expect(0, &format!("{PLAN} --format json")));
    // A credential of the one identity is gone: one question to Azure and none to the cluster.
    lose_credentials(&stage);
    let busy = requests(&stage.expect(0, &format!("{PLAN} --format json")));
    let arm = |requests: &Value| requests["arm_reads"].as_u64().unwrap();
    assert_eq!(arm(&busy), arm(&quiet) + 1);
    assert_eq!(busy["cluster_reads"], quiet["cluster_reads"]);
    assert_eq!(busy["arm_writes"], 0);
    assert_eq!(busy["cluster_writes"], 0);
    let checked = stage.expect(2, "sync teams.toml --sandbox=sandbox.json --check --format json");
    assert_eq!(requests(&checked), quiet, "a comparison asks nothing");
}

#[test]
fn the_readmes_example_is_what_prints() {
    let readme = repository("README.md");
    let shown = readme.split("```text\nwarning[WID-LIKELY-DENIED]").nth(1).unwrap();
    let shown = shown.split("```").next().unwrap();
    let ran = stage(AZURE).expect(0, &format!("{PLAN} {FAULTS}"));
    assert!(ran.stdout.contains(&format!("warning[WID-LIKELY-DENIED]{shown}")), "{ran:#?}");
}
