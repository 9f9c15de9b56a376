//! Plans as Markdown.

use widctl::graph::State;
use widctl::plan::action::ActionName;
use widctl::plan::contents::Plan;
use widctl::plan::row::ChangeRow;
use widctl::report::{escape, markdown};

use super::graph::{edge, graph};
use super::rows::{every_action, hostile, hostile_remarks, plan, remarks, row};
use super::text::is_harmless;

#[test]
fn a_pull_request_gets_a_summary_tables_and_folded_details() {
    let remarks = remarks();
    insta::assert_snapshot!(markdown::plan(&plan(every_action(), &remarks)));
}

#[test]
fn an_empty_plan_is_a_heading_and_one_sentence() {
    let nothing = Plan::default();
    let text = markdown::plan(&plan(Vec::new(), &nothing));
    assert_eq!(text, "## widctl plan\n\nNo changes. Live state matches the profile.\n");
}

#[test]
fn hostile_texts_are_neither_markup_nor_mentions_nor_links() {
    let remarks = hostile_remarks();
    let text = markdown::plan(&plan(vec![hostile()], &remarks));
    let text = escape::printed(&text);
    assert!(is_harmless(&text), "{text:?}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_huge_plan_is_cut_with_a_notice_that_counts_what_is_missing() {
    let remarks = remarks();
    let changes: Vec<ChangeRow> = (0..5_000)
        .map(|n| ChangeRow {
            team: Some(format!("team-{:03}", n / 10)),
            reason: "the profile has it and Azure has not".to_owned(),
            ..row(ActionName::Create, &format!("azure/identity/id-{n}"))
        })
        .collect();
    let text = markdown::plan(&plan(changes, &remarks));
    let length = text.chars().count();
    assert!((55_000..=markdown::LONGEST).contains(&length), "{length}");
    let shown = text.lines().filter(|line| line.starts_with("| create |")).count();
    let notice = text.lines().last().unwrap();
    let listed = |what: &str| text.lines().filter(|line| line.contains(what)).count();
    let missing = [
        (5_000 - shown, "change"),
        (2 - listed("`: unknown: "), "unknown resource"),
        (2 - listed("`: kept, "), "kept resource"),
    ];
    let missing = missing.iter().filter(|(count, _)| *count > 0);
    let missing: Vec<String> = missing
        .map(|(count, noun)| format!("{count} {noun}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    let cut = format!("> **Cut here.** {} not shown.", missing.join(", "));
    assert!(notice.starts_with(&cut), "{notice}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    let of_teams = |line: &&str| line.starts_with("| `team-");
    assert_eq!(text.lines().filter(of_teams).count(), 500, "the table is never cut");
}

#[test]
fn what_is_destroyed_or_refused_comes_before_the_teams() {
    let changes = vec![
        row(ActionName::Create, "azure/identity/id-new"),
        row(ActionName::Replace, "weu/role-binding/web/reader"),
        row(ActionName::Delete, "weu/service-account/web/app"),
    ];
    let nothing = Plan::default();
    let text = markdown::plan(&plan(changes, &nothing));
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    assert!(place("- replace `weu/role-binding/web/reader`") < place("| Team |"));
    assert!(place("- delete `weu/service-account/web/app`") < place("| Team |"));
    assert!(place("| Team |") < place("azure/identity/id-new"));
}

#[test]
fn a_team_that_alone_is_too_long_is_left_out_and_counted() {
    let nothing = Plan::default();
    let changes = (0..5_000).map(|n| row(ActionName::Create, &format!("azure/identity/id-{n}")));
    let text = markdown::plan(&plan(changes.collect(), &nothing));
    assert!(text.contains("> **Cut here.** 5000 changes not shown."), "{text}");
}

#[test]
fn a_graph_is_drawn_where_there_is_room_and_else_said_to_be_missing() {
    let nothing = Plan::default();
    let few = || plan(vec![row(ActionName::Create, "azure/identity/id-new")], &nothing);
    let mut drawn = graph("web");
    let text = markdown::plan(&few().with_graph(Some(&drawn)));
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    assert!(place("| Team |") < place("```mermaid\nflowchart LR\n"));
    assert!(place("```mermaid") < place("### Team `data-eng`"));

    let full: Vec<ChangeRow> =
        (0..5_000).map(|n| row(ActionName::Update, &format!("azure/identity/id-{n}"))).collect();
    let of_teams = full
        .into_iter()
        .enumerate()
        .map(|(n, row)| ChangeRow { team: Some(format!("team-{:03}", n / 10)), ..row });
    drawn.edges = vec![edge(0, 1, "by", State::Exists); 400];
    let text = markdown::plan(&plan(of_teams.collect(), &nothing).with_graph(Some(&drawn)));
    assert!(text.chars().count() <= markdown::LONGEST && !text.contains("mermaid"));
    assert!(text.contains("Not drawn: no room is left for it."), "{text}");

    drawn.edges = vec![edge(0, 1, "by", State::Exists); 401];
    let text = markdown::plan(&few().with_graph(Some(&drawn)));
    let sentence = "Not drawn: the graph has 1 team and 401 connections";
    assert!(text.contains(sentence) && text.contains("`widctl graph --format html`"), "{text}");
}

#[test]
fn a_plan_is_cut_at_any_length_that_it_is_given() {
    let changes: Vec<ChangeRow> = (0..20_000)
        .map(|n| ChangeRow {
            team: Some(format!("équipe-{:04}", n / 10)),
            ..row(ActionName::Create, &format!("azure/identity/id-{n}"))
        })
        .collect();
    let nothing = Plan::default();
    for longest in [1_000, 60_000, 1024 * 1024] {
        let text = markdown::plan_within(&plan(changes.clone(), &nothing), longest);
        assert!(text.len() <= longest, "{longest}: {}", text.len());
        assert!(text.contains("> **Cut here.**"), "{longest}");
        assert!(longest < 60_000 || text.len() > longest / 2, "{longest}: {}", text.len());
    }
}
