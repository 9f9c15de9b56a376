//! Presets in profiles: who may use them, and what they need beside.

use super::{root_team, team_file};

fn workload(preset: &str, rest: &str) -> String {
    format!("[[team.workload]]\nservice_account = \"app\"\npreset = \"{preset}\"\n{rest}\n")
}

#[test]
fn a_preset_with_a_denied_right_needs_the_root_files_grant() {
    let team = workload("airflow-scheduler", "");
    let refused = team_file("", "data", &team);
    let [message] = &refused.refusals("WID-GRANT-PRESET")[..] else { panic!("one") };
    assert_eq!(
        message,
        "team `data` is not granted the preset `airflow-scheduler`, which holds `pods/exec`"
    );
    let [hint] = &refused.helps("WID-GRANT-PRESET")[..] else { panic!("one") };
    assert!(
        hint.ends_with("[policy.grants.teams.data]\npresets = [\"airflow-scheduler\"]"),
        "{hint}"
    );

    let granted = "[policy.grants]\npresets = [\"airflow-scheduler\"]\n";
    assert_eq!(team_file(granted, "data", &team).codes(), [""; 0]);
    let own = "[policy.grants.teams.data]\npresets = [\"airflow-scheduler\"]\n";
    assert_eq!(team_file(own, "data", &team).codes(), [""; 0]);
    let others = own.replace("data", "other");
    assert_eq!(team_file(&others, "data", &team).codes(), ["WID-GRANT-PRESET"]);
    assert_eq!(root_team("", "data", &team).codes(), [""; 0], "the root file needs none");
}

#[test]
fn a_preset_without_a_denied_right_needs_no_grant() {
    for preset in ["prefect-worker", "prefect-flow", "argo-executor", "airflow-worker", "keda"] {
        assert_eq!(team_file("", "data", &workload(preset, "")).codes(), [""; 0], "{preset}");
    }
}

#[test]
fn a_preset_of_a_controller_that_asks_for_tokens_needs_the_controllers_account() {
    let team = workload("external-secrets", "");
    let missing = root_team("", "data", &team);
    let [hint] = &missing.helps("WID-CONTROLLER")[..] else { panic!("one") };
    let line = "[policy.controllers]\nexternal-secrets = \"NAMESPACE/ACCOUNT\"";
    assert!(hint.ends_with(line), "{hint}");
    let named = "[policy.controllers]\nexternal-secrets = \"eso/controller\"\n";
    assert_eq!(root_team(named, "data", &team).codes(), [""; 0]);
    assert_eq!(team_file(named, "data", &team).codes(), ["WID-GRANT-PRESET"]);
    let both = format!("[policy.grants]\npresets = [\"external-secrets\"]\n{named}");
    assert_eq!(team_file(&both, "data", &team).codes(), [""; 0]);
}

#[test]
fn rules_beside_such_a_preset_are_refused_because_they_would_be_the_controllers() {
    let named = "[policy.controllers]\nexternal-secrets = \"eso/controller\"\n";
    let rule = "[[team.workload.rule]]\nresources = [\"configmaps\"]\nverbs = [\"get\"]";
    let team = workload("external-secrets", rule);
    let refusals = root_team(named, "data", &team).refusals("WID-CONTROLLER");
    assert_eq!(refusals, ["a rule beside preset `external-secrets` would be its controller's"]);
}

#[test]
fn a_controller_is_named_only_for_a_preset_that_asks_for_tokens() {
    let named = "[policy.controllers]\nkeda = \"keda/keda-operator\"\n";
    assert_eq!(root_team(named, "data", "").codes(), ["WID-CONTROLLER"]);
    let wrong = "[policy.controllers]\nexternal-secrets = \"controller\"\n";
    assert_eq!(root_team(wrong, "data", "").codes(), ["WID-ACCOUNT-NAME"]);
}

#[test]
fn a_preset_without_rules_says_nothing_against_an_account_that_a_chart_owns() {
    let mode = "mode = \"annotate\"";
    assert_eq!(root_team("", "data", &workload("keda", mode)).codes(), [""; 0]);
    assert_eq!(root_team("", "data", &workload("argo-executor", mode)).codes(), ["WID-MODE"]);
}
