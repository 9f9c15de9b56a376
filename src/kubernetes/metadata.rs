//! The metadata of an object as far as widctl reads it: our labels and annotations, and who wrote them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::texts::Texts;
use crate::model::kinds::marks::{
    ANNOTATION_CREATED, Declared, Field, FieldOwner, LABEL_ANNOTATES, LABEL_ESTATE,
    LABEL_MANAGED_BY, LABEL_TEAM, LiveMarks, Operation,
};
use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_PREFIX, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION,
};
use crate::model::kinds::tools;

/// The longest name of another tool's release or application that is kept, in characters: an annotation may be as
/// long as its object.
const NAME_LIMIT: usize = 100;
/// The most annotations of the webhook's prefix that are kept although nobody reads them.
const MOST_STRAYS: usize = 10;
/// Whom the API server takes for the manager of what an object had before anybody applied it.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Our labels.
const LABELS: [(Field, &str); 4] = [
    (Field::ManagedBy, LABEL_MANAGED_BY),
    (Field::Estate, LABEL_ESTATE),
    (Field::Team, LABEL_TEAM),
    (Field::Annotates, LABEL_ANNOTATES),
];
/// Our annotations.
const ANNOTATIONS: [(Field, &str); 4] = [
    (Field::Created, ANNOTATION_CREATED),
    (Field::ClientId, ANNOTATION_CLIENT_ID),
    (Field::TenantId, ANNOTATION_TENANT_ID),
    (Field::TokenExpiration, ANNOTATION_TOKEN_EXPIRATION),
];

/// `ObjectMeta`, everything that is not ours skipped while it is parsed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) deletion_timestamp: Option<IgnoredAny>,
    labels: Option<Entries<String>>,
    annotations: Option<Entries<String>>,
    managed_fields: Option<Vec<ManagedFields>>,
}

/// The entries of a map under known keys, in a set of fields behind their `f:`; others are skipped.
struct Entries<V> {
    known: Vec<(&'static str, V)>,
    /// The other keys of the webhook's prefix.
    strays: Vec<String>,
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

#[derive(Deserialize)]
struct MetadataSet {
    #[serde(rename = "f:labels")]
    labels: Option<Entries<IgnoredAny>>,
    #[serde(rename = "f:annotations")]
    annotations: Option<Entries<IgnoredAny>>,
}

/// A key of ours, or of the tools that are known by their marks, as the model writes it.
fn known(key: &str) -> Option<&'static str> {
    let ours = LABELS.iter().chain(&ANNOTATIONS).map(|(_, name)| *name);
    ours.chain(tools::keys()).find(|name| *name == key)
}

impl<V> Entries<V> {
    fn get(&self, key: &str) -> Option<&V> {
        self.known.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ours<V>(Entries<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Ours<V> {
            type Value = Entries<V>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
                while let Some(key) = map.next_key::<Cow<'_, str>>()? {
                    let Some(name) = known(key.strip_prefix("f:").unwrap_or(&key)) else {
                        map.next_value::<IgnoredAny>()?;
                        if key.starts_with(ANNOTATION_PREFIX) && self.0.strays.len() < MOST_STRAYS {
                            self.0.strays.push(key.chars().take(NAME_LIMIT).collect());
                        }
                        continue;
                    };
                    if self.0.get(name).is_some() {
                        return Err(A::Error::duplicate_field(name));
                    }
                    self.0.known.extend(map.next_value::<Option<V>>()?.map(|value| (name, value)));
                }
                Ok(self.0)
            }
        }

        deserializer.deserialize_map(Ours(Entries { known: Vec::new(), strays: Vec::new() }))
    }
}

/// The fields of these entries.
fn fields_of<V>(
    entries: Option<&Entries<V>>,
    fields: &'static [(Field, &'static str)],
) -> impl Iterator<Item = Field> {
    let present = move |name| entries.is_some_and(|entries| entries.get(name).is_some());
    fields.iter().filter(move |(_, name)| present(name)).map(|(field, _)| *field)
}

