//! A world that all stores write to: it keeps what was written, how it overlapped, and fails when told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::changes::{CLUSTER, output};
use crate::apply::execute::{Options, execute};
use crate::apply::outcome::Outcome;
use crate::event::{Event, EventSink};
use crate::model::awaited::IdentityOutputs;
use crate::model::guid::ClientId;
use crate::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials, LiveFederatedCredential,
};
use crate::model::kinds::identity::{Identities, Identity, IdentityKey, LiveIdentity};
use crate::model::kinds::marks::LiveMarks;
use crate::model::kinds::namespace::{LiveNamespace, NamespaceKey, Namespaces, PlannedNamespace};
use crate::model::kinds::rbac::{
    LiveRole, LiveRoleBinding, RoleBinding, RoleBindings, RoleKey, Roles,
};
use crate::model::kinds::role_assignment::{
    LiveRoleAssignment, RoleAssignmentKey, RoleAssignmentWrite, RoleAssignments,
};
use crate::model::kinds::service_account::{
    LiveServiceAccount, ServiceAccount, ServiceAccountKey, ServiceAccounts,
};
use crate::model::kinds::{Kind, rbac};
use crate::plan::change::AnyChange;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::remedy::catalogue::MISSING_RIGHT;
use crate::ports::store::{ClusterStores, Put, Store, Stores, WriteMode};

/// How one call goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It is answered with this error and does nothing.
    Refuse(PortErrorKind),
    /// It does its work, but its answer is lost.
    LoseAnswer,
    /// It is lost on the way, and so is the news of that.
    LoseRequest,
    /// It does its work, and then the adapter trips over the answer.
    Panic,
}

/// How long every call takes.
pub(super) const CALL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct World {
    inner: Mutex<Inner>,
    events: Mutex<Vec<Event>>,
}

#[derive(Default)]
struct Inner {
    /// What exists, by address, as text.
    written: BTreeMap<String, String>,
    log: Vec<String>,
    faults: BTreeMap<String, VecDeque<Fault>>,
    under_way: Vec<String>,
    widest: usize,
    overlaps: Vec<String>,
}

impl World {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Makes the next calls of this name (`put azure/identity/id-a`) go wrong, one after another.
    pub(super) fn fail(&self, call: &str, faults: impl IntoIterator<Item = Fault>) {
        let mut inner = self.inner.lock().unwrap();
        let entry = inner.faults.entry(call.to_owned()).or_default();
        entry.extend(faults);
    }

    pub(super) fn stores(self: &Arc<Self>) -> Stores {
        let store = || Arc::new(FakeStore(Arc::clone(self)));
        let cluster = ClusterStores {
            namespaces: store(),
            roles: store(),
            role_bindings: store(),
            service_accounts: store(),
        };
        Stores {
            identities: store(),
            credentials: store(),
            role_assignments: store(),
            clusters: BTreeMap::from([(CLUSTER.into(), cluster)]),
        }
    }

    /// Applies with a window of 32 and no interruption.
    pub(super) async fn apply(self: &Arc<Self>, changes: &[AnyChange]) -> Outcome {
        let (_sender, interrupted) = watch::channel(false);
        self.apply_with(changes, &options(interrupted)).await
    }

    pub(super) async fn apply_with(
        self: &Arc<Self>,
        changes: &[AnyChange],
        options: &Options<'_>,
    ) -> Outcome {
        let known = IdentityOutputs::new();
        execute(changes, &self.stores(), known, options, &**self).await
    }

    /// Every call in the order in which it reached the world.
    pub(super) fn log(&self) -> Vec<String> {
        self.inner.lock().unwrap().log.clone()
    }

    pub(super) fn has(&self, address: &str) -> bool {
        self.inner.lock().unwrap().written.contains_key(address)
    }

    pub(super) fn put_already(&self, address: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.written.insert(address.to_owned(), String::new());
    }

    /// The most calls that were ever under way together.
    pub(super) fn widest(&self) -> usize {
        self.inner.lock().unwrap().widest
    }

