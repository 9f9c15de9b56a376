//! What a world knows: documents by path, and what only lasts as long as the process.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::faults::Faults;
use super::keys::Key;
use super::oidc::Published;
use super::throttle::Bucket;

/// The only format that this version reads and writes.
pub(super) const FORMAT: u64 = 1;

/// The tenant of a new world.
const TENANT: &str = "5a0db0c5-0000-4000-8000-0000000007e2";

/// Everything that is kept in the state file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    pub(super) format: u64,
    /// The one Entra tenant.
    pub(super) tenant: String,
    /// Counts what needs a fresh id: requests and Kubernetes writes.
    pub(super) counter: u64,
    /// How often an identity was deleted, by path: one made anew has other ids.
    pub(super) deleted_identities: BTreeMap<String, u64>,
    /// ARM documents as they are answered, by their path in lower case.
    pub(super) resources: BTreeMap<String, Value>,
    /// Clusters by the name that stands in their URL.
    pub(super) clusters: BTreeMap<String, Cluster>,
}

/// One cluster and the objects in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cluster {
    /// The ARM path in lower case, for a cluster of AKS.
    pub(super) arm_path: Option<String>,
    /// The part of the public issuer path that names the cluster.
    pub(super) guid: String,
    /// What its service account tokens say in `iss`.
    pub(super) issuer: String,
    /// The name of its kubeconfig context.
    pub(super) context: Option<String>,
    /// Whether the AKS credential calls hand out a static token.
    pub(super) local_accounts: bool,
    /// How often its signing key was rotated.
    pub(super) key_rotations: u64,
    /// The last resource version given out.
    pub(super) revision: u64,
    /// Objects by `group/plural/namespace/name`, empty parts kept.
    pub(super) objects: BTreeMap<String, Value>,
}

impl Cluster {
    /// The key that signs now.
    pub(super) fn signing_key(&self) -> Key {
        if self.key_rotations.is_multiple_of(2) { Key::ClusterOne } else { Key::ClusterTwo }
    }

    /// The keys that its JWKS shows: after a rotation the former one too.
    pub(super) fn shown_keys(&self) -> Vec<Key> {
        match (self.key_rotations, self.signing_key()) {
            (0, key) => vec![key],
            (_, Key::ClusterTwo) => vec![Key::ClusterTwo, Key::ClusterOne],
            (_, Key::ClusterOne | Key::Entra) => vec![Key::ClusterOne, Key::ClusterTwo],
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            format: FORMAT,
            tenant: TENANT.to_owned(),
            counter: 0,
            deleted_identities: BTreeMap::new(),
            resources: BTreeMap::new(),
            clusters: BTreeMap::new(),
        }
    }
}

/// The world's time: the wall clock at its start, moved on by tokio's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) base: Timestamp,
    pub(super) start: Instant,
}

impl Clock {
    /// The time now.
    pub(super) fn now(&self) -> Timestamp {
        self.base.checked_add(self.start.elapsed()).unwrap_or(self.base)
    }

    /// The time now as Kubernetes writes it, to the second.
    pub(super) fn now_text(&self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

/// A document as it was before a write that readers may not see yet.
#[derive(Debug)]
pub(super) struct Stale {
    until: Instant,
    before: Option<Value>,
}

/// The state under the world's lock.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) state: State,
    pub(super) faults: Faults,
    pub(super) clock: Clock,
    /// Something changed since the last flush.
    pub(super) dirty: bool,
    /// Identities whose credentials are being written, by path.
    pub(super) writing: BTreeSet<String>,
    /// Exchanges that must fail before a fresh credential works, by path.
    pub(super) unpropagated: BTreeMap<String, u32>,
    /// Role assignments that must fail before a fresh principal is known, by its id.
    pub(super) unreplicated: BTreeMap<String, u32>,
    /// Throttling buckets by name.
    pub(super) buckets: BTreeMap<String, Bucket>,
    /// How many requests each fault rule has matched.
    pub(super) rule_matches: Vec<u64>,
    /// What issuers show that have no cluster here, or show something else; `None` where they show nothing.
    pub(super) published: BTreeMap<String, Option<Published>>,
    stale: BTreeMap<String, Stale>,
    /// Paths of identities by client id.
    clients: BTreeMap<String, String>,
    /// Principal ids of identities.
    principals: BTreeSet<String>,
    /// Whose role assignments are where: principal ids and paths.
    assigned: BTreeSet<(String, String)>,
}

impl Inner {
    /// A world that knows this much.
    pub(super) fn new(state: State, clock: Clock) -> Self {
        let mut inner = Self {
            state: State::default(),
            faults: Faults::default(),
            clock,
            dirty: false,
            writing: BTreeSet::new(),
            unpropagated: BTreeMap::new(),
            unreplicated: BTreeMap::new(),
            buckets: BTreeMap::new(),
            rule_matches: Vec::new(),
            published: BTreeMap::new(),
            stale: BTreeMap::new(),
            clients: BTreeMap::new(),
            principals: BTreeSet::new(),
            assigned: BTreeSet::new(),
        };
        for (path, document) in &state.resources {
            inner.index(path, document);
        }
        inner.state = state;
        inner
    }

    fn index(&mut self, path: &str, document: &Value) {
        if let Some((client, principal)) = ids(document) {
            self.principals.insert(principal.to_owned());
            self.clients.insert(client.to_owned(), path.to_owned());
        }
        self.assigned.extend(assigned(path, document));
    }

