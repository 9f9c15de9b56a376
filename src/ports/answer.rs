//! Answers of servers, parsed within bounds.

use serde::Deserialize;
use serde::de::Error;

/// The most values of an answer. Each takes up to a few hundred bytes in memory, also the `{}` that has two on the
/// wire; the richest honest answer, all built-in role definitions of Azure, has a fifth of them.
const MOST_VALUES: usize = 500_000;

/// The value of an answer in JSON, unless it has so many that they would take the memory of the machine.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> serde_json::Result<T> {
    // Every value but the first of a list or an object is behind a comma.
    let commas = body.iter().filter(|byte| **byte == b',');
    if commas.take(MOST_VALUES).count() == MOST_VALUES {
        let problem = format!("it has more than {MOST_VALUES} values");
        return Err(serde_json::Error::custom(problem));
    }
    serde_json::from_slice(body)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{MOST_VALUES, parse};

    #[test]
    fn an_answer_has_half_a_million_values_at_most() {
        let list = |length: usize| format!("[{}]", vec!["{}"; length].join(","));
        assert!(parse::<Value>(list(MOST_VALUES).as_bytes()).is_ok());
        let problem = parse::<Value>(list(MOST_VALUES + 1).as_bytes()).unwrap_err();
        assert_eq!(problem.to_string(), "it has more than 500000 values");
    }
}
