//! What a caller is likely not allowed to do, in every rendering.

use jiff::Timestamp;
use widctl::plan::contents::Plan;
use widctl::report::missing::{MissingRight, Shared};
use widctl::report::style::Style;
use widctl::report::{escape, events, markdown, missing, text};

use super::rows;
use super::rows::{every_action, hostile_missing, plan};
use super::text::is_harmless;

#[test]
fn a_plan_ends_with_what_is_likely_not_allowed_and_its_summary() {
    let (nothing, missing) = (Plan::default(), rows::missing());
    let rows = plan(every_action().split_off(6), &nothing).with_missing(&missing);
    insta::assert_snapshot!("plan_as_text", text::plan(&rows, Style::PLAIN));
    insta::assert_snapshot!("plan_as_markdown", markdown::plan(&rows));
}

#[test]
fn each_missing_right_is_a_diagnostic_of_the_event_stream() {
    let lines = rows::missing();
    let lines: Vec<String> =
        lines.iter().map(|row| events::missing_right(row, Timestamp::UNIX_EPOCH)).collect();
    insta::assert_snapshot!("events", lines.join("\n"));
}

/// The same row with another right, and so many changes.
fn blocking(right: &str, count: usize) -> MissingRight {
    let changes = (0..count).map(|number| format!("azure/role-assignment/id-{number}/Reader@/s"));
    MissingRight {
        right: right.to_owned(),
        changes: changes.collect(),
        ..rows::missing().remove(0)
    }
}

#[test]
fn many_missing_rights_are_counted_and_those_that_block_most_are_shown() {
    let of = |count: usize| -> Vec<MissingRight> {
        (0..count).map(|number| blocking(&format!("A.B/c{number}/write"), number + 1)).collect()
    };
    let text = |count: usize| missing::text(&of(count), Style::PLAIN);
    let shown = |text: &str| text.matches("warning[").count();
    assert_eq!((shown(&text(20)), text(20).contains("more right")), (20, false));
    assert_eq!(shown(&text(22)), 20);
    assert!(text(22).contains("… and 2 more rights likely missing"));
    assert!(text(22).find("A.B/c21/write") < text(22).find("A.B/c2/write"));
    assert!(!text(22).contains("A.B/c1/write"));
    assert_eq!(text(0), "");
}

#[test]
fn what_one_grant_gives_is_told_once_with_all_that_it_blocks() {
    let group = "/subscriptions/s/resourceGroups/rg";
    let on = |name: &str| MissingRight {
        scope: format!("{group}/providers/Microsoft.KeyVault/vaults/{name}"),
        shared: Some(Shared { scope: group.to_owned(), fix: Some("on the group".to_owned()) }),
        changes: vec![format!("azure/role-assignment/id-{name}/Reader@/s")],
        ..rows::missing().remove(0)
    };
    let text = missing::text(&["a", "b", "c", "d"].map(on), Style::PLAIN);
    insta::assert_snapshot!(text, @r"
    warning[WID-LIKELY-DENIED]: you likely may not write role assignments on 4 vaults
      (Microsoft.Authorization/roleAssignments/write)
      --> /subscriptions/s/resourceGroups/rg: a, b, c and 1 more
      It blocks 4 role assignments. One assignment on the resource group covers all. Smallest role that
        allows it: Role Based Access Control Administrator.
      hint: on the group
    ");
    let namespace = |name: &str| MissingRight {
        scope: format!("namespace {name}"),
        shared: Some(Shared { scope: "the whole cluster".into(), fix: Some("in all".into()) }),
        changes: vec![format!("weu/service-account/{name}/a")],
        ..rows::missing().remove(1)
    };
    let text = missing::text(&["a", "b"].map(namespace), Style::PLAIN);
    insta::assert_snapshot!(text, @r"
    warning[WID-LIKELY-DENIED]: you likely may not create, patch serviceaccounts in 2 namespaces of
      cluster weu
      --> cluster weu: a, b
      It blocks 2 service accounts. One ClusterRole covers all.
      hint: in all
    ");
}

#[test]
fn hostile_names_do_nothing_to_whoever_shows_them() {
    let missing: Vec<MissingRight> = hostile_missing();
    let text = missing::text(&missing, Style::PLAIN);
    assert!(is_harmless(&escape::printed(&text)), "{text}");
    let nothing = Plan::default();
    let rows = plan(Vec::new(), &nothing).with_missing(&missing);
    let page = markdown::plan(&rows);
    assert!(is_harmless(&escape::printed(&page)), "{page}");
    let line = events::missing_right(&missing[0], Timestamp::UNIX_EPOCH);
    assert!(is_harmless(&escape::json(&line)), "{line}");
}
