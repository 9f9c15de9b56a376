//! Saved plans as JSON for other programs.

use std::borrow::Cow;

use schemars::JsonSchema;
#[cfg(feature = "testing")]
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::plan::contents::Summary;
use crate::plan::file::PlanFile;
use crate::report::json;

/// The format. The minor number grows with additions.
const FORMAT_VERSION: &str = "1.0";

/// Saved plans, read together.
#[derive(Serialize, JsonSchema)]
struct ShowReport<'a> {
    /// The format of this document.
    format_version: &'static str,
    /// Whether every file that was given could be read.
    complete: bool,
    /// The plans that could be read, in the order in which they were given.
    plans: Vec<ShownPlan<'a>>,
    /// Their counts, all together.
    summary: Summary,
}

/// A saved plan as it is shown.
#[derive(Serialize, JsonSchema)]
pub struct ShownPlan<'a> {
    /// The file.
    pub file: Cow<'a, str>,
    /// Why `apply` refuses the file now, as far as the file alone tells; null where nothing does.
    pub apply_refuses: Option<&'a str>,
    /// What the file holds, its rows counted anew.
    #[schemars(schema_with = "plan_reference")]
    pub plan: &'a PlanFile,
}

fn plan_reference(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "$ref": "plan.schema.json" })
}

/// The document of these plans; `complete` where no file is missing among them.
pub fn text(plans: Vec<ShownPlan<'_>>, complete: bool, summary: Summary) -> String {
    json::pretty(&ShowReport { format_version: FORMAT_VERSION, complete, plans, summary })
}

/// The JSON Schema that docs/show.schema.json is made from.
#[cfg(feature = "testing")]
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    json::pretty(&generator.into_root_schema_for::<ShowReport<'static>>())
}
