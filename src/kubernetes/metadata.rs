//! The metadata of an object as far as widctl reads it: our labels and annotations, and who wrote them.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::texts::Texts;
use crate::model::kinds::marks::{Field, FieldOwner, LiveMarks, Operation};

/// Whom the API server takes for the manager of what an object had before anybody applied it.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// `ObjectMeta`, everything that is not ours skipped while it is parsed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) deletion_timestamp: Option<IgnoredAny>,
    labels: Option<Labels>,
    annotations: Option<Annotations>,
    managed_fields: Option<Vec<ManagedFields>>,
}

#[derive(Deserialize)]
struct Labels {
    #[serde(rename = "app.kubernetes.io/managed-by")]
    managed_by: Option<String>,
    #[serde(rename = "widctl.dev/estate")]
    estate: Option<String>,
}

/// Our annotations.
#[derive(Deserialize, Default)]
pub(super) struct Annotations {
    #[serde(rename = "widctl.dev/created")]
    created: Option<String>,
    #[serde(rename = "azure.workload.identity/client-id")]
    pub(super) client_id: Option<String>,
    #[serde(rename = "azure.workload.identity/tenant-id")]
    pub(super) tenant_id: Option<String>,
    #[serde(rename = "azure.workload.identity/service-account-token-expiration")]
    pub(super) token_expiration: Option<String>,
}

/// One manager's claims.
/// <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/#System>
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedFields {
    manager: Option<String>,
    operation: Option<String>,
    fields_v1: Option<FieldSet>,
}

/// The fields of a claim, ours only.
#[derive(Deserialize)]
struct FieldSet {
    #[serde(rename = "f:metadata")]
    metadata: Option<MetadataSet>,
    #[serde(rename = "f:rules")]
    rules: Option<IgnoredAny>,
    #[serde(rename = "f:roleRef")]
    role_ref: Option<IgnoredAny>,
    #[serde(rename = "f:subjects")]
    subjects: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
struct MetadataSet {
    #[serde(rename = "f:labels")]
    labels: Option<LabelSet>,
    #[serde(rename = "f:annotations")]
    annotations: Option<AnnotationSet>,
}

#[derive(Deserialize, Default)]
struct LabelSet {
    #[serde(rename = "f:app.kubernetes.io/managed-by")]
    managed_by: Option<IgnoredAny>,
    #[serde(rename = "f:widctl.dev/estate")]
    estate: Option<IgnoredAny>,
}

#[derive(Deserialize, Default)]
struct AnnotationSet {
    #[serde(rename = "f:widctl.dev/created")]
    created: Option<IgnoredAny>,
    #[serde(rename = "f:azure.workload.identity/client-id")]
    client_id: Option<IgnoredAny>,
    #[serde(rename = "f:azure.workload.identity/tenant-id")]
    tenant_id: Option<IgnoredAny>,
    #[serde(rename = "f:azure.workload.identity/service-account-token-expiration")]
    token_expiration: Option<IgnoredAny>,
}

impl Metadata {
    /// The marks of ownership.
    pub(super) fn marks(&self, texts: &mut Texts) -> LiveMarks {
        let labels = self.labels.as_ref();
        LiveMarks {
            managed_by: texts.share_some(labels.and_then(|labels| labels.managed_by.as_deref())),
            estate: texts.share_some(labels.and_then(|labels| labels.estate.as_deref())),
            created: texts.share_some(self.annotation(|annotations| &annotations.created)),
        }
    }

    /// One of our annotations.
    pub(super) fn annotation(
        &self,
        pick: impl Fn(&Annotations) -> &Option<String>,
    ) -> Option<&str> {
        self.annotations.as_ref().and_then(|annotations| pick(annotations).as_deref())
    }

    /// Who wrote which of our fields, sorted. `content` names the kind's own fields.
    pub(super) fn owners(&self, texts: &mut Texts, content: &[Field]) -> Vec<FieldOwner> {
        let claims = self.managed_fields.as_deref().unwrap_or_default();
        if claims.is_empty() {
            return self.before_first_apply(texts, content);
        }
        let mut owners = Vec::new();
        for claim in claims {
            let Some(fields) = &claim.fields_v1 else {
                continue;
            };
            let operation = match claim.operation.as_deref() {
                Some("Apply") => Operation::Apply,
                _ => Operation::Update,
            };
            let manager = texts.share(claim.manager.as_deref().unwrap_or("unknown"));
            owners.extend(fields.claimed().map(|field| FieldOwner {
                field,
                manager: Arc::clone(&manager),
                operation,
            }));
        }
        owners.sort_by(|a, b| {
            (a.field, &a.manager, a.operation).cmp(&(b.field, &b.manager, b.operation))
        });
        owners.dedup();
        owners.shrink_to_fit();
        owners
    }

