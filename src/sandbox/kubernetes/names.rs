//! The rules for names, labels and their keys, with the API server's words
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).

use super::kinds::Row;

const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/// The longest name part and label value, in bytes.
const LONGEST_PART: usize = 63;
/// The longest name of an object, in bytes.
const LONGEST_NAME: usize = 253;

/// The name of an object: a DNS label for namespaces, a path segment for RBAC, a DNS subdomain for the
/// rest. Answers what a message says of the field.
pub(super) fn of_object(row: &Row, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("Required value: name or generateName is required".to_owned());
    }
    let checked = if row.group == "rbac.authorization.k8s.io" {
        path_segment(name)
    } else if row.plural == "namespaces" {
        label(name)
    } else {
        subdomain(name)
    };
    checked.map_err(|why| format!("Invalid value: \"{name}\": {why}"))
}

/// The key of a label or an annotation: a name, and a domain before a slash if it has one. Answers everything
/// that is wrong with it.
pub(super) fn qualified(key: &str) -> Vec<String> {
    let (prefix, name) = match key.split_once('/') {
        None => (None, key),
        Some((_, name)) if name.contains('/') => {
            return vec![format!(
                "a valid label key {NAME_PART} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            )];
        }
        Some((prefix, name)) => (Some(prefix), name),
    };
    let prefix = prefix.map(|prefix| {
        expect(!prefix.is_empty(), "must be non-empty").and_then(|()| subdomain(prefix))
    });
    let of_prefix = prefix
        .and_then(Result::err)
        .map(|why| format!("prefix part {why}"));
    let size =
        expect(!name.is_empty(), "must be non-empty").and_then(|()| sized(name, LONGEST_PART));
    let of_name = [size, expect(is_name_part(name), NAME_PART)];
    let of_name = of_name.into_iter().filter_map(Result::err);
    of_prefix
        .into_iter()
        .chain(of_name.map(|why| format!("name part {why}")))
        .collect()
}

/// The value of a label.
pub(super) fn label_value(value: &str) -> Result<(), String> {
    sized(value, LONGEST_PART)?;
    expect(value.is_empty() || is_name_part(value), LABEL_VALUE)
}

fn path_segment(name: &str) -> Result<(), String> {
    expect(name != "." && name != "..", &format!("may not be '{name}'"))?;
    for sign in ['/', '%'] {
        expect(!name.contains(sign), &format!("may not contain '{sign}'"))?;
    }
    Ok(())
}

fn label(name: &str) -> Result<(), String> {
    let why = format!("must be no more than {LONGEST_PART} characters");
    expect(name.len() <= LONGEST_PART, &why)?;
    expect(!name.contains('.'), "must not contain dots")?;
    expect(is_dns_label(name), LABEL)
}

fn subdomain(name: &str) -> Result<(), String> {
    sized(name, LONGEST_NAME)?;
    expect(name.split('.').all(is_dns_label), SUBDOMAIN)
}

fn expect(holds: bool, why: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

fn sized(text: &str, longest: usize) -> Result<(), String> {
    expect(
        text.len() <= longest,
        &format!("must be no more than {longest} bytes"),
    )
}

fn is_dns_label(label: &str) -> bool {
    let is_end = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit();
    label.starts_with(is_end)
        && label.ends_with(is_end)
        && label.chars().all(|sign| is_end(sign) || sign == '-')
}

fn is_name_part(text: &str) -> bool {
    let is_end = |sign: char| sign.is_ascii_alphanumeric();
    text.starts_with(is_end)
        && text.ends_with(is_end)
        && text
            .chars()
            .all(|sign| is_end(sign) || "-_.".contains(sign))
}
