//! Bearer tokens for API servers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::client::Body;
use tower::BoxError;
use tower::filter::AsyncPredicate;

use crate::ports::error::PortError;
use crate::ports::secrets;

/// A source of tokens for API servers: Entra for AKS.
#[async_trait]
pub trait ClusterToken: Send + Sync {
    /// A token for the scope, `6dae42f8-4368-4678-94ff-3960e28e3630/.default`. It is asked for before
    /// every request, so the source keeps it and renews it well before it expires.
    async fn bearer(&self, scope: &str) -> Result<Bearer, PortError>;
}

/// A bearer token, never shown.
#[derive(Clone)]
pub struct Bearer(HeaderValue);

/// A token with a character that no header takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the token has a character that no header takes")]
pub struct NotAToken;

impl Bearer {
    /// Wraps a token, without the white space around it that pasting and `echo` leave.
    pub fn new(token: &str) -> Result<Self, NotAToken> {
        let token = token.trim();
        secrets::learn(token);
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| NotAToken)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Bearer(..)")
    }
}

/// Puts the token of a source on every request.
#[derive(Clone)]
pub(super) struct Authorize {
    /// Where tokens come from.
    pub(super) source: Arc<dyn ClusterToken>,
    /// What they are for.
    pub(super) scope: Arc<str>,
}

impl AsyncPredicate<Request<Body>> for Authorize {
    type Future = BoxFuture<'static, Result<Request<Body>, BoxError>>;
    type Request = Request<Body>;

    fn check(&mut self, mut request: Request<Body>) -> Self::Future {
        let Self { source, scope } = self.clone();
        Box::pin(async move {
            let Bearer(value) = source.bearer(&scope).await?;
            request.headers_mut().insert(AUTHORIZATION, value);
            Ok(request)
        })
    }
}
