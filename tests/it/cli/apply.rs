//! Approving a plan, and applying what was approved.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::support::{Ran, Stage, root, team};

const APPLY: &str = "apply teams.toml --plan plan.json --sandbox=sandbox.json";

/// The quickstart, planned and approved, nothing applied.
fn approved() -> Stage {
    let stage = Stage::quickstart();
    stage.expect(0, "plan teams.toml --out plan.json --sandbox=sandbox.json");
    stage
}

/// Applies and expects a refusal before any write.
fn refused(stage: &Stage, code: i32) -> Ran {
    let before = stage.read("sandbox.json");
    let ran = stage.expect(code, APPLY);
    assert_eq!(ran.stdout, "");
    assert_eq!(stage.read("sandbox.json"), before, "{ran:#?}");
    ran
}

/// Changes the saved plan as somebody who edits it would.
fn edit_plan(stage: &Stage, edit: impl FnOnce(&mut Value)) {
    let mut plan = stage.json("plan.json");
    edit(&mut plan);
    stage.write("plan.json", plan.to_string());
}

#[test]
fn what_was_approved_is_applied_once() {
    let stage = approved();
    let first = stage.expect(0, APPLY);
    assert_eq!(first.stdout, "Apply complete! 5 added, 0 changed, 0 destroyed. 0 unchanged.\n");
    let second = stage.expect(0, APPLY);
    assert!(second.stderr.contains("5 of the approved changes are done already."), "{second:#?}");
    assert_eq!(second.stdout, "No changes. Live state matches the profile.\n");
}

#[test]
fn saving_a_plan_prints_it_and_saves_the_same() {
    let stage = Stage::quickstart();
    let line = "plan teams.toml --out plan.json --format json --sandbox=sandbox.json";
    let mut printed = stage.expect(0, line).json();
    assert!(printed["run"].is_object());
    printed.as_object_mut().unwrap().remove("run");
    printed.as_object_mut().unwrap().remove("missing_rights");
    assert_eq!(printed.as_object_mut().unwrap().remove("verification"), Some(Value::Null));
    assert_eq!(printed, stage.json("plan.json"));
}

#[test]
fn an_apply_goes_on_where_somebody_has_done_a_part() {
    let stage = approved();
    let other = "sync teams.toml --sandbox=sandbox.json --auto-approve";
    stage.expect(0, other);
    let mut sandbox = stage.json("sandbox.json");
    // The account and its namespace are gone again: the rest of the file is done.
    let objects = &mut sandbox["clusters"]["rg-aks-aks-weu"]["objects"];
    let gone = objects.as_object_mut().unwrap();
    let before = gone.len();
    gone.retain(|key, _| !key.contains("data-eng"));
    assert!(gone.len() < before);
    stage.write("sandbox.json", sandbox.to_string());

    let ran = stage.expect(0, APPLY);
    assert_eq!(ran.last(), "Apply complete! 2 added, 0 changed, 0 destroyed. 3 unchanged.");
    assert!(ran.stderr.contains("3 of the approved changes are done already."), "{ran:#?}");
}

#[test]
fn an_edited_plan_is_refused_with_the_difference() {
    let stage = approved();
    stage.edit("plan.json", "\"westeurope\"", "\"northeurope\"");
    insta::assert_snapshot!("edited_plan", refused(&stage, 3).stderr);
}

#[test]
fn a_change_that_was_taken_out_of_the_plan_is_not_applied() {
    let stage = approved();
    edit_plan(&stage, |plan| {
        plan["changes"].as_array_mut().unwrap().truncate(3);
    });
    let ran = refused(&stage, 3);
    assert!(ran.stderr.contains("approved: nothing at this address"), "{ran:#?}");
}

#[test]
fn a_change_that_was_put_into_the_plan_is_never_done() {
    let stage = approved();
    edit_plan(&stage, |plan| {
        let changes = plan["changes"].as_array_mut().unwrap();
        let mut forged = changes[0].clone();
        forged["address"] = json!("azure/identity/id-mallory");
        changes.push(forged);
    });
    let ran = stage.expect(0, APPLY);
    assert!(ran.stdout.contains("5 added"), "{ran:#?}");
    assert!(!stage.read("sandbox.json").contains("mallory"));
}

