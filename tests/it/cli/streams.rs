//! What goes to stdout, what to stderr, and when it is coloured.

use serde_json::Value;

use super::support::{Ran, Stage};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const COLOUR: char = '\u{1b}';

#[test]
fn stdout_holds_the_result_and_stderr_the_progress() {
    let stage = Stage::quickstart();
    let ran = stage.expect(0, SYNC);
    assert!(ran.stdout.starts_with("Team data-eng\n"), "{ran:#?}");
    assert!(!ran.stdout.contains(": done"), "{ran:#?}");
    assert!(ran.stderr.contains("Signed in as"), "{ran:#?}");
    assert!(ran.stderr.contains("create weu/service-account/data-eng/etl: done"), "{ran:#?}");
    assert!(!ran.stderr.contains("Apply complete!"), "{ran:#?}");
}

#[test]
fn colours_are_asked_for_or_left_out() {
    let stage = Stage::quickstart();
    let line = "plan teams.toml --sandbox=sandbox.json";
    let plain = stage.expect(0, line);
    assert!(!plain.stdout.contains(COLOUR) && !plain.stderr.contains(COLOUR));
    let always = stage.expect(0, &format!("{line} --color always"));
    assert!(always.stdout.contains(COLOUR));
    let never = stage.expect(0, &format!("{line} --color never"));
    assert_eq!(never.stdout, plain.stdout);

    let mut forbidden = stage.command(line);
    forbidden.env("NO_COLOR", "1");
    assert_eq!(Ran::of(forbidden).stdout, plain.stdout);
    let mut asked_for = stage.command(&format!("{line} --color always"));
    asked_for.env("NO_COLOR", "1");
    assert!(Ran::of(asked_for).stdout.contains(COLOUR), "the flag is nearer than the environment");
    let json = stage.expect(0, &format!("{line} --color always --format json"));
    assert!(!json.stdout.contains(COLOUR));
}

#[test]
fn quiet_leaves_only_results_and_errors() {
    let stage = Stage::quickstart();
    let ran = stage.expect(0, &format!("{SYNC} --quiet"));
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.contains("Apply complete!"));
    let failed = stage.expect(1, "plan missing.toml --sandbox=sandbox.json -q");
    assert!(failed.stderr.starts_with("error: "), "{failed:#?}");
}

#[test]
fn markdown_is_for_pull_requests() {
    let stage = Stage::quickstart();
    let line = "plan teams.toml --sandbox=sandbox.json --format markdown";
    let ran = stage.expect(0, line);
    assert!(
        ran.stdout.contains("Plan: 0 to adopt, 5 to add, 0 to change, 0 to destroy."),
        "{ran:#?}"
    );
    assert!(ran.stdout.contains("| create | `azure/identity/id-data-eng` |"), "{ran:#?}");
}

#[test]
fn the_event_stream_is_json_from_its_version_to_its_summary() {
    let stage = Stage::quickstart();
    let events = stage.expect(0, &format!("{SYNC} --json")).events();
    framed(&events);
    let completed = events.iter().filter(|e| e["type"] == "apply_complete");
    assert_eq!(completed.count(), 5);
    let last = &events.last().unwrap()["changes"];
    assert_eq!((&last["operation"], &last["add"]), (&"apply".into(), &5.into()));
}

#[test]
fn the_event_stream_of_a_failing_run_has_its_error_and_its_summary() {
    let stage = Stage::quickstart();
    stage.write("unknown.toml", "version = 1\nestate = \"a\"\nestat = \"b\"\n");
    stage.write("damaged.json", "{");
    stage.write("plan.json", "hello");
    let failing = [
        (1, "sync teams.toml --sandbox=sandbox.json", "confirm the plan"),
        (1, "plan unknown.toml --sandbox=sandbox.json", "unknown key `estat`"),
        (1, "plan missing.toml --sandbox=sandbox.json", "missing.toml"),
        (1, "plan teams.toml --sandbox=damaged.json", "is damaged"),
        (64, "apply teams.toml --sandbox=sandbox.json --plan plan.json", "plan.json"),
    ];
    for (code, line, why) in failing {
        let events = stage.expect(code, &format!("{line} --json")).events();
        framed(&events);
        let errors: Vec<&Value> = events.iter().filter(|e| e["@level"] == "error").collect();
        assert_eq!(errors.len(), 1, "{line}: {events:#?}");
        assert_eq!(errors[0]["type"], "diagnostic");
        assert!(errors[0]["summary"].as_str().unwrap().contains(why), "{line}: {errors:#?}");
    }
}

#[test]
fn what_a_server_says_does_nothing_to_the_terminal_or_to_a_pipeline() {
    let stage = Stage::quickstart();
    stage.write(
        "faults.toml",
        r#"
[[rules]]
api = "arm"
method = "PUT"
effect = { answer = { status = 403, code = "AuthorizationFailed", message = "\u001b[2J no\r\n::error::gotcha \u202e ##vso[task.complete]" } }
"#,
    );
    for format in ["", "--format json", "--format markdown", "--json"] {
        let line = format!("{SYNC} --sandbox-faults faults.toml {format}");
        let ran = stage.widctl(&line);
        assert!(ran.code == 1 || ran.code == 5, "{line}: {ran:#?}");
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains([COLOUR, '\r', '\u{202e}']), "{line}: {ran:#?}");
            assert!(!text.contains("##vso["), "{line}: {ran:#?}");
            let commands = text.lines().filter(|line| line.trim_start().starts_with("::"));
            assert_eq!(commands.count(), 0, "{line}: {ran:#?}");
        }
    }
}

/// A stream begins with the version and ends with the one summary.
fn framed(events: &[Value]) {
    let types: Vec<&str> = events.iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(types.first(), Some(&"version"), "{types:?}");
    assert_eq!(types.last(), Some(&"change_summary"), "{types:?}");
    for once in ["version", "change_summary"] {
        assert_eq!(types.iter().filter(|kind| **kind == once).count(), 1);
    }
}
