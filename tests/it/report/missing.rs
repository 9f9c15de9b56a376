//! What a caller is likely not allowed to do, in every rendering.

use jiff::Timestamp;
use widctl::plan::contents::Plan;
use widctl::report::missing::MissingRight;
use widctl::report::style::Style;
use widctl::report::{escape, events, markdown, missing, text};

use super::rows;
use super::rows::{every_action, hostile_missing, plan};
use super::text::is_harmless;

#[test]
fn a_plan_ends_with_what_is_likely_not_allowed_and_its_summary() {
    let (nothing, missing) = (Plan::default(), rows::missing());
    let rows = plan(every_action().split_off(6), &nothing).with_missing(&missing);
    insta::assert_snapshot!("plan_as_text", text::plan(&rows, Style::Plain));
    insta::assert_snapshot!("plan_as_markdown", markdown::plan(&rows));
}

#[test]
fn each_missing_right_is_a_diagnostic_of_the_event_stream() {
    let lines = rows::missing();
    let lines: Vec<String> =
        lines.iter().map(|row| events::missing_right(row, Timestamp::UNIX_EPOCH)).collect();
    insta::assert_snapshot!("events", lines.join("\n"));
}

#[test]
fn many_missing_rights_are_counted() {
    let row = rows::missing().remove(0);
    let text = |count: usize| missing::text(&vec![row.clone(); count], Style::Plain);
    let shown = |text: &str| text.matches("warning[").count();
    assert_eq!((shown(&text(20)), text(20).contains("more right")), (20, false));
    assert_eq!(shown(&text(22)), 20);
    assert!(text(22).contains("… and 2 more rights likely missing"));
    assert_eq!(text(0), "");
}

#[test]
fn hostile_names_do_nothing_to_whoever_shows_them() {
    let missing: Vec<MissingRight> = hostile_missing();
    let text = missing::text(&missing, Style::Plain);
    assert!(is_harmless(&escape::printed(&text)), "{text}");
    let nothing = Plan::default();
    let rows = plan(Vec::new(), &nothing).with_missing(&missing);
    let page = markdown::plan(&rows);
    assert!(is_harmless(&escape::printed(&page)), "{page}");
    let line = events::missing_right(&missing[0], Timestamp::UNIX_EPOCH);
    assert!(is_harmless(&escape::json(&line)), "{line}");
}
