//! Makes the graph of what was desired, observed and planned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::state::{DesiredState, Trust};
use crate::graph::states::States;
use crate::graph::{Edge, Graph, Node, NodeKind, State};
use crate::model::arm_id::{ArmId, ScopeLevel};
use crate::model::guid::{PrincipalId, RoleDefinitionId};
use crate::model::kinds::federated_credential::{FederatedCredentialKey, LiveFederatedCredential};
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::role_assignment::{LiveRoleAssignment, RoleAssignmentKey};
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::subject;
use crate::model::text::{ClusterName, Subject, TeamName};
use crate::observed::read::Read;
use crate::observed::state::ObservedState;
use crate::plan::contents::Plan;
use crate::plan::draft::Context;
use crate::plan::foreign::{self, Foreign};
use crate::plan::inputs::PlanInputs;
use crate::plan::kinds::federated_credential::{self, Others};
use crate::plan::link::{self, RoleLink};
use crate::plan::ownership::Ours;
use crate::plan::refusals::role as refusals;
use crate::plan::scope::Places;
use crate::profile::roles;

/// The graph of a plan, made of the states that it was made of.
pub fn graph(
    desired: &DesiredState,
    observed: &ObservedState,
    inputs: &PlanInputs,
    plan: &Plan,
) -> Graph {
    let context = Context::new(desired, observed, inputs);
    let mut builder = Builder::new(&context, plan);
    let identities: BTreeSet<&IdentityKey> =
        desired.identities.keys().chain(live_identities(observed)).collect();
    let assignments = by_principal(observed);
    for identity in identities {
        builder.add_identity(identity, &assignments);
    }
    builder.finish(plan)
}

fn live_identities(observed: &ObservedState) -> impl Iterator<Item = &IdentityKey> {
    observed.identities.values().filter_map(Read::facts).flat_map(BTreeMap::keys)
}

type Assignments<'a> = BTreeMap<PrincipalId, BTreeMap<&'a ArmId, &'a Arc<LiveRoleAssignment>>>;

/// Roots can overlap, so the same assignment may come twice.
fn by_principal(observed: &ObservedState) -> Assignments<'_> {
    let mut all = Assignments::new();
    for live in observed.role_assignments.values().filter_map(Read::facts).flatten() {
        all.entry(live.principal).or_default().insert(&live.id, live);
    }
    all
}

struct Builder<'c, 'a> {
    context: &'c Context<'a>,
    states: States<'c>,
    nodes: Vec<Node>,
    places: BTreeMap<(NodeKind, String), usize>,
    scopes: Vec<(usize, ArmId)>,
    edges: Vec<Edge>,
    not_read: BTreeSet<String>,
}

impl<'c, 'a> Builder<'c, 'a> {
    fn new(context: &'c Context<'a>, plan: &'c Plan) -> Self {
        Self {
            context,
            states: States::new(plan),
            nodes: Vec::new(),
            places: BTreeMap::new(),
            scopes: Vec::new(),
            edges: Vec::new(),
            not_read: BTreeSet::new(),
        }
    }

    /// The place of a node, which is made where there is none.
    fn node(&mut self, key: String, node: Node) -> usize {
        *self.places.entry((node.kind, key)).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }

    /// Adds an identity that the profile has or the estate owns, whom it lets in and what it reaches.
    fn add_identity(&mut self, identity: &IdentityKey, assignments: &Assignments<'_>) {
        let wanted = self.context.desired.identities.get(identity);
        let state = match wanted {
            Some(wanted) if self.context.selection.has_identity(identity, &wanted.team) => {
                self.states.of(&identity.to_string())
            }
            None if foreign::is_judged(self.context, identity) => State::Leftover,
            Some(_) | None => return,
        };
        let team = self.context.team_of(identity);
        let at = self.node(
            identity.id().folded().to_owned(),
            Node {
                kind: NodeKind::Identity,
                team: team.as_ref().map(ToString::to_string),
                name: identity.name().to_owned(),
                detail: identity.id().to_string(),
                state: Some(state),
                holds: Vec::new(),
            },
        );
        let live = self.context.observed.credentials.get(identity).and_then(Read::facts);
        let others = federated_credential::others(
            self.context,
            identity,
            live.map_or(&[][..], Vec::as_slice),
        );
        self.add_wanted_credentials(identity, &others, at);
        self.add_other_credentials(identity, &others, at);
        self.add_roles(identity, at, assignments);
    }

