//! Fetches the discovery documents of public issuers.

use std::error::Error;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, ClientBuilder};
use tokio::time::Instant;
use url::Url;

use super::discovery::IssuerUrlError;
use super::{discovery, keys};
use crate::event::{Event, EventSink, RequestClass};
use crate::model::host::is_loopback;
use crate::model::text::Issuer;
use crate::observed::evidence::{Document, Keys};
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::IssuerRead;
use crate::ports::request_log::Asked;

/// The largest document that is read, in bytes.
const DOCUMENT_LIMIT: usize = 1024 * 1024;
/// How long a fetch may take.
const FETCH_LIMIT: Duration = Duration::from_secs(10);
/// How many redirects are followed inside one origin.
const REDIRECTS: usize = 3;
/// How often a document is asked for at most, where a finding depends on it. A plan does without.
const ATTEMPTS: u32 = 3;
/// The pause before the second try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Reads public issuers over https, or plain http on loopback. No credential is ever sent to them.
pub struct PublicIssuers {
    /// It is made when it is first needed, while Azure is waited for: it reads the system's authorities.
    remote: LazyLock<Result<reqwest::Client, reqwest::Error>>,
    loopback: reqwest::Client,
    sink: Arc<dyn EventSink>,
}

/// A document larger than [`DOCUMENT_LIMIT`].
#[derive(Debug, thiserror::Error)]
#[error("the document is larger than {DOCUMENT_LIMIT} bytes")]
struct TooLarge;

/// Why a redirect was not followed.
#[derive(Debug, thiserror::Error)]
enum RedirectError {
    #[error("the redirect leads to another origin")]
    ForeignOrigin,
    #[error("there are more than {REDIRECTS} redirects")]
    TooMany,
}

fn bounded() -> ClientBuilder {
    reqwest::Client::builder().timeout(FETCH_LIMIT).redirect(Policy::custom(follow))
}

impl PublicIssuers {
    /// A reader that trusts the system's certificate authorities, and for loopback these alone: a stand-in of an issuer
    /// serves there. Proxies are the environment's (`HTTPS_PROXY`, `NO_PROXY`), except for loopback.
    pub fn new(
        of_loopback: Vec<Certificate>,
        sink: Arc<dyn EventSink>,
    ) -> Result<Self, reqwest::Error> {
        // Whoever comes first installs it; it is the same one everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The system's authorities vouch for no name on loopback, so they are not even loaded.
        let loopback = bounded().no_proxy().tls_certs_only(of_loopback);
        Ok(Self { remote: LazyLock::new(|| bounded().build()), loopback: loopback.build()?, sink })
    }

    /// Fetches a document once.
    async fn fetch<T>(&self, url: &Url, attempt: u32, read: &Read<'_, T>) -> Result<T, PortError> {
        self.sink.emit(Event::RequestSent(RequestClass::ClusterRead));
        let remote = || {
            self.remote.as_ref().map_err(|error| {
                let mut unmade = failed(PortErrorKind::Unreachable);
                unmade.message = Some(error.to_string());
                unmade
            })
        };
        let client = if is_loopback(url) { &self.loopback } else { remote()? };
        let begun = Instant::now();
        let answer = client.get(url.clone()).send().await;
        let what = format!("GET {}", url.path());
        let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
        Asked { service: &Service::Issuer, what: &what, attempt }.answered(
            status,
            None,
            begun.elapsed(),
        );
        let mut response = answer.map_err(unanswered)?;
        let status = response.status();
        if !status.is_success() {
            let kind = match status.as_u16() {
                404 => PortErrorKind::NotFound,
                429 => PortErrorKind::Throttled,
                408 | 500.. => PortErrorKind::ServiceFault,
                _ => PortErrorKind::Invalid,
            };
            let mut error = failed(kind);
            error.status = Some(status.as_u16());
            return Err(error);
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if document.len() + chunk.len() > DOCUMENT_LIMIT {
                let mut error = failed(PortErrorKind::Malformed);
                error.source = Some(Box::new(TooLarge));
                return Err(error);
            }
            document.extend_from_slice(&chunk);
        }
        read(&document).map_err(|source| {
            let mut error = failed(PortErrorKind::Malformed);
            error.source = Some(source);
            error
        })
    }

