//! What exists of each team, as text, Markdown and JSON.

use widctl::graph::State;
use widctl::report::status::{AccountStatus, Drift, Status, TeamStatus, text};
use widctl::report::style::Style;
use widctl::report::{show_json, status_json, status_markdown};

const HOSTILE: &str = "\u{1b}[2Jweb\u{202e} <img src=x> | @all";

fn status(teams: usize, name: &str) -> Status {
    let team = |n: usize| TeamStatus {
        team: Some(format!("{name}{n}")),
        in_profile: true,
        retired: false,
        whole: true,
        drift: Drift { changes: 1, ..Drift::default() },
        identities: Vec::new(),
        accounts: vec![AccountStatus {
            cluster: name.to_owned(),
            account: name.to_owned(),
            state: Some(State::Drifting),
        }],
        leftovers: Vec::new(),
    };
    Status {
        estate: name.to_owned(),
        teams: (0..teams).map(team).collect(),
        not_read: vec![name.to_owned()],
        other_teams: 0,
        other_clusters: 0,
    }
}

#[test]
fn hostile_texts_do_nothing_to_a_terminal_or_a_page() {
    for (teams, full) in [(1, false), (21, false), (21, true)] {
        let status = status(teams, HOSTILE);
        let text = text(&status, Style::PLAIN, full);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        let page = status_markdown::text(&status, full);
        assert!(!page.contains('\u{202e}') && !page.contains("<img"), "{page}");
    }
}

#[test]
fn a_page_is_cut_where_it_is_too_long_and_says_so() {
    let page = status_markdown::text(&status(5_000, "team-"), false);
    assert!(page.chars().count() < 60_000, "{}", page.len());
    assert!(page.contains("**Cut here.**") && page.contains("teams not shown."), "no notice");
}

#[test]
fn the_published_schemas_of_status_and_show_are_those_of_the_code() {
    for (name, schema) in [("status", status_json::schema()), ("show", show_json::schema())] {
        let path = format!("{}/docs/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        #[expect(clippy::disallowed_methods, reason = "asked for by whoever runs the tests")]
        if std::env::var_os("WIDCTL_BLESS").is_some() {
            std::fs::write(&path, &schema).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), schema);
    }
}
