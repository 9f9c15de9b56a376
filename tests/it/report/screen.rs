//! Plans on a terminal, however many teams they touch.

use serde_json::{Map, Value};
use widctl::plan::action::ActionName;
use widctl::plan::contents::{Plan, Refused};
use widctl::plan::row::ChangeRow;
use widctl::report::escape;
use widctl::report::screen::{self, Detail};
use widctl::report::style::Style;

use super::rows::{every_action, hostile, hostile_remarks, plan, remarks, row};
use super::text::{is_harmless, uncoloured};

/// As many lines as a person sees at once.
const SCREEN: usize = 40;

fn text(value: &str) -> Value {
    value.into()
}

/// What a new team with two accounts on two clusters adds.
fn new_team(team: &str) -> Vec<ChangeRow> {
    let of = |address: String, kind: &str, cluster: Option<&str>| ChangeRow {
        team: Some(team.to_owned()),
        kind: kind.to_owned(),
        cluster: cluster.map(str::to_owned),
        reason: "it does not exist".to_owned(),
        effects: vec!["nothing follows".to_owned()],
        ..row(ActionName::Create, &address)
    };
    let mut rows = vec![
        of(format!("azure/identity/id-{team}"), "identity", None),
        of(
            format!(
                "azure/role-assignment/id-{team}/Reader@/subscriptions/1/resourceGroups/rg-{team}/providers/Microsoft.KeyVault/vaults/kv-{team}"
            ),
            "role-assignment",
            None,
        ),
    ];
    for cluster in ["weu", "neu"] {
        rows.push(of(format!("{cluster}/namespace/{team}"), "namespace", Some(cluster)));
        for account in ["api", "etl"] {
            let subject = format!("system:serviceaccount:{team}:{account}");
            let name = format!("widctl-1-2-{cluster}-{team}-{account}");
            let credential = of(
                format!("azure/federated-credential/id-{team}/{name}"),
                "federated-credential",
                Some(cluster),
            );
            let after = Map::from_iter([("subject".to_owned(), text(&subject))]);
            rows.push(ChangeRow { after: Some(after), ..credential });
            let address = format!("{cluster}/service-account/{team}/{account}");
            rows.push(of(address, "service-account", Some(cluster)));
        }
    }
    rows
}

/// A change that somebody has to read, of a team of its own.
fn weighty(action: ActionName, team: &str, address: &str) -> ChangeRow {
    ChangeRow {
        team: Some(team.to_owned()),
        reason: "the profile says so".to_owned(),
        effects: vec!["pods keep the old client id".to_owned()],
        before: Some(Map::from_iter([("field".to_owned(), text("one"))])),
        after: Some(Map::from_iter([("field".to_owned(), text("two"))])),
        ..row(action, address)
    }
}

/// So many new teams, and of other teams what is destroyed, replaced, changed and refused.
fn large(teams: usize) -> (Vec<ChangeRow>, Plan) {
    let mut rows: Vec<ChangeRow> =
        (0..teams).flat_map(|team| new_team(&format!("team-{team:03}"))).collect();
    rows.push(weighty(ActionName::Update, "web", "weu/service-account/web/api"));
    rows.push(weighty(ActionName::Update, "web", "weu/service-account/web/etl"));
    rows.push(weighty(ActionName::Replace, "web", "weu/role-binding/web/reader"));
    rows.push(weighty(ActionName::Delete, "gone", "weu/service-account/gone/app"));
    let refused = Refused {
        address: "weu/service-account/orders/app".to_owned(),
        team: Some("orders".into()),
        cluster: Some("weu".into()),
        code: "WID-NOT-OURS".into(),
        guardrail: false,
        what: "somebody else owns it".to_owned(),
        why: "it has no label of ours".to_owned(),
        fix: Some("widctl sync --adopt".to_owned()),
    };
    (rows, Plan { refused: vec![refused], ..Plan::default() })
}

fn on_screen(rows: Vec<ChangeRow>, remarks: &Plan) -> String {
    screen::plan(&plan(rows, remarks), Style::PLAIN, Detail::Screen)
}

