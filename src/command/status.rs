//! Observes and plans, and says of each team what exists.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::apply;
use crate::command::condition::Condition;
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::plan::Planned;
use crate::command::profile_files::Given;
use crate::command::{plan, profile_files};
use crate::desired::derive;
use crate::desired::state::DesiredState;
use crate::event::EventSink;
use crate::graph::{self, Edge, Graph, Node, NodeKind, State};
use crate::model::kinds::identity::IdentityKey;
use crate::model::shell;
use crate::model::text::TeamName;
use crate::observed::read::Read;
use crate::plan::contents::Plan;
use crate::plan::draft::Context;
use crate::plan::file::About;
use crate::plan::{foreign, ownership};
use crate::profile::resolved::Profile;
use crate::report::status::{
    AccountStatus, Drift, ForeignTrust, IdentityStatus, Owner, RoleStatus, Status, TeamStatus,
};

/// Loads the profile. Whoever gives a saved plan in its place is told how to look at one.
pub fn load(given: Given<'_>) -> Result<Profile, Failure> {
    profile_files::load(given).map_err(|failure| {
        let path = given.path;
        if !path.is_file() || apply::read_saved(path).is_err() {
            return failure;
        }
        let shown = path.to_string_lossy();
        Failure::Usage {
            what: format!("`{shown}` is a saved plan, not a profile"),
            hint: format!("show it with `widctl show {}`", shell::quote(&shown)),
        }
    })
}

/// What exists of each team, and the plan that says how it differs.
pub async fn status(
    profile: &Profile,
    connection: &Connection,
    about: About,
    require_all: bool,
    events: &Arc<dyn EventSink>,
) -> Result<(Planned, Status), Failure> {
    let planned = plan::plan(profile, connection, about, require_all, events).await?;
    let status = of(&derive::derive(profile), &planned);
    Ok((planned, status))
}

/// What a caller is told who only wanted to know what exists: drift is no failure, and what could not be read is.
pub fn condition(planned: &Planned) -> Condition {
    match planned.plan.unknown.is_empty() {
        true => Condition::Done,
        false if planned.is_all_refused() => Condition::NotSignedIn,
        false => Condition::Failed,
    }
}

fn of(desired: &DesiredState, planned: &Planned) -> Status {
    let (observed, inputs) = (&planned.observation.state, &planned.about.inputs);
    let plan = &planned.plan;
    let context = Context::new(desired, observed, inputs);
    let graph = graph::graph(desired, observed, inputs, plan);
    let mut teams = Teams::new(&context, plan);
    teams.add_rows(plan);
    teams.add_nodes(&graph);
    Status {
        estate: graph.estate,
        teams: teams.found.into_values().collect(),
        not_read: graph.not_read,
        other_teams: graph.other_teams,
        other_clusters: graph.other_clusters,
    }
}

struct Teams<'c, 'a> {
    context: &'c Context<'a>,
    plan: &'c Plan,
    /// What belongs to no team comes last.
    found: BTreeMap<(bool, Option<String>), TeamStatus>,
}

impl<'c, 'a> Teams<'c, 'a> {
    fn new(context: &'c Context<'a>, plan: &'c Plan) -> Self {
        let mut teams = Self { context, plan, found: BTreeMap::new() };
        if plan.compared.clusters.is_none() {
            for team in &context.desired.teams {
                if context.selection.has_row(team, None) {
                    teams.of(Some(team.as_str()));
                }
            }
        }
        teams
    }

    fn of(&mut self, team: Option<&str>) -> &mut TeamStatus {
        let compared = &self.plan.compared;
        let (desired, name) = (self.context.desired, team.map(ToOwned::to_owned));
        self.found.entry((team.is_none(), name.clone())).or_insert_with(|| {
            let is_chosen = compared.teams.as_ref().is_none_or(|teams| {
                team.is_some_and(|team| teams.iter().any(|chosen| chosen == team))
            });
            TeamStatus {
                in_profile: desired.teams.iter().any(|known| Some(known.as_str()) == team),
                retired: team.is_some_and(|team| desired.retired.teams.contains(team)),
                team: name,
                whole: is_chosen && compared.clusters.is_none(),
                drift: Drift::default(),
                identities: Vec::new(),
                accounts: Vec::new(),
                leftovers: Vec::new(),
            }
        })
    }

