//! Outcomes as text and JSON, and the sentences of both.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use widctl::apply::error::ChangeError;
use widctl::apply::outcome::ChangeOutcome;
use widctl::apply::outcome::Outcome;
use widctl::event::Ended;
use widctl::plan::action::ActionName;
use widctl::ports::error::PortError;
use widctl::ports::error::PortErrorKind;
use widctl::ports::error::Service;
use widctl::report::json;
use widctl::report::json::Requests;
use widctl::report::json::Run;
use widctl::report::outcome;
use widctl::report::style::Style;

use super::rows::HOSTILE;
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
    error.request_id = Some("7b1c".to_owned());
    error.hint = Some("ask for the role Managed Identity Contributor on rg-a".to_owned());
    error.into()
}

fn mixed() -> Outcome {
    let mut failed = change("azure/identity/id-b", ActionName::Create, Ended::Failed);
    failed.error = Some(refused("The client may not do this."));
    let mut skipped = change(
        "azure/federated-credential/id-b/x",
        ActionName::Create,
        Ended::Skipped,
    );
    skipped.error = Some(ChangeError::Skipped("azure/identity/id-b".to_owned()));
    Outcome {
        changes: vec![
            change("azure/identity/id-a", ActionName::Create, Ended::Done),
            change(
                "azure/federated-credential/id-a/x",
                ActionName::Replace,
                Ended::Done,
            ),
            failed,
            skipped,
            change("weu/role/a/b", ActionName::Update, Ended::NotStarted),
        ],
        interrupted: false,
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
        interrupted: false,
    };
    let text = outcome::text(&outcome, 140, Style::Plain);
    assert_eq!(
        text,
        "Apply complete! 12 added, 1 changed, 0 destroyed. 140 unchanged.\n"
    );
    outcome.changes.push(done(ActionName::Adopt));
    outcome.changes.push(done(ActionName::Replace));
    let text = outcome::text(&outcome, 140, Style::Plain);
    assert_eq!(
        text,
        "Apply complete! 13 added, 1 changed, 1 destroyed. 140 unchanged. 1 adopted.\n"
    );
}

#[test]
fn an_incomplete_apply_tells_what_failed_and_what_helps() {
    insta::assert_snapshot!(outcome::text(&mixed(), 140, Style::Plain));
    let interrupted = Outcome {
        interrupted: true,
        ..mixed()
    };
    let text = outcome::text(&interrupted, 140, Style::Plain);
    insta::assert_snapshot!(text.lines().last().unwrap(), @"Apply interrupted. 2 added, 0 changed, 1 destroyed; 1 failed, 1 skipped, 1 not started. Run again to resume.");
}

#[test]
fn an_outcome_as_json_has_every_change_and_the_run() {
    insta::assert_snapshot!(json::outcome(&mixed(), 140, &run()));
}

#[test]
fn hostile_answers_do_nothing_to_the_terminal() {
    let mut failed = change(HOSTILE, ActionName::Create, Ended::Failed);
    failed.error = Some(refused(HOSTILE));
    let outcome = Outcome {
        changes: vec![failed],
        interrupted: false,
    };
    let text = outcome::text(&outcome, 0, Style::Plain);
    assert!(is_harmless(&text), "{text:?}");
    assert!(is_harmless(&json::outcome(&outcome, 0, &run())));
}

#[test]
fn a_plan_as_json_is_the_saved_plan_and_the_run() {
    let saved = json!({"format_version": "1.0", "changes": []});
    let text = json::plan(&saved, &run());
    let value: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["format_version", "changes", "run"]);
    assert_eq!(value["run"]["requests"]["arm_reads"], 9);
}