#[test]
fn a_few_changes_are_shown_in_full_with_short_names_and_what_their_signs_mean() {
    let remarks = remarks();
    insta::assert_snapshot!(on_screen(every_action(), &remarks));
}

#[test]
fn many_changes_begin_with_what_is_destroyed_and_the_teams_and_end_with_both() {
    let (rows, remarks) = large(5);
    insta::assert_snapshot!(on_screen(rows, &remarks));
}

#[test]
fn two_hundred_teams_fit_a_screen_at_each_end_and_what_is_destroyed_is_on_both() {
    let (rows, remarks) = large(200);
    assert_eq!(rows.len(), 2_404);
    let text = on_screen(rows, &remarks);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() < 500, "{} lines", lines.len());
    let (first, last) = (&lines[..SCREEN], &lines[lines.len() - SCREEN..]);
    assert!(first[0].starts_with("2404 changes in 203 teams: "), "{}", first[0]);
    assert!(last.iter().any(|line| line.starts_with("… and 191 more teams")), "{text}");
    for end in [first, last] {
        let shows = |text: &str| end.iter().any(|line| line.contains(text));
        assert!(shows("- weu/service-account/gone/app"), "{end:#?}");
        assert!(shows("-/+ weu/role-binding/web/reader"), "{end:#?}");
    }
    // The table that is cut keeps who loses something, who is refused and who is changed.
    for team in ["web", "gone", "orders"] {
        assert!(last.iter().any(|line| line.split(' ').next() == Some(team)), "{team}: {last:#?}");
    }
    // Nothing but additions is folded.
    for whole in ["  ~ weu/service-account/web/api", "  ~ weu/service-account/web/etl"] {
        assert_eq!(lines.iter().filter(|line| **line == whole).count(), 1, "{whole}");
    }
    assert!(text.contains("WID-NOT-OURS"));
    assert!(text.contains("+ team-000 and 199 more teams, each 4 federated credentials"), "{text}");
}

#[test]
fn equal_reasons_and_effects_of_a_team_are_told_once() {
    let (rows, remarks) = large(10);
    let text = on_screen(rows, &remarks);
    assert_eq!(text.matches("because the profile says so").count(), 2, "{text}");
    assert_eq!(text.matches("effect: pods keep").count(), 2, "{text}");
}

#[test]
fn many_leftovers_and_unread_resources_are_cut_and_counted() {
    let mut remarks = remarks();
    remarks.kept = (0..30)
        .flat_map(|n| remarks.kept.iter().map(move |kept| (n, kept.clone())))
        .map(|(n, mut kept)| {
            kept.address.push_str(&n.to_string());
            kept
        })
        .collect();
    let text = on_screen((0..60).flat_map(|n| new_team(&n.to_string())).collect(), &remarks);
    assert!(text.contains("Owned, but not in the profile: 60"), "{text}");
    assert!(text.contains("  … and 40 more; `--full` shows all"), "{text}");
}

#[test]
fn the_table_alone_is_what_quiet_prints() {
    let (rows, remarks) = large(60);
    let text = screen::plan(&plan(rows, &remarks), Style::PLAIN, Detail::Table);
    assert_eq!(text.lines().count(), 1 + 63 + 1 + 1 + 2, "{text}");
    assert!(text.starts_with("team        adopt     add  change destroy refused\n"), "{text}");
    assert!(text.ends_with("The plan is incomplete: 1 resource is refused.\n"), "{text}");
}

#[test]
fn colours_add_nothing_and_hostile_texts_do_nothing() {
    let remarks = hostile_remarks();
    let rows = (0..200).flat_map(|n| {
        let mut rows = new_team(&n.to_string());
        rows.push(hostile());
        rows
    });
    let rows: Vec<ChangeRow> = rows.collect();
    let shown = plan(rows, &remarks);
    for detail in [Detail::Screen, Detail::Table] {
        let plain = screen::plan(&shown, Style::PLAIN, detail);
        assert!(is_harmless(&escape::printed(&plain)), "{plain:?}");
        let coloured = screen::plan(&shown, Style::COLOURED, detail);
        assert_ne!(coloured, plain);
        assert_eq!(uncoloured(&coloured), plain);
    }
}
