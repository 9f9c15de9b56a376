//! What the API server checks of an object before it keeps it.

use serde_json::Value;

use super::kinds::Row;
use super::status::Status;

/// Checks an object and drops the fields that its kind does not have, or refuses them where the
/// caller asked for strictness.
pub(super) fn object(row: &Row, object: &mut Value, is_strict: bool) -> Result<(), Status> {
    let name = object["metadata"]["name"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let kind = (object["apiVersion"].as_str(), object["kind"].as_str());
    if kind != (Some(&row.api_version()), Some(row.kind)) {
        let (version, kind) = (kind.0.unwrap_or_default(), kind.1.unwrap_or_default());
        return Err(Status::bad_request(format!(
            "the object provided is {version} {kind}, expected {} {}",
            row.api_version(),
            row.kind
        )));
    }
    known_fields(row, object, is_strict)?;
    for field in ["spec", "status"] {
        if !object[field].is_null() && !object[field].is_object() {
            return Err(Status::bad_request(format!("{field} is not an object")));
        }
    }
    object_name(row, &name)?;
    for map in ["labels", "annotations"] {
        let pairs = &object["metadata"][map];
        if !pairs.is_null() && !pairs.is_object() {
            return Err(Status::bad_request(format!(
                "metadata.{map} is not a map of texts"
            )));
        }
        for (key, value) in pairs.as_object().into_iter().flatten() {
            pair(row, &name, map, (key, value))?;
        }
    }
    if row.plural == "rolebindings" || row.plural == "clusterrolebindings" {
        role_reference(row, &name, object)?;
    }
    Ok(())
}

fn known_fields(row: &Row, object: &mut Value, is_strict: bool) -> Result<(), Status> {
    let Some(fields) = object.as_object_mut() else {
        return Ok(());
    };
    let is_known = |field: &str| {
        ["apiVersion", "kind", "metadata"].contains(&field) || row.fields.contains(&field)
    };
    let unknown: Vec<String> = fields
        .keys()
        .filter(|field| !is_known(field))
        .cloned()
        .collect();
    if is_strict && let Some(field) = unknown.first() {
        return Err(Status::bad_request(format!(
            "{} in version \"{}\" cannot be handled as a {}: strict decoding error: unknown field \"{field}\"",
            row.kind, row.version, row.kind
        )));
    }
    for field in unknown {
        fields.shift_remove(&field);
    }
    Ok(())
}

/// DNS labels for namespaces, path segments for RBAC, DNS subdomains for the rest
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).
fn object_name(row: &Row, name: &str) -> Result<(), Status> {
    let is_fine = if row.group == "rbac.authorization.k8s.io" {
        !name.is_empty() && !name.contains(['/', '%']) && name != "." && name != ".."
    } else if row.plural == "namespaces" {
        name.len() <= 63 && is_dns_label(name)
    } else {
        name.len() <= 253 && name.split('.').all(is_dns_label)
    };
    if is_fine {
        return Ok(());
    }
    let why = if name.is_empty() {
        "Required value: name or generateName is required".to_owned()
    } else {
        format!(
            "Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
        )
    };
    Err(Status::invalid(row, name, "metadata.name", &why))
}

fn is_dns_label(label: &str) -> bool {
    let is_end = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit();
    label.starts_with(is_end)
        && label.ends_with(is_end)
        && label.chars().all(|sign| is_end(sign) || sign == '-')
}

fn pair(row: &Row, name: &str, map: &str, (key, value): (&str, &Value)) -> Result<(), Status> {
    let field = format!("metadata.{map}");
    let Some(text) = value.as_str() else {
        return Err(Status::bad_request(format!(
            "json: cannot unmarshal into Go struct field ObjectMeta.{field} of type string"
        )));
    };
    let name_part = key.rsplit('/').next().unwrap_or(key);
    if key.matches('/').count() > 1 || !is_qualified(name_part, 63) {
        let why = format!(
            "Invalid value: \"{key}\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        );
        return Err(Status::invalid(row, name, &field, &why));
    }
    if map == "labels" && !text.is_empty() && !is_qualified(text, 63) {
        let why = format!(
            "Invalid value: \"{text}\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        );
        return Err(Status::invalid(row, name, &field, &why));
    }
    Ok(())
}

fn is_qualified(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|sign: char| sign.is_ascii_alphanumeric())
        && text.ends_with(|sign: char| sign.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|sign| sign.is_ascii_alphanumeric() || "-_.".contains(sign))
}

fn role_reference(row: &Row, name: &str, object: &Value) -> Result<(), Status> {
    for field in ["kind", "name"] {
        if object["roleRef"][field].as_str().is_none_or(str::is_empty) {
            return Err(Status::invalid(
                row,
                name,
                &format!("roleRef.{field}"),
                "Required value",
            ));
        }
    }
    for (at, subject) in object["subjects"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        if subject["kind"] == "ServiceAccount"
            && subject["namespace"].as_str().is_none_or(str::is_empty)
        {
            let field = format!("subjects[{at}].namespace");
            return Err(Status::invalid(row, name, &field, "Required value"));
        }
    }
    Ok(())
}

/// What may not change: the role that a binding refers to.
pub(super) fn change(row: &Row, before: &Value, after: &Value) -> Result<(), Status> {
    if row.fields.contains(&"roleRef") && before["roleRef"] != after["roleRef"] {
        let name = after["metadata"]["name"].as_str().unwrap_or_default();
        let why = format!("Invalid value: {}: cannot change roleRef", after["roleRef"]);
        return Err(Status::invalid(row, name, "roleRef", &why));
    }
    Ok(())
}
