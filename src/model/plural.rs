//! Counted nouns, and numbers for people.

/// `1 change`, `2 changes`, `3 identities`: the count and the noun, in the plural unless there is one.
pub fn count(count: usize, noun: &str) -> String {
    match noun.strip_suffix('y') {
        _ if count == 1 => format!("1 {noun}"),
        Some(stem) => format!("{count} {stem}ies"),
        None => format!("{count} {noun}s"),
    }
}

/// `1,846`: a number that people can read at a glance.
pub fn thousands(number: usize) -> String {
    match (number / 1000, number % 1000) {
        (0, rest) => rest.to_string(),
        (more, rest) => format!("{},{rest:03}", thousands(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::{count, thousands};

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([7, 1846, 1_000_042].map(thousands), ["7", "1,846", "1,000,042"]);
    }

    #[test]
    fn nouns_follow_their_count() {
        assert_eq!(count(1, "identity"), "1 identity");
        assert_eq!(count(0, "identity"), "0 identities");
        assert_eq!(count(2, "change"), "2 changes");
    }
}
