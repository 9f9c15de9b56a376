//! RoleBindings.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::kind::{ClusterKind, Content, marks_are_written};
use super::metadata::Metadata;
use super::role::{WireRef, WireSubject};
use super::texts::Texts;
use crate::model::kinds::Release;
use crate::model::kinds::marks::{Field, is_held};
use crate::model::kinds::rbac::{LiveRoleBinding, RoleBinding, RoleBindings, RoleRef, RoleSubject};

/// The API group of roles, users and groups.
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// A `RoleBinding` on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wire {
    metadata: Metadata,
    role_ref: WireRef,
    subjects: Option<Vec<WireSubject>>,
}

impl ClusterKind for RoleBindings {
    type Resource = k8s_openapi::api::rbac::v1::RoleBinding;
    type Wire = Wire;

    const NOUN: &'static str = "role binding";

    fn metadata(wire: &Wire) -> &Metadata {
        &wire.metadata
    }

    fn live(wire: &Wire, texts: &mut Texts) -> LiveRoleBinding {
        let subjects = wire.subjects.iter().flatten().map(|subject| subject.read(texts)).collect();
        LiveRoleBinding {
            role: RoleRef {
                kind: texts.share(&wire.role_ref.kind),
                name: texts.share(&wire.role_ref.name),
            },
            subjects: in_order(subjects),
            marks: wire.metadata.marks(texts),
            owners: wire.metadata.owners(texts, &[Field::RoleRef, Field::Subjects]),
        }
    }

    fn content(write: &RoleBinding) -> Content {
        let mut content = Content::marked(&write.marks);
        content.fields.insert("roleRef".into(), reference_body(&write.role));
        content.fields.insert("subjects".into(), subject_bodies(&write.subjects));
        content
    }

    fn is_written(live: &LiveRoleBinding, write: &RoleBinding) -> bool {
        live.role == write.role
            && live.subjects == in_order(write.subjects.clone())
            && marks_are_written(&live.marks, &write.marks)
    }

    /// A binding cannot exist without its `roleRef`, nor change it.
    fn released(live: &LiveRoleBinding, what: Release) -> Content {
        let mut content = Content::default();
        content.fields.insert("roleRef".into(), reference_body(&live.role));
        if what == Release::Marks && is_held(&live.owners, Field::Subjects) {
            content.fields.insert("subjects".into(), subject_bodies(&live.subjects));
        }
        content
    }
}

/// Subjects sorted and without repeats.
fn in_order(mut subjects: Vec<RoleSubject>) -> Vec<RoleSubject> {
    subjects.sort();
    subjects.dedup();
    subjects
}

/// The reference to a role as it is applied.
fn reference_body(role: &RoleRef) -> Value {
    json!({ "apiGroup": RBAC_GROUP, "kind": role.kind, "name": role.name })
}

/// Subjects as they are applied.
fn subject_bodies(subjects: &[RoleSubject]) -> Value {
    in_order(subjects.to_vec()).iter().map(subject_body).collect()
}

/// A subject as it is applied: accounts are of the core group, users and groups of the RBAC one.
fn subject_body(subject: &RoleSubject) -> Value {
    let RoleSubject { kind, namespace, name } = subject;
    match namespace {
        Some(namespace) => json!({ "kind": kind, "namespace": namespace, "name": name }),
        None if is_service_account(kind) => json!({ "kind": kind, "name": name }),
        None => json!({ "apiGroup": RBAC_GROUP, "kind": kind, "name": name }),
    }
}

/// Whether a subject's kind is the core group's.
fn is_service_account(kind: &Arc<str>) -> bool {
    &**kind == "ServiceAccount"
}
