//! Expressions of flexible federated credentials: which tokens they match, as far as that can be judged.
//!
//! Terms of one claim each, `claims['sub'] matches 'repo:contoso/*'`, joined by `and`. In `matches`, `*` stands for any
//! characters and `?` for one. Nothing is guessed: what does not read as such is not judged.
//! <https://learn.microsoft.com/entra/workload-id/workload-identities-flexible-federated-identity-credentials>

/// The one version of the language.
const LANGUAGE: i64 = 1;
/// The longest text that is read; one user found that Azure takes 128 characters.
const LONGEST: usize = 2_000;
/// The most terms that are read.
const MOST_TERMS: usize = 8;

/// How a claim is compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operator {
    /// Byte for byte.
    Eq,
    /// As a pattern.
    Matches,
}

/// What an expression asks of one claim.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Term<'a> {
    /// The claim's name, `sub`.
    pub claim: &'a str,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: &'a str,
}

/// The terms of an expression, all of which a token has to meet; `None` where it cannot be judged.
pub fn terms(text: &str, language: i64) -> Option<Vec<Term<'_>>> {
    if language != LANGUAGE || text.len() > LONGEST {
        return None;
    }
    let mut rest = text.trim_matches(' ');
    let mut terms = Vec::new();
    loop {
        let (term, after) = term(rest)?;
        terms.push(term);
        rest = after.trim_start_matches(' ');
        if rest.is_empty() {
            return Some(terms);
        }
        let has_room = terms.len() < MOST_TERMS && rest.len() < after.len();
        rest = spaced(rest.strip_prefix("and")?).filter(|_| has_room)?;
    }
}

fn term(text: &str) -> Option<(Term<'_>, &str)> {
    let (claim, rest) = quoted(text.strip_prefix("claims[")?)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    if claim.is_empty() || !claim.bytes().all(is_name) {
        return None;
    }
    let rest = spaced(rest.strip_prefix(']')?)?;
    let (operator, rest) = match rest.strip_prefix("eq") {
        Some(rest) => (Operator::Eq, rest),
        None => (Operator::Matches, rest.strip_prefix("matches")?),
    };
    let (value, rest) = quoted(spaced(rest)?)?;
    Some((Term { claim, operator, value }, rest))
}

/// What stands in single quotes, and what follows. How a quote inside would be written is not documented, nor
/// whether a backslash means anything.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (value, rest) = text.strip_prefix('\'')?.split_once('\'')?;
    let is_plain = !value.contains('\\') && !rest.starts_with('\'');
    is_plain.then_some((value, rest))
}

/// What follows one space or more.
fn spaced(text: &str) -> Option<&str> {
    let rest = text.trim_start_matches(' ');
    (rest.len() < text.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Operator, Term, terms};

    fn written(terms: &[(String, bool, String)], gap: &str) -> String {
        let terms = terms.iter().map(|(claim, eq, value)| {
            let operator = if *eq { "eq" } else { "matches" };
            format!("claims['{claim}']{gap}{operator}{gap}'{value}'")
        });
        terms.collect::<Vec<_>>().join(&format!("{gap}and{gap}"))
    }

    #[test]
    fn the_documented_forms_are_read() {
        let text =
            "claims['sub'] matches 'repo:contoso/*' and claims['job_workflow_ref'] eq 'a/b@c'";
        let sub = Term { claim: "sub", operator: Operator::Matches, value: "repo:contoso/*" };
        let workflow = Term { claim: "job_workflow_ref", operator: Operator::Eq, value: "a/b@c" };
        assert_eq!(terms(text, 1), Some(vec![sub, workflow]));
    }

    #[test]
    fn what_is_not_documented_is_not_judged() {
        for text in [
            "",
            "claims['sub']",
            "claims['sub'] matches system:serviceaccount:ns:*",
            "claims['sub'] MATCHES 'a'",
            "claims['sub'] ne 'a'",
            "claims[\"sub\"] eq 'a'",
            "claims['sub'] eq 'a' or claims['sub'] eq 'b'",
            "not claims['sub'] eq 'a'",
            "(claims['sub'] eq 'a')",
            "claims['sub'] eq 'a' and",
            "claims['sub'] eq 'a'and claims['sub'] eq 'b'",
            "claims['sub'] eq 'a' andclaims['sub'] eq 'b'",
            "claims['sub'] eq 'it''s'",
            r"claims['sub'] eq 'it\'s'",
            "claims['sub'] eq'a'",
            "claims['sub'] eq 'a' x",
            "claims['a b'] eq 'a'",
            "claims[''] eq 'a'",
        ] {
            assert_eq!(terms(text, 1), None, "{text}");
        }
        assert_eq!(terms("claims['sub'] eq 'a'", 2), None);
    }

    #[test]
    fn what_is_made_to_cost_much_is_not_read() {
        let one = ("sub".to_owned(), true, "a".to_owned());
        assert!(terms(&written(&vec![one.clone(); 8], " "), 1).is_some());
        assert_eq!(terms(&written(&vec![one; 9], " "), 1), None);
        assert_eq!(terms(&format!("claims['sub'] eq '{}'", "a".repeat(2_000)), 1), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            made in prop::collection::vec(("[a-z_]{1,9}", any::<bool>(), r"[^'\\]{0,20}"), 1..6),
            gap in " {1,3}",
        ) {
            let text = written(&made, &gap);
            let expected = made.iter().map(|(claim, eq, value)| {
                let operator = if *eq { Operator::Eq } else { Operator::Matches };
                Term { claim, operator, value }
            });
            prop_assert_eq!(terms(&text, 1), Some(expected.collect::<Vec<_>>()));
        }

        #[test]
        fn what_is_read_is_all_of_the_text(
            text in r"(claims\['[a-z']{0,3}'\]|eq|matches|and|or| |'[a-z*]{0,3}'|[^a-z]){0,12}",
        ) {
            if let Some(terms) = terms(&text, 1) {
                let made: Vec<_> = terms
                    .iter()
                    .map(|term| {
                        let eq = term.operator == Operator::Eq;
                        (term.claim.to_owned(), eq, term.value.to_owned())
                    })
                    .collect();
                let squeezed: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
                let written = written(&made, " ");
                let again: Vec<&str> = written.split(' ').filter(|word| !word.is_empty()).collect();
                prop_assert_eq!(squeezed, again);
            }
        }
    }
}
