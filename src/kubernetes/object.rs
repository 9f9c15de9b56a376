//! Reads and writes one object of any kind.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use http::StatusCode;
use kube::Resource;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, Preconditions};

use super::error::{ClusterRequest, clean};
use super::kind::{ClusterKey, ClusterKind, Content, is_askable, named};
use super::request::Requests;
use super::texts::Texts;
use crate::model::kinds::marks::{FIELD_MANAGER, Marked, ObjectKey};
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::place::{Place, Symptom};
use crate::ports::store::{Put, Store, WriteMode};

/// The store of one kind on one cluster.
pub(super) struct Objects<K> {
    requests: Requests,
    kind: PhantomData<fn() -> K>,
}

impl<K: ClusterKind> Objects<K> {
    /// A store over the cluster's requests.
    pub(super) fn new(requests: Requests) -> Self {
        Self { requests, kind: PhantomData }
    }

    /// What was observed of the object; `None` where it does not exist.
    pub(super) async fn find(&self, key: &K::Key) -> Result<Option<K::Live>, PortError> {
        let wire = self.read(key).await?;
        Ok(wire.map(|wire| K::live(&wire, &mut Texts::default())))
    }

    /// The object as it is; `None` where it does not exist.
    async fn read(&self, key: &K::Key) -> Result<Option<K::Wire>, PortError> {
        let asked = asked::<K>(key, "get", "read");
        let path = self.path(&asked, key)?;
        let request = path.get(key.name(), &GetParams::default());
        let request = request.map_err(|error| self.unsendable(&asked, error))?;
        match self.requests.send(&asked, request).await {
            Ok(answer) => self.parse(&asked, key, &answer).map(Some),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Applies the fields; those that an earlier apply held and this one leaves out go.
    async fn apply(
        &self,
        key: &K::Key,
        content: Content,
        uid: Option<&str>,
        force: bool,
    ) -> Result<(StatusCode, K::Wire), PortError> {
        let asked = asked::<K>(key, "patch", "apply");
        let mut options = PatchParams::apply(FIELD_MANAGER).validation_strict();
        options.force = force;
        let body = Patch::Apply(content.body::<K>(key, uid));
        let path = self.path(&asked, key)?;
        let request = path.patch(key.name(), &options, &body);
        let request = request.map_err(|error| self.unsendable(&asked, error))?;
        let (status, answer) = self.requests.exchange(&asked, request).await?;
        Ok((status, self.parse(&asked, key, &answer)?))
    }

    /// Whether the object is in a namespace that was made over this connection, where nobody else can have one of
    /// this name: controllers make the account `default` as soon as there is a namespace.
    /// <https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts>
    fn is_in_new_namespace(&self, key: &K::Key) -> bool {
        let made = lock(&self.requests.made);
        key.name() != "default" && key.namespace().is_some_and(|namespace| made.contains(namespace))
    }

    /// The object in an answer. It is the very one that was asked for, and has what later writes are bound to.
    fn parse(
        &self,
        asked: &ClusterRequest,
        key: &K::Key,
        body: &[u8],
    ) -> Result<K::Wire, PortError> {
        let wire: K::Wire =
            answer::parse(body).map_err(|error| self.requests.malformed(asked, error))?;
        let metadata = K::metadata(&wire);
        let cluster = &self.requests.place.cluster;
        let found = K::Key::read(cluster, metadata, &mut Texts::default());
        if found.name() != key.name() || found.namespace() != key.namespace() {
            let what = format!("the answer is about {}", clean(&named::<K>(&found)));
            return Err(self.requests.unlikely(asked, what));
        }
        if metadata.uid.as_deref().is_none_or(str::is_empty) {
            return Err(self.requests.unlikely(asked, "the object in the answer has no uid"));
        }
        Ok(wire)
    }

    /// The path of the kind in the key's namespace.
    fn path(&self, asked: &ClusterRequest, key: &K::Key) -> Result<kube::core::Request, PortError> {
        if !is_askable::<K>(key) {
            let unaskable = Some(Symptom::Unaskable);
            let mut invalid =
                self.requests.place.explained(PortErrorKind::Invalid, asked, unaskable);
            invalid.message =
                Some("its name has a character that means something else in a path".into());
            return Err(invalid);
        }
        let path = K::Resource::url_path(&(), key.namespace());
        Ok(kube::core::Request::new(path))
    }

    /// The error of a name that makes no path.
    fn unsendable(&self, asked: &ClusterRequest, error: kube::core::request::Error) -> PortError {
        let mut invalid = self.requests.place.error(PortErrorKind::Invalid, asked);
        invalid.source = Some(Box::new(error));
        invalid
    }

    /// The error of an object that changed hands since the plan was made.
    fn changed(&self, key: &K::Key, operation: &str, what: &str) -> PortError {
        let kind = PortErrorKind::Conflict { managers: Vec::new() };
        let asked = asked::<K>(key, "get", operation);
        let mut conflict = self.requests.place.error(kind, &asked);
        conflict.message = Some(what.into());
        conflict.place = Some(Box::new(Place::Changed));
        conflict
    }
}

#[async_trait]
impl<K: ClusterKind> Store<K> for Objects<K> {
    /// An apply would make an object that does not exist, and merge into one that does. So a creation looks
    /// first, or it would mark as created what somebody else made since the plan, except in a namespace of
    /// this run's own; and a write to somebody else's account is bound to its uid, or it would make the
    /// account anew.
    async fn put(
        &self,
        key: &K::Key,
        value: &K::Write,
        mode: WriteMode,
    ) -> Result<Put<K::Live>, PortError> {
        let mut uid = None;
        let creates = mode == WriteMode::Create;
        if creates && !self.is_in_new_namespace(key) || K::must_exist(value) {
            uid = match self.read(key).await? {
                Some(_) if creates => {
                    return Err(self.changed(key, "create", "it exists by now"));
                }
                Some(wire) => K::metadata(&wire).uid.clone(),
                None if creates => None,
                None => {
                    let asked = asked::<K>(key, "get", "annotate");
                    let mut gone = self.requests.place.error(PortErrorKind::NotFound, &asked);
                    gone.message = Some("it does not exist".into());
                    return Err(gone);
                }
            };
        }
        let force = mode == WriteMode::UpdateForced;
        let (status, wire) = self.apply(key, K::content(value), uid.as_deref(), force).await?;
        // An apply to what somebody else made since that look would have been answered 200.
        if creates && key.namespace().is_none() && status == StatusCode::CREATED {
            lock(&self.requests.made).insert(key.name().to_owned());
        }
        let live = K::live(&wire, &mut Texts::default());
        Ok(Put { live, existed: !creates })
    }

    async fn get(&self, key: &K::Key, _: &K::Write) -> Result<Option<K::Live>, PortError> {
        self.find(key).await
    }

    fn is_written(&self, live: &K::Live, written: &K::Write) -> bool {
        K::is_written(live, written)
    }

    /// Deletes the very object that the plan saw: its marks are read again, and the deletion is bound to
    /// the uid and version that were read.
    async fn delete(&self, key: &K::Key, live: &K::Live, _: K::MayDelete) -> Result<(), PortError> {
        let asked = asked::<K>(key, "delete", "delete");
        let Some(wire) = self.read(key).await? else {
            return Ok(());
        };
        let metadata = K::metadata(&wire);
        if K::live(&wire, &mut Texts::default()).marks() != live.marks() {
            return Err(self.changed(key, "delete", "its ownership labels have changed"));
        }
        let options = DeleteParams::default().preconditions(Preconditions {
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        });
        let request = self.path(&asked, key)?.delete(key.name(), &options);
        let request = request.map_err(|error| self.unsendable(&asked, error))?;
        match self.requests.send(&asked, request).await {
            Ok(_) => Ok(()),
            Err(error) if is_absence(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Applies nothing, or nothing but what is no mark, so that what only widctl applied goes. Bound to the uid: an apply of nothing to
    /// an object that is gone would make it. All estates apply by the same manager, so what another one
    /// has taken meanwhile is left alone.
    async fn release(
        &self,
        key: &K::Key,
        live: &K::Live,
        may: K::MayRelease,
    ) -> Result<(), PortError> {
        let Some(wire) = self.read(key).await? else {
            return Ok(());
        };
        let found = K::live(&wire, &mut Texts::default());
        let (now, then) = (found.marks(), live.marks());
        let marks = [(&now.estate, &then.estate), (&now.annotates, &then.annotates)];
        if marks.into_iter().any(|(now, then)| now.is_some() && now != then) {
            return Err(self.changed(key, "release", "another estate owns it by now"));
        }
        let released = K::released(&found, may.into());
        let uid = K::metadata(&wire).uid.as_deref();
        self.apply(key, released, uid, false).await.map(drop)
    }
}

/// Whether an error says that there is no such object. A proxy's 404 is about the way to the API server: only a
/// `Status` is about the object.
pub(super) fn is_absence(error: &PortError) -> bool {
    matches!(error.kind, PortErrorKind::NotFound | PortErrorKind::ParentNotFound)
        && error.code.as_deref() == Some("NotFound")
}

fn lock(made: &Mutex<BTreeSet<String>>) -> MutexGuard<'_, BTreeSet<String>> {
    made.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is asked of one object.
fn asked<K: ClusterKind>(key: &K::Key, verb: &'static str, operation: &str) -> ClusterRequest {
    ClusterRequest {
        operation: format!("{operation} {}", named::<K>(key)),
        verb,
        resource: K::Resource::plural(&()).into_owned(),
        group: K::Resource::group(&()).into_owned(),
        namespace: key.namespace().map(str::to_owned),
    }
}
