//! Clients of an API server in this process, for tests.

use axum::body::HttpBody;
use http::{Request, Response, Uri};
use kube::Config;
use kube::client::{Body, ConfigExt};
use tower::{BoxError, Layer, Service};

/// A client of a service in this process, an API server's stand-in at `server`: no socket is opened.
pub fn in_process<S, B>(server: Uri, service: S) -> kube::Client
where
    S: Service<Request<Body>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let base = Config::new(server).base_uri_layer();
    kube::Client::new(base.layer(service), "default")
}