    /// Fetches a document, again where that may help.
    async fn get<T>(
        &self,
        url: Result<Url, IssuerUrlError>,
        what: &str,
        attempts: u32,
        read: &Read<'_, T>,
    ) -> Result<T, PortError> {
        let named = |mut error: PortError| {
            error.operation = format!("read {what}");
            error
        };
        let url = url.map_err(|source| {
            let mut error = failed(PortErrorKind::Invalid);
            error.source = Some(Box::new(source));
            named(error)
        })?;
        let mut attempt = 1;
        loop {
            let error = match self.fetch(&url, attempt, read).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            if attempt == attempts || !is_passing(&error.kind) {
                return Err(named(error));
            }
            let pause = FIRST_PAUSE * 2_u32.pow(attempt - 1);
            self.sink.emit(Event::Waiting { why: format!("no answer for {what} yet"), pause });
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }
}

/// How the bytes of a document become what is asked for.
type Read<'a, T> = dyn Fn(&[u8]) -> Result<T, Box<dyn Error + Send + Sync>> + Sync + 'a;

#[async_trait]
impl IssuerRead for PublicIssuers {
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError> {
        let what = format!("the discovery document of `{issuer}`");
        let read: &Read<'_, _> = &|text| Ok(discovery::issuer_of(text)?);
        self.get(discovery::url_of(issuer), &what, 1, read).await
    }

    async fn document(&self, issuer: &Issuer) -> Result<Document, PortError> {
        let what = format!("the discovery document of `{issuer}`");
        let read: &Read<'_, _> = &|text| Ok(discovery::document_of(text)?);
        self.get(discovery::url_of(issuer), &what, ATTEMPTS, read).await
    }

    async fn keys(&self, issuer: &Issuer, keys_at: &str) -> Result<Keys, PortError> {
        let what = format!("the keys of `{issuer}` at `{keys_at}`");
        let read: &Read<'_, _> = &|text| Ok(keys::keys_of(text)?);
        self.get(discovery::fetchable(keys_at), &what, ATTEMPTS, read).await
    }
}

/// Follows a redirect inside the origin, no other: the origin is what an issuer vouches with.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let first = attempt.previous().first();
    if first.is_some_and(|first| first.origin() != attempt.url().origin()) {
        attempt.error(RedirectError::ForeignOrigin)
    } else if attempt.previous().len() > REDIRECTS {
        attempt.error(RedirectError::TooMany)
    } else {
        attempt.follow()
    }
}

/// An error of an issuer; the operation is filled in above.
fn failed(kind: PortErrorKind) -> PortError {
    PortError::new(kind, Service::Issuer, String::new())
}

/// The error of a request without a whole answer.
fn unanswered(error: reqwest::Error) -> PortError {
    let kind = if error.is_redirect() {
        match redirect_error(&error) {
            Some(RedirectError::TooMany) => PortErrorKind::Invalid,
            Some(RedirectError::ForeignOrigin) | None => PortErrorKind::ForeignOrigin,
        }
    } else if error.is_timeout() {
        PortErrorKind::TimedOut
    } else if error.is_connect() {
        PortErrorKind::Unreachable
    } else {
        PortErrorKind::AnswerLost
    };
    let mut unanswered = failed(kind);
    unanswered.source = Some(Box::new(error.without_url()));
    unanswered
}

/// Our own reason below reqwest's.
fn redirect_error(error: &reqwest::Error) -> Option<&RedirectError> {
    std::iter::successors(error.source(), |error| (*error).source())
        .find_map(|error| error.downcast_ref())
}

/// Whether the next try may go better. Not what took its whole time already.
fn is_passing(kind: &PortErrorKind) -> bool {
    matches!(
        kind,
        PortErrorKind::Throttled
            | PortErrorKind::ServiceFault
            | PortErrorKind::Unreachable
            | PortErrorKind::AnswerLost
    )
}
