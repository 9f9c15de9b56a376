//! Texts with `{places}` for what only a failure knows. Inside of a command, which stands between backticks, a
//! value is quoted for the shell, between double quotes that the text has or as it needs, so that it can be pasted
//! whatever it holds.

use crate::model::shell;

/// What stands for a value that is not known, where it is not its name in capitals.
const UNKNOWN: &[(&str, &str)] = &[
    ("challenge", "--claims-challenge CHALLENGE"),
    ("credentials", "the kubeconfig"),
    ("kubectl", "kubectl"),
    ("object_id", "<object id>"),
    ("lock", "`ReadOnly` or `CanNotDelete`"),
    ("place", "--subscription SUBSCRIPTION --resource-group RESOURCE_GROUP"),
    ("policies", "an Azure Policy"),
];

/// The words of a value: one, or several that stay apart in a command.
pub type Words = Vec<String>;

/// A text with its values, and whether all of them were known.
#[derive(PartialEq, Eq, Debug)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// Whether nothing is left for the reader to put in.
    pub is_complete: bool,
}

/// Puts values into a text. A value without words takes the space before it away.
pub fn fill(template: &str, value: &dyn Fn(&str) -> Option<Words>) -> Filled {
    let mut filled = Filled { text: String::new(), is_complete: true };
    let mut parts = template.split('{');
    filled.text.push_str(parts.next().unwrap_or_default());
    let mut ticks = filled.text.matches('`').count();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or(("", part));
        let is_command = ticks % 2 == 1;
        match value(name) {
            Some(words) if words.is_empty() => {
                filled.text.truncate(filled.text.trim_end_matches(' ').len());
            }
            Some(words) if is_command && filled.text.ends_with('"') => {
                filled.text.push_str(&shell::in_double_quotes(&words.join(" ")));
            }
            Some(words) if is_command => {
                let quoted: Vec<_> = words.iter().map(|word| shell::quote(word)).collect();
                filled.text.push_str(&quoted.join(" "));
            }
            Some(words) => filled.text.push_str(&words.join(" ")),
            None => {
                filled.is_complete = false;
                filled.text.push_str(&unknown(name));
            }
        }
        filled.text.push_str(rest);
        ticks += rest.matches('`').count();
    }
    filled
}

/// A text as it reads where nothing is known.
pub fn blank(template: &str) -> String {
    fill(template, &|_| None).text
}

fn unknown(name: &str) -> String {
    let found = UNKNOWN.iter().find(|(known, _)| *known == name);
    found.map_or_else(|| name.to_uppercase(), |(_, words)| (*words).to_owned())
}

#[cfg(test)]
mod tests {
    use super::{blank, fill};

    #[test]
    fn a_value_is_quoted_in_a_command_and_only_there() {
        let value = |name: &str| match name {
            "group" => Some(vec!["rg (it's)".to_owned()]),
            "where" => Some(vec!["--a".to_owned(), "b c".to_owned()]),
            "nothing" => Some(vec![]),
            _ => None,
        };
        let filled = fill("in {group}: `az {where} --g {group} {nothing}`, {name}", &value);
        assert_eq!(filled.text, r"in rg (it's): `az --a 'b c' --g 'rg (it'\''s)'`, NAME");
        assert_eq!(fill("`az --g \"{group}\"`", &value).text, "`az --g \"rg (it's)\"`");
        assert!(!filled.is_complete);
        assert!(fill("{group}", &value).is_complete);
    }

    #[test]
    fn what_is_not_known_is_for_the_reader_to_put_in() {
        assert_eq!(
            blank("`{kubectl} get pods --namespace {namespace}`"),
            "`kubectl get pods --namespace NAMESPACE`"
        );
    }
}