    /// Writes of credentials of one identity that were under way together.
    pub(super) fn overlaps(&self) -> Vec<String> {
        self.inner.lock().unwrap().overlaps.clone()
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(super) fn pauses(&self) -> Vec<Duration> {
        let events = self.events();
        let pauses = events.iter().filter_map(|event| {
            if let Event::Waiting { pause, .. } = event {
                return Some(*pause);
            }
            None
        });
        pauses.collect()
    }

    pub(super) fn reasons(&self) -> Vec<String> {
        let events = self.events().into_iter();
        let reasons = events.filter_map(|event| {
            if let Event::Waiting { why, .. } = event {
                return Some(why);
            }
            None
        });
        reasons.collect()
    }

    fn enter(&self, call: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.log.push(call.to_owned());
        let group = queue(call);
        let beside = |other: &&String| group.is_some() && queue(other) == group;
        if let Some(other) = inner.under_way.iter().find(beside) {
            let overlap = format!("{other} beside {call}");
            inner.overlaps.push(overlap);
        }
        inner.under_way.push(call.to_owned());
        inner.widest = inner.widest.max(inner.under_way.len());
    }

    /// Takes its time, then does the work unless the call is to fail.
    async fn call(&self, call: &str, work: impl FnOnce(&mut Inner)) -> Result<(), PortError> {
        self.enter(call);
        tokio::time::sleep(CALL).await;
        let mut inner = self.inner.lock().unwrap();
        inner.under_way.retain(|other| other != call);
        let fault = inner.faults.get_mut(call).and_then(VecDeque::pop_front);
        let kind = match fault {
            None => {
                work(&mut inner);
                return Ok(());
            }
            Some(Fault::Refuse(kind)) => kind,
            Some(Fault::LoseAnswer) => {
                work(&mut inner);
                PortErrorKind::AnswerLost
            }
            Some(Fault::LoseRequest) => PortErrorKind::AnswerLost,
            Some(Fault::Panic) => {
                work(&mut inner);
                drop(inner);
                panic!("index out of bounds: the len is 0 but the index is 0");
            }
        };
        let is_missing_right = matches!(kind, PortErrorKind::Refused { action: Some(_), .. });
        let mut error = PortError::new(kind, Service::Arm, call);
        if is_missing_right {
            (error.status, error.code) = (Some(403), Some(MISSING_RIGHT.to_owned()));
        }
        Err(error)
    }
}

/// The identity whose credentials a call writes.
fn queue(call: &str) -> Option<&str> {
    let (verb, address) = call.split_once(' ')?;
    let rest = address.strip_prefix("azure/federated-credential/")?;
    (verb != "get").then(|| rest.split('/').next().unwrap_or(rest))
}

pub(super) fn options<'a>(interrupted: watch::Receiver<bool>) -> Options<'a> {
    Options { parallelism: 32, seed: 1, interrupted, refresh: None }
}

impl EventSink for World {
    fn emit(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

struct FakeStore(Arc<World>);

/// What a service would answer after a write.
trait Answer: Kind {
    fn answer(key: &Self::Key, write: &Self::Write) -> Self::Live;
}

#[async_trait]
impl<K: Answer> Store<K> for FakeStore {
    async fn put(
        &self,
        key: &K::Key,
        write: &K::Write,
        _: WriteMode,
    ) -> Result<Put<K::Live>, PortError> {
        let (address, live) = (key.to_string(), K::answer(key, write));
        let shown = format!("{write:?}");
        let call = format!("put {address}");
        let mut existed = false;
        let work = |inner: &mut Inner| {
            existed = inner.written.insert(address, shown).is_some();
        };
        self.0.call(&call, work).await?;
        Ok(Put { live, existed })
    }

    async fn get(&self, key: &K::Key, write: &K::Write) -> Result<Option<K::Live>, PortError> {
        let call = format!("get {key}");
        self.0.call(&call, |_| {}).await?;
        let inner = self.0.inner.lock().unwrap();
        let shown = inner.written.get(&key.to_string());
        let same = shown.is_some_and(|shown| *shown == format!("{write:?}"));
        Ok(same.then(|| K::answer(key, write)))
    }

    /// `get` finds nothing but what was to be written.
    fn is_written(&self, _: &K::Live, _: &K::Write) -> bool {
        true
    }

    async fn delete(&self, key: &K::Key, _: &K::Live, _: K::MayDelete) -> Result<(), PortError> {
        let address = key.to_string();
        let call = format!("delete {address}");
        let work = |inner: &mut Inner| {
            inner.written.remove(&address);
        };
        self.0.call(&call, work).await
    }

    async fn release(&self, key: &K::Key, _: &K::Live, _: K::MayRelease) -> Result<(), PortError> {
        self.0.call(&format!("release {key}"), |_| {}).await
    }
}

impl Answer for Identities {
    fn answer(key: &IdentityKey, write: &Identity) -> LiveIdentity {
        let output = output(key.name());
        LiveIdentity {
            id: key.id().clone(),
            client_id: output.client_id,
            principal_id: output.principal_id,
            tenant_id: output.tenant_id,
            location: write.location.clone(),
            tags: write.tags.clone(),
        }
    }
}

impl Answer for RoleAssignments {
    fn answer(_: &RoleAssignmentKey, write: &RoleAssignmentWrite) -> LiveRoleAssignment {
        let assignment = &write.assignment;
        LiveRoleAssignment {
            id: assignment.scope.clone(),
            scope: assignment.scope.clone(),
            role: assignment.role,
            principal: assignment.principal,
            description: None,
            condition: assignment.condition.clone(),
        }
    }
}

impl Answer for FederatedCredentials {
    fn answer(
        key: &FederatedCredentialKey,
        write: &FederatedCredential,
    ) -> LiveFederatedCredential {
        LiveFederatedCredential {
            name: key.name.clone(),
            issuer: write.issuer.clone(),
            subject: Some(write.subject.clone()),
            expression: None,
            audiences: vec![write.audience.clone()],
        }
    }
}

impl Answer for Namespaces {
    fn answer(_: &NamespaceKey, _: &PlannedNamespace) -> LiveNamespace {
        LiveNamespace { marks: LiveMarks::default(), terminating: false, owners: Vec::new() }
    }
}

impl Answer for Roles {
    fn answer(_: &RoleKey, write: &rbac::Role) -> LiveRole {
        LiveRole {
            rules: Arc::clone(&write.rules),
            marks: LiveMarks::default(),
            owners: Vec::new(),
        }
    }
}

impl Answer for RoleBindings {
    fn answer(_: &rbac::RoleBindingKey, write: &RoleBinding) -> LiveRoleBinding {
        LiveRoleBinding {
            role: write.role.clone(),
            subjects: write.subjects.clone(),
            marks: LiveMarks::default(),
            owners: Vec::new(),
        }
    }
}

impl Answer for ServiceAccounts {
    fn answer(_: &ServiceAccountKey, write: &ServiceAccount<ClientId>) -> LiveServiceAccount {
        LiveServiceAccount {
            client_id: Some(write.client_id.to_string().into()),
            ..LiveServiceAccount::default()
        }
    }
}
