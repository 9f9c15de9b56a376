//! A change as people and files see it: rows of fields, without kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::kinds::Kind;
use crate::plan::action::{Action, ActionName};
use crate::plan::change::{AnyChange, Change};
use crate::plan::fields;
use crate::plan::fields::{Fields, Side};
use crate::with_change;

/// What stands for a value that only the apply can know.
pub const KNOWN_AFTER_APPLY: &str = "(known after apply)";

/// One change as a row. The saved plan holds exactly these.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRow {
    /// The resource's address.
    pub address: String,
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
    /// The fields after; `None` on a delete, empty on a release. [`KNOWN_AFTER_APPLY`] stands for an unknown value.
    pub after: Option<Map<String, Value>>,
    /// Who wrote the other value, by field; empty on Azure resources.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub managers: Map<String, Value>,
}

impl From<&AnyChange> for ChangeRow {
    fn from(any: &AnyChange) -> Self {
        with_change!(any, change => row(change))
    }
}

fn row<K: Fields>(change: &Change<K>) -> ChangeRow {
    let (before, after) = sides(change);
    let rows = K::fields(before, after);
    let owners = before.map_or(&[][..], |(_, live)| K::owners(live));
    let managers = match change.action {
        Action::Create { .. } | Action::Release { .. } | Action::Delete { .. } => Map::new(),
        Action::Update { .. } | Action::Adopt { .. } | Action::Replace { .. } => {
            fields::managers(&rows, owners)
        }
    };
    let (was, shall) = fields::maps(&rows);
    let released = matches!(change.action, Action::Release { .. });
    ChangeRow {
        address: change.key.to_string(),
        team: change.team.as_ref().map(ToString::to_string),
        cluster: change.cluster.as_ref().map(ToString::to_string),
        action: change.action.name(),
        reason: change.reason.clone(),
        effects: change.effects.clone(),
        before: before.map(|_| was),
        after: (after.is_some() || released).then_some(shall),
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
        Action::Release { before } => (Some((key, before)), None),
        Action::Delete { before } => (Some((key, before.live())), None),
    }
}
