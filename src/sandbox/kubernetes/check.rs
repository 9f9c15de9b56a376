//! What the API server checks of an object before it keeps it.

use serde_json::Value;

use super::kinds::Row;
use super::status::Status;
use super::{Asked, names};

/// What is wrong with an object: fields, and why.
type Faults = Vec<(String, String)>;

const RBAC: &str = "rbac.authorization.k8s.io";

/// Checks an object and fills in what it leaves out. Fields that its kind does not have are dropped
/// with a warning, or refused where the caller asked for strictness
/// (<https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation>).
pub(super) fn object(asked: &Asked<'_>, row: &Row, object: &mut Value) -> Result<(), Status> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let kind = (object["apiVersion"].as_str(), object["kind"].as_str());
    if kind != (Some(&row.api_version()), Some(row.kind)) {
        let (version, kind) = (kind.0.unwrap_or_default(), kind.1.unwrap_or_default());
        return Err(Status::bad_request(format!(
            "the object provided is {version} {kind}, expected {} {}",
            row.api_version(),
            row.kind
        )));
    }
    known_fields(asked, row, object)?;
    for field in ["spec", "status"] {
        if !object[field].is_null() && !object[field].is_object() {
            return Err(Status::bad_request(format!("{field} is not an object")));
        }
    }
    let mut faults = Faults::new();
    if let Err(why) = names::of_object(row, &name) {
        faults.push(("metadata.name".to_owned(), why));
    }
    for map in ["labels", "annotations"] {
        pairs(object, map, &mut faults)?;
    }
    fill_groups(row, object);
    match row.plural {
        "roles" => rules(object, &mut faults),
        "rolebindings" => role_reference(object, &mut faults),
        _ => {}
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Status::invalid_fields((row.group, row.kind), &name, &faults))
}

fn known_fields(asked: &Asked<'_>, row: &Row, object: &mut Value) -> Result<(), Status> {
    let Some(fields) = object.as_object() else {
        return Ok(());
    };
    let is_known = |field: &str| {
        ["apiVersion", "kind", "metadata"].contains(&field) || row.fields.contains(&field)
    };
    let unknown: Vec<String> = fields.keys().filter(|field| !is_known(field)).cloned().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let validation = asked.call.parameter("fieldValidation");
    if validation == Some("Strict") || asked.is_apply() {
        let named = unknown.iter().map(|field| format!("unknown field \"{field}\""));
        let named = named.collect::<Vec<_>>().join(", ");
        return Err(Status::bad_request(format!("{}: {named}", row.kind)));
    }
    for field in unknown {
        if validation != Some("Ignore") {
            asked.warn(format!("unknown field \"{field}\""));
        }
        if let Some(fields) = object.as_object_mut() {
            fields.shift_remove(&field);
        }
    }
    Ok(())
}

fn pairs(object: &Value, map: &str, faults: &mut Faults) -> Result<(), Status> {
    let field = format!("metadata.{map}");
    let pairs = &object["metadata"][map];
    let not_texts = || Status::bad_request(format!("{field} is not a map of texts"));
    if !pairs.is_null() && !pairs.is_object() {
        return Err(not_texts());
    }
    for (key, value) in pairs.as_object().into_iter().flatten() {
        let Some(text) = value.as_str() else {
            return Err(not_texts());
        };
        let of_key = names::qualified(key).err().map(|why| (key.as_str(), why));
        let of_value = names::label_value(text).err().map(|why| (text, why));
        let wrong = of_key.into_iter().chain(of_value.filter(|_| map == "labels"));
        faults.extend(
            wrong.map(|(said, why)| (field.clone(), format!("Invalid value: \"{said}\": {why}"))),
        );
    }
    Ok(())
}

/// What the server fills in where a binding leaves it out
/// (<https://kubernetes.io/docs/reference/kubernetes-api/rbac/role-binding-v1/>).
fn fill_groups(row: &Row, object: &mut Value) {
    if row.kind != "RoleBinding" {
        return;
    }
    if let Some(reference) = object.get_mut("roleRef") {
        fill_group(reference);
    }
    let subjects = object.get_mut("subjects").and_then(Value::as_array_mut);
    let subjects = subjects.into_iter().flatten();
    subjects
        .filter(|subject| subject["kind"] == "User" || subject["kind"] == "Group")
        .for_each(fill_group);
}

fn fill_group(reference: &mut Value) {
    let Some(fields) = reference.as_object_mut() else {
        return;
    };
    let group = fields.entry("apiGroup").or_insert(Value::Null);
    if group.is_null() || group == "" {
        *group = Value::from(RBAC);
    }
}

fn rules(object: &Value, faults: &mut Faults) {
    const REQUIRED: [(&str, &str); 3] = [
        ("verbs", "verbs must contain at least one value"),
        ("apiGroups", "resource rules must supply at least one api group"),
        ("resources", "resource rules must supply at least one resource"),
    ];
    let rules = object["rules"].as_array().into_iter().flatten();
    for (at, rule) in rules.enumerate() {
        let is_missing = |field: &str| rule[field].as_array().is_none_or(Vec::is_empty);
        let missing = REQUIRED.iter().filter(|(field, _)| is_missing(field));
        let fault = |(field, why): &(&str, &str)| {
            (format!("rules[{at}].{field}"), format!("Required value: {why}"))
        };
        faults.extend(missing.map(fault));
    }
}

fn role_reference(object: &Value, faults: &mut Faults) {
    let reference = &object["roleRef"];
    supported("roleRef.apiGroup", &reference["apiGroup"], &[RBAC], faults);
    let kinds = ["Role", "ClusterRole"];
    supported("roleRef.kind", &reference["kind"], &kinds, faults);
    required("roleRef.name".to_owned(), &reference["name"], faults);
    let subjects = object["subjects"].as_array().into_iter().flatten();
    for (at, subject) in subjects.enumerate() {
        let field = |name: &str| format!("subjects[{at}].{name}");
        required(field("name"), &subject["name"], faults);
        let groups = match subject["kind"].as_str() {
            Some("ServiceAccount") => "",
            Some("User" | "Group") => RBAC,
            _ => {
                let kinds = ["ServiceAccount", "User", "Group"];
                supported(&field("kind"), &subject["kind"], &kinds, faults);
                continue;
            }
        };
        supported(&field("apiGroup"), &subject["apiGroup"], &[groups], faults);
    }
}

fn required(field: String, value: &Value, faults: &mut Faults) {
    if value.as_str().is_none_or(str::is_empty) {
        faults.push((field, "Required value".to_owned()));
    }
}

fn supported(field: &str, value: &Value, choices: &[&str], faults: &mut Faults) {
    let value = value.as_str().unwrap_or_default();
    if !choices.contains(&value) {
        let choices: Vec<String> = choices.iter().map(|choice| format!("\"{choice}\"")).collect();
        let why =
            format!("Unsupported value: \"{value}\": supported values: {}", choices.join(", "));
        faults.push((field.to_owned(), why));
    }
}

/// What may not change: the role that a binding refers to.
pub(super) fn change(row: &Row, before: &Value, after: &Value) -> Result<(), Status> {
    if row.fields.contains(&"roleRef") && before["roleRef"] != after["roleRef"] {
        let name = after["metadata"]["name"].as_str().unwrap_or_default();
        let why = format!("Invalid value: {}: cannot change roleRef", after["roleRef"]["name"]);
        return Err(Status::invalid(row, name, "roleRef", &why));
    }
    Ok(())
}