    /// The API server keeps no managers of an object that was made without fields of its own until somebody
    /// applies it. That apply then meets with everything the object has as this manager's.
    /// <https://github.com/kubernetes/kubernetes/blob/v1.36.0/staging/src/k8s.io/apimachinery/pkg/util/managedfields/internal/skipnonapplied.go>
    fn before_first_apply(&self, texts: &mut Texts, content: &[Field]) -> Vec<FieldOwner> {
        let labels = self.labels.as_ref();
        let label = |pick: fn(&Labels) -> bool| labels.is_some_and(pick);
        let annotation =
            |pick: fn(&Annotations) -> &Option<String>| self.annotation(pick).is_some();
        let mut fields: Vec<Field> = [
            (Field::ManagedBy, label(|labels| labels.managed_by.is_some())),
            (Field::Estate, label(|labels| labels.estate.is_some())),
            (Field::Created, annotation(|of| &of.created)),
            (Field::ClientId, annotation(|of| &of.client_id)),
            (Field::TenantId, annotation(|of| &of.tenant_id)),
            (Field::TokenExpiration, annotation(|of| &of.token_expiration)),
        ]
        .into_iter()
        .filter_map(|(field, present)| present.then_some(field))
        .collect();
        fields.extend_from_slice(content);
        let manager = texts.share(BEFORE_FIRST_APPLY);
        let owner = |field| FieldOwner {
            field,
            manager: Arc::clone(&manager),
            operation: Operation::Update,
        };
        fields.into_iter().map(owner).collect()
    }
}

impl FieldSet {
    /// Our fields in the claim.
    fn claimed(&self) -> impl Iterator<Item = Field> {
        let metadata = self.metadata.as_ref();
        let labels = metadata.and_then(|metadata| metadata.labels.as_ref());
        let annotations = metadata.and_then(|metadata| metadata.annotations.as_ref());
        let label = |pick: fn(&LabelSet) -> bool| labels.is_some_and(pick);
        let annotation = |pick: fn(&AnnotationSet) -> bool| annotations.is_some_and(pick);
        [
            (Field::ManagedBy, label(|set| set.managed_by.is_some())),
            (Field::Estate, label(|set| set.estate.is_some())),
            (Field::Created, annotation(|set| set.created.is_some())),
            (Field::ClientId, annotation(|set| set.client_id.is_some())),
            (Field::TenantId, annotation(|set| set.tenant_id.is_some())),
            (Field::TokenExpiration, annotation(|set| set.token_expiration.is_some())),
            (Field::Rules, self.rules.is_some()),
            (Field::RoleRef, self.role_ref.is_some()),
            (Field::Subjects, self.subjects.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, claimed)| claimed.then_some(field))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::kinds::marks::{ANNOTATION_CREATED, LABEL_ESTATE, LABEL_MANAGED_BY};
    use crate::model::kinds::service_account::{
        ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION,
    };

    fn parse(value: serde_json::Value) -> Metadata {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_names_on_the_wire_are_those_of_the_model() {
        let metadata = parse(json!({
            "name": "a",
            "labels": { LABEL_MANAGED_BY: "1", LABEL_ESTATE: "2" },
            "annotations": {
                ANNOTATION_CREATED: "3", ANNOTATION_CLIENT_ID: "4", ANNOTATION_TENANT_ID: "5",
                ANNOTATION_TOKEN_EXPIRATION: "6",
            },
            "managedFields": [{
                "manager": "widctl", "operation": "Apply",
                "fieldsV1": { "f:metadata": {
                    "f:labels": { (format!("f:{LABEL_MANAGED_BY}")): {}, (format!("f:{LABEL_ESTATE}")): {} },
                    "f:annotations": {
                        (format!("f:{ANNOTATION_CREATED}")): {}, (format!("f:{ANNOTATION_CLIENT_ID}")): {},
                        (format!("f:{ANNOTATION_TENANT_ID}")): {},
                        (format!("f:{ANNOTATION_TOKEN_EXPIRATION}")): {},
                    },
                } },
            }],
        }));
        let mut texts = Texts::default();
        let marks = metadata.marks(&mut texts);
        assert_eq!(
            [marks.managed_by, marks.estate, marks.created].map(|mark| mark.unwrap().to_string()),
            ["1", "2", "3"]
        );
        assert_eq!(metadata.annotation(|of| &of.client_id), Some("4"));
        assert_eq!(metadata.annotation(|of| &of.tenant_id), Some("5"));
        assert_eq!(metadata.annotation(|of| &of.token_expiration), Some("6"));
        assert_eq!(metadata.owners(&mut texts, &[]).len(), 6);
    }

    #[test]
    fn foreign_fields_and_subresources_are_nobodys_claim_on_ours() {
        let metadata = parse(json!({
            "name": "a",
            "labels": { "team": "x" },
            "annotations": null,
            "managedFields": [
                { "manager": "helm", "operation": "Apply",
                  "fieldsV1": { "f:metadata": { "f:labels": { ".": {}, "f:team": {} } }, "f:secrets": {} } },
                { "manager": "old", "operation": "Update" },
            ],
        }));
        let mut texts = Texts::default();
        assert!(metadata.owners(&mut texts, &[]).is_empty());
        assert_eq!(metadata.marks(&mut texts), LiveMarks::default());
    }

    #[test]
    fn what_nobody_is_known_to_have_written_is_before_the_first_apply() {
        let metadata = parse(json!({
            "name": "a",
            "annotations": { ANNOTATION_CLIENT_ID: "by hand" },
        }));
        let owners = metadata.owners(&mut Texts::default(), &[Field::Rules]);
        let named: Vec<_> =
            owners.iter().map(|owner| (owner.field, &*owner.manager, owner.operation)).collect();
        assert_eq!(
            named,
            [
                (Field::ClientId, BEFORE_FIRST_APPLY, Operation::Update),
                (Field::Rules, BEFORE_FIRST_APPLY, Operation::Update),
            ]
        );
    }

    #[test]
    fn two_managers_of_one_field_are_both_named() {
        let claim = |manager: &str, operation: &str| json!({ "manager": manager, "operation": operation, "fieldsV1": { "f:rules": {} } });
        let metadata = parse(json!({
            "name": "a",
            "managedFields": [claim("kubectl-edit", "Update"), claim("argocd", "Apply"), claim("argocd", "Apply")],
        }));
        let owners = metadata.owners(&mut Texts::default(), &[]);
        let named: Vec<_> =
            owners.iter().map(|owner| (owner.field, &*owner.manager, owner.operation)).collect();
        assert_eq!(
            named,
            [
                (Field::Rules, "argocd", Operation::Apply),
                (Field::Rules, "kubectl-edit", Operation::Update),
            ]
        );
    }
}
