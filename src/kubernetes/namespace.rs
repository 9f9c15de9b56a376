//! Namespaces.

use serde::Deserialize;

use super::kind::{ClusterKind, Content, marks_are_written};
use super::metadata::Metadata;
use super::texts::Texts;
use crate::model::kinds::marks::LiveMarks;
use crate::model::kinds::namespace::{LiveNamespace, NamespaceKey, Namespaces, PlannedNamespace};
use crate::model::text::{ClusterName, Namespace};

/// A namespace on the wire.
#[derive(Deserialize)]
pub(super) struct Wire {
    metadata: Metadata,
}

impl ClusterKind for Namespaces {
    type Resource = k8s_openapi::api::core::v1::Namespace;
    type Wire = Wire;

    const NOUN: &'static str = "namespace";

    fn namespace(_: &NamespaceKey) -> Option<&str> {
        None
    }

    fn name(key: &NamespaceKey) -> &str {
        key.namespace.as_str()
    }

    fn key(cluster: &ClusterName, metadata: &Metadata, texts: &mut Texts) -> NamespaceKey {
        NamespaceKey {
            cluster: cluster.clone(),
            namespace: Namespace::new(texts.share(&metadata.name)),
        }
    }

    fn metadata(wire: &Wire) -> &Metadata {
        &wire.metadata
    }

    fn live(wire: &Wire, texts: &mut Texts) -> LiveNamespace {
        LiveNamespace {
            marks: wire.metadata.marks(texts),
            terminating: wire.metadata.deletion_timestamp.is_some(),
            owners: wire.metadata.owners(texts, &[]),
        }
    }

    fn marks(live: &LiveNamespace) -> &LiveMarks {
        &live.marks
    }

    fn content(write: &PlannedNamespace) -> Content {
        Content::marked(&write.marks)
    }

    fn is_written(live: &LiveNamespace, write: &PlannedNamespace) -> bool {
        !live.terminating && marks_are_written(&live.marks, &write.marks)
    }
}
