//! Graphs as one HTML page and as Mermaid.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::graph::{Edge, Graph, Node, NodeKind, State};
use crate::model::plural;
use crate::report::escape;

const PAGE: &str = include_str!("graph.html");
const STYLE: &str = include_str!("graph.css");
const SCRIPT: &str = include_str!("graph.js");

/// The most edges that are drawn as Mermaid, which itself draws 500 at most.
/// <https://mermaid.js.org/config/schema-docs/config.html#maxedges>
const MOST_EDGES: usize = 400;
/// The most teams: more of them nobody can read.
const MOST_TEAMS: usize = 30;

/// How many lines of what was not read Mermaid shows.
const MOST_NOT_READ: usize = 5;

/// The page: facts, style and script in one file that asks nobody for anything.
pub fn html(graph: &Graph) -> String {
    let facts = serde_json::to_string(graph).expect("every key of a graph is a string");
    let parts = [
        ("{{style-hash}}", hash(STYLE)),
        ("{{script-hash}}", hash(SCRIPT)),
        ("{{style}}", STYLE.to_owned()),
        ("{{legend}}", legend()),
        ("{{script}}", SCRIPT.to_owned()),
        // The last: what is in it is not looked at for other parts.
        ("{{facts}}", escape::script_json(&facts)),
    ];
    parts.iter().fold(PAGE.to_owned(), |page, (mark, part)| page.replacen(mark, part, 1))
}

/// <https://www.w3.org/TR/CSP3/#grammardef-hash-source>
fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64.encode(&Sha256::digest(text)))
}

fn legend() -> String {
    let items = State::ALL.iter().map(|(_, word, meaning)| {
        format!("<li><span class=\"state {word}\">{word}</span> {meaning}</li>")
    });
    items.collect()
}

/// A graph with more than Mermaid draws, or people read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLarge {
    teams: usize,
    edges: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let teams = plural::count(self.teams, "team");
        let edges = plural::count(self.edges, "connection");
        write!(
            formatter,
            "the graph has {teams} and {edges}; as Mermaid it may have {MOST_TEAMS} and {MOST_EDGES}"
        )
    }
}

/// The graph as a Mermaid flowchart, a box for each team.
pub fn mermaid(graph: &Graph) -> Result<String, TooLarge> {
    let (teams, edges) = (graph.teams().len(), graph.edges.len());
    if teams > MOST_TEAMS || edges > MOST_EDGES {
        return Err(TooLarge { teams, edges });
    }
    let mut text = "flowchart LR\n".to_owned();
    for (number, line) in graph.not_read.iter().take(MOST_NOT_READ).enumerate() {
        push!(text, "    u{number}[\"not read: {}\"]:::unread\n", escape::mermaid(line));
    }
    if let Some(more @ 1..) = graph.not_read.len().checked_sub(MOST_NOT_READ) {
        push!(text, "    more[\"not read: {more} more\"]:::unread\n");
    }
    let mut boxes: BTreeMap<Option<&str>, Vec<(usize, &Node)>> = BTreeMap::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        boxes.entry(node.team.as_deref()).or_default().push((at, node));
    }
    for (number, (team, nodes)) in boxes.iter().enumerate() {
        if let Some(team) = team {
            push!(text, "  subgraph t{number}[\"team {}\"]\n", escape::mermaid(team));
        }
        for (at, node) in nodes {
            push!(text, "    n{at}{}\n", shape(node));
        }
        if team.is_some() {
            text.push_str("  end\n");
        }
    }
    for edge in &graph.edges {
        push!(text, "  n{} {} n{}\n", edge.from, arrow(edge), edge.to);
    }
    let red = graph.edges.iter().enumerate().filter(|(_, edge)| edge.state == State::Foreign);
    for (number, _) in red {
        push!(text, "  linkStyle {number} stroke:#d1242f,stroke-width:3px\n");
    }
    text.push_str(CLASSES);
    Ok(text)
}

/// Colours that are read on light and dark pages.
const CLASSES: &str = "  classDef missing stroke-dasharray:5 4
  classDef drifting stroke:#bf8700,stroke-width:2px
  classDef unread stroke:#bf8700,stroke-dasharray:5 4
  classDef leftover stroke:#8250df,stroke-dasharray:2 3
  classDef stranger stroke:#d1242f,stroke-width:3px
";

/// What is told of a state; nothing of what is as the profile wants it.
fn said(state: Option<State>) -> String {
    let told = state.filter(|state| *state != State::Exists);
    told.map(|state| format!(" ({})", state.word())).unwrap_or_default()
}

fn shape(node: &Node) -> String {
    let name = escape::mermaid(&node.name);
    let said = said(node.state);
    let class = match (node.kind, node.state) {
        (NodeKind::Stranger, _) => ":::stranger",
        (_, Some(State::Missing)) => ":::missing",
        (_, Some(State::Drifting)) => ":::drifting",
        (_, Some(State::Leftover)) => ":::leftover",
        _ => "",
    };
    match node.kind {
        NodeKind::Account | NodeKind::Stranger => format!("[\"{name}{said}\"]{class}"),
        NodeKind::Pipeline => format!("[/\"{name}{said}\"/]{class}"),
        NodeKind::Identity => format!("([\"{name}{said}\"]){class}"),
        NodeKind::Resource => format!("[(\"{name}{said}\")]{class}"),
    }
}

fn arrow(edge: &Edge) -> String {
    let line = match edge.state {
        State::Exists | State::Drifting | State::Retiring | State::Other => "-->",
        State::Foreign => "==>",
        State::Missing | State::Leftover | State::Refused | State::Unknown => "-.->",
    };
    let said = said(Some(edge.state));
    let narrowed = edge.condition.as_ref().map_or("", |_| ", with a condition");
    // The hashes of our own names say nothing to people; what the credential trusts is beside it.
    let by = if edge.by.starts_with("widctl-") { "credential" } else { &edge.by };
    let by = escape::mermaid(by);
    format!("{line}|\"{by}{narrowed}{said}\"|")
}
