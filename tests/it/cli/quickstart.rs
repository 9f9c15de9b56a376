//! The first command of the README, and the second.

use super::support::Stage;

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";

#[test]
fn the_first_sync_creates_everything_and_the_second_changes_nothing() {
    let stage = Stage::quickstart();
    let first = stage.expect(0, SYNC);
    assert_eq!(first.last(), "Apply complete! 5 added, 0 changed, 0 destroyed. 0 unchanged.");
    let before = stage.read("sandbox.json");

    let second = stage.expect(0, SYNC);
    assert_eq!(second.stdout, "No changes. Live state matches the profile.\n");
    assert_eq!(stage.read("sandbox.json"), before);

    let third = stage.expect(0, &format!("{SYNC} --format json")).json();
    assert_eq!(third["changes"].as_array().unwrap().len(), 0);
    assert_eq!(third["summary"]["unchanged"], 5);
    let requests = &third["run"]["requests"];
    assert_eq!(requests["arm_writes"], 0);
    assert_eq!(requests["cluster_writes"], 0);
    assert!(requests["arm_reads"].as_u64().unwrap() > 0);
    assert_eq!(stage.read("sandbox.json"), before);
}

#[test]
fn the_plan_of_the_quickstart_reads_like_this() {
    let stage = Stage::quickstart();
    let planned = stage.expect(0, "plan teams.toml --sandbox=sandbox.json");
    insta::assert_snapshot!("quickstart_plan", planned.stdout);
    insta::assert_snapshot!("quickstart_progress", planned.stderr);
}

#[test]
fn a_sync_in_json_is_one_document_with_what_became_of_each_change() {
    let stage = Stage::quickstart();
    let synced = stage.expect(0, &format!("{SYNC} --format json")).json();
    assert_eq!(synced["complete"], true);
    let changes = synced["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 5);
    assert!(changes.iter().all(|change| change["ended"] == "done"));
    assert_eq!(synced["summary"]["added"], 5);
    assert_eq!(synced["run"]["requests"]["cluster_writes"], 2);
}

#[test]
fn a_strict_sandbox_refuses_what_the_profile_takes_for_granted() {
    let stage = Stage::quickstart();
    let line = "sync teams.toml --sandbox=sandbox.json --sandbox-strict --auto-approve";
    let refused = stage.expect(1, line);
    assert!(!refused.stderr.contains("assuming"), "{refused:#?}");
    assert!(refused.stdout.contains("SubscriptionNotFound"), "{refused:#?}");
    assert_eq!(refused.last(), "The plan is incomplete: 5 resources could not be compared.");
}