    fn add_wanted_credentials(&mut self, identity: &IdentityKey, others: &Others<'_>, at: usize) {
        let first = FederatedCredentialKey { identity: identity.clone(), name: "".into() };
        let desired = self.context.desired.credentials.range(first..);
        for (key, wanted) in desired.take_while(|(key, _)| key.identity == *identity) {
            let from = match &wanted.trust {
                Trust::Cluster { cluster, subject } => {
                    if !self.context.selection.has_row(&wanted.team, Some(cluster)) {
                        continue;
                    }
                    self.account(cluster, subject, Some(&wanted.team))
                }
                Trust::Federation { issuer, subject } => {
                    if !self.context.selection.has_row(&wanted.team, None) {
                        continue;
                    }
                    let (name, detail) = (subject.to_string(), issuer.to_string());
                    self.outside(NodeKind::Pipeline, Some(&wanted.team), name, detail)
                }
            };
            // Where a credential that has to stay bears its name, it has another one.
            let name = others.moved.get(&key.name).unwrap_or(&key.name).clone();
            let key = FederatedCredentialKey { identity: identity.clone(), name };
            let state = self.states.of(&key.to_string());
            self.edge(from, at, key.name.to_string(), state);
        }
    }

    /// The credentials and bindings that the profile does not name: as the planner and `verify` judge them.
    fn add_other_credentials(&mut self, identity: &IdentityKey, others: &Others<'_>, at: usize) {
        let judged = foreign::of_identity(self.context, identity);
        if let Some(Foreign { credentials: _, bindings }) = &judged {
            for (cluster, names) in bindings {
                match names {
                    Ok(names) => {
                        for name in names {
                            let who = format!("accounts of cluster {cluster} by identity binding");
                            let detail = "which accounts was not read".to_owned();
                            let from = self.outside(NodeKind::Stranger, None, who, detail);
                            self.edge(from, at, name.to_string(), State::Foreign);
                        }
                    }
                    Err(why) => {
                        self.not_read
                            .insert(format!("The identity bindings of cluster {cluster}: {why}"));
                    }
                }
            }
        }
        let live = match self.context.observed.credentials.get(identity) {
            Some(Read::Facts(live)) => live,
            Some(Read::Unread(unread)) => {
                let what = format!("The credentials of {}: {}", identity.name(), unread.why);
                self.not_read.insert(what);
                return;
            }
            None => return,
        };
        let strangers = judged.and_then(|foreign| foreign.credentials.ok()).unwrap_or_default();
        let strangers: BTreeSet<_> = strangers.iter().map(|(_, live)| &live.name).collect();
        for (live, cluster) in &others.retiring {
            if let Some(subject) = &live.subject {
                let from = self.account(cluster, subject, None);
                self.edge(from, at, live.name.to_string(), State::Retiring);
            }
        }
        let others: BTreeSet<_> = others.foreigners.iter().map(|live| &live.name).collect();
        for live in live {
            let key =
                FederatedCredentialKey { identity: identity.clone(), name: live.name.clone() };
            let state = if self.states.is_kept(&key.to_string()) {
                State::Leftover
            } else if strangers.contains(&live.name) {
                State::Foreign
            } else if others.contains(&live.name) {
                State::Other
            } else {
                continue;
            };
            let from = self.admitted(live);
            self.edge(from, at, live.name.to_string(), state);
        }
    }

    /// Whom a credential lets in that the profile does not name.
    fn admitted(&mut self, live: &LiveFederatedCredential) -> usize {
        let cluster = foreign::cluster_of(self.context, &live.issuer);
        match (cluster, &live.subject) {
            (Some(cluster), Some(subject)) if subject::account(subject).is_some() => {
                self.account(cluster, subject, None)
            }
            _ => {
                let (who, detail) =
                    (foreign::admitted(self.context, live), live.issuer.to_string());
                self.outside(NodeKind::Stranger, None, who, detail)
            }
        }
    }

    fn account(
        &mut self,
        cluster: &ClusterName,
        subject: &Subject,
        team: Option<&TeamName>,
    ) -> usize {
        let (namespace, name) = subject::account(subject).unwrap_or(("", subject.as_str()));
        let key = ServiceAccountKey::new(cluster.clone(), namespace, name);
        let wanted = self.context.desired.service_accounts.contains_key(&key);
        let state = wanted.then(|| self.states.of(&key.to_string()));
        let name = format!("{cluster}/{namespace}/{name}");
        let node = Node {
            kind: NodeKind::Account,
            team: team.map(ToString::to_string),
            name: name.clone(),
            detail: subject.to_string(),
            state,
            holds: Vec::new(),
        };
        let at = self.node(name, node);
        // A stranger's credential may have named it before its own team's did.
        if let (None, Some(team)) = (&self.nodes[at].team, team) {
            self.nodes[at].team = Some(team.to_string());
        }
        at
    }

    fn outside(
        &mut self,
        kind: NodeKind,
        team: Option<&TeamName>,
        name: String,
        detail: String,
    ) -> usize {
        let team = team.map(ToString::to_string);
        let key = format!("{detail}\n{name}");
        self.node(key, Node { kind, team, name, detail, state: None, holds: Vec::new() })
    }

