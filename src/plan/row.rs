//! A change as people and files see it: rows of fields, without kinds.

use serde::Deserialize;
use serde::Serialize;
use serde_json::Map;
use serde_json::Value;

use crate::plan::action::ActionName;

/// What stands for a value that only the apply can know.
pub const KNOWN_AFTER_APPLY: &str = "(known after apply)";

/// One change as a row. The saved plan holds exactly these.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
    /// The fields before, by name, in a fixed order; `None` on a create. A field that another manager
    /// holds is followed by its name in [`ChangeRow::managers`].
    pub before: Option<Map<String, Value>>,
    /// The fields after; `None` on a delete. [`KNOWN_AFTER_APPLY`] stands for an unknown value.
    pub after: Option<Map<String, Value>>,
    /// Who wrote the other value, by field; empty on Azure resources.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub managers: Map<String, Value>,
}
