//! The discovery document of an issuer.
//! <https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig>

use serde::Deserialize;
use url::Url;

use crate::model::host::{Near, is_loopback, near};
use crate::model::kinds::federated_credential::LONGEST_CLAIM;
use crate::model::text::Issuer;
use crate::observed::evidence::Document;

/// The document's path below the issuer.
pub const PATH: &str = "/.well-known/openid-configuration";

/// Why an issuer has no document to fetch.
#[derive(Debug, thiserror::Error)]
pub enum IssuerUrlError {
    /// It is no URL.
    #[error("the issuer is not a URL")]
    NotAUrl(#[from] url::ParseError),
    /// Plain http, or something else.
    #[error("the issuer is not an https URL")]
    NotHttps,
    /// The metadata service of a machine, for one.
    #[error("the issuer is a link-local address, which no public issuer is")]
    LinkLocal,
    /// An issuer identifies by scheme, host and path alone.
    #[error("the issuer has a query, a fragment or credentials")]
    NotPlain,
}

/// Why a document does not name its issuer.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is not JSON, or `issuer` is missing or no text.
    #[error("the discovery document has no issuer")]
    NoIssuer(#[source] serde_json::Error),
    /// The issuer is empty.
    #[error("the discovery document's issuer is empty")]
    Empty,
    /// No credential takes it.
    #[error("the discovery document's issuer is longer than {LONGEST_CLAIM} characters")]
    TooLong,
    /// A character that no issuer has.
    #[error("the discovery document's issuer has a control character")]
    Control,
}

/// The fields that are read of a document.
#[derive(Deserialize)]
struct Wire {
    issuer: String,
    #[serde(default)]
    jwks_uri: String,
}

/// What a document names: its issuer, byte for byte, and where the keys are.
pub fn document_of(document: &[u8]) -> Result<Document, DocumentError> {
    let issuer = issuer_of(document)?;
    let Wire { jwks_uri, .. } =
        serde_json::from_slice(document).map_err(DocumentError::NoIssuer)?;
    Ok(Document { issuer, keys_at: jwks_uri.into() })
}

/// The issuer that a document names, byte for byte.
pub fn issuer_of(document: &[u8]) -> Result<Issuer, DocumentError> {
    let Wire { issuer, .. } = serde_json::from_slice(document).map_err(DocumentError::NoIssuer)?;
    if issuer.is_empty() {
        return Err(DocumentError::Empty);
    }
    if issuer.chars().count() > LONGEST_CLAIM {
        return Err(DocumentError::TooLong);
    }
    if issuer.chars().any(char::is_control) {
        return Err(DocumentError::Control);
    }
    Ok(Issuer::new(issuer))
}

/// Where the issuer's document is: https, or plain http on loopback. The slash is not doubled, as Entra
/// joins it too.
pub fn url_of(issuer: &Issuer) -> Result<Url, IssuerUrlError> {
    fetchable(issuer.as_str())?;
    let base = issuer.as_str();
    let base = base.strip_suffix('/').unwrap_or(base);
    Ok(Url::parse(&format!("{base}{PATH}"))?)
}

/// The address of a document, if one may be fetched there without a credential.
pub fn fetchable(address: &str) -> Result<Url, IssuerUrlError> {
    let url = Url::parse(address)?;
    let secure = match url.scheme() {
        "https" => true,
        "http" => is_loopback(&url),
        _ => false,
    };
    if !secure || url.host().is_none() {
        return Err(IssuerUrlError::NotHttps);
    }
    // Clouds keep their metadata services there.
    if near(&url) == Some(Near::Link) {
        return Err(IssuerUrlError::LinkLocal);
    }
    let credentials = !url.username().is_empty() || url.password().is_some();
    if url.query().is_some() || url.fragment().is_some() || credentials {
        return Err(IssuerUrlError::NotPlain);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(issuer: &str) -> Result<String, IssuerUrlError> {
        url_of(&issuer.into()).map(|url| url.to_string())
    }

    #[test]
    fn the_slash_is_never_doubled_and_never_missing() {
        let wanted = "https://weu.oic.example.com/tenant/id/.well-known/openid-configuration";
        assert_eq!(url("https://weu.oic.example.com/tenant/id/").unwrap(), wanted);
        assert_eq!(url("https://weu.oic.example.com/tenant/id").unwrap(), wanted);
        assert_eq!(
            url("https://weu.oic.example.com").unwrap(),
            "https://weu.oic.example.com/.well-known/openid-configuration"
        );
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for issuer in ["http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]:1/a"] {
            assert!(url(issuer).is_ok(), "{issuer}");
        }
        for issuer in ["http://oidc.example.com/", "ftp://127.0.0.1/", "http://localhost.evil.com"]
        {
            assert!(matches!(url(issuer), Err(IssuerUrlError::NotHttps)), "{issuer}");
        }
    }

    #[test]
    fn the_metadata_service_of_a_machine_is_no_issuer() {
        for issuer in [
            "https://169.254.169.254/",
            "https://2852039166/",
            "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/",
        ] {
            assert!(matches!(url(issuer), Err(IssuerUrlError::LinkLocal)), "{issuer}");
        }
    }

    #[test]
    fn an_issuer_is_scheme_host_and_path_alone() {
        for issuer in ["https://a/b?c", "https://a/b#c", "https://user@a/b", "https://u:p@a/b"] {
            assert!(matches!(url(issuer), Err(IssuerUrlError::NotPlain)), "{issuer}");
        }
        assert!(matches!(url("weu"), Err(IssuerUrlError::NotAUrl(_))));
    }

    #[test]
    fn the_issuer_of_a_document_is_kept_byte_for_byte() {
        let of = |text: &str| issuer_of(text.as_bytes());
        assert_eq!(
            of(r#"{"issuer":"https://A.example.com/x/","jwks_uri":"y"}"#).unwrap(),
            Issuer::from("https://A.example.com/x/")
        );
        assert!(matches!(of(r#"{"issuer":""}"#), Err(DocumentError::Empty)));
        let long = format!(r#"{{"issuer":"https://{}"}}"#, "a".repeat(600));
        assert!(matches!(of(&long), Err(DocumentError::TooLong)));
        assert!(matches!(of(r#"{"issuer":"a\nb"}"#), Err(DocumentError::Control)));
        for text in ["", "<html>", "{}", r#"{"issuer":7}"#, "[]"] {
            assert!(matches!(of(text), Err(DocumentError::NoIssuer(_))), "{text}");
        }
    }
}
