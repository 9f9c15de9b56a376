//! A change as people and files see it: rows of fields, without kinds.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::arm_id::ArmId;
use crate::model::kinds::{Kind, Release};
use crate::model::text::ClusterName;
use crate::plan::action::{Action, ActionName};
use crate::plan::change::{AnyChange, Change, with_change};
use crate::plan::fields;
use crate::plan::fields::Side;
use crate::plan::kinds::{PlannedKind, marked};

/// Where a resource is.
pub(crate) enum Place<'a> {
    /// In Azure, at this scope: the resource group of its identity.
    Azure(ArmId),
    /// On a cluster.
    Cluster(&'a ClusterName),
}

/// One change as a row. The saved plan holds exactly these.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRow {
    /// The kind of the resource, `service-account`.
    pub kind: String,
    /// The resource's address, unique at its place.
    pub address: String,
    /// Where it is: in Azure the resource group of its identity; on a cluster the cluster's ARM id, or its context
    /// and issuer. With the address it is the whole key of the resource.
    pub place: String,
    /// The ARM id of the identity that the resource is, belongs to, or names from now on.
    pub identity: Option<String>,
    /// Its team.
    pub team: Option<String>,
    /// Its cluster.
    pub cluster: Option<String>,
    /// What is done.
    pub action: ActionName,
    /// Why.
    pub reason: String,
    /// What follows for people.
    pub effects: Vec<String>,
    /// The fields before, by name, in a fixed order; `None` on a create. A field that is not there is
    /// left out. [`ChangeRow::managers`] names who holds a field that differs.
    pub before: Option<Map<String, Value>>,
    /// The fields after; `None` on a delete, empty on a release. For an id of an identity that is still to be
    /// created stands `(known after apply: client id of NAME)`.
    pub after: Option<Map<String, Value>>,
    /// Who wrote the other value, by field; empty on Azure resources.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub managers: Map<String, Value>,
}

impl ChangeRow {
    /// The row of a change; `clusters` says where each cluster is.
    pub fn new(any: &AnyChange, clusters: &BTreeMap<ClusterName, Arc<str>>) -> Self {
        with_change!(any, change => row(change, clusters))
    }

    /// The whole key of the resource: no two rows of a plan have the same.
    pub fn key(&self) -> (&str, &str) {
        (&self.place, &self.address)
    }
}

fn row<K: PlannedKind>(
    change: &Change<K>,
    clusters: &BTreeMap<ClusterName, Arc<str>>,
) -> ChangeRow {
    let (before, after) = sides(change);
    let mut rows = K::fields(before, after);
    let released = match &change.action {
        Action::Release { may, .. } => Some((*may).into()),
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Adopt { .. }
        | Action::Replace { .. }
        | Action::Delete { .. } => None,
    };
    if released == Some(Release::Marks) {
        // Azure knows no managers: what its kinds say of a release are the marks.
        rows.retain(|row| row.field.is_none() || marked::is_mark(row));
    }
    let owners = before.map_or(&[][..], |(_, live)| K::owners(live));
    let managers = match change.action {
        Action::Create { .. } | Action::Release { .. } | Action::Delete { .. } => Map::new(),
        Action::Update { .. } | Action::Adopt { .. } | Action::Replace { .. } => {
            fields::managers(&rows, owners)
        }
    };
    let (was, wanted) = fields::maps(&rows);
    ChangeRow {
        kind: K::NAME.to_owned(),
        address: change.key.to_string(),
        place: match K::place(&change.key) {
            Place::Azure(scope) => scope.to_string(),
            Place::Cluster(cluster) => {
                clusters.get(cluster).map_or_else(|| cluster.to_string(), ToString::to_string)
            }
        },
        identity: K::identity(change).map(|identity| identity.id().to_string()),
        team: change.team.as_ref().map(ToString::to_string),
        cluster: change.cluster.as_ref().map(ToString::to_string),
        action: change.action.name(),
        reason: change.reason.clone(),
        effects: change.effects.clone(),
        before: before.map(|_| was),
        after: (after.is_some() || released.is_some()).then_some(wanted),
        managers,
    }
}

type Sides<'a, K> = (
    Side<'a, <K as Kind>::Key, <K as Kind>::Live>,
    Side<'a, <K as Kind>::Key, <K as Kind>::Planned>,
);

fn sides<K: Kind>(change: &Change<K>) -> Sides<'_, K> {
    let key = &change.key;
    match &change.action {
        Action::Create { after } => (None, Some((key, after))),
        Action::Update { before, after, .. } | Action::Adopt { before, after, .. } => {
            (Some((key, before)), Some((key, after)))
        }
        Action::Replace { before_key, before, after } => {
            (Some((before_key, before.live())), Some((key, after)))
        }
        Action::Release { before, .. } => (Some((key, before)), None),
        Action::Delete { before } => (Some((key, before.live())), None),
    }
}
