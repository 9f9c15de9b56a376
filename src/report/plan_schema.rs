//! The schema that docs/plan.schema.json is made from.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::plan::file::PlanFile;
use crate::report::json::Run;
use crate::report::missing::MissingRight;

/// The JSON Schema of saved plans and of plans as JSON, which have `missing_rights`, `run` and
/// `verification` besides.
pub fn plan_schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let missing = generator.subschema_for::<Vec<MissingRight>>();
    let run = generator.subschema_for::<Run>();
    let verification = json!({
        "description": "What `sync --verify` verified; null where nothing was.",
        "anyOf": [{ "$ref": "verify.schema.json" }, { "type": "null" }],
    });
    let mut schema = generator.into_root_schema_for::<PlanFile>();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert("missing_rights".to_owned(), missing.into());
        properties.insert("run".to_owned(), run.into());
        properties.insert("verification".to_owned(), verification);
    }
    serde_json::to_string_pretty(&schema).expect("every key of a schema is a string") + "\n"
}