impl Metadata {
    /// The marks of ownership.
    pub(super) fn marks(&self, texts: &mut Texts) -> LiveMarks {
        let label = |name: &str| self.labels.as_ref()?.get(name).map(String::as_str);
        let declared = tools::by_marks(|key| label(key).or_else(|| self.annotation(key)));
        let tool = declared.map(|(tool, by)| Declared {
            tool,
            by: by.map(|by| texts.share(&by.chars().take(NAME_LIMIT).collect::<String>())),
        });
        let mut label = |name| texts.share_some(label(name));
        LiveMarks {
            managed_by: label(LABEL_MANAGED_BY),
            estate: label(LABEL_ESTATE),
            team: label(LABEL_TEAM),
            annotates: label(LABEL_ANNOTATES),
            created: self.annotation(ANNOTATION_CREATED).map(Into::into),
            tool,
        }
    }

    /// One of our annotations.
    pub(super) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// The annotations of the webhook's prefix that are none of ours.
    pub(super) fn strays(&self) -> Vec<Arc<str>> {
        let strays = self.annotations.iter().flat_map(|annotations| &annotations.strays);
        strays.map(|stray| stray.as_str().into()).collect()
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
        let manager = texts.share(BEFORE_FIRST_APPLY);
        let owner = |field| FieldOwner {
            field,
            manager: Arc::clone(&manager),
            operation: Operation::Update,
        };
        fields_of(self.labels.as_ref(), &LABELS)
            .chain(fields_of(self.annotations.as_ref(), &ANNOTATIONS))
            .chain(content.iter().copied())
            .map(owner)
            .collect()
    }
}

impl FieldSet {
    /// Our fields in the claim.
    fn claimed(&self) -> impl Iterator<Item = Field> {
        let metadata = self.metadata.as_ref();
        let content = [
            (Field::Rules, self.rules.is_some()),
            (Field::RoleRef, self.role_ref.is_some()),
            (Field::Subjects, self.subjects.is_some()),
        ];
        fields_of(metadata.and_then(|metadata| metadata.labels.as_ref()), &LABELS)
            .chain(fields_of(
                metadata.and_then(|metadata| metadata.annotations.as_ref()),
                &ANNOTATIONS,
            ))
            .chain(content.into_iter().filter_map(|(field, claimed)| claimed.then_some(field)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: serde_json::Value) -> Metadata {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_label_and_annotation_of_ours_is_read_and_its_managers_are_known() {
        let all = |names: &[(Field, &str)], value: fn(&str) -> serde_json::Value, prefix: &str| {
            names
                .iter()
                .map(|(_, name)| (format!("{prefix}{name}"), value(name)))
                .collect::<serde_json::Map<_, _>>()
        };
        let empty = |_: &str| json!({});
        let metadata = parse(json!({
            "name": "a",
            "labels": all(&LABELS, |name| name.into(), ""),
            "annotations": all(&ANNOTATIONS, |name| name.into(), ""),
            "managedFields": [{
                "manager": "widctl", "operation": "Apply",
                "fieldsV1": { "f:metadata": {
                    "f:labels": all(&LABELS, empty, "f:"),
                    "f:annotations": all(&ANNOTATIONS, empty, "f:"),
                } },
            }],
        }));
        let mut texts = Texts::default();
        let LiveMarks { managed_by, estate, team, annotates, created, tool } =
            metadata.marks(&mut texts);
        assert_eq!(tool, None);
        assert_eq!(
            [managed_by, estate, team, annotates, created].map(|mark| mark.unwrap().to_string()),
            [LABEL_MANAGED_BY, LABEL_ESTATE, LABEL_TEAM, LABEL_ANNOTATES, ANNOTATION_CREATED]
        );
        for name in [ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION] {
            assert_eq!(metadata.annotation(name), Some(name));
        }
        assert_eq!(metadata.owners(&mut texts, &[]).len(), LABELS.len() + ANNOTATIONS.len());
    }

    #[test]
    fn the_tool_that_declares_an_object_is_known_by_its_marks() {
        let long = "n".repeat(1000);
        let metadata = parse(json!({
            "name": "a",
            "labels": { "app.kubernetes.io/managed-by": "Helm", "team": "x" },
            "annotations": { "meta.helm.sh/release-name": long },
        }));
        let Declared { tool, by } = metadata.marks(&mut Texts::default()).tool.unwrap();
        assert_eq!((tool.name, by.unwrap().len()), ("Helm", NAME_LIMIT));
    }

    #[test]
    fn a_label_that_comes_twice_is_no_answer() {
        let twice =
            format!(r#"{{"name":"a","labels":{{"{LABEL_ESTATE}":"a","{LABEL_ESTATE}":"b"}}}}"#);
        assert!(serde_json::from_str::<Metadata>(&twice).is_err());
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
