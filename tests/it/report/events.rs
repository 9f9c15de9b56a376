//! The event stream.

use std::time::Duration;

use jiff::Timestamp;
use widctl::apply::outcome::Outcome;
use widctl::event::{Ended, Event, RequestClass};
use widctl::plan::refusals::Refusal;
use widctl::report::json::Run;
use widctl::report::refusal::RefusalRow;
use widctl::report::{escape, events};

use super::rows::{HOSTILE, every_action, plan, remarks};
use super::text::is_harmless;

fn now() -> Timestamp {
    Timestamp::new(1_767_323_045, 678_000_000).expect("it is in range")
}

fn ended(ended: Ended, error: Option<&str>) -> Event {
    Event::ChangeEnded {
        address: "azure/identity/id-a".into(),
        action: "create",
        ended,
        error: error.map(str::to_owned),
        cause: None,
    }
}

/// The page on events names every type and every key.
fn every_word_is_documented(lines: &[String]) {
    let page = include_str!("../../../docs/events.md");
    for line in lines {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let kind = value["type"].as_str().unwrap();
        assert!(page.contains(&format!("`{kind}`")), "{kind}");
        let inner = value["changes"].as_object().into_iter().flatten();
        for (key, _) in value.as_object().unwrap().iter().chain(inner) {
            assert!(page.contains(&format!("`{key}`")), "{key} of {kind}");
        }
    }
}

#[test]
fn every_line_has_the_skeleton_and_its_own_fields() {
    let happened = [
        Event::PhaseStarted { title: "Reading 3 clusters".to_owned(), steps: Some(3) },
        Event::StepFinished { title: "cluster weu".to_owned() },
        Event::PhaseFinished,
        Event::RequestSent(RequestClass::ArmRead),
        Event::Waiting {
            why: "throttled by Azure".to_owned(),
            pause: Duration::from_millis(20_500),
        },
        Event::ChangeStarted { address: "azure/identity/id-a".into(), action: "create" },
        ended(Ended::Done, None),
        ended(Ended::Failed, Some("could not put: 403")),
        ended(Ended::Skipped, Some("skipped")),
        ended(Ended::NotStarted, None),
        ended(Ended::Unproven, Some("lost")),
        Event::Message { text: "signed in as deployer".to_owned() },
    ];
    let remarks = remarks();
    let rows = plan(every_action(), &remarks);
    let refusal = Refusal {
        code: "WID-X".into(),
        guardrail: false,
        address: "weu".to_owned(),
        what: "What.".to_owned(),
        why: "Why.".to_owned(),
        fix: Some("fix".to_owned()),
    };
    let mut lines = vec![events::version("0.1.0", now())];
    lines.extend(happened.iter().filter_map(|event| events::event(event, now())));
    lines.push(events::planned_change(&rows.changes[0], now()));
    lines.extend(rows.notes.iter().map(|note| events::note(note, now())));
    lines.push(events::refusal(&RefusalRow::from(&refusal), now()));
    let run = Run {
        retries: 2,
        waited_seconds: 20.5,
        paced_seconds: 2.5,
        seconds: 31.25,
        ..Run::default()
    };
    lines.push(events::plan_summary(&rows, &run, now()));
    let outcome = Outcome { not_compared: 3, ..Outcome::default() };
    lines.push(events::apply_summary(&outcome, 140, &run, now()));
    for line in &lines {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        for key in ["@level", "@message", "@module", "@timestamp", "type"] {
            assert!(value[key].is_string(), "{key} in {line}");
        }
    }
    every_word_is_documented(&lines);
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_hostile_text_is_one_line_and_no_command() {
    let event = Event::Message { text: HOSTILE.to_owned() };
    let line = escape::json(&events::event(&event, now()).unwrap());
    assert!(is_harmless(&line) && !line.contains('\n'), "{line:?}");
}
