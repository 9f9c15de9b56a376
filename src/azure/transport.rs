//! The one way out: HTTPS, or a service in the same process.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, StatusCode};
use bytes::BytesMut;
use futures::StreamExt;
use http::Uri;
use http_body_util::BodyExt;
use hyper_util::client::proxy::matcher::Matcher;
use tower::{Service, ServiceExt};
use url::Url;

use super::cloud::Cloud;
use crate::files;
use crate::model::host::is_loopback;
use crate::ports::error::{PortError, PortErrorKind, Service as Party};

/// The most bytes that are read of one answer.
pub(crate) const BODY_LIMIT: usize = 32 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Sends requests and reads their bounded answers; no retries, no redirects, no credentials.
#[derive(Clone, Debug)]
pub struct Transport {
    client: Arc<dyn HttpClient>,
    /// For what must not go through a proxy.
    direct: Arc<dyn HttpClient>,
    /// Which requests of `client` go through a proxy; `None` where none does.
    proxies: Option<Arc<Matcher>>,
}

/// What is wrong with the answer's size.
#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than {BODY_LIMIT} bytes")]
pub(crate) struct TooLong;

impl Transport {
    /// HTTPS with the system's certificate authorities and the cloud's own, proxies as the environment
    /// names them (`HTTPS_PROXY`, `NO_PROXY`), none for loopback.
    pub fn https(cloud: &Cloud) -> Result<Self, PortError> {
        let trusted = authorities(cloud)?;
        let client = builder(cloud, trusted.clone()).build().map_err(|error| {
            let mut failed = unusable("set up HTTPS".into());
            failed.source = Some(error.into());
            failed
        })?;
        let direct = builder(cloud, trusted).no_proxy();
        Ok(Self {
            client: Arc::new(Bounded(Arc::new(client))),
            direct: Arc::new(Bounded(Arc::new(Deferred(LazyLock::new(Box::new(move || {
                direct.build()
            })))))),
            // As reqwest reads the same variables.
            proxies: (!is_loopback(&cloud.arm)).then(|| Arc::new(Matcher::from_env())),
        })
    }

    /// Calls a service in this process, an `axum::Router` for one: no sockets.
    pub fn in_process<S, B, E>(service: S) -> Self
    where
        S: Service<http::Request<axum::body::Body>, Response = http::Response<B>, Error = E>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
        B: axum::body::HttpBody + Send + 'static,
        B::Data: Send,
        B::Error: Into<tower::BoxError>,
        E: Into<tower::BoxError> + 'static,
    {
        let client: Arc<dyn HttpClient> = Arc::new(Bounded(Arc::new(InProcess(service))));
        Self { direct: Arc::clone(&client), client, proxies: None }
    }

    /// The same way out for the libraries that insist on https: what they send to https on loopback goes
    /// out as http.
    pub(crate) fn for_loopback(&self) -> Self {
        Self {
            client: Arc::new(LoopbackHttp(Arc::clone(&self.client))),
            direct: Arc::clone(&self.direct),
            proxies: self.proxies.clone(),
        }
    }

    /// The same way out without any proxy, for services of the machine itself.
    pub(crate) fn without_proxy(&self) -> Self {
        Self { client: Arc::clone(&self.direct), direct: Arc::clone(&self.direct), proxies: None }
    }

    /// The proxy that a request to this address goes through, without any password.
    pub(crate) fn proxy(&self, url: &Url) -> Option<String> {
        let address: Uri = url.as_str().parse().ok()?;
        let found = self.proxies.as_ref()?.intercept(&address)?;
        let proxy = found.uri();
        let port = proxy.port().map_or_else(String::new, |port| format!(":{port}"));
        Some(format!("{}://{}{port}", proxy.scheme_str()?, proxy.host()?))
    }

    pub(crate) fn client(&self) -> Arc<dyn HttpClient> {
        Arc::clone(&self.client)
    }
}

fn unusable(operation: String) -> PortError {
    PortError::new(PortErrorKind::Unreachable, Party::Arm, operation)
}

