//! Plans and refusals as text.

use widctl::plan::action::ActionName;
use widctl::plan::approval::Difference;
use widctl::plan::contents::Plan;
use widctl::plan::refusals::Refusal;
use widctl::plan::row::ChangeRow;
use widctl::report::refusal::RefusalRow;
use widctl::report::style::Style;
use widctl::report::{difference, escape, refusal, text};

use super::rows::{HOSTILE, every_action, hostile, hostile_remarks, plan, remarks, row};

/// Whether a text holds nothing that does anything to a terminal but end its lines.
pub(super) fn is_harmless(text: &str) -> bool {
    let hostile = |character: char| {
        (character.is_control() && character != '\n')
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    };
    let starts_command = |line: &str| line.trim_start().starts_with("::");
    !text.contains(hostile) && !text.contains("##vso[") && !text.lines().any(starts_command)
}

#[test]
fn a_plan_shows_every_action_with_its_reason_fields_and_effects() {
    let remarks = remarks();
    let rows = plan(every_action(), &remarks);
    insta::assert_snapshot!(text::plan(&rows, Style::PLAIN));
}

#[test]
fn an_empty_plan_is_one_sentence() {
    let nothing = Plan::default();
    let text = text::plan(&plan(Vec::new(), &nothing), Style::PLAIN);
    assert_eq!(text, "No changes. Live state matches the profile.\n");
}

#[test]
fn what_is_left_or_unknown_takes_the_first_sentence_away() {
    let remarks = remarks();
    let text = text::plan(&plan(Vec::new(), &remarks), Style::PLAIN);
    assert!(!text.contains("No changes."), "{text}");
    assert!(text.contains("kept, not in the profile (use --prune)"), "{text}");
    let last = "Plan: 0 to adopt, 0 to add, 0 to change, 0 to destroy.\nThe plan is incomplete: 2 resources could not be compared.\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn a_replace_counts_once_in_add_and_once_in_destroy_and_a_release_as_a_change() {
    let nothing = Plan::default();
    let changes = [ActionName::Replace, ActionName::Release].map(|action| row(action, "x"));
    let text = text::plan(&plan(changes.into(), &nothing), Style::PLAIN);
    let last = "Plan: 0 to adopt, 1 to add, 1 to change, 1 to destroy.\n";
    assert!(text.ends_with(last), "{text}");
}

#[test]
fn colours_add_nothing_that_the_plain_text_has_not() {
    let remarks = remarks();
    let rows = plan(every_action(), &remarks);
    let coloured = text::plan(&rows, Style::COLOURED);
    assert_ne!(coloured, text::plan(&rows, Style::PLAIN));
    assert_eq!(uncoloured(&coloured), text::plan(&rows, Style::PLAIN));
}

/// A text without its colours.
pub(super) fn uncoloured(coloured: &str) -> String {
    let mut plain = String::new();
    let mut rest = coloured;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

#[test]
fn hostile_texts_do_nothing_to_the_terminal() {
    let remarks = hostile_remarks();
    let text = text::plan(&plan(vec![hostile()], &remarks), Style::PLAIN);
    let text = escape::printed(&text);
    assert!(is_harmless(&text), "{text:?}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_of_ten_thousand_changes_is_as_long_as_its_changes() {
    let nothing = Plan::default();
    let changes = (0..10_000).map(|n| row(ActionName::Create, &format!("azure/identity/id-{n}")));
    let text = text::plan(&plan(changes.collect(), &nothing), Style::PLAIN);
    assert_eq!(text.lines().filter(|line| line.starts_with("  + ")).count(), 10_000);
    assert!(text.ends_with("Plan: 0 to adopt, 10000 to add, 0 to change, 0 to destroy.\n"));
}

#[test]
fn refusals_say_what_is_wrong_why_and_what_mends_it() {
    let refusals = [
        Refusal {
            code: "WID-ISSUER-DISABLED".into(),
            guardrail: false,
            address: "weu".to_owned(),
            what: "The OIDC issuer of the cluster is not enabled.".to_owned(),
            why: "Without it nobody can check the tokens of its service accounts, so no identity can trust them and every workload of the cluster would fail.".to_owned(),
            fix: Some("az aks update --resource-group rg-aks --name aks-weu --enable-oidc-issuer".to_owned()),
        },
        Refusal {
            code: "WID-ROLE-DENIED".into(),
            guardrail: true,
            address: HOSTILE.to_owned(),
            what: HOSTILE.to_owned(),
            why: HOSTILE.to_owned(),
            fix: None,
        },
    ];
    let rows: Vec<RefusalRow<'_>> = refusals.iter().map(RefusalRow::from).collect();
    let text = refusal::text(&rows, Style::PLAIN);
    let text = escape::printed(&text);
    assert!(is_harmless(&text), "{text:?}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_plan_that_no_longer_fits_shows_what_was_approved_instead() {
    let changes = every_action();
    let [unknown, other_value, other_action, ..] = changes.as_slice() else {
        panic!("there are more actions");
    };
    let approved_value =
        ChangeRow { after: other_value.before.clone(), cluster: None, ..other_value.clone() };
    let approved_action =
        ChangeRow { action: ActionName::Delete, after: None, ..other_action.clone() };
    let other = |wanted: &ChangeRow, approved| Difference::Changed {
        wanted: wanted.clone(),
        approved: Box::new(approved),
    };
    let differences = [
        Difference::Unapproved(unknown.clone()),
        other(other_value, approved_value),
        other(other_action, approved_action),
        Difference::Taken(unknown.clone()),
    ];
    insta::assert_snapshot!(difference::text(&differences, Style::PLAIN));
}
