//! Outcomes as text and JSON, and the sentences of both.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use widctl::apply::error::ChangeError;
use widctl::apply::outcome::{ChangeOutcome, Outcome};
use widctl::event::Ended;
use widctl::plan::action::ActionName;
use widctl::plan::file::{About, PlanFile};
use widctl::plan::inputs::PlanInputs;
use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::report::json::{Requests, Run};
use widctl::report::plan_schema::plan_schema;
use widctl::report::style::Style;
use widctl::report::{escape, json, markdown, outcome, summary};

use super::rows::{HOSTILE, every_action, missing, remarks};
use super::text::is_harmless;

fn change(address: &str, action: ActionName, ended: Ended) -> ChangeOutcome {
    ChangeOutcome {
        address: address.into(),
        team: Some("data-eng".into()),
        cluster: None,
        action,
        ended,
        error: None,
        duration: Duration::from_micros(1_234_567),
    }
}

fn refused(message: &str) -> ChangeError {
    let mut error = PortError::new(
        PortErrorKind::Refused {
            action: Some("Microsoft.ManagedIdentity/userAssignedIdentities/write".to_owned()),
            scope: None,
        },
        Service::Arm,
        "create identity `id-b`",
    );
    error.status = Some(403);
    error.code = Some("AuthorizationFailed".to_owned());
    error.message = Some(message.to_owned());
    error.request_id = Some("7b1c".into());
    error.correlation_id = Some("c0de".to_owned());
    error.into()
}

fn mixed() -> Outcome {
    let mut failed = change("azure/identity/id-b", ActionName::Create, Ended::Failed);
    failed.error = Some(refused("The client may not do this."));
    let mut skipped =
        change("azure/federated-credential/id-b/x", ActionName::Create, Ended::Skipped);
    skipped.error = Some(ChangeError::Skipped("azure/identity/id-b".to_owned()));
    Outcome {
        changes: vec![
            change("azure/identity/id-a", ActionName::Create, Ended::Done),
            change("azure/federated-credential/id-a/x", ActionName::Replace, Ended::Done),
            failed,
            skipped,
            change("weu/role/a/b", ActionName::Update, Ended::NotStarted),
        ],
        ..Outcome::default()
    }
}

fn run() -> Run {
    Run {
        requests: Requests {
            arm_reads: 9,
            arm_writes: 4,
            cluster_reads: 5,
            cluster_writes: 1,
            token_requests: 2,
        },
        retries: 1,
        waited_seconds: 0.75,
        paced_seconds: 2.5,
        seconds: 3.25,
    }
}

#[test]
fn a_complete_apply_ends_with_its_sentence() {
    let done = |action| change("x", action, Ended::Done);
    let mut outcome = Outcome {
        changes: [vec![ActionName::Create; 12], vec![ActionName::Update]]
            .concat()
            .into_iter()
            .map(done)
            .collect(),
        ..Outcome::default()
    };
    let text = outcome::text(&outcome, 140, Style::PLAIN, false);
    assert_eq!(text, "Apply complete! 12 added, 1 changed, 0 destroyed. 140 unchanged.\n");
    outcome.changes.push(done(ActionName::Adopt));
    outcome.changes.push(done(ActionName::Replace));
    let text = outcome::text(&outcome, 140, Style::PLAIN, false);
    assert_eq!(
        text,
        "Apply complete! 13 added, 1 changed, 1 destroyed. 140 unchanged. 1 adopted.\n"
    );
}

#[test]
fn an_incomplete_apply_tells_what_failed_and_what_helps() {
    insta::assert_snapshot!(outcome::text(&mixed(), 140, Style::PLAIN, false));
    let interrupted = Outcome { interrupted: true, ..mixed() };
    let text = outcome::text(&interrupted, 140, Style::PLAIN, false);
    insta::assert_snapshot!(text.lines().last().unwrap(), @"Apply interrupted. 2 added, 0 changed, 1 destroyed; 1 failed, 1 skipped, 1 not started. Run again to resume.");
}

#[test]
fn an_incomplete_apply_as_markdown_is_a_sentence_and_a_table() {
    insta::assert_snapshot!(markdown::outcome(&mixed(), 140));
    let done = Outcome {
        changes: vec![change("x", ActionName::Create, Ended::Done)],
        ..Outcome::default()
    };
    let sentence = "Apply complete! 1 added, 0 changed, 0 destroyed. 2 unchanged.";
    let text = markdown::outcome(&done, 2);
    assert_eq!(text, format!("## widctl apply\n\n**{sentence}**\n"));
}

