//! Namespaces.

use serde::Deserialize;

use super::kind::{ClusterKind, Content, marks_are_written};
use super::metadata::Metadata;
use super::texts::Texts;
use crate::model::kinds::namespace::{LiveNamespace, Namespaces, PlannedNamespace};

/// A namespace on the wire.
#[derive(Deserialize)]
pub(super) struct Wire {
    metadata: Metadata,
}

impl ClusterKind for Namespaces {
    type Resource = k8s_openapi::api::core::v1::Namespace;
    type Wire = Wire;

    const NOUN: &'static str = "namespace";

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

    fn content(write: &PlannedNamespace) -> Content {
        Content::marked(&write.marks)
    }

    fn is_written(live: &LiveNamespace, write: &PlannedNamespace) -> bool {
        !live.terminating && marks_are_written(&live.marks, &write.marks)
    }
}
