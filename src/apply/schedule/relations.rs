//! What needs what, and what follows what, read from the keys and values of the changes.
//!
//! Edges lead along one order of kinds only (identity, role assignment and credential, namespace, role,
//! role binding, deletion of roles, service account), so there can be no cycle.

use std::collections::BTreeMap;

use super::Schedule;
use crate::model::awaited::{Awaited, IdentityOutputs};
use crate::model::guid::ClientId;
use crate::model::kinds::Kind;
use crate::model::kinds::federated_credential::FederatedCredentials;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::kinds::rbac::{RoleBindings, RoleKey};
use crate::model::kinds::service_account::{ServiceAccountKey, ServiceAccounts};
use crate::model::subject;
use crate::model::text::{ClusterName, Namespace, ObjectName, Subject};
use crate::plan::action::{Action, ActionName};
use crate::plan::change::{AnyChange, Change};

/// A change that others may depend on.
#[derive(Clone, Copy)]
struct Earlier {
    index: usize,
    action: ActionName,
}

impl Earlier {
    /// Whether the resource does not exist, or not under this key, before the change.
    fn makes(self) -> bool {
        match self.action {
            ActionName::Create | ActionName::Replace => true,
            ActionName::Update | ActionName::Adopt | ActionName::Release | ActionName::Delete => {
                false
            }
        }
    }
}

/// The changes by what others know of them.
#[derive(Default)]
struct Found<'a> {
    identities: BTreeMap<&'a IdentityKey, Earlier>,
    namespaces: BTreeMap<NamespaceKey, Earlier>,
    roles: BTreeMap<&'a RoleKey, Earlier>,
    /// Role assignments of an identity.
    assignments: BTreeMap<&'a IdentityKey, Vec<usize>>,
    /// Credentials that trust a subject of a cluster.
    trusts: BTreeMap<(&'a ClusterName, &'a Subject), Vec<usize>>,
    /// RoleBindings that name an account.
    bindings: BTreeMap<ServiceAccountKey, Vec<usize>>,
    /// All writes of credentials of an identity: the deletes, then the others.
    queues: BTreeMap<&'a IdentityKey, [Vec<usize>; 2]>,
    /// Whose client id it is.
    clients: BTreeMap<ClientId, &'a IdentityKey>,
}

/// Adds all relations of the changes to the schedule.
pub(super) fn connect(changes: &[AnyChange], known: &IdentityOutputs, schedule: &mut Schedule) {
    let mut found = Found {
        clients: known.iter().map(|(key, output)| (output.client_id, key)).collect(),
        ..Found::default()
    };
    for (index, change) in changes.iter().enumerate() {
        found.add(index, change);
    }
    for (index, change) in changes.iter().enumerate() {
        match change {
            AnyChange::Identity(_) | AnyChange::Namespace(_) => {}
            AnyChange::RoleAssignment(change) => {
                found.in_identity(schedule, index, &change.key.identity);
            }
            AnyChange::FederatedCredential(change) => {
                found.in_identity(schedule, index, &change.key.identity);
            }
            AnyChange::Role(change) => {
                let key = &change.key;
                let namespace = (&key.cluster, &key.namespace);
                found.in_namespace(schedule, index, namespace, change.action.name());
            }
            AnyChange::RoleBinding(change) => found.role_binding(schedule, index, change),
            AnyChange::ServiceAccount(change) => found.service_account(schedule, index, change),
        }
    }
    for queue in found.queues.into_values().map(|queue| queue.concat()) {
        for pair in queue.windows(2) {
            schedule.add_order(pair[1], pair[0]);
        }
    }
}

impl<'a> Found<'a> {
    fn add(&mut self, index: usize, change: &'a AnyChange) {
        let earlier = Earlier { index, action: change.action() };
        match change {
            AnyChange::Identity(change) => {
                self.identities.insert(&change.key, earlier);
            }
            AnyChange::Namespace(change) => {
                self.namespaces.insert(change.key.clone(), earlier);
            }
            AnyChange::Role(change) => {
                self.roles.insert(&change.key, earlier);
            }
            AnyChange::RoleAssignment(change) => {
                let assignments = self.assignments.entry(&change.key.identity).or_default();
                assignments.push(index);
            }
            AnyChange::FederatedCredential(change) => self.add_credential(index, change),
            AnyChange::RoleBinding(change) => self.add_binding(index, change),
            AnyChange::ServiceAccount(_) => {}
        }
    }

    fn add_credential(&mut self, index: usize, change: &'a Change<FederatedCredentials>) {
        if let (Some(after), Some(cluster)) = (after(&change.action), &change.cluster) {
            let trusts = self.trusts.entry((cluster, &after.subject)).or_default();
            trusts.push(index);
        }
        let place = usize::from(change.action.name() != ActionName::Delete);
        self.queues.entry(&change.key.identity).or_default()[place].push(index);
        if let Action::Replace { before_key, .. } = &change.action
            && before_key.identity != change.key.identity
        {
            self.queues.entry(&before_key.identity).or_default()[place].push(index);
        }
    }

