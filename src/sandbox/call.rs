//! One request as the services read it.

use axum::body::Bytes;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::form_urlencoded;

use super::STATIC_TOKEN;

/// Which service a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Api {
    /// Azure Resource Manager.
    Arm,
    /// Entra's token endpoint and its discovery documents.
    Entra,
    /// A cluster's API.
    Kubernetes,
    /// A cluster's public issuer documents.
    Oidc,
}

/// A request with its path and query decoded and its body read.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The path as sent, without the static token before it.
    pub(super) path: String,
    /// The decoded segments of the path.
    pub(super) segments: Vec<String>,
    /// The decoded query, in the order sent.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// `scheme://authority` as the caller addressed it; links in answers start with it.
    pub(super) origin: String,
    /// Whether the static token stands before the path. `kubectl` keeps a user's token to itself over plain http.
    pub(super) has_token_in_path: bool,
    /// The host alone, for issuers that are addressed by their own name.
    pub(super) host: String,
}

impl Call {
    /// Reads the head and body of a request.
    pub(super) fn new(parts: &Parts, body: Bytes) -> Self {
        let sent = parts.uri.path();
        let behind = sent.strip_prefix('/').and_then(|path| path.strip_prefix(STATIC_TOKEN));
        let behind = behind.filter(|path| path.starts_with('/'));
        let path = behind.unwrap_or(sent).to_owned();
        let authority = parts.uri.authority().map(|a| a.as_str().to_owned());
        let host_header = parts.headers.get(header::HOST).and_then(|v| v.to_str().ok());
        let authority = authority
            .or_else(|| host_header.map(str::to_owned))
            .unwrap_or_else(|| "sandbox.invalid".to_owned());
        let scheme = parts.uri.scheme_str().unwrap_or("http");
        let query = parts.uri.query().unwrap_or_default();
        Self {
            method: parts.method.clone(),
            segments: path.split('/').filter(|s| !s.is_empty()).map(decode).collect(),
            path,
            has_token_in_path: behind.is_some(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: parts.headers.clone(),
            body,
            origin: format!("{scheme}://{authority}"),
            host: authority.split(':').next().unwrap_or_default().to_owned(),
        }
    }

    /// The first value of a query parameter, its name without regard to case.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// A header as text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The bearer token, if one was sent.
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header(&header::AUTHORIZATION)?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Whether the caller has the static token.
    pub(super) fn has_static_token(&self) -> bool {
        self.has_token_in_path || self.bearer() == Some(STATIC_TOKEN)
    }

    /// The body as JSON; `Null` where there is none.
    pub(super) fn json(&self) -> Result<Value, serde_json::Error> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body)
    }
}

/// Percent-decodes one path segment; the form parser does it once its own signs are out of the way.
fn decode(segment: &str) -> String {
    if !segment.contains('%') {
        return segment.to_owned();
    }
    let escaped = segment.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map_or_else(|| segment.to_owned(), |(name, _)| name.into_owned())
}
