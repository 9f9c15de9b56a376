//! Targets that cannot be read.

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";
const DOWN: &str = "--sandbox-faults down.toml";

/// Two teams on two clusters, one of which refuses everything.
fn one_cluster_down() -> Stage {
    let stage = Stage::new();
    let clusters = ["neu", "weu"];
    let teams = team("one", &clusters) + &team("two", &clusters);
    stage.write("teams.toml", root("acme", &clusters) + &teams);
    stage.write(
        "down.toml",
        "[[rules]]\npath = \"/clusters/rg-aks-aks-neu/*\"\neffect = \"forbidden\"\n",
    );
    stage
}

#[test]
fn a_plan_shows_what_it_knows_and_says_that_it_is_incomplete() {
    let stage = one_cluster_down();
    for flags in ["", "--detailed-exitcode"] {
        let ran = stage.expect(1, &format!("{PLAN} {DOWN} {flags}"));
        assert!(ran.stdout.contains("+ weu/service-account/one/app"), "{ran:#?}");
        assert!(ran.stdout.contains("? neu/service-account/one/app"), "{ran:#?}");
        assert!(ran.stdout.contains("cluster `neu`"), "{ran:#?}");
        assert_eq!(ran.last(), "The plan is incomplete: 4 resources could not be compared.");
    }
    stage.expect(1, &format!("{SYNC} {DOWN}").replace("--auto-approve", "--check"));
    let json = stage.expect(1, &format!("{PLAN} {DOWN} --format json")).json();
    assert_eq!(json["complete"], false);
    assert_eq!(json["unknown"].as_array().unwrap().len(), 4);
}

#[test]
fn the_event_stream_names_what_could_not_be_compared() {
    let stage = one_cluster_down();
    let events = stage.expect(1, &format!("{PLAN} {DOWN} --json")).events();
    let unread = events.iter().filter(|e| e["code"] == "WID-UNREAD");
    let addresses: Vec<&str> = unread.map(|e| e["address"].as_str().unwrap()).collect();
    assert_eq!(
        addresses,
        [
            "neu/namespace/one",
            "neu/namespace/two",
            "neu/service-account/one/app",
            "neu/service-account/two/app",
        ]
    );
}

#[test]
fn nothing_is_written_while_a_cluster_is_down_unless_that_is_allowed() {
    let stage = one_cluster_down();
    stage.expect(1, &format!("{PLAN} {DOWN}"));
    let before = stage.read("sandbox.json");
    let refused = stage.expect(1, &format!("{SYNC} {DOWN}"));
    assert!(refused.stderr.contains("--allow-incomplete"), "{refused:#?}");
    assert!(refused.stderr.contains("nothing was written"), "{refused:#?}");
    assert_eq!(stage.read("sandbox.json"), before);

    let partly = stage.expect(5, &format!("{SYNC} {DOWN} --allow-incomplete"));
    let summary = partly.last();
    assert!(!partly.stdout.contains("Apply complete!"), "{partly:#?}");
    assert!(summary.starts_with("Apply incomplete. "), "{partly:#?}");
    assert!(summary.contains("4 not compared"), "{partly:#?}");

    let rest = stage.expect(0, SYNC);
    assert!(rest.last().starts_with("Apply complete! 4 added,"), "{rest:#?}");
    stage.expect(0, &format!("{PLAN} --detailed-exitcode"));
}

#[test]
fn an_outcome_in_json_says_that_something_was_left_out() {
    let stage = one_cluster_down();
    let line = format!("{SYNC} {DOWN} --allow-incomplete --format json");
    let outcome = stage.expect(5, &line).json();
    assert_eq!(outcome["complete"], false);
    assert_eq!(outcome["summary"]["not_compared"], 4);
    assert_eq!(outcome["summary"]["failed"], 0);
}

#[test]
fn whoever_needs_all_targets_is_told_before_anything_is_planned() {
    let stage = one_cluster_down();
    let ran = stage.expect(1, &format!("{SYNC} {DOWN} --require-all"));
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("cluster `neu`"), "{ran:#?}");
    assert!(ran.stderr.contains("--require-all"), "{ran:#?}");
}

#[test]
fn a_cluster_that_hangs_up_is_asked_again_and_then_unknown() {
    let stage = one_cluster_down();
    stage.write(
        "down.toml",
        "[[rules]]\npath = \"/clusters/rg-aks-aks-neu/*\"\neffect = { drop = \"before\" }\n",
    );
    let ran = stage.expect(1, &format!("{PLAN} {DOWN}"));
    assert!(ran.stdout.contains("? neu/service-account/one/app"), "{ran:#?}");
    assert!(ran.stdout.contains("+ weu/service-account/one/app"), "{ran:#?}");
}

#[test]
fn a_caller_whom_everything_refuses_is_not_signed_in() {
    let stage = one_cluster_down();
    stage.write("down.toml", "[[rules]]\napi = \"entra\"\nmethod = \"POST\"\neffect = { answer = { status = 401, code = \"7000215\", message = \"Invalid client secret provided.\" } }\n");
    let ran = stage.expect(4, &format!("{PLAN} {DOWN}"));
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("7000215"), "{ran:#?}");
}

#[test]
fn a_change_that_fails_leaves_the_others_standing_and_is_done_by_the_next_run() {
    let stage = one_cluster_down();
    stage.write(
        "down.toml",
        "denied = [{ cluster = \"rg-aks-aks-neu\", verb = \"patch\", resource = \"serviceaccounts\" }, { cluster = \"rg-aks-aks-neu\", verb = \"create\", resource = \"serviceaccounts\" }]\n",
    );
    let partly = stage.expect(5, &format!("{SYNC} {DOWN}"));
    let failed = "failed: 2 service accounts (2 teams): cluster `neu` answered 403 Forbidden\n  \
        refused: patch serviceaccounts\n    create neu/service-account/one/app\n";
    assert!(partly.stdout.contains(failed), "{partly:#?}");
    assert_eq!(
        partly.last(),
        "Apply incomplete. 12 added, 0 changed, 0 destroyed; 2 failed. Run again to resume."
    );
    let rest = stage.expect(0, SYNC);
    assert_eq!(rest.last(), "Apply complete! 2 added, 0 changed, 0 destroyed. 12 unchanged.");
}
