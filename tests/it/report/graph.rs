//! Graphs as a page and as Mermaid.

use data_encoding::BASE64;
use serde_json::Value;
use sha2::{Digest, Sha256};
use widctl::graph::{Edge, Graph, Node, NodeKind, State};
use widctl::report::graph::{html, mermaid};

const HOSTILE: &str = "</script><script>alert(1)</script>\"'`\n\u{2028}<!--<img src=x onerror=alert(1)>]] #quot; %%{init}%%";

fn node(kind: NodeKind, team: &str, name: &str) -> Node {
    Node {
        kind,
        team: Some(team.to_owned()),
        name: name.to_owned(),
        detail: name.to_owned(),
        state: Some(State::Exists),
        holds: Vec::new(),
    }
}

pub(super) fn edge(from: usize, to: usize, by: &str, state: State) -> Edge {
    Edge { from, to, by: by.to_owned(), state, condition: None }
}

/// An account, its identity and a vault, with these texts in every place that takes one.
pub(super) fn graph(text: &str) -> Graph {
    Graph {
        estate: text.to_owned(),
        nodes: vec![
            node(NodeKind::Account, text, text),
            node(NodeKind::Identity, text, text),
            node(NodeKind::Resource, text, text),
        ],
        edges: vec![edge(0, 1, text, State::Foreign), edge(1, 2, text, State::Other)],
        not_read: vec![text.to_owned()],
        other_teams: 0,
        other_clusters: 0,
    }
}

fn between<'t>(text: &'t str, begin: &str, end: &str) -> &'t str {
    text.split_once(begin).unwrap().1.split_once(end).unwrap().0
}

#[test]
fn hostile_names_end_no_script_and_the_facts_of_a_page_are_those_of_the_graph() {
    let graph = graph(HOSTILE);
    let page = html(&graph);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<script").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--") && !page.contains('\u{2028}'));
    let facts = between(&page, "id=\"facts\">", "</script>");
    let facts: Value = serde_json::from_str(facts).unwrap();
    assert_eq!(facts, serde_json::to_value(&graph).unwrap());
    // What leaves through stdout is the same page.
    assert_eq!(widctl::report::escape::printed(&page), page);
}

#[test]
fn a_page_asks_nobody_for_anything_and_runs_its_own_script_alone() {
    let page = html(&graph("web"));
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text)));
    let (style, script) =
        (between(&page, "<style>", "</style>"), between(&page, "<script>", "</script>"));
    let (style, script) = (hash(style), hash(script));
    let expected = format!(
        "default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
    );
    assert_eq!(policy, expected);
    for request in ["src=", "href=", "url(", "@import", "fetch(", "http:", "https:", "innerHTML"] {
        assert!(!page.contains(request), "{request}");
    }
}

#[test]
fn hostile_names_stay_inside_of_their_labels_in_mermaid() {
    let text = mermaid(&graph(HOSTILE)).unwrap();
    let labels = text.lines().filter(|line| line.contains('"'));
    for line in labels {
        assert_eq!(line.matches('"').count(), 2, "{line}");
        assert!(!between(line, "\"", "\"").contains(['<', '>', '`', '[', ']', '|', '&']), "{line}");
    }
    assert!(!text.contains('`') && !text.contains("%%{"), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("subgraph")).count(), 1);
}

#[test]
fn mermaid_refuses_what_nobody_can_read_and_counts_it() {
    let mut large = graph("web");
    large.edges = vec![edge(0, 1, "by", State::Exists); 401];
    let refused = mermaid(&large).unwrap_err().to_string();
    assert!(refused.starts_with("the graph has 1 team and 401 connections"), "{refused}");
    large.edges.pop();
    assert!(mermaid(&large).is_ok());
    large.nodes = (0..31).map(|n| node(NodeKind::Identity, &format!("t{n}"), "id")).collect();
    large.edges.clear();
    assert!(mermaid(&large).is_err());
}