#[test]
fn a_profile_that_wants_more_than_was_approved_is_refused() {
    let stage = approved();
    let mut profile = stage.read("teams.toml");
    profile.push_str("\n[[team.workload]]\nservice_account = \"later\"\n");
    stage.write("teams.toml", profile);
    let ran = stage.expect(3, APPLY);
    assert!(ran.stderr.contains("weu/service-account/data-eng/later"), "{ran:#?}");
    let events = stage.expect(3, &format!("{APPLY} --json")).events();
    let errors = events.iter().filter(|event| event["@level"] == "error");
    let addresses: Vec<&str> = errors.map(|error| error["address"].as_str().unwrap()).collect();
    assert_eq!(addresses.len(), 2, "{addresses:?}");
    assert_eq!(addresses[1], "weu/service-account/data-eng/later");
    assert!(!stage.read("sandbox.json").contains("serviceaccounts/data-eng/later"));
}

#[test]
fn a_plan_of_something_else_is_refused() {
    let day_before = Timestamp::now() - SignedDuration::from_hours(25);
    let tomorrow = Timestamp::now() + SignedDuration::from_hours(1);
    let edits: [(&str, Value, &str); 6] = [
        ("estate", json!("other"), "is of estate `other`"),
        (
            "tenant",
            json!("00000000-0000-4000-8000-00000000000f"),
            "is of tenant 00000000-0000-4000-8000-00000000000f",
        ),
        ("widctl_version", json!("0.0.9"), "widctl 0.0.9 made"),
        ("created_at", json!(day_before), "more than 24 hours ago"),
        ("created_at", json!(tomorrow), "still to come"),
        ("format_version", json!("9.0"), "has format 9.0"),
    ];
    let stage = approved();
    let original = stage.read("plan.json");
    for (key, value, why) in edits {
        stage.write("plan.json", &original);
        edit_plan(&stage, |plan| plan[key] = value);
        let ran = refused(&stage, 3);
        assert!(ran.stderr.contains(why), "{key}: {ran:#?}");
        assert!(ran.stderr.contains("widctl plan --out"), "{key}: {ran:#?}");
    }
}

#[test]
fn a_file_that_is_no_plan_is_a_usage_error() {
    let stage = approved();
    let whole = stage.read("plan.json");
    let half = &whole[..whole.len() / 2];
    for (text, why) in [
        (half, "is cut off"),
        ("", "is cut off"),
        ("hello", "not a saved plan"),
        ("{}", "not a saved plan"),
        ("[1, 2]", "not a saved plan"),
    ] {
        stage.write("plan.json", text);
        let ran = refused(&stage, 64);
        assert!(ran.stderr.contains(why), "{text}: {ran:#?}");
        assert!(ran.stderr.contains("hint: give `--plan` the file that"), "{text}: {ran:#?}");
    }
    let missing = stage.expect(1, "apply teams.toml --plan none.json --sandbox=sandbox.json");
    assert!(missing.stderr.contains("`none.json`"), "{missing:#?}");
}

/// The flags that widen a plan, with what a saved plan calls them.
const WIDENING: [(&str, &str); 4] = [
    ("--prune", "prune"),
    ("--allow-mass-delete", "allow_mass_delete"),
    ("--adopt", "adopt"),
    ("--force-conflicts", "force_conflicts"),
];

/// Three teams of which two have left the profile, nothing planned.
fn two_teams_left() -> Stage {
    let stage = Stage::new();
    let stays = root("acme", &["weu"]) + &team("one", &["weu"]);
    let leave = team("two", &["weu"]) + &team("three", &["weu"]);
    stage.write("teams.toml", stays.clone() + &leave);
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    stage.write("teams.toml", stays);
    stage
}

