//! Puts the token into the request; the token source caches it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::headers::AUTHORIZATION;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};

use crate::azure::error::carry;
use crate::azure::sign_in::TokenSource;

/// Replaces whatever stands in `Authorization` by a bearer token for one scope.
pub(crate) struct Auth {
    pub(crate) scope: String,
    pub(crate) tokens: Arc<dyn TokenSource>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Auth").field("scope", &self.scope).finish_non_exhaustive()
    }
}

#[async_trait]
impl Policy for Auth {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let token = self.tokens.token(&self.scope).await.map_err(carry)?;
        request.insert_header(AUTHORIZATION, format!("Bearer {}", token.secret.secret()));
        let outcome = next[0].send(context, request, &next[1..]).await;
        // The policies further out may log what they hold.
        request.headers_mut().remove(AUTHORIZATION);
        outcome
    }
}
