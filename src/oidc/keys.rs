//! The keys that an issuer publishes.
//! <https://datatracker.ietf.org/doc/html/rfc7517#section-5>

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use crate::observed::evidence::{Key, Keys};
use crate::ports::answer;

/// A set of keys on the wire.
#[derive(Deserialize)]
struct Wire {
    keys: Vec<WireKey>,
}

/// What of a key is read. One that lacks something is counted and not used.
#[derive(Deserialize, Default)]
#[serde(default)]
struct WireKey {
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    kid: Option<String>,
    n: String,
    e: String,
}

/// The keys of a document.
pub fn keys_of(document: &[u8]) -> serde_json::Result<Keys> {
    let Wire { keys } = answer::parse(document)?;
    let all = keys.len();
    Ok(Keys { usable: keys.into_iter().filter_map(usable).collect(), all })
}

/// A key that verifies RS256, if it is one.
fn usable(key: WireKey) -> Option<Key> {
    let WireKey { kty, alg, purpose, kid, n, e } = key;
    let signs =
        alg.is_none_or(|alg| alg == "RS256") && purpose.is_none_or(|purpose| purpose == "sig");
    let number = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    let (modulus, exponent) = (number(&n)?, number(&e)?);
    let is_rsa = kty == "RSA" && signs && !modulus.is_empty() && !exponent.is_empty();
    is_rsa.then(|| Key { id: kid.map(Into::into), modulus, exponent })
}

#[cfg(test)]
mod tests {
    use super::keys_of;

    #[test]
    fn keys_of_other_kinds_are_counted_and_not_used() {
        let document = r#"{"keys":[
            {"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","alg":"RS256","use":"sig","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","alg":"PS256","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"},
            {"kty":"RSA","n":"?","e":"AQAB"},
            {"kty":"EC"},
            {}
        ]}"#;
        let keys = keys_of(document.as_bytes()).unwrap();
        assert_eq!((keys.usable.len(), keys.all), (2, 7));
        assert_eq!(keys.usable[0].id.as_deref(), Some("a"));
        assert_eq!(keys_of(br#"{"keys":[]}"#).unwrap().all, 0);
        for text in ["<html>", "{}", "[]", r#"{"keys":7}"#] {
            assert!(keys_of(text.as_bytes()).is_err(), "{text}");
        }
    }
}