    fn add_binding(&mut self, index: usize, change: &Change<RoleBindings>) {
        let Some(after) = after(&change.action) else {
            return;
        };
        let accounts = after.subjects.iter();
        for subject in accounts.filter(|subject| &*subject.kind == "ServiceAccount") {
            let namespace = match &subject.namespace {
                Some(namespace) => (&**namespace).into(),
                None => change.key.namespace.clone(),
            };
            let account = ServiceAccountKey::new(
                change.key.cluster.clone(),
                namespace,
                ObjectName::new(subject.name.clone()),
            );
            self.bindings.entry(account).or_default().push(index);
        }
    }

    /// Whatever belongs to an identity needs its creation.
    fn in_identity(&self, schedule: &mut Schedule, index: usize, identity: &IdentityKey) {
        if let Some(earlier) = self.identities.get(identity) {
            schedule.nodes[index].new_parent |= earlier.makes();
            relate(schedule, index, *earlier);
        }
    }

    /// Whatever is written in a namespace needs its creation; what is taken away does not.
    fn in_namespace(
        &self,
        schedule: &mut Schedule,
        index: usize,
        (cluster, namespace): (&ClusterName, &Namespace),
        action: ActionName,
    ) {
        if matches!(action, ActionName::Delete | ActionName::Release) {
            return;
        }
        let key = NamespaceKey { cluster: cluster.clone(), namespace: namespace.clone() };
        if let Some(earlier) = self.namespaces.get(&key) {
            schedule.nodes[index].new_parent |= earlier.makes();
            relate(schedule, index, *earlier);
        }
    }

    /// A binding needs the role that it grants, and the role goes only after the bindings to it.
    fn role_binding(&self, schedule: &mut Schedule, index: usize, change: &Change<RoleBindings>) {
        let key = &change.key;
        let namespace = (&key.cluster, &key.namespace);
        self.in_namespace(schedule, index, namespace, change.action.name());
        let role = |name: &str| {
            self.roles.get(&RoleKey::new(key.cluster.clone(), key.namespace.clone(), name))
        };
        if let Some(after) = after(&change.action)
            && &*after.role.kind == "Role"
            && let Some(earlier) = role(&after.role.name)
            && earlier.action != ActionName::Delete
        {
            relate(schedule, index, *earlier);
        }
        let before = match &change.action {
            Action::Delete { before } | Action::Replace { before, .. } => Some(before.live()),
            Action::Create { .. }
            | Action::Update { .. }
            | Action::Adopt { .. }
            | Action::Release { .. } => None,
        };
        if let Some(before) = before
            && &*before.role.kind == "Role"
            && let Some(role) = role(&before.role.name)
            && role.action == ActionName::Delete
        {
            schedule.add_order(role.index, index);
        }
    }

    /// An account comes last. It needs the trust in it: an account that names an identity which does
    /// not trust it makes every pod fail at its first token, so it stays as it is instead. A missing
    /// role or binding lets pods sign in and be refused by name, so those are order alone.
    fn service_account(
        &self,
        schedule: &mut Schedule,
        index: usize,
        change: &Change<ServiceAccounts>,
    ) {
        let Some(after) = after(&change.action) else {
            return;
        };
        let key = &change.key;
        let namespace = (&key.cluster, &key.namespace);
        self.in_namespace(schedule, index, namespace, change.action.name());
        let subject = subject::of_service_account(&key.namespace, &key.name);
        for trust in self.trusts.get(&(&key.cluster, &subject)).into_iter().flatten() {
            schedule.add_need(index, *trust);
        }
        for binding in self.bindings.get(key).into_iter().flatten() {
            schedule.add_order(index, *binding);
        }
        let identity = match &after.client_id {
            Awaited::Known(client) => self.clients.get(client).copied(),
            Awaited::AfterApply(identity) => Some(identity),
        };
        let Some(identity) = identity else { return };
        if let Some(earlier) = self.identities.get(identity) {
            relate(schedule, index, *earlier);
        }
        for assignment in self.assignments.get(identity).into_iter().flatten() {
            schedule.add_order(index, *assignment);
        }
    }
}

/// A change needs what another makes, and merely follows what it only alters.
fn relate(schedule: &mut Schedule, index: usize, earlier: Earlier) {
    if earlier.makes() {
        schedule.add_need(index, earlier.index);
    } else {
        schedule.add_order(index, earlier.index);
    }
}

/// What the resource shall be, unless it is let go.
fn after<K: Kind>(action: &Action<K>) -> Option<&K::Planned> {
    match action {
        Action::Create { after }
        | Action::Update { after, .. }
        | Action::Adopt { after, .. }
        | Action::Replace { after, .. } => Some(after),
        Action::Release { .. } | Action::Delete { .. } => None,
    }
}