/// Applies with these flags and expects a usage error before anybody is asked to sign in.
fn disagrees(stage: &Stage, flags: &str) -> Ran {
    let before = stage.read("sandbox.json");
    let ran = stage.expect(64, &format!("{APPLY} {flags}"));
    assert_eq!(ran.stdout, "");
    assert!(!ran.stderr.contains("Signed in"), "{ran:#?}");
    assert!(ran.stderr.contains("nothing was written"), "{ran:#?}");
    assert_eq!(stage.read("sandbox.json"), before, "{ran:#?}");
    ran
}

#[test]
fn an_approved_prune_prunes_and_nothing_else_does() {
    let stage = two_teams_left();
    let planned = "plan teams.toml --out plan.json --sandbox=sandbox.json";
    let flags = "--prune --allow-mass-delete";
    stage.expect(0, &format!("{planned} {flags}"));
    let ran = disagrees(&stage, "--prune");
    let command = format!("run `widctl apply teams.toml --plan plan.json {flags}`");
    assert!(ran.stderr.contains(&command), "{ran:#?}");
    let ran = stage.expect(0, &format!("{APPLY} {flags}"));
    assert_eq!(ran.last(), "Apply complete! 0 added, 0 changed, 4 destroyed. 4 unchanged.");
    assert!(ran.stderr.contains("delete weu/service-account/two/app: done"));
}

#[test]
fn a_file_that_was_edited_to_prune_deletes_nothing_that_no_command_line_asked_for() {
    let stage = two_teams_left();
    let planned = "plan teams.toml --out plan.json --sandbox=sandbox.json";
    stage.expect(0, &format!("{planned} --prune --allow-mass-delete"));
    let pruning = stage.json("plan.json");
    assert_eq!(pruning["summary"]["delete"], 4);
    stage.expect(0, planned);
    // The choice and the rows of a plan that deletes, in the file that was approved.
    edit_plan(&stage, |plan| {
        for part in ["inputs", "changes", "kept", "summary"] {
            plan[part] = pruning[part].clone();
        }
    });
    disagrees(&stage, "");
    edit_plan(&stage, |plan| plan["inputs"]["prune"] = json!(false));
    let command = disagrees(&stage, "").stderr;
    assert!(command.contains("was made with `--allow-mass-delete`"), "{command}");
    edit_plan(&stage, |plan| plan["inputs"]["allow_mass_delete"] = json!(false));
    let ran = stage.expect(0, APPLY);
    assert!(ran.stdout.contains("kept, not in the profile (use --prune)"), "{ran:#?}");
}

#[test]
fn what_widens_is_in_the_file_and_on_the_command_line_or_in_neither() {
    let stage = approved();
    let (original, world) = (stage.read("plan.json"), stage.read("sandbox.json"));
    for (flag, input) in WIDENING {
        // The one flag needs the other.
        let (flags, inputs): (String, Vec<&str>) = match input {
            "allow_mass_delete" => (format!("--prune {flag}"), vec!["prune", input]),
            _ => (flag.to_owned(), vec![input]),
        };
        stage.write("plan.json", &original);
        let surplus = disagrees(&stage, &flags).stderr;
        for part in [
            format!("`apply` was run with `{}`", flags.replace(' ', "` and `")),
            "apply what was approved with `widctl apply teams.toml --plan plan.json`".to_owned(),
            format!("plan for more with `widctl plan teams.toml --out plan.json {flags}`"),
        ] {
            assert!(surplus.contains(&part), "{part}: {surplus}");
        }
        edit_plan(&stage, |plan| {
            for input in &inputs {
                plan["inputs"][input] = json!(true);
            }
        });
        let missing = disagrees(&stage, "").stderr;
        for part in [
            format!("was made with `{}`", flags.replace(' ', "` and `")),
            format!("run `widctl apply teams.toml --plan plan.json {flags}`"),
        ] {
            assert!(missing.contains(&part), "{part}: {missing}");
        }
        stage.expect(0, &format!("{APPLY} {flags}"));
        stage.write("sandbox.json", &world);
    }
}
