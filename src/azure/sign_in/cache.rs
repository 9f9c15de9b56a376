//! Keeps tokens until shortly before their end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Token, TokenSource};
use crate::ports::error::PortError;
use crate::ports::secrets;

/// How long before its end a token is renewed.
const RENEWED_BEFORE_END: Duration = Duration::from_mins(5);
/// How long a token is used at least. One that ends at once would be asked for again before every request;
/// whether it still holds is for the service to say that it is shown to.
const KEPT_AT_LEAST: Duration = Duration::from_secs(30);
/// How long a failure stands, so that many requests at once do not start `az` one after the other.
const FAILURE_STANDS: Duration = Duration::from_secs(30);

/// Asks its source once per scope until the token is about to end.
pub struct CachedTokens {
    source: Arc<dyn TokenSource>,
    scopes: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Kept>>>>,
}

/// What the source last said about a scope.
#[derive(Default)]
enum Kept {
    #[default]
    Nothing,
    Token {
        token: Token,
        renew_at: Instant,
    },
    Failure {
        error: PortError,
        until: Instant,
    },
}

impl CachedTokens {
    /// A cache before a source.
    pub fn new(source: Arc<dyn TokenSource>) -> Self {
        Self { source, scopes: Mutex::default() }
    }

    fn slot(&self, scope: &str) -> Arc<tokio::sync::Mutex<Kept>> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(scopes.entry(scope.to_owned()).or_default())
    }
}

#[async_trait]
impl TokenSource for CachedTokens {
    async fn token(&self, scope: &str) -> Result<Token, PortError> {
        let slot = self.slot(scope);
        // Held while asking: the others wait for the same answer.
        let mut kept = slot.lock().await;
        let now = Instant::now();
        match &*kept {
            Kept::Token { token, renew_at } if *renew_at > now => return Ok(token.clone()),
            Kept::Failure { error, until } if *until > now => return Err(again(error)),
            Kept::Nothing | Kept::Token { .. } | Kept::Failure { .. } => {}
        }
        match self.source.token(scope).await {
            Ok(token) => {
                secrets::learn(token.secret.secret());
                let now = Instant::now();
                let left = token.expires_at.saturating_duration_since(now);
                let lives = left.saturating_sub(RENEWED_BEFORE_END.min(left / 2));
                *kept =
                    Kept::Token { renew_at: now + lives.max(KEPT_AT_LEAST), token: token.clone() };
                Ok(token)
            }
            Err(error) => {
                *kept =
                    Kept::Failure { error: again(&error), until: Instant::now() + FAILURE_STANDS };
                Err(error)
            }
        }
    }
}

/// The same error for the next one who asks; its source stays with the first.
pub(super) fn again(error: &PortError) -> PortError {
    let PortError {
        kind,
        service,
        operation,
        status,
        code,
        message,
        request_id,
        correlation_id,
        place,
        source: _,
    } = error;
    PortError {
        kind: kind.clone(),
        service: service.clone(),
        operation: operation.clone(),
        status: *status,
        code: code.clone(),
        message: message.clone(),
        request_id: request_id.clone(),
        correlation_id: correlation_id.clone(),
        place: place.clone(),
        source: None,
    }
}
