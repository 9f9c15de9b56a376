//! The rules for names, labels and their keys
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).

use super::kinds::Row;

/// The longest name part and label value, in bytes.
const LONGEST_PART: usize = 63;
/// The longest name of an object, in bytes.
const LONGEST_NAME: usize = 253;

/// Why a text is not taken.
type Checked = Result<(), &'static str>;

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

/// The key of a label or an annotation: a name, and a domain before a slash if it has one.
pub(super) fn qualified(key: &str) -> Checked {
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) => {
            subdomain(prefix)?;
            name
        }
    };
    expect(!name.is_empty(), "a key takes a name")?;
    name_part(name)
}

/// The value of a label.
pub(super) fn label_value(value: &str) -> Checked {
    if value.is_empty() { Ok(()) } else { name_part(value) }
}

fn name_part(text: &str) -> Checked {
    let is_end = |sign: char| sign.is_ascii_alphanumeric();
    let is_inner = |sign: char| is_end(sign) || "-_.".contains(sign);
    expect(text.len() <= LONGEST_PART, "it is longer than 63 characters")?;
    expect(
        text.starts_with(is_end) && text.ends_with(is_end) && text.chars().all(is_inner),
        "it takes letters, digits, '-', '_' and '.', with a letter or digit at either end",
    )
}

fn path_segment(name: &str) -> Checked {
    let is_taken = name != "." && name != ".." && !name.contains(['/', '%']);
    expect(is_taken, "it may not be '.' or '..', nor contain '/' or '%'")
}

fn label(name: &str) -> Checked {
    expect(
        name.len() <= LONGEST_PART && is_dns_label(name),
        "it takes up to 63 lower-case letters, digits and '-', with a letter or digit at either end",
    )
}

fn subdomain(name: &str) -> Checked {
    expect(
        name.len() <= LONGEST_NAME && name.split('.').all(is_dns_label),
        "it takes up to 253 lower-case letters, digits, '-' and '.', with a letter or digit at either end of each part",
    )
}

fn expect(holds: bool, why: &'static str) -> Checked {
    if holds { Ok(()) } else { Err(why) }
}

fn is_dns_label(label: &str) -> bool {
    let is_end = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit();
    label.starts_with(is_end)
        && label.ends_with(is_end)
        && label.chars().all(|sign| is_end(sign) || sign == '-')
}
