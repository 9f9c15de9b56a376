//! A base job template of Prefect in which account, namespace and label are literals, and which has no variable by
//! which a deployment could change them.
//! <https://docs.prefect.io/v3/how-to-guides/deployment_infra/manage-work-pools#base-job-template>
//!
//! `tests/prefect` tries the ways out on the worker's own library, in the newest release and in the last one that
//! gives labels to the Job alone.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Unrendered;
use crate::model::pod::{LABEL_USE, USES_IDENTITY};
use crate::model::webhook::Variable;

/// The template of a new Kubernetes work pool, as prefect-kubernetes 0.8.0 prints it.
const DEFAULT: &str = include_str!("prefect-base-job-template.json");
/// What prints the caller's own.
const PRINTED_BY: &str =
    "write one with `prefect work-pool get-default-base-job-template --type kubernetes`";

/// The variables whose values are literals here.
const FIXED: &[&str] =
    &["service_account_name", "namespace", "labels", "annotations", "cluster_config"];
/// What annotations and labels of the webhook begin with.
const WEBHOOK: &str = "azure.workload.identity/";

/// What is fixed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pins<'a> {
    /// Where the Jobs of flow runs are.
    pub(super) namespace: &'a str,
    /// The account of their pods.
    pub(super) account: &'a str,
}

/// The template made of the caller's own, or of Prefect's.
pub(super) fn template(base: Option<&str>, pins: Pins<'_>) -> Result<Value, Unrendered> {
    let wrong = |(what, hint): Wrong| Unrendered {
        what: format!("the base template {what}"),
        hint,
        is_usage: false,
    };
    let read = serde_json::from_str(base.unwrap_or(DEFAULT));
    let mut template: Value =
        read.map_err(|error| wrong((format!("is not JSON: {error}"), PRINTED_BY.to_owned())))?;
    pin(&mut template, pins).map_err(wrong)?;
    Ok(template)
}

/// What is wrong with a template, and what fixes it.
type Wrong = (String, String);

fn pin(template: &mut Value, pins: Pins<'_>) -> Result<(), Wrong> {
    let configuration = object(template, &["job_configuration"])?;
    if !configuration.contains_key("job_manifest") {
        let what = "is not of a Kubernetes work pool: `job_configuration` has no `job_manifest`";
        return Err((what.to_owned(), PRINTED_BY.to_owned()));
    }
    let environments = environments(configuration);
    fix_configuration(template, pins)?;
    fix_variables(object(template, &["variables"])?, &environments)?;
    resolved(template)
}

/// The object at a path.
fn object<'v>(value: &'v mut Value, path: &[&str]) -> Result<&'v mut Map<String, Value>, Wrong> {
    let mut found = Some(value);
    for step in path {
        found = found.and_then(|value| value.get_mut(*step));
    }
    found.and_then(Value::as_object_mut).ok_or_else(|| {
        let missing = if path.is_empty() {
            "is no object".to_owned()
        } else {
            format!("has no object `{}`", path.join("."))
        };
        (missing, PRINTED_BY.to_owned())
    })
}

