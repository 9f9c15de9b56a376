//! `presets`: what orchestrators and controllers need, from the table that profiles take it from.

use crate::model::kinds::rbac::PolicyRule;
use crate::presets::{self, ACCOUNT, Place, Preset, Settings, Shape};
use crate::profile;
use crate::profile::suggest::did_you_mean;

/// A preset as it is shown.
#[derive(PartialEq, Eq, Debug, serde::Serialize)]
pub struct Shown {
    /// Its name in profiles.
    pub name: &'static str,
    /// The system that it is of.
    pub system: &'static str,
    /// How that comes to tokens.
    pub shape: Shape,
    /// Whose account it is.
    pub does: &'static str,
    /// Where objects have account and label.
    pub places: Vec<Place>,
    /// Where the system's own settings have them.
    pub settings: &'static [Settings],
    /// The rules of the Role.
    pub rules: Vec<Rule>,
    /// The denied rights in them, for which a team in its own file needs a grant.
    pub needs_grant_for: Vec<String>,
    /// What people should know.
    pub notes: &'static [String],
    /// Where this is documented.
    pub source: &'static str,
}

/// A rule as manifests have it.
#[derive(PartialEq, Eq, Debug, serde::Serialize)]
pub struct Rule {
    /// API groups; `""` is the core group.
    pub api_groups: Vec<String>,
    /// Resources and subresources.
    pub resources: Vec<String>,
    /// Names that it is limited to; empty for all.
    pub resource_names: Vec<String>,
    /// What may be done.
    pub verbs: Vec<String>,
}

/// Nobody knows the preset.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("widctl has no such preset: {0}")]
pub struct UnknownPreset(String);

/// The preset of this name.
pub fn find(name: &str) -> Result<&'static Preset, UnknownPreset> {
    let names = presets::all().iter().map(|preset| preset.name.as_str());
    presets::by_name(name).ok_or_else(|| UnknownPreset(did_you_mean(name, names)))
}

/// Every preset, in the order of the table.
pub fn all() -> Vec<Shown> {
    presets::all().iter().map(show).collect()
}

/// A preset with what other tables say of it.
pub fn show(preset: &'static Preset) -> Shown {
    Shown {
        name: &preset.name,
        system: &preset.system,
        shape: preset.shape(),
        does: &preset.does,
        places: preset.places(),
        settings: &preset.settings,
        rules: preset.rules(ACCOUNT).iter().map(rule).collect(),
        needs_grant_for: profile::denied_rights(preset),
        notes: &preset.notes,
        source: &preset.source,
    }
}

fn rule(rule: &PolicyRule) -> Rule {
    let texts = |texts: &[std::sync::Arc<str>]| texts.iter().map(ToString::to_string).collect();
    Rule {
        api_groups: texts(&rule.api_groups),
        resources: texts(&rule.resources),
        resource_names: texts(&rule.resource_names),
        verbs: texts(&rule.verbs),
    }
}
