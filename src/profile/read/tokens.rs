//! What federated credentials trust: issuer, subject, audience; and how long tokens live.

use jiff::SignedDuration;
use url::Url;

use super::texts::primitive_schemas;
use super::{Parse, Refusal};
use crate::model::kinds::federated_credential::LONGEST_CLAIM;
use crate::model::rule::{Rule, rules};
use crate::model::text::{Audience, Issuer, Subject};
use crate::profile::source::quoted;

rules! {
    ISSUER = "WID-ISSUER", Check;
        "an issuer is a public https URL",
        "Entra fetches the issuer's documents and compares it byte for byte: https, a host, no query, no fragment, at most 600 characters. Plain http is for a sandbox on the loopback address.",
        "Copy `issuer` from the issuer's own `/.well-known/openid-configuration`.";
    SUBJECT = "WID-SUBJECT", Check;
        "a subject is an exact text of at most 600 characters",
        "Entra compares the subject byte for byte and takes no wildcards; a wrong one is accepted and only fails when a token is exchanged.",
        "Copy the token's `sub`, without spaces around it.";
    AUDIENCE = "WID-AUDIENCE", Check;
        "an audience is an exact text of at most 600 characters",
        "Entra compares the audience with the token's `aud` byte for byte.",
        "Leave `audience` out for `api://AzureADTokenExchange`, or copy the token's `aud`.";
    TOKEN_EXPIRATION = "WID-TOKEN-EXPIRATION", Check;
        "a token lives 1 hour to 24 hours",
        "The workload identity webhook refuses pods whose account asks for less than 3600 or more than 86400 seconds.",
        "Write whole seconds between `1h` and `24h`.";
}

/// The lifetime of a projected token in seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Expiration(pub(crate) u32);

/// The checks that issuer, subject and audience share.
fn exact(text: &str, rule: &'static Rule, what: &str) -> Result<(), Refusal> {
    let length = text.chars().count();
    let why = if text.is_empty() {
        "it is empty".into()
    } else if text.trim() != text {
        "it begins or ends with a space, which would be compared too".into()
    } else if length > LONGEST_CLAIM {
        format!("it has {length} characters, Entra takes {LONGEST_CLAIM}")
    } else if text.contains('*') {
        "Entra takes no wildcards".into()
    } else {
        return Ok(());
    };
    Err(Refusal {
        rule,
        message: format!("{} is not {what}: {why}", quoted(text)),
        hint: rule.fix.into(),
    })
}

impl Parse for Subject {
    fn parse(text: &str) -> Result<Self, Refusal> {
        exact(text, &SUBJECT, "a subject")?;
        Ok(Self::new(text))
    }
}

impl Parse for Audience {
    fn parse(text: &str) -> Result<Self, Refusal> {
        exact(text, &AUDIENCE, "an audience")?;
        Ok(Self::new(text))
    }
}

impl Parse for Issuer {
    fn parse(text: &str) -> Result<Self, Refusal> {
        exact(text, &ISSUER, "an issuer")?;
        match unusable(text) {
            None => Ok(Self::new(text)),
            Some(why) => Err(Refusal {
                rule: &ISSUER,
                message: format!("{} is not an issuer: {why}", quoted(text)),
                hint: ISSUER.fix.into(),
            }),
        }
    }
}

/// Why Entra could not use the URL, if it could not.
fn unusable(text: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else {
        return Some("it is not a URL");
    };
    let loopback = match url.host() {
        Some(url::Host::Domain(domain)) => domain == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => return Some("it has no host"),
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        _ => return Some("it is not https"),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some("it has a query or a fragment");
    }
    let written = !text.contains(char::is_whitespace) && !text.contains(['\\', '{', '}']);
    let named = !url.username().is_empty() || url.password().is_some();
    (named || !written).then_some("it has a user, a space, a backslash or a brace in it")
}

impl Parse for Expiration {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let duration = text.parse::<SignedDuration>().ok();
        duration
            .filter(|duration| duration.subsec_nanos() == 0)
            .and_then(|duration| u32::try_from(duration.as_secs()).ok())
            .filter(|seconds| (3_600..=86_400).contains(seconds))
            .map(Self)
            .ok_or_else(|| Refusal {
                rule: &TOKEN_EXPIRATION,
                message: format!("{} is not a time from 1 hour to 24 hours", quoted(text)),
                hint: "write for instance `token_expiration = \"1h\"`, `\"90m\"` or `\"24h\"`"
                    .into(),
            })
    }
}

primitive_schemas! {
    Subject => {"type": "string", "minLength": 1, "maxLength": 600};
    Audience => {"type": "string", "minLength": 1, "maxLength": 600};
    Issuer => {"type": "string", "format": "uri", "maxLength": 600};
    Expiration => {"type": "string"};
}

#[cfg(test)]
mod tests {
    use super::{Expiration, Parse};
    use crate::model::text::Issuer;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let seconds = |text: &str| Expiration::parse(text).map(|expiration| expiration.0).ok();
        assert_eq!(seconds("1h"), Some(3_600));
        assert_eq!(seconds("90m"), Some(5_400));
        assert_eq!(seconds("3600s"), Some(3_600));
        assert_eq!(seconds("24h"), Some(86_400));
        assert_eq!(seconds("59m"), None);
        assert_eq!(seconds("24h1s"), None);
        assert_eq!(seconds("-2h"), None);
        assert_eq!(seconds("3600"), None);
    }

    #[test]
    fn an_issuer_is_kept_byte_for_byte() {
        let issuer = Issuer::parse("https://OIDC.example.com/a/").unwrap();
        assert_eq!(issuer.as_str(), "https://OIDC.example.com/a/");
        for wrong in [
            "http://oidc.example.com",
            "https://oidc.example.com/?a",
            "https://oidc.example.com/#a",
            "https://me@oidc.example.com/",
            "oidc.example.com",
            " https://oidc.example.com",
        ] {
            assert!(Issuer::parse(wrong).is_err(), "{wrong}");
        }
        assert!(Issuer::parse("http://127.0.0.1:8443/weu").is_ok());
    }
}