fn fix_configuration(template: &mut Value, pins: Pins<'_>) -> Result<(), Wrong> {
    const MANIFEST: [&str; 2] = ["job_configuration", "job_manifest"];
    let manifest = object(template, &MANIFEST)?;
    if manifest.get("kind").is_none_or(|kind| kind != "Job") {
        let what = "makes another kind than `Job` in `job_configuration.job_manifest`";
        return Err((what.to_owned(), PRINTED_BY.to_owned()));
    }
    let path = |rest: &[&'static str]| [&MANIFEST[..], rest].concat();
    let pod = object(template, &path(&["spec", "template", "spec"]))?;
    pod.insert("serviceAccountName".to_owned(), pins.account.into());
    // The deprecated name of the same field.
    pod.remove("serviceAccount");
    let of_pods = object(template, &path(&["spec", "template"]))?;
    fix_marks(metadata(of_pods));
    let job = metadata(object(template, &MANIFEST)?);
    job.insert("namespace".to_owned(), pins.namespace.into());
    fix_marks(job);
    job.entry("annotations").or_insert_with(|| json!({}));
    let configuration = object(template, &["job_configuration"])?;
    configuration.insert("namespace".to_owned(), pins.namespace.into());
    configuration.insert("cluster_config".to_owned(), Value::Null);
    fix_marks(configuration);
    configuration.entry("annotations").or_insert_with(|| json!({}));
    Ok(())
}

/// The metadata of an object, made where there is none.
fn metadata(of: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let metadata = of.entry("metadata").or_insert_with(|| json!({}));
    if !metadata.is_object() {
        *metadata = json!({});
    }
    metadata.as_object_mut().expect("it was just made one")
}

/// Makes labels and annotations literals: what the base spells out stays, but for what the webhook reads.
fn fix_marks(of: &mut Map<String, Value>) {
    let spelled = |value: Option<Value>| match value {
        Some(Value::Object(mut marks)) => {
            marks.retain(|name, _| !name.starts_with(WEBHOOK));
            marks
        }
        _ => Map::new(),
    };
    if let Some(found) = of.get_mut("annotations") {
        *found = spelled(Some(found.take())).into();
    }
    let mut labels = spelled(of.get_mut("labels").map(Value::take));
    labels.insert(LABEL_USE.to_owned(), USES_IDENTITY.into());
    of.insert("labels".to_owned(), labels.into());
}

/// The variables that become environments of containers; `env` is merged into a literal one as well.
/// <https://github.com/PrefectHQ/prefect/blob/main/src/prefect/workers/base.py>
fn environments(configuration: &Map<String, Value>) -> BTreeSet<String> {
    let pod = configuration["job_manifest"].pointer("/spec/template/spec");
    let lists = ["containers", "initContainers"].map(|list| pod.and_then(|pod| pod.get(list)));
    let containers = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
    let environments = containers.map(|container| container.get("env"));
    let texts = environments.chain([configuration.get("env")]).flatten().filter_map(Value::as_str);
    let mut names: BTreeSet<String> = texts.flat_map(placeholders).map(str::to_owned).collect();
    names.insert("env".to_owned());
    names
}

fn fix_variables(
    variables: &mut Map<String, Value>,
    environments: &BTreeSet<String>,
) -> Result<(), Wrong> {
    variables.insert("additionalProperties".to_owned(), false.into());
    if let Some(Value::Array(required)) = variables.get_mut("required") {
        required.retain(|name| name.as_str().is_none_or(|name| !FIXED.contains(&name)));
    }
    let properties = variables.get_mut("properties").and_then(Value::as_object_mut);
    let properties = properties.ok_or_else(|| {
        ("has no object `variables.properties`".to_owned(), PRINTED_BY.to_owned())
    })?;
    properties.retain(|name, _| !FIXED.contains(&name.as_str()));
    let refused = json!({ "not": { "enum": Variable::INJECTED.map(Variable::name) } });
    for environment in environments {
        let property = properties.get_mut(environment).and_then(Value::as_object_mut);
        let Some(property) = property else { continue };
        let own = property.get("propertyNames").filter(|own| **own != refused).cloned();
        let names = own.map_or_else(|| refused.clone(), |own| json!({ "allOf": [own, refused] }));
        property.insert("propertyNames".to_owned(), names);
    }
    let used = Value::from(properties.clone()).to_string();
    for definitions in ["definitions", "$defs"] {
        if let Some(Value::Object(found)) = variables.get_mut(definitions) {
            found.retain(|name, _| used.contains(&format!("#/{definitions}/{name}\"")));
            if found.is_empty() {
                variables.remove(definitions);
            }
        }
    }
    Ok(())
}

/// Whether every variable that the configuration takes is there. The server refuses other templates, and says less.
fn resolved(template: &Value) -> Result<(), Wrong> {
    let mut taken = Vec::new();
    collect(&template["job_configuration"], "job_configuration", &mut taken);
    let properties = &template["variables"]["properties"];
    // `prefect.` begins blocks and variables of the workspace, `$` the worker's environment, a dot or a bracket a part.
    let variable = |name: &str| name.split(['.', '[']).next().unwrap_or_default().to_owned();
    let is_known = |name: &str| {
        name.starts_with("prefect.")
            || name.starts_with('$')
            || properties.get(variable(name)).is_some()
    };
    let Some((path, name)) = taken.iter().find(|(_, name)| !is_known(name)) else {
        return Ok(());
    };
    let (place, name) = (format!("`{path}`"), variable(name));
    let what = format!("takes the variable `{name}` at {place}, which it does not define");
    let hint = if FIXED.contains(&name.as_str()) {
        format!(
            "write the value itself at {place}: no rendered template has that variable, so that no deployment can change it"
        )
    } else {
        "add the variable to `variables.properties`, or take the placeholder out".to_owned()
    };
    Err((what, hint))
}

/// Every placeholder below a value, with its path.
fn collect(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => {
            let names = placeholders(text);
            found.extend(names.map(|name| (path.to_owned(), name.to_owned())));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                collect(field, &format!("{path}.{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The names between double braces.
/// <https://github.com/PrefectHQ/prefect/blob/main/src/prefect/utilities/templating.py>
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split("{{").skip(1);
    parts.filter_map(|part| part.split_once("}}")).map(|(name, _)| name.trim())
}

#[cfg(test)]
#[path = "prefect_template_tests.rs"]
mod tests;