    fn forget(&mut self, path: &str, document: &Value) {
        if let Some((client, principal)) = ids(document) {
            self.clients.remove(client);
            self.principals.remove(principal);
        }
        if let Some(assigned) = assigned(path, document) {
            self.assigned.remove(&assigned);
        }
    }

    /// A fresh id, the same in every run that does the same.
    pub(super) fn fresh_id(&mut self) -> Uuid {
        self.state.counter += 1;
        id_of(&format!("fresh/{}", self.state.counter))
    }

    /// A document as it is.
    pub(super) fn resource(&self, path: &str) -> Option<&Value> {
        self.state.resources.get(path)
    }

    /// A document as a reader sees it, which may be as it was a moment ago.
    pub(super) fn seen(&self, path: &str) -> Option<&Value> {
        match self.stale.get(path) {
            Some(stale) if Instant::now() < stale.until => stale.before.as_ref(),
            _ => self.resource(path),
        }
    }

    /// The documents as a reader sees them whose path starts so, in path order.
    pub(super) fn seen_below(&self, prefix: &str) -> Vec<(&str, &Value)> {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let now = Instant::now();
        let mut found: Vec<(&str, &Value)> = self
            .state
            .resources
            .range::<str, _>(from)
            .take_while(|(path, _)| path.starts_with(prefix))
            .filter(|(path, _)| self.stale.get(*path).is_none_or(|stale| stale.until <= now))
            .map(|(path, document)| (path.as_str(), document))
            .collect();
        if !self.stale.is_empty() {
            let old = self.stale.range::<str, _>(from).take_while(|(p, _)| p.starts_with(prefix));
            let old = old.filter(|(_, stale)| now < stale.until);
            found.extend(old.filter_map(|(p, stale)| Some((p.as_str(), stale.before.as_ref()?))));
            found.sort_by_key(|(path, _)| *path);
        }
        found
    }

    /// The documents as they are whose path starts so, in path order.
    pub(super) fn below(&self, prefix: &str) -> impl Iterator<Item = (&str, &Value)> {
        let prefix = prefix.to_owned();
        self.state
            .resources
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, document)| (path.as_str(), document))
    }

    /// Writes a document.
    pub(super) fn put(&mut self, path: &str, document: Value) {
        self.remember(path);
        if let Some(before) = self.state.resources.remove(path) {
            self.forget(path, &before);
        }
        self.index(path, &document);
        self.state.resources.insert(path.to_owned(), document);
        self.dirty = true;
    }

    /// Deletes a document; `None` if there was none.
    pub(super) fn remove(&mut self, path: &str) -> Option<Value> {
        self.remember(path);
        let gone = self.state.resources.remove(path)?;
        self.forget(path, &gone);
        self.unpropagated.remove(path);
        self.dirty = true;
        Some(gone)
    }

    /// Keeps what readers go on seeing for a while, where that fault is on.
    fn remember(&mut self, path: &str) {
        let window = Duration::from_millis(self.faults.stale_reads_ms);
        if window.is_zero() {
            return;
        }
        let before = self.seen(path).cloned();
        self.stale.insert(path.to_owned(), Stale { until: Instant::now() + window, before });
    }

    /// The path of the identity with this client id.
    pub(super) fn identity_of_client(&self, client_id: &str) -> Option<&str> {
        self.clients.get(client_id).map(String::as_str)
    }

    /// The role assignments of a principal, as they are.
    pub(super) fn assigned_to(&self, principal: &str) -> impl Iterator<Item = (&str, &Value)> {
        let of_principal = self.assigned.range((principal.to_owned(), String::new())..);
        of_principal
            .take_while(move |(of, _)| of == principal)
            .filter_map(|(_, path)| Some((path.as_str(), self.resource(path)?)))
    }

    /// Whether an identity has this principal id.
    pub(super) fn has_principal(&self, principal_id: &str) -> bool {
        self.principals.contains(principal_id)
    }
}

/// Whose role assignment a document is, and where.
fn assigned(path: &str, document: &Value) -> Option<(String, String)> {
    let properties = &document["properties"];
    properties["roleDefinitionId"].as_str()?;
    Some((properties["principalId"].as_str()?.to_owned(), path.to_owned()))
}

/// The client id and the principal id of an identity's document.
fn ids(document: &Value) -> Option<(&str, &str)> {
    let properties = &document["properties"];
    Some((properties["clientId"].as_str()?, properties["principalId"].as_str()?))
}

/// A name or path in lower case as Azure compares it: by single characters, none beyond ASCII the same as one of ASCII
/// (<https://learn.microsoft.com/dotnet/api/system.stringcomparer.ordinalignorecase>,
/// <https://github.com/dotnet/runtime/issues/67873>).
pub(super) fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .map(|letter| match single(letter.to_uppercase()) {
            Some(upper) if upper.is_ascii() != letter.is_ascii() => letter,
            Some(upper) => single(upper.to_lowercase())
                .filter(|lower| single(lower.to_uppercase()) == Some(upper))
                .unwrap_or(upper),
            None => letter,
        })
        .collect()
}

fn single(mut letters: impl Iterator<Item = char>) -> Option<char> {
    let first = letters.next();
    first.filter(|_| letters.next().is_none())
}

/// An id that follows from a name.
pub(super) fn id_of(name: &str) -> Uuid {
    const NAMESPACE: Uuid = Uuid::from_u128(0x5a0d_b0c5_0000_4000_8000_0000_0000_0001);
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