    /// What the plan says of each team.
    fn add_rows(&mut self, plan: &Plan) {
        for row in plan.rows() {
            self.of(row.team.as_deref()).drift.changes += 1;
        }
        for row in &plan.refused {
            self.of(row.team.as_ref().map(TeamName::as_str)).drift.refused += 1;
        }
        for row in &plan.waiting {
            self.of(row.team.as_ref().map(TeamName::as_str)).drift.waiting += 1;
        }
        for row in &plan.unknown {
            let drift = &mut self.of(row.team.as_ref().map(TeamName::as_str)).drift;
            drift.unread += 1;
            drift.why.insert(row.why.to_string());
        }
        for kept in &plan.kept {
            self.of(kept.team.as_ref().map(TeamName::as_str)).leftovers.push(kept.clone());
        }
    }

    /// What the graph found of each team.
    fn add_nodes(&mut self, graph: &Graph) {
        let (mut into, mut out) = (vec![Vec::new(); graph.nodes.len()], Vec::new());
        out.clone_from(&into);
        for edge in &graph.edges {
            into[edge.to].push(edge);
            out[edge.from].push(edge);
        }
        let observed = self.context.observed.identities.values().filter_map(Read::facts);
        let keys = self.context.desired.identities.keys().chain(observed.flat_map(BTreeMap::keys));
        let keys: BTreeMap<String, &IdentityKey> =
            keys.map(|key| (key.id().to_string(), key)).collect();
        for (at, node) in graph.nodes.iter().enumerate() {
            let team = node.team.as_deref();
            match node.kind {
                NodeKind::Account if team.is_some() => {
                    let (cluster, account) = node.name.split_once('/').unwrap_or_default();
                    self.of(team).accounts.push(AccountStatus {
                        cluster: cluster.to_owned(),
                        account: account.to_owned(),
                        state: node.state,
                    });
                }
                NodeKind::Identity => {
                    let Some(key) = keys.get(&node.detail) else { continue };
                    let identity = self.identity((key, node), graph, &into[at], &out[at]);
                    self.of(team).identities.push(identity);
                }
                NodeKind::Account
                | NodeKind::Pipeline
                | NodeKind::Stranger
                | NodeKind::Resource => {}
            }
        }
    }

    fn identity(
        &self,
        (key, node): (&IdentityKey, &Node),
        graph: &Graph,
        into: &[&Edge],
        out: &[&Edge],
    ) -> IdentityStatus {
        let live = self.context.live_identity(key);
        let owner = live.map(|live| {
            match ownership::owner_by_tags(&self.context.desired.estate, &live.tags) {
                ownership::Owner::Ours => Owner::ThisEstate,
                ownership::Owner::Estate(_) => Owner::AnotherEstate,
                ownership::Owner::Nobody => Owner::Nobody,
            }
        });
        let credentials = self.context.observed.credentials.get(key).and_then(Read::facts);
        let is_judged = credentials.is_some() && foreign::is_judged(self.context, key);
        let strangers = into.iter().filter(|edge| edge.state == State::Foreign);
        let strangers = strangers
            .map(|edge| ForeignTrust { who: who(&graph.nodes[edge.from]), by: edge.by.clone() });
        let roles = out.iter().map(|edge| RoleStatus {
            role: edge.by.clone(),
            scope: graph.nodes[edge.to].detail.clone(),
            scope_name: graph.nodes[edge.to].name.clone(),
            state: edge.state,
            condition: edge.condition.clone(),
        });
        IdentityStatus {
            name: node.name.clone(),
            id: node.detail.clone(),
            state: node.state.unwrap_or(State::Unknown),
            owner,
            client_id: live.map(|live| live.client_id.to_string()),
            credentials: credentials.map(Vec::len),
            retiring: into.iter().filter(|edge| edge.state == State::Retiring).count(),
            roles: roles.collect(),
            foreign_trust: is_judged.then(|| strangers.collect()),
        }
    }
}

fn who(node: &Node) -> String {
    match node.kind {
        NodeKind::Account => format!("account {}", node.name),
        NodeKind::Pipeline | NodeKind::Stranger | NodeKind::Identity | NodeKind::Resource => {
            node.name.clone()
        }
    }
}
