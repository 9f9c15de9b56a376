//! What people see of a sync, and what each answer to its question does.

use super::{CTRL_C, CTRL_D, Kind, Terminal};
use crate::cli::support::{Stage, root, team};

const QUESTION: &str = "Only `yes` will be accepted: ";
const SYNC: &str = "sync teams.toml --sandbox=sandbox.json";
const PLAN: &str = "plan teams.toml --sandbox=sandbox.json --detailed-exitcode";

/// A stage with one team.
fn one_team() -> Stage {
    let stage = Stage::new();
    stage.write("teams.toml", root("acme", &["weu"]) + &team("data", &["weu"]));
    stage
}

/// A sync that has asked its question.
fn asked(stage: &Stage, kind: Kind) -> Terminal {
    let mut sync = Terminal::new(stage, SYNC, kind);
    sync.wait_for(QUESTION);
    sync
}

#[test]
fn the_plan_and_its_question_are_read_on_a_usual_and_on_a_narrow_terminal() {
    for (name, kind) in [("usual", Kind::USUAL), ("narrow", Kind::NARROW)] {
        let stage = one_team();
        let mut sync = asked(&stage, kind);
        insta::assert_snapshot!(name, sync.screen());
        assert!(sync.is_coloured());
        sync.answer("no");
        assert_eq!(sync.end().code, 1);
    }
}

#[test]
fn no_color_takes_the_colours_and_nothing_else() {
    let (coloured, mut plain) = (one_team(), one_team());
    plain.set("NO_COLOR", Some("1"));
    let (coloured, plain) = (asked(&coloured, Kind::USUAL), asked(&plain, Kind::USUAL));
    assert!(coloured.is_coloured() && !plain.is_coloured());
    assert_eq!(plain.screen(), coloured.screen());
}

#[test]
fn a_key_that_is_pressed_by_chance_approves_nothing() {
    let stage = one_team();
    for keys in ["y\n", "Y\n", "yes \n", " yes\n", "\n", CTRL_D, &format!("ye{CTRL_D}{CTRL_D}")] {
        let mut sync = asked(&stage, Kind::USUAL);
        sync.press(keys);
        let ran = sync.end();
        assert_eq!(ran.code, 1, "{keys:?}: {ran:#?}");
        assert!(ran.stdout.contains("not confirmed: nothing was written"), "{keys:?}: {ran:#?}");
    }
    stage.expect(2, PLAN);
}

#[test]
fn ctrl_c_at_the_question_ends_the_run_and_nothing_is_written() {
    let stage = one_team();
    for keys in [CTRL_C, &format!("yes{CTRL_C}")] {
        let mut sync = asked(&stage, Kind::USUAL);
        sync.press(keys);
        let ran = sync.end();
        assert_eq!(ran.code, 130, "{keys:?}: {ran:#?}");
        assert!(ran.stdout.contains("interrupted: nothing was written"), "{keys:?}: {ran:#?}");
    }
    stage.expect(2, PLAN);
}

#[test]
fn yes_applies() {
    let stage = one_team();
    let mut sync = asked(&stage, Kind::USUAL);
    sync.answer("yes");
    let ran = sync.end();
    assert_eq!(ran.code, 0, "{ran:#?}");
    assert!(ran.stdout.contains("Apply complete!"), "{ran:#?}");
    stage.expect(0, PLAN);
}

#[test]
fn ctrl_c_in_an_apply_lets_writes_end_and_says_what_is_left() {
    let stage = Stage::new();
    let teams: String = (0..10).map(|number| team(&format!("team-{number}"), &["weu"])).collect();
    stage.write("teams.toml", root("acme", &["weu"]) + &teams);
    stage.write("slow.toml", "latency = { write_ms = 400 }\n");
    let line = format!("{SYNC} --auto-approve --sandbox-faults slow.toml");
    let mut sync = Terminal::new(&stage, &line, Kind::USUAL);
    sync.wait_for(": done");
    sync.press(CTRL_C);
    sync.wait_for("Stopping: ");
    sync.wait_for("Apply interrupted. ");
    let ran = sync.end();
    assert_eq!(ran.code, 130, "{ran:#?}");
    let words: Vec<_> = ran.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains(" not started. Run again to resume."), "{ran:#?}");
    stage.expect(2, PLAN);
}

/// An estate with as many teams, of which somebody else changed two since.
fn changed(teams: usize) -> Stage {
    let stage = Stage::new();
    let all: String =
        (0..teams).map(|number| team(&format!("team-{number:02}"), &["weu"])).collect();
    stage.write("teams.toml", root("acme", &["weu"]) + &all);
    stage.expect(0, &format!("{SYNC} --auto-approve"));
    let mut world = stage.json("sandbox.json");
    let resources = world["resources"].as_object_mut().unwrap();
    resources.retain(|path, _| {
        !path.contains("/federatedidentitycredentials/")
            || !(path.contains("team-00/") || path.contains("team-01/"))
    });
    stage.write("sandbox.json", world.to_string());
    stage
}

/// The screens of a command on a narrow, a usual and a wide terminal, up to the end of its last sentence.
fn screens(name: &str, stage: &Stage, line: &str, last: &str) {
    for columns in [60, 100, 160] {
        let mut run =
            Terminal::new(stage, line, Kind { columns, rows: 40, name: "xterm-256color" });
        run.wait_for(last);
        insta::assert_snapshot!(format!("{name}_{columns}"), run.screen());
    }
}

#[test]
fn the_teams_of_a_small_estate_are_blocks_and_those_of_a_large_one_rows() {
    let status = "status teams.toml --sandbox=sandbox.json";
    screens("status_blocks", &changed(3), status, "1 in sync.");
    screens("status_rows", &changed(21), status, "19 in sync.");
}

#[test]
fn a_long_plan_begins_and_ends_with_its_teams() {
    let stage = changed(3);
    let teams: String =
        (0..20).map(|number| team(&format!("team-{number:02}"), &["weu"])).collect();
    stage.write("teams.toml", root("acme", &["weu"]) + &teams);
    let plan = "plan teams.toml --sandbox=sandbox.json";
    screens("plan", &stage, &format!("{plan} --out plan.json"), "--plan plan.json");
}

#[test]
fn a_broken_link_and_the_command_that_fixes_it_are_read_at_every_width() {
    let verify = "verify teams.toml --sandbox=sandbox.json";
    screens("verify", &changed(3), verify, " failed");
}