#[test]
fn only_a_long_apply_is_announced() {
    let estimate = |seconds| summary::estimate(Duration::from_secs(seconds));
    assert_eq!(estimate(10), None);
    insta::assert_snapshot!(estimate(11).unwrap(), @"This takes at least 11 s if Azure enforces its documented rates.");
    insta::assert_snapshot!(estimate(59).unwrap(), @"This takes at least 59 s if Azure enforces its documented rates.");
    insta::assert_snapshot!(estimate(100).unwrap(), @"This takes at least 1 min 40 s if Azure enforces its documented rates.");
}

#[test]
fn what_an_apply_cost_is_told_with_what_it_waited_for() {
    insta::assert_snapshot!(summary::cost(&run()), @"Requests: 9 reads and 4 writes to Azure, 5 reads and 1 writes to clusters, 2 for tokens; tried again once after 0.75 s; kept to Azure's rates for 2.5 s.");
    insta::assert_snapshot!(summary::cost(&Run::default()), @"Requests: 0 reads and 0 writes to Azure, 0 reads and 0 writes to clusters, 0 for tokens.");
}

#[test]
fn an_outcome_as_json_has_every_change_and_the_run() {
    insta::assert_snapshot!(json::pretty(&json::outcome(&mixed(), 140, &run())));
}

#[test]
fn hostile_answers_do_nothing_to_the_terminal() {
    let mut failed = change(HOSTILE, ActionName::Create, Ended::Failed);
    failed.error = Some(refused(HOSTILE));
    let outcome = Outcome { changes: vec![failed], ..Outcome::default() };
    let text = outcome::text(&outcome, 0, Style::PLAIN, false);
    let text = escape::printed(&text);
    assert!(is_harmless(&text), "{text:?}");
    assert!(is_harmless(&escape::json(&json::pretty(&json::outcome(&outcome, 0, &run())))));
}

fn file() -> PlanFile {
    let about = About {
        widctl_version: "0.1.0".to_owned(),
        estate: "contoso-prod".into(),
        tenant: "00000000-0000-0000-0000-000000000007".parse().unwrap(),
        profile_sha256: "5e".repeat(32),
        inputs: PlanInputs::default(),
        now: "2026-01-02T03:04:05Z".parse().unwrap(),
    };
    let mut file = PlanFile::new(&remarks(), about);
    file.changes = every_action();
    file
}

#[test]
fn a_plan_as_json_is_the_saved_plan_and_the_run() {
    let text = json::pretty(&json::plan(&file(), &missing(), &run()));
    let value: Value = serde_json::from_str(&text).unwrap();
    let saved: Value = serde_json::from_str(&file().to_json()).unwrap();
    for (key, saved) in saved.as_object().unwrap() {
        assert_eq!(value[key], *saved, "{key}");
    }
    assert_eq!(value["run"]["requests"]["arm_reads"], 9);
    insta::assert_snapshot!(text);
}

/// `WIDCTL_BLESS=1` writes the page anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "asked for by whoever runs the tests")]
fn the_schema_of_plans_is_the_published_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/plan.schema.json");
    let schema = plan_schema();
    if std::env::var_os("WIDCTL_BLESS").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), schema);
}

/// Collects the names of all fields below a value.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                found.insert(name.clone());
                // Fields of resources are data, not format.
                if !["before", "after", "managers"].contains(&name.as_str()) {
                    keys(value, found);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| keys(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_field_of_plans_and_outcomes_is_documented_and_every_plan_field_is_in_the_schema() {
    let page = include_str!("../../../docs/plan-format.md");
    let schema: Value = serde_json::from_str(&plan_schema()).unwrap();
    let (mut plan, mut outcome, mut schema_keys) = Default::default();
    keys(
        &serde_json::from_str(&json::pretty(&json::plan(&file(), &missing(), &run()))).unwrap(),
        &mut plan,
    );
    keys(
        &serde_json::from_str(&json::pretty(&json::outcome(&mixed(), 140, &run()))).unwrap(),
        &mut outcome,
    );
    keys(&schema, &mut schema_keys);
    for key in plan.union(&outcome) {
        assert!(page.contains(&format!("`{key}`")), "{key} is not documented");
    }
    for key in &plan {
        assert!(schema_keys.contains(key), "{key} is not in the schema");
    }
}
