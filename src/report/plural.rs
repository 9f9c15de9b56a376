//! Counted nouns.

/// `1 change`, `2 changes`: the count and the noun, with an `s` unless there is one.
pub fn count(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
