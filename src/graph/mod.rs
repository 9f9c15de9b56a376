//! Who can become whom, and what they may reach then: the identities of an estate, whom each lets in, and the roles that
//! it has. A graph says what the planner found; of roles alone, which the planner does not report where others gave them, it finds
//! out itself whether they are wanted or owned.

mod build;
mod states;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

pub use build::graph;

/// The graph of an estate, or of what filters chose of it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Graph {
    /// The estate.
    pub estate: String,
    /// What is in it, those of a team together.
    pub nodes: Vec<Node>,
    /// What leads from one to another.
    pub edges: Vec<Edge>,
    /// What was not read, a sentence each.
    pub not_read: Vec<String>,
    /// How many teams of the profile the filters leave out.
    pub other_teams: usize,
    /// How many clusters of the profile the filters leave out.
    pub other_clusters: usize,
}

/// Somebody, an identity, or what its roles reach.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Its team; none of what several may reach, and of strangers.
    pub team: Option<String>,
    /// What people call it: `weu/data-eng/etl`, `id-data-eng`, `kv-data-eng`.
    pub name: String,
    /// What tells it from others of that name: the ARM id, or the issuer.
    pub detail: String,
    /// What is known of it; none of what nobody compared, as a resource.
    pub state: Option<State>,
    /// The other resources of the graph that are inside of this scope.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<usize>,
}

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// The pods of a `ServiceAccount`.
    Account,
    /// A subject outside of the clusters, as a pipeline.
    Pipeline,
    /// Whom a credential of somebody else, or an identity binding, lets in.
    Stranger,
    /// A managed identity.
    Identity,
    /// The scope of a role.
    Resource,
}

/// A credential, a binding or a role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Edge {
    /// Where it begins: the place of a node.
    pub from: usize,
    /// Where it leads.
    pub to: usize,
    /// The credential's or the role's name.
    pub by: String,
    /// What is known of it.
    pub state: State,
    /// What narrows the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// What a plan says of something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The profile wants it and it exists so.
    Exists,
    /// The profile wants it and it does not exist.
    Missing,
    /// It exists and differs from the profile.
    Drifting,
    /// It trusts an account by an issuer that its cluster had before, and is kept.
    Retiring,
    /// The estate owns it and the profile no longer has it.
    Leftover,
    /// Somebody else made it, and the policy calls it foreign.
    Foreign,
    /// Somebody else made it: a role, or trust that the policy accepts or does not judge.
    Other,
    /// The plan refuses it, or it waits for what is refused.
    Refused,
    /// It could not be compared.
    Unknown,
}

impl State {
    /// All, with the word and the sentence of a legend.
    pub const ALL: [(Self, &'static str, &'static str); 9] = [
        (Self::Exists, "exists", "in the profile, and exists"),
        (Self::Missing, "missing", "in the profile, and does not exist"),
        (Self::Drifting, "drifting", "exists, and differs from the profile"),
        (Self::Retiring, "retiring", "trusts an account by an issuer in `also_trust`"),
        (Self::Leftover, "leftover", "owned by the estate, and not in the profile"),
        (Self::Foreign, "foreign", "lets in whom the profile does not name"),
        (
            Self::Other,
            "other",
            "made by somebody else: a role, or trust that the policy does not call foreign",
        ),
        (Self::Refused, "refused", "the plan refuses it, or what it needs"),
        (Self::Unknown, "unknown", "could not be compared"),
    ];

    /// Its word in a legend.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, ..)| *state == self).map_or("unknown", |(_, word, _)| word)
    }
}

impl Graph {
    /// The teams with something in the graph.
    pub fn teams(&self) -> BTreeSet<&str> {
        self.nodes.iter().filter_map(|node| node.team.as_deref()).collect()
    }
}
