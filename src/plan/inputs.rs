//! What the caller chose for a plan. A saved plan records it, so that an approval plans with the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The choices that a plan depends on beside the profile and what exists.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct PlanInputs {
    /// Globs of team names; empty for all. They select changes, never what is compared.
    pub teams: Vec<String>,
    /// Globs of cluster names; empty for all. Identities and roles come only as dependencies then.
    pub clusters: Vec<String>,
    /// Whether owned things that the profile no longer has are deleted.
    pub prune: bool,
    /// Whether more may be deleted than `mass_delete` of the policy allows.
    pub allow_mass_delete: bool,
    /// Whether objects that exist without our ownership labels are taken over.
    pub adopt: bool,
    /// Whether fields held by another apply manager are taken.
    pub force_conflicts: bool,
}

impl PlanInputs {
    /// What lets a plan touch more than what this estate made and the profile names, by its flag. Whoever
    /// applies an approved plan says it again: a file alone widens nothing.
    pub fn widening(&self) -> [(&'static str, bool); 4] {
        let Self { teams: _, clusters: _, prune, allow_mass_delete, adopt, force_conflicts } = self;
        [
            ("--prune", *prune),
            ("--allow-mass-delete", *allow_mass_delete),
            ("--adopt", *adopt),
            ("--force-conflicts", *force_conflicts),
        ]
    }
}
