//! Values inside commands that people copy into a shell.

use std::borrow::Cow;

/// A value as one word of a POSIX shell, quoted only where it must be.
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02_02>
pub fn quote(value: &str) -> Cow<'_, str> {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=,".contains(character);
    if !value.is_empty() && value.chars().all(is_plain) {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(format!("'{}'", value.replace('\'', r"'\''")))
    }
}

/// A command as it is pasted.
pub fn join(arguments: &[String]) -> String {
    arguments.iter().map(|argument| quote(argument)).collect::<Vec<_>>().join(" ")
}

/// A value as it stands between double quotes. A `!` would recall a command there, and no backslash takes that
/// away, so it gets quotes of its own.
/// <https://www.gnu.org/software/bash/manual/bash.html#Double-Quotes>
pub fn in_double_quotes(value: &str) -> String {
    let mut quoted = String::new();
    for character in value.chars() {
        match character {
            '!' => quoted.push_str("\"'!'\""),
            '\\' | '"' | '$' | '`' => quoted.extend(['\\', character]),
            other => quoted.push(other),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::{in_double_quotes, quote};

    #[test]
    fn a_value_stays_one_word_and_no_part_of_it_is_run() {
        assert_eq!(quote("rg-aks_1.prod"), "rg-aks_1.prod");
        assert_eq!(quote("rg (prod)"), "'rg (prod)'");
        assert_eq!(quote("$(id)"), "'$(id)'");
        assert_eq!(quote("a'; id"), r"'a'\''; id'");
        assert_eq!(quote(""), "''");
        assert_eq!(in_double_quotes("rg (prod)"), "rg (prod)");
        assert_eq!(in_double_quotes("$(id)\"`!"), "\\$(id)\\\"\\`\"'!'\"");
    }
}