    fn edge(&mut self, from: usize, to: usize, by: String, state: State) {
        self.edges.push(Edge { from, to, by, state, condition: None });
    }

    fn add_roles(&mut self, identity: &IdentityKey, at: usize, assignments: &Assignments<'_>) {
        let desired = self.context.desired;
        let first = desired.role_assignments.partition_point(|wanted| wanted.identity < *identity);
        let wanted = desired.role_assignments[first..].iter();
        let mut given: BTreeSet<(RoleDefinitionId, &ArmId)> = BTreeSet::new();
        for wanted in wanted.take_while(|wanted| wanted.identity == *identity) {
            let scope = wanted.scope.clone();
            let role = match link::link_role(self.context.observed, &scope, &wanted.role) {
                RoleLink::Known(role) => Some(role),
                RoleLink::Custom(custom) => Some(custom.role.clone()),
                RoleLink::Missing | RoleLink::Unknown(_) => None,
            };
            given.extend(role.as_ref().map(|role| (role.id, &wanted.scope)));
            let key =
                role.map(|role| RoleAssignmentKey { identity: identity.clone(), role, scope });
            let address = key.map_or_else(|| refusals::address(wanted), |key| key.to_string());
            let state = self.states.of(&address);
            let (to, by) = (self.resource(&wanted.scope), refusals::role_name(&wanted.role));
            let condition = wanted.condition.as_ref().map(ToString::to_string);
            self.edges.push(Edge { from: at, to, by: by.to_string(), state, condition });
        }
        let principal = self.context.live_identity(identity).map(|live| live.principal_id);
        let live = principal.and_then(|principal| assignments.get(&principal));
        for live in live.into_iter().flat_map(BTreeMap::values) {
            if given.contains(&(live.role, &live.scope)) {
                continue;
            }
            let ours = Ours::assigned(&desired.estate, live).is_some();
            let to = self.resource(&live.scope);
            self.edges.push(Edge {
                from: at,
                to,
                by: role_name(live.role),
                state: if ours { State::Leftover } else { State::Other },
                condition: live.condition.as_ref().map(ToString::to_string),
            });
        }
    }

    fn resource(&mut self, scope: &ArmId) -> usize {
        let name = match scope.level() {
            ScopeLevel::ResourceGroup => format!("resource group {}", scope.name()),
            ScopeLevel::Subscription => format!("subscription {}", scope.name()),
            ScopeLevel::ManagementGroup => format!("management group {}", scope.name()),
            ScopeLevel::Tenant => "the whole tenant".to_owned(),
            ScopeLevel::Resource
            | ScopeLevel::SubscriptionResource
            | ScopeLevel::TenantResource => scope.name().to_owned(),
        };
        let before = self.nodes.len();
        let node = Node {
            kind: NodeKind::Resource,
            team: None,
            name,
            detail: scope.to_string(),
            state: None,
            holds: Vec::new(),
        };
        let at = self.node(scope.folded().to_owned(), node);
        if at == before {
            self.scopes.push((at, scope.clone()));
        }
        at
    }

    fn finish(mut self, plan: &Plan) -> Graph {
        let wide = self.scopes.iter().filter(|(_, scope)| scope.level() != ScopeLevel::Resource);
        for (at, scope) in wide {
            let inside =
                self.scopes.iter().filter(|(other, inner)| other != at && scope.contains(inner));
            self.nodes[*at].holds = inside.map(|(other, _)| *other).collect();
        }
        Graph {
            estate: self.context.desired.estate.to_string(),
            nodes: self.nodes,
            edges: self.edges,
            not_read: not_read(self.not_read, plan),
            other_teams: plan.compared.other_teams,
            other_clusters: plan.compared.other_clusters,
        }
    }
}

/// The name of a built-in role; a custom one that the profile does not name is known by its GUID alone.
fn role_name(id: RoleDefinitionId) -> String {
    roles::by_guid(id)
        .map_or_else(|| format!("custom role {id}"), |role| role.role.name.to_string())
}

fn not_read(mut found: BTreeSet<String>, plan: &Plan) -> Vec<String> {
    let scope = &plan.scope_read;
    let places = |what: &str, places: &Places| -> Vec<String> {
        let not = places.not_read.iter();
        not.map(|place| format!("{what} {}: {}", place.name, place.why)).collect()
    };
    found.extend(places("Subscription", &scope.subscriptions));
    found.extend(places("Cluster", &scope.clusters));
    found.extend(scope.unlisted.iter().map(|why| {
        format!("Which subscriptions there are besides those that the profile names: {why}")
    }));
    for unknown in &plan.unknown {
        found.insert(format!("{}: {}", unknown.address, unknown.why));
    }
    found.into_iter().collect()
}
