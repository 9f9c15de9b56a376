//! What exists of each team, as JSON for other programs.

use jiff::Timestamp;
use schemars::JsonSchema;
#[cfg(feature = "testing")]
use schemars::generate::SchemaSettings;
use serde::Serialize;

use crate::plan::contents::Compared;
use crate::report::json::{self, Run};
use crate::report::status::{Status, TeamStatus};

/// The format. The minor number grows with additions.
const FORMAT_VERSION: &str = "1.0";

/// What exists of each team.
#[derive(Serialize, JsonSchema)]
struct StatusReport<'a> {
    /// The format of this document.
    format_version: &'static str,
    /// The version of widctl that made it.
    widctl_version: &'static str,
    /// The estate.
    estate: &'a str,
    /// When it was made.
    #[schemars(with = "String")]
    created_at: Timestamp,
    /// Whether all that the profile names, as far as the filters chose it, could be read: the exit code is 1 otherwise.
    complete: bool,
    /// What of the profile was compared.
    compared: &'a Compared,
    /// By name; what belongs to no team comes last.
    teams: &'a [TeamStatus],
    /// What was not read, a sentence each: also places where only leftovers were looked for.
    not_read: &'a [String],
    /// What the run cost.
    run: &'a Run,
}

/// The document of a run.
pub fn text(status: &Status, compared: &Compared, created_at: Timestamp, run: &Run) -> String {
    json::pretty(&StatusReport {
        format_version: FORMAT_VERSION,
        widctl_version: env!("CARGO_PKG_VERSION"),
        estate: &status.estate,
        created_at,
        complete: status.teams.iter().all(|team| team.drift.unread == 0),
        compared,
        teams: &status.teams,
        not_read: &status.not_read,
        run,
    })
}

/// The JSON Schema that docs/status.schema.json is made from.
#[cfg(feature = "testing")]
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    json::pretty(&generator.into_root_schema_for::<StatusReport<'static>>())
}
