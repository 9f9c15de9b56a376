//! Signals in the middle of a run.

#![cfg(unix)]

use super::support::{Stage, root, team};

const SYNC: &str = "sync teams.toml --sandbox=sandbox.json --auto-approve";
const SLOWLY: &str = "--sandbox-faults slow.toml";

/// Ten teams, and a sandbox whose writes take their time.
fn ten_teams() -> Stage {
    let stage = Stage::new();
    let teams: String = (0..10).map(|number| team(&format!("team-{number}"), &["weu"])).collect();
    stage.write("teams.toml", root("acme", &["weu"]) + &teams);
    stage.write("slow.toml", "latency = { write_ms = 400 }\n");
    stage
}

/// Stops a sync once it has written something; it says where it stands, and the next run goes on.
fn a_stopped_sync_resumes(signal: &str, code: i32) {
    let stage = ten_teams();
    let mut sync = stage.start(&format!("{SYNC} {SLOWLY}"));
    sync.wait_for(": done");
    sync.signal(signal);
    let stopped = sync.end();
    assert_eq!(stopped.code, code, "{stopped:#?}");
    assert!(stopped.stderr.contains("Stopping: "), "{stopped:#?}");
    let summary = stopped.last();
    assert!(summary.starts_with("Apply interrupted. "), "{stopped:#?}");
    assert!(summary.ends_with(" not started. Run again to resume."));
    let added = |sentence: &str| -> usize {
        let words: Vec<&str> = sentence.split(' ').collect();
        let added = words.iter().position(|word| *word == "added,");
        words[added.unwrap() - 1].parse().unwrap()
    };

    let resumed = stage.expect(0, SYNC);
    assert!(resumed.last().starts_with("Apply complete! "));
    assert_eq!(added(summary) + added(resumed.last()), 40);
    let settled = stage.expect(0, SYNC);
    assert_eq!(settled.stdout, "No changes. Live state matches the profile.\n");
}

#[test]
fn an_interrupted_sync_finishes_its_writes_and_the_next_one_goes_on() {
    a_stopped_sync_resumes("INT", 130);
}

#[test]
fn a_terminated_sync_does_the_same_and_says_so_by_its_code() {
    a_stopped_sync_resumes("TERM", 143);
}

#[test]
fn the_event_stream_of_an_interrupted_sync_has_its_summary() {
    let stage = ten_teams();
    let mut sync = stage.start(&format!("{SYNC} {SLOWLY} --json"));
    sync.wait_for("apply_complete");
    sync.signal("INT");
    let stopped = sync.end();
    assert_eq!(stopped.code, 130, "{stopped:#?}");
    let events = stopped.events();
    let changes = &events.last().unwrap()["changes"];
    assert_eq!(changes["operation"], "apply", "{changes}");
    assert!(changes["not_started"].as_u64().unwrap() > 0, "{changes}");
}

/// The number before a word.
fn number(text: &str, before: &str) -> usize {
    let (head, _) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
    let number = head.rsplit(' ').next().unwrap();
    number.replace(',', "").parse().unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn writes_that_wait_for_azures_rate_do_not_begin_after_the_stop() {
    let stage = Stage::new();
    let teams: String = (0..60).map(|number| team(&format!("team-{number}"), &["weu"])).collect();
    stage.write("teams.toml", root("acme", &["weu"]) + &teams);
    stage.write("slow.toml", "throttling = \"documented\"\n");
    let mut sync = stage.start(&format!("{SYNC} {SLOWLY} --json"));
    // The cluster knows no rate: what is left after its namespaces is Azure's.
    let mut namespaces = 60;
    while namespaces > 0 {
        namespaces -= usize::from(sync.wait_for(": create done").contains("/namespace/"));
    }
    sync.signal("INT");
    let stopped = sync.end();
    assert_eq!(stopped.code, 130, "{stopped:#?}");
    let events = stopped.events();
    let says_so = |event: &serde_json::Value| {
        event["@message"].as_str().is_some_and(|text| text.starts_with("Stopping: "))
    };
    let place = events.iter().position(says_so).unwrap();
    let message = events[place]["@message"].as_str().unwrap();
    let none = message.contains("no write is under way");
    let under_way = if none { 0 } else { number(message, " write") };
    let ended = events[place..].iter().filter(|event| event["type"] == "apply_complete").count();
    assert_eq!(ended, under_way, "{message}");
    assert!(under_way < 16, "those that wait for their turn are not under way: {message}");
    let begun = events[place..].iter().filter(|event| event["type"] == "apply_start").count();
    assert_eq!(begun, 0, "{message}");
    let not_started = &events.last().unwrap()["changes"]["not_started"];
    assert_eq!(not_started.as_u64().unwrap(), number(message, " will not start") as u64);
    let resumed = stage.expect(0, SYNC);
    assert!(resumed.last().starts_with("Apply complete! "), "{resumed:#?}");
}

#[test]
fn a_plan_that_is_interrupted_while_it_reads_ends_at_once() {
    let stage = ten_teams();
    stage.write("slow.toml", "latency = { list_ms = 60000 }\n");
    let mut plan = stage.start(&format!("plan teams.toml --sandbox=sandbox.json {SLOWLY}"));
    plan.wait_for("Signed in as");
    plan.signal("INT");
    let stopped = plan.end();
    assert_eq!(stopped.code, 130, "{stopped:#?}");
    assert_eq!(stopped.stdout, "");
    assert!(stopped.stderr.contains("interrupted: nothing was written"), "{stopped:#?}");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let stage = ten_teams();
    stage.write("slow.toml", "latency = { write_ms = 3000 }\n");
    let mut sync = stage.start(&format!("{SYNC} {SLOWLY} --json"));
    sync.wait_for("apply_start");
    sync.signal("INT");
    sync.wait_for("Stopping: ");
    sync.signal("INT");
    let ended = sync.end();
    assert_eq!(ended.code, 130);
    assert!(!ended.stdout.contains("change_summary"), "{ended:#?}");
}
