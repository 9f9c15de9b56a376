//! What the generic reads and writes need to know of a kind.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::metadata::Metadata;
use super::texts::Texts;
use crate::model::kinds::marks::{
    ANNOTATION_CREATED, Claim, LABEL_ANNOTATES, LABEL_ESTATE, LABEL_MANAGED_BY, LABEL_TEAM,
    LiveMarks, MANAGED_BY_VALUE, Marked, Marks, ObjectKey,
};
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::kinds::namespaced::NamespacedKey;
use crate::model::kinds::{Kind, Release};
use crate::model::text::{ClusterName, Namespace, ObjectName};

/// A kind that lives on a cluster.
pub(super) trait ClusterKind: Kind<Key: ClusterKey, Live: Marked> {
    /// The generated type: group, version and path of the kind.
    type Resource: kube::Resource<DynamicType = ()>;
    /// The object as it is parsed: only what is read of it.
    type Wire: DeserializeOwned + Send;

    /// The kind in sentences, `service account`.
    const NOUN: &'static str;

    /// The object's metadata.
    fn metadata(wire: &Self::Wire) -> &Metadata;
    /// What was observed.
    fn live(wire: &Self::Wire, texts: &mut Texts) -> Self::Live;
    /// Exactly the fields that are applied.
    fn content(write: &Self::Write) -> Content;
    /// Whether what was observed is what was to be written.
    fn is_written(live: &Self::Live, write: &Self::Write) -> bool;
    /// Whether the write may only change what exists: the object is somebody else's to make.
    fn must_exist(_: &Self::Write) -> bool {
        false
    }
    /// What stays applied when the object is released: nothing, unless it could not exist without, or the marks
    /// alone are to go.
    fn released(_: &Self::Live, _: Release) -> Content {
        Content::default()
    }
}

/// What names an object on a cluster.
pub(super) trait ClusterKey: ObjectKey + Sized {
    /// The key of an object with this metadata.
    fn read(cluster: &ClusterName, metadata: &Metadata, texts: &mut Texts) -> Self;
}

impl<K: Kind> ClusterKey for NamespacedKey<K> {
    fn read(cluster: &ClusterName, metadata: &Metadata, texts: &mut Texts) -> Self {
        let namespace = texts.share(metadata.namespace.as_deref().unwrap_or_default());
        Self::new(
            cluster.clone(),
            Namespace::new(namespace),
            ObjectName::new(texts.share(&metadata.name)),
        )
    }
}

impl ClusterKey for NamespaceKey {
    fn read(cluster: &ClusterName, metadata: &Metadata, texts: &mut Texts) -> Self {
        let namespace = Namespace::new(texts.share(&metadata.name));
        Self { cluster: cluster.clone(), namespace }
    }
}

/// The fields of one apply.
#[derive(Default)]
pub(super) struct Content {
    /// Labels.
    pub(super) labels: Map<String, Value>,
    /// Annotations.
    pub(super) annotations: Map<String, Value>,
    /// Top-level fields.
    pub(super) fields: Map<String, Value>,
}

impl Content {
    /// The marks of ownership.
    pub(super) fn marked(marks: &Marks) -> Self {
        let mut content = Self::default();
        content.labels.insert(LABEL_MANAGED_BY.into(), MANAGED_BY_VALUE.into());
        content.labels.insert(LABEL_ESTATE.into(), marks.estate.as_str().into());
        content.labels.insert(LABEL_TEAM.into(), marks.team.as_str().into());
        content.annotations.insert(ANNOTATION_CREATED.into(), (*marks.created).into());
        content
    }

    /// What widctl says of itself on an account.
    pub(super) fn claimed(claim: &Claim) -> Self {
        match claim {
            Claim::Owns(marks) => Self::marked(marks),
            Claim::Annotates(estate) => {
                let mut content = Self::default();
                content.labels.insert(LABEL_ANNOTATES.into(), estate.as_str().into());
                content
            }
        }
    }

    /// The whole body of the apply. With a `uid` it only fits that very object.
    pub(super) fn body<K: ClusterKind>(self, key: &K::Key, uid: Option<&str>) -> Value {
        use kube::Resource;

        let Self { labels, annotations, fields } = self;
        let mut metadata = Map::new();
        metadata.insert("name".into(), key.name().into());
        if let Some(namespace) = key.namespace() {
            metadata.insert("namespace".into(), namespace.into());
        }
        if let Some(uid) = uid {
            metadata.insert("uid".into(), uid.into());
        }
        for (name, values) in [("labels", labels), ("annotations", annotations)] {
            if !values.is_empty() {
                metadata.insert(name.into(), values.into());
            }
        }
        let mut body = json!({
            "apiVersion": K::Resource::api_version(&()),
            "kind": K::Resource::kind(&()),
            "metadata": metadata,
        });
        if let Some(body) = body.as_object_mut() {
            body.extend(fields);
        }
        body
    }
}

/// The object in sentences: "the service account `flows` in namespace `data`".
pub(super) fn named<K: ClusterKind>(key: &K::Key) -> String {
    let mut text = format!("the {} `{}`", K::NOUN, key.name());
    if let Some(namespace) = key.namespace() {
        let _ = write!(text, " in namespace `{namespace}`");
    }
    text
}

/// Whether an API server can hold an object of this name. One that says so would have requests about it go to
/// another path, and behind a shared address to another cluster.
/// <https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apimachinery/pkg/api/validation/path/name.go>
pub(super) fn is_possible<K: ClusterKind>(key: &K::Key) -> bool {
    let possible = |text: &str| !matches!(text, "" | "." | "..") && !text.contains(['/', '%']);
    possible(key.name()) && key.namespace().is_none_or(possible)
}

/// Whether a path can name the object as it is: RBAC lets names have what ends a path.
pub(super) fn is_askable<K: ClusterKind>(key: &K::Key) -> bool {
    let plain = |text: &str| !text.contains(['?', '#', '\\']);
    is_possible::<K>(key) && plain(key.name()) && key.namespace().is_none_or(plain)
}

/// Whether the observed marks are the ones that were to be written.
pub(super) fn marks_are_written(live: &LiveMarks, marks: &Marks) -> bool {
    live.managed_by.as_deref() == Some(MANAGED_BY_VALUE)
        && live.estate.as_deref() == Some(marks.estate.as_str())
        && live.team.as_deref() == Some(marks.team.as_str())
        && live.created.as_deref() == Some(&*marks.created)
}
