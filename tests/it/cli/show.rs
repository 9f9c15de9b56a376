//! Saved plans are shown offline, and a file that is none hides no other.

use serde_json::{Value, json};

use crate::cli::support::Stage;

/// A stage with the saved plan of a fresh estate.
fn planned() -> Stage {
    let stage = Stage::quickstart();
    stage.expect(0, "plan teams.toml --sandbox --out plan.json");
    stage
}

fn edited(stage: &Stage, name: &str, edit: impl FnOnce(&mut Value)) {
    let mut plan = stage.json("plan.json");
    edit(&mut plan);
    stage.write(name, plan.to_string());
}

#[test]
fn a_saved_plan_is_shown_as_it_was_planned_without_its_profile() {
    let stage = Stage::quickstart();
    for format in ["text", "markdown"] {
        let line = format!("plan teams.toml --sandbox --format {format}");
        stage.expect(0, &format!("{line} --out plan.json"));
        let planned = stage.expect(0, &line).stdout;
        let shown = stage.expect(0, &format!("show plan.json --format {format}")).stdout;
        assert!(shown.starts_with(if format == "text" { "plan.json: " } else { "# `plan.json`" }));
        assert!(shown.ends_with(&planned), "{shown}\n{planned}");
    }
    let shown = stage.expect(0, "show plan.json --format json").json();
    assert_eq!(shown["plans"][0]["plan"], stage.json("plan.json"));
    stage.expect(2, "show plan.json --detailed-exitcode");
    stage.expect(2, "show plan.json --detailed-exitcode --ignore-kept");
}

#[test]
fn kept_leftovers_are_pending_unless_they_are_passed_over() {
    let stage = planned();
    let kept = json!({ "address": "azure/identity/old", "reason": "not-pruned" });
    edited(&stage, "kept.json", |plan| {
        plan["changes"] = json!([]);
        plan["kept"] = json!([kept]);
    });
    stage.expect(0, "show kept.json");
    stage.expect(2, "show kept.json --detailed-exitcode");
    stage.expect(0, "show kept.json --detailed-exitcode --ignore-kept");
    stage.expect(64, "show kept.json --ignore-kept");
}

#[test]
fn files_that_are_no_plans_are_told_and_hide_no_other() {
    let stage = planned();
    edited(&stage, "format.json", |plan| plan["format_version"] = json!("9.9"));
    let text = stage.read("plan.json");
    stage.write("half.json", &text[..text.len() / 2]);
    let ran = stage.expect(1, "show format.json half.json teams.toml no.json plan.json plan.json");
    let sum = 2 * stage.json("plan.json")["summary"]["create"].as_u64().unwrap();
    let last =
        format!("Shown: 2 of 6 files. Plan: 0 to adopt, {sum} to add, 0 to change, 0 to destroy.");
    assert_eq!(ran.stdout.lines().last(), Some(&*last));
    for said in [
        "`format.json` cannot be shown: the saved plan has format 9.9",
        "`half.json` cannot be shown: the saved plan is cut off: EOF",
        "`teams.toml` cannot be shown: this is not a saved plan",
        "no.json",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    assert!(ran.stderr.contains(" at line "), "{}", ran.stderr);
}

#[test]
fn what_an_apply_would_refuse_is_told_and_shown() {
    let stage = planned();
    edited(&stage, "old.json", |plan| plan["created_at"] = json!("2020-01-01T00:00:00Z"));
    edited(&stage, "other.json", |plan| plan["widctl_version"] = json!("0.0.1"));
    let ran = stage.expect(0, "show old.json other.json").stdout;
    assert!(
        ran.contains("`widctl apply` refuses this file: the saved plan was made at 2020-01-01"),
        "{ran}"
    );
    assert!(ran.contains("`widctl apply` refuses this file: widctl 0.0.1 made"), "{ran}");
}

#[test]
fn a_file_of_a_stranger_is_counted_anew_and_harmless() {
    let stage = planned();
    edited(&stage, "forged.json", |plan| {
        for count in ["create", "kept", "unchanged"] {
            plan["summary"][count] = json!(u64::MAX);
        }
        plan["estate"] = json!("\u{1b}[2Jx\n::error::y");
    });
    edited(&stage, "empty.json", |plan| {
        plan["changes"] = json!([]);
        plan["notes"] = json!([]);
        plan["compared"] = json!({
            "teams": ["a"], "clusters": null, "other_teams": u64::MAX, "other_clusters": u64::MAX,
        });
    });
    let ran = stage.expect(0, "show forged.json empty.json");
    let count = stage.json("plan.json")["changes"].as_array().unwrap().len();
    let counted = format!("Plan: 0 to adopt, {count} to add");
    assert_eq!(ran.stdout.matches(&counted).count(), 2, "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains("\n::"), "{}", ran.stdout);
    for format in ["markdown", "json"] {
        let ran = stage.expect(0, &format!("show forged.json empty.json --format {format}"));
        assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
    }
}

#[test]
fn plans_of_two_profiles_of_one_estate_are_shown_and_refused() {
    let stage = planned();
    stage.edit("teams.toml", "service_account = \"etl\"", "service_account = \"elt\"");
    stage.expect(0, "plan teams.toml --sandbox --out other.json");
    stage.write("third.toml", stage.read("teams.toml").replace("\"quickstart\"", "\"third\""));
    stage.expect(0, "plan third.toml --sandbox=third.sandbox --out third.json");
    let ran = stage.expect(1, "show plan.json other.json third.json --detailed-exitcode");
    assert!(ran.last().starts_with("Shown: 3 of 3 files."), "{ran:#?}");
    let said = "error: estate `quickstart` is that of 2 profiles (`plan.json`, `other.json`)";
    assert!(ran.stderr.starts_with(said), "{ran:#?}");
    stage.expect(0, "show plan.json plan.json third.json");
}
