//! What services answer, by code: why, how to see it, and what fixes it. Hints and `widctl explain` read the
//! same rows.

mod arm;
mod entra;
mod kubernetes;

use super::template::{self, Words};

/// What is known of one code.
#[derive(Debug)]
pub struct Row {
    /// The service's code, or the words by which a message without one is known.
    pub code: &'static str,
    /// What it says, one phrase.
    pub title: &'static str,
    /// Why it comes, one sentence.
    pub cause: &'static str,
    /// How to see it: a command, and what it shows.
    pub see: &'static str,
    /// What fixes it, one sentence.
    pub fix: &'static str,
}

/// Makes the rows of one file.
macro_rules! rows {
    ($($code:literal, $title:expr, $cause:expr, $see:expr, $fix:expr;)+) => {
        &[$($crate::ports::remedy::catalogue::Row {
            code: $code, title: $title, cause: $cause, see: $see, fix: $fix,
        }),+]
    };
}
use rows;

/// An action is missing.
pub const MISSING_RIGHT: &str = "AuthorizationFailed";
/// A role's condition may be what refused it; Azure has no code of its own for that.
/// <https://learn.microsoft.com/azure/role-based-access-control/troubleshooting>
pub(super) const CONDITION: &str = "ABAC condition";
/// Azure or Entra asks for multi-factor authentication.
pub(super) const MFA: &str = "AADSTS50076";
/// Azure asks for a token with other claims.
pub(super) const CLAIMS: &str = "insufficient_claims";
/// A credential's issuer and subject are taken.
pub(super) const PAIR_TAKEN: &str = "Conflict";
/// The region has no federated credentials.
pub(super) const NO_CREDENTIALS: &str = "MethodNotAllowed";
/// Too many requests.
pub(super) const THROTTLED: &str = "TooManyRequests";
/// Azure refused it, and nobody here knows the code.
pub(super) const UNKNOWN_REFUSAL: &str = "403";
/// An admission policy of a cluster denied it.
pub(super) const DENIED: &str = "denied the request";
/// The API server saw no credentials.
pub(super) const ANONYMOUS: &str = "system:anonymous";

/// Every row, service by service.
pub fn all() -> impl Iterator<Item = &'static Row> {
    [entra::ROWS, arm::ROWS, kubernetes::ROWS].into_iter().flatten()
}

/// The row of a code, in any case; one of Entra's also without its `AADSTS`.
pub fn row(code: &str) -> Option<&'static Row> {
    let is_it = |row: &&Row| {
        let number = row.code.strip_prefix("AADSTS").unwrap_or(row.code);
        row.code.eq_ignore_ascii_case(code) || number.eq_ignore_ascii_case(code)
    };
    all().find(is_it)
}

/// The first row whose code stands in a message as a word of its own.
pub fn of_message(message: &str) -> Option<&'static Row> {
    all().find(|row| names(message, row.code))
}

/// The row about a webhook that could not be called.
pub(super) fn webhook(message: &str) -> &'static str {
    let of_webhooks = [kubernetes::NO_ENDPOINTS, kubernetes::UNKNOWN_AUTHORITY];
    let named = of_webhooks.into_iter().find(|code| message.contains(code));
    named.unwrap_or(kubernetes::WEBHOOK)
}

/// Whether a message has these words, and no letter or digit goes on before or behind them.
fn names(message: &str, words: &str) -> bool {
    let (message, words) = (message.to_ascii_lowercase(), words.to_ascii_lowercase());
    message.match_indices(&words).any(|(start, found)| {
        let before = message[..start].chars().next_back();
        let behind = message[start + found.len()..].chars().next();
        !before.into_iter().chain(behind).any(char::is_alphanumeric)
    })
}

impl Row {
    /// What fixes it with what a failure knows; where that is not all, also how to see the rest.
    pub(super) fn hint(&self, value: &dyn Fn(&str) -> Option<Words>) -> String {
        let fix = template::fill(self.fix, value);
        if fix.is_complete {
            return fix.text;
        }
        format!("{}; {}", fix.text, template::fill(self.see, value).text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{all, of_message, row, webhook};

    #[test]
    fn every_code_has_one_row_and_every_row_says_how_to_see_it_and_what_fixes_it() {
        let mut codes = BTreeSet::new();
        for row in all() {
            assert!(codes.insert(row.code.to_lowercase()), "{} twice", row.code);
            for text in [row.title, row.cause, row.see, row.fix] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text}", row.code);
                assert_eq!(text.matches('`').count() % 2, 0, "{}: {text}", row.code);
            }
            assert!(row.see.contains('`'), "{}: {}", row.code, row.see);
        }
    }

    #[test]
    fn a_code_is_found_in_any_case_and_in_a_message() {
        for code in ["AADSTS700213", "aadsts700213", "700213"] {
            assert_eq!(row(code).unwrap().code, "AADSTS700213");
        }
        assert!(row("70021399").is_none() && row("").is_none());
        let found = of_message("AADSTS7002138: No matching federated identity record").unwrap();
        assert_eq!(found.code, "AADSTS7002138");
        assert!(of_message("AADSTS70021399: unheard of").is_none());
        let pod = "pods \"x\" is forbidden: error looking up service account data/etl";
        assert_eq!(of_message(pod).unwrap().code, "error looking up service account");
    }

    #[test]
    fn a_webhook_that_cannot_be_called_is_told_by_what_failed() {
        let failed = |why: &str| webhook(&format!("failed calling webhook \"a\": {why}"));
        assert_eq!(failed("context deadline exceeded"), "failed calling webhook");
        let down = failed("no endpoints available for service \"a\"");
        assert_eq!(down, "no endpoints available for service");
        let unknown = failed("x509: certificate signed by unknown authority");
        assert_eq!(unknown, "x509: certificate signed by unknown authority");
    }
}
