//! Roles.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::kind::{ClusterKind, Content, marks_are_written};
use super::metadata::Metadata;
use super::texts::Texts;
use crate::model::kinds::Release;
use crate::model::kinds::marks::{Field, is_held};
use crate::model::kinds::rbac::{LiveRole, PolicyRule, Role, RoleSubject, Roles};

/// A Role on the wire.
#[derive(Deserialize)]
pub(super) struct Wire {
    metadata: Metadata,
    rules: Option<Vec<WireRule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireRule {
    api_groups: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    resource_names: Option<Vec<String>>,
    verbs: Option<Vec<String>>,
}

/// The reference to a role on the wire.
#[derive(Deserialize)]
pub(super) struct WireRef {
    pub(super) kind: String,
    pub(super) name: String,
}

/// A subject on the wire.
#[derive(Deserialize)]
pub(super) struct WireSubject {
    kind: String,
    namespace: Option<String>,
    name: String,
}

impl ClusterKind for Roles {
    type Resource = k8s_openapi::api::rbac::v1::Role;
    type Wire = Wire;

    const NOUN: &'static str = "role";

    fn metadata(wire: &Wire) -> &Metadata {
        &wire.metadata
    }

    fn live(wire: &Wire, texts: &mut Texts) -> LiveRole {
        let rules = wire.rules.iter().flatten().map(|rule| rule.read(texts)).collect();
        LiveRole {
            rules: in_order(rules).into(),
            marks: wire.metadata.marks(texts),
            owners: wire.metadata.owners(texts, &[Field::Rules]),
        }
    }

    fn content(write: &Role) -> Content {
        let mut content = Content::marked(&write.marks);
        content.fields.insert("rules".into(), bodies(&write.rules));
        content
    }

    fn is_written(live: &LiveRole, write: &Role) -> bool {
        *live.rules == in_order(write.rules.to_vec())
            && marks_are_written(&live.marks, &write.marks)
    }

    fn released(live: &LiveRole, what: Release) -> Content {
        let mut content = Content::default();
        if what == Release::Marks && is_held(&live.owners, Field::Rules) {
            content.fields.insert("rules".into(), bodies(&live.rules));
        }
        content
    }
}

impl WireRule {
    /// The rule.
    pub(super) fn read(&self, texts: &mut Texts) -> PolicyRule {
        PolicyRule {
            api_groups: shared(self.api_groups.as_ref(), texts),
            resources: shared(self.resources.as_ref(), texts),
            resource_names: shared(self.resource_names.as_ref(), texts),
            verbs: shared(self.verbs.as_ref(), texts),
        }
    }
}

impl WireSubject {
    /// The subject.
    pub(super) fn read(&self, texts: &mut Texts) -> RoleSubject {
        RoleSubject {
            kind: texts.share(&self.kind),
            namespace: texts.share_some(self.namespace.as_deref()),
            name: texts.share(&self.name),
        }
    }
}

/// A list of texts as shared ones.
fn shared(list: Option<&Vec<String>>, texts: &mut Texts) -> Vec<Arc<str>> {
    list.into_iter().flatten().map(|text| texts.share(text)).collect()
}

/// Rules without an order of their own: sorted and without repeats, inside and among each other.
fn in_order(mut rules: Vec<PolicyRule>) -> Vec<PolicyRule> {
    for rule in &mut rules {
        let PolicyRule { api_groups, resources, resource_names, verbs } = rule;
        for list in [api_groups, resources, resource_names, verbs] {
            list.sort();
            list.dedup();
        }
    }
    rules.sort();
    rules.dedup();
    rules
}

/// Rules as they are applied.
fn bodies(rules: &[PolicyRule]) -> Value {
    in_order(rules.to_vec()).iter().map(body).collect()
}

/// A rule as it is applied.
fn body(rule: &PolicyRule) -> Value {
    let PolicyRule { api_groups, resources, resource_names, verbs } = rule;
    let mut body = json!({ "apiGroups": api_groups, "resources": resources, "verbs": verbs });
    if !resource_names.is_empty() {
        body["resourceNames"] = json!(resource_names);
    }
    body
}
