//! Lists in pages, with the `nextLink` that is to be followed as it stands.

use data_encoding::HEXUPPER;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::Inner;
use super::error::ArmError;
use super::group::only_get;

/// One page of a list.
///
/// The token in the link names the last entry shown, so entries that come and go between two pages
/// neither shift nor repeat the others. What is on other pages is not made into an answer. Types differ in the
/// case of the token's name.
pub(super) fn page<'a, T>(
    inner: &Inner,
    call: &Call,
    (entries, shown): (impl IntoIterator<Item = (&'a str, T)>, impl Fn(T) -> Value),
    token_name: &str,
) -> Result<Answer, ArmError> {
    only_get(call)?;
    let size = match call.parameter("$top").map(str::parse::<usize>) {
        None => inner.faults.unverified.page_size,
        Some(Ok(top)) if top > 0 => top,
        Some(_) => {
            return Err(ArmError::bad_request("The value of '$top' must be at least 1."));
        }
    };
    let after = match call.parameter("$skiptoken") {
        None => None,
        Some(token) => Some(read_token(token)?),
    };
    let is_left = |path: &str| after.as_deref().is_none_or(|after| path > after);
    let mut left = entries.into_iter().filter(|(path, _)| is_left(path)).peekable();
    let of_page = left.by_ref().take(size).map(|(path, entry)| (path, shown(entry)));
    let (paths, value): (Vec<&str>, Vec<Value>) = of_page.unzip();
    let mut body = json!({ "value": value });
    if left.peek().is_some() {
        let last = paths.last().copied().unwrap_or_default();
        body["nextLink"] = Value::from(next_link(call, token_name, last));
    }
    Ok(Answer::ok(body))
}

fn next_link(call: &Call, token_name: &str, last: &str) -> String {
    let path = call.path.replacen("/resourceGroups/", "/resourcegroups/", 1);
    let kept = call.query.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("$skiptoken"));
    let kept: String = kept
        .flat_map(|(name, value)| {
            let value = form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>();
            [name.clone(), "=".to_owned(), value.replace('+', "%20"), "&".to_owned()]
        })
        .collect();
    format!("{}{path}?{kept}{token_name}=X'{}'", call.origin, HEXUPPER.encode(last.as_bytes()))
}

fn read_token(token: &str) -> Result<String, ArmError> {
    token
        .strip_prefix("X'")
        .and_then(|rest| rest.strip_suffix('\''))
        .and_then(|hex| HEXUPPER.decode(hex.as_bytes()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| ArmError::bad_request("The provided skip token is invalid."))
}
