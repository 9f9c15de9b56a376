//! JSON Web Tokens, RS256 alone (<https://www.rfc-editor.org/rfc/rfc7519>).

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde_json::{Value, json};

use super::keys::Key;

/// A token taken apart, its signature not yet looked at.
#[derive(Debug)]
pub(super) struct Token {
    header: Value,
    claims: Value,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// Signs claims.
pub(super) fn sign(key: Key, claims: &Value) -> String {
    let header = json!({ "alg": "RS256", "kid": key.id(), "typ": "JWT" });
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", part(&header), part(claims));
    let signature = BASE64URL_NOPAD.encode(&key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

impl Token {
    /// Takes a token apart; `None` if it is not three parts of base64 with JSON in the first two.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
        Some(Self {
            message: format!("{header}.{claims}").into_bytes(),
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signature: decode(signature)?,
        })
    }

    /// A claim that is text.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims[claim].as_str()
    }

    /// A claim that is a time, in seconds since 1970.
    pub(super) fn seconds(&self, claim: &str) -> Option<i64> {
        self.claims[claim].as_i64()
    }

    /// The audiences: one text or a list of them.
    pub(super) fn audiences(&self) -> Vec<&str> {
        match &self.claims["aud"] {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
        }
    }

    /// All claims.
    pub(super) fn claims(&self) -> &Value {
        &self.claims
    }

    /// Whether one of these keys signed it, with RS256 and under its own key id.
    pub(super) fn is_signed_by(&self, keys: &[Key]) -> bool {
        self.header["alg"] == "RS256"
            && keys
                .iter()
                .filter(|key| self.header["kid"] == key.id())
                .any(|key| key.verifies(&self.message, &self.signature))
    }

    /// Whether a key of a set that somebody publishes signed it, with RS256 and under its key id
    /// (<https://www.rfc-editor.org/rfc/rfc7517#section-5>).
    pub(super) fn is_verified_by(&self, published: &Value) -> bool {
        let number = |text: &Value| BASE64URL_NOPAD.decode(text.as_str()?.as_bytes()).ok();
        let public = |key: &Value| {
            Some(RsaPublicKeyComponents { n: number(&key["n"])?, e: number(&key["e"])? })
        };
        let keys = published["keys"].as_array().into_iter().flatten();
        let mut named = keys.filter(|key| key["kid"] == self.header["kid"]).filter_map(public);
        self.header["alg"] == "RS256"
            && named.any(|key| {
                let (message, signed) = (&self.message, &self.signature);
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signed).is_ok()
            })
    }

    /// Whether the time lies within `nbf` and `exp`; a token without `exp` never does.
    pub(super) fn is_valid_at(&self, seconds: i64) -> bool {
        self.seconds("exp").is_some_and(|end| seconds < end)
            && self.seconds("nbf").is_none_or(|start| start <= seconds)
    }
}