fn builder(cloud: &Cloud, trusted: Vec<reqwest::Certificate>) -> reqwest::ClientBuilder {
    // Another part of the program may have installed it already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    if is_loopback(&cloud.arm) {
        builder = builder.no_proxy();
    }
    let is_plain = [&cloud.arm, &cloud.authority_host].iter().all(|url| url.scheme() == "http");
    // Reading the system's authorities takes longer than many an answer.
    if is_plain { builder.tls_certs_only(trusted) } else { builder.tls_certs_merge(trusted) }
}

/// A client that is made when it is needed, which it rarely is.
#[derive(Debug)]
struct Deferred(LazyLock<reqwest::Result<reqwest::Client>, Make>);

type Make = Box<dyn FnOnce() -> reqwest::Result<reqwest::Client> + Send>;

#[async_trait]
impl HttpClient for Deferred {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        match &*self.0 {
            Ok(client) => client.execute_request(request).await,
            Err(error) => Err(azure_core::Error::with_message(ErrorKind::Io, error.to_string())),
        }
    }
}

/// The certificate authorities that a cloud trusts besides the system's.
pub(crate) fn authorities(cloud: &Cloud) -> Result<Vec<reqwest::Certificate>, PortError> {
    let Some(path) = &cloud.ca_file else { return Ok(Vec::new()) };
    files::read(path, files::LARGEST_TEXT)
        .map_err(tower::BoxError::from)
        .and_then(|pem| Ok(reqwest::Certificate::from_pem_bundle(&pem)?))
        .map_err(|source| {
            let mut error = unusable(format!("trust the ca_file {}", path.display()));
            error.message = Some("it is not a readable PEM file of certificates".into());
            error.source = Some(source);
            error
        })
}

/// Reads answers whole, but no further than [`BODY_LIMIT`].
#[derive(Debug)]
struct Bounded(Arc<dyn HttpClient>);

#[async_trait]
impl HttpClient for Bounded {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let (status, headers, mut body) = self.0.execute_request(request).await?.deconstruct();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk?;
            if bytes.len() + chunk.len() > BODY_LIMIT {
                return Err(azure_core::Error::new(ErrorKind::DataConversion, TooLong));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(AsyncRawResponse::from_bytes(status, headers, bytes.freeze()))
    }
}

#[derive(Debug)]
struct LoopbackHttp(Arc<dyn HttpClient>);

#[async_trait]
impl HttpClient for LoopbackHttp {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        if !is_loopback(request.url()) {
            return self.0.execute_request(request).await;
        }
        let mut plain = request.clone();
        // A special scheme can always be changed to another one.
        let _ = plain.url_mut().set_scheme("http");
        self.0.execute_request(&plain).await
    }
}

struct InProcess<S>(S);

impl<S> fmt::Debug for InProcess<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InProcess")
    }
}

#[async_trait]
impl<S, B, E> HttpClient for InProcess<S>
where
    S: Service<http::Request<axum::body::Body>, Response = http::Response<B>, Error = E>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
    B: axum::body::HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: Into<tower::BoxError>,
    E: Into<tower::BoxError> + 'static,
{
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let lost = |error: tower::BoxError| azure_core::Error::new(ErrorKind::Io, error);
        let answer =
            self.0.clone().oneshot(to_http(request)?).await.map_err(|error| lost(error.into()))?;
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.map_err(|error| lost(error.into()))?.to_bytes();
        let mut headers = Headers::new();
        for (name, value) in &parts.headers {
            if let Ok(text) = value.to_str() {
                headers.insert(
                    HeaderName::from(name.as_str().to_owned()),
                    HeaderValue::from(text.to_owned()),
                );
            }
        }
        Ok(AsyncRawResponse::from_bytes(StatusCode::from(parts.status.as_u16()), headers, bytes))
    }
}

fn to_http(request: &Request) -> azure_core::Result<http::Request<axum::body::Body>> {
    let url = request.url();
    let host = url.authority().to_owned();
    let mut built = http::Request::builder()
        .method(request.method().as_ref())
        .uri(url.as_str())
        .header(http::header::HOST, host);
    for (name, value) in request.headers().iter() {
        built = built.header(name.as_str(), value.as_str());
    }
    let Body::Bytes(bytes) = request.body() else {
        return Err(azure_core::Error::with_message(
            ErrorKind::Other,
            "streamed bodies are not used here",
        ));
    };
    built
        .body(axum::body::Body::from(bytes.clone()))
        .map_err(|error| azure_core::Error::new(ErrorKind::Other, error))
}
