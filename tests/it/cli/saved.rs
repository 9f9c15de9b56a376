//! What `plan --out` says: where the plan is, how long it is good, and a command that a shell takes as printed.

use std::process::Command;

use super::support::{Ran, Stage};

const PLAN: &str = "plan teams.toml --sandbox=sandbox.json";

/// The command of the sentence.
fn command(text: &str) -> &str {
    text.split_once("To apply it:\n  widctl ").unwrap().1.lines().next().unwrap()
}

#[test]
fn the_printed_command_applies_the_saved_plan() {
    let stage = Stage::quickstart();
    let ran = stage.expect(0, &format!("{PLAN} --adopt --out plan.json"));
    let said = "\nSaved the plan to plan.json, good for 24 hours. To apply it:\n  widctl apply teams.toml \
        --sandbox=sandbox.json --plan plan.json --adopt\n";
    assert!(ran.stdout.ends_with(said), "{ran:#?}");
    stage.expect(0, command(&ran.stdout));
    let ran = stage.expect(0, &format!("{PLAN} --out plan.json"));
    assert!(
        ran.stdout.ends_with("\nSaved the plan to plan.json. It holds no changes.\n"),
        "{ran:#?}"
    );
}

#[test]
fn what_programs_read_holds_the_plan_alone() {
    let stage = Stage::quickstart();
    for format in ["json", "markdown"] {
        let ran = stage.expect(0, &format!("{PLAN} --out plan.json --format {format}"));
        assert!(!ran.stdout.contains("Saved the plan"), "{ran:#?}");
        assert!(ran.stderr.contains("Saved the plan to plan.json, good for 24 hours."), "{ran:#?}");
    }
}

#[cfg(unix)]
#[test]
fn a_name_is_one_word_of_the_printed_command() {
    let stage = Stage::quickstart();
    let name = "a $(touch ran); 'b'.json";
    let mut plan = stage.command(PLAN);
    plan.args(["--out", name]);
    let ran = Ran::of(plan);
    let script = format!("for word in {}; do printf '%s\\n' \"$word\"; done", command(&ran.stdout));
    let words = Command::new("/bin/sh").arg("-c").arg(script).output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    let expected = ["apply", "teams.toml", "--sandbox=sandbox.json", "--plan", name];
    assert_eq!(words.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_plan_that_was_not_saved_is_named() {
    let stage = Stage::quickstart();
    stage.expect(0, &format!("{PLAN} --out plan.json"));
    let refused = "[[rules]]\napi = \"arm\"\nmethod = \"GET\"\neffect = { answer = { status = 403, code = \"Forbidden\" } }\n";
    stage.write("faults.toml", refused);
    let faults = "--sandbox-faults faults.toml --require-all";
    let ran = stage.widctl(&format!("{PLAN} --out plan.json {faults}"));
    assert!(ran.stderr.contains("No plan was saved to plan.json."), "{ran:#?}");
    assert!(!ran.stdout.contains("Saved the plan"), "{ran:#?}");
    let ran = stage.widctl(&format!("{PLAN} --out nowhere/plan.json"));
    assert_eq!(ran.code, 1, "{ran:#?}");
    assert!(!ran.stdout.contains("Saved the plan"), "{ran:#?}");
    assert!(ran.stderr.contains("nowhere/plan.json"), "{ran:#?}");
}
