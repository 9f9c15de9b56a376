//! Signing in to Entra: which credential, its tokens, who it is.
//!
//! Every token source of this module can be shared. The ones that [`sign_in`] and [`client_secret`] give
//! keep their tokens and have one request in flight per scope.

mod assertion;
mod cache;
mod certificate;
mod chain;
pub(crate) mod claims;
mod error;
pub(crate) mod exchange;
pub(crate) mod library;
mod metadata;
pub mod method;
pub mod variables;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
pub use azure_core::credentials::Secret;
pub use azure_identity::Executor;
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use tokio::time::Instant;

pub use self::cache::CachedTokens;
use self::chain::Chain;
use self::library::Reach;
use self::method::Method;
use self::variables::CredentialVariables;
use super::cloud::Cloud;
use super::transport::Transport;
use crate::event::EventSink;
use crate::model::guid::TenantId;
use crate::ports::error::PortError;

/// A token and what is known about it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token itself; it does not print.
    pub secret: Secret,
    /// When it ends, on tokio's clock.
    pub expires_at: Instant,
    /// How it was got: `azure-cli`, `github-actions`, …
    pub method: &'static str,
}

/// Gives tokens for a scope, `https://management.azure.com/.default` for one.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is valid for some minutes at least.
    async fn token(&self, scope: &str) -> Result<Token, PortError>;
}

/// What signing in needs.
pub struct SignInOptions {
    /// Whose Entra.
    pub cloud: Cloud,
    /// The way to it.
    pub transport: Transport,
    /// Who hears of requests and pauses.
    pub events: Arc<dyn EventSink>,
    /// The most time that one attempt of a request may take.
    pub timeout: Duration,
    /// Spreads the pauses between attempts, the same way for the same seed.
    pub seed: u64,
    /// The tenant that the profile pins; `AZURE_TENANT_ID` comes first.
    pub tenant: Option<TenantId>,
    /// The variables that name credentials.
    pub environment: CredentialVariables,
    /// The one credential to use (`--auth`); otherwise the first that is there.
    pub method: Option<Method>,
    /// Starts `az` and `azd`; the operating system where there is none.
    pub executor: Option<Arc<dyn Executor>>,
}

/// Signs in with the first credential that is there. Nothing is tried before the first token is asked for.
pub fn sign_in(options: SignInOptions) -> Arc<dyn TokenSource> {
    Arc::new(CachedTokens::new(Arc::new(Chain::new(options))))
}

/// Signs in an application by its secret, whatever the environment says.
pub fn client_secret(
    options: &SignInOptions,
    client_id: &str,
    secret: Secret,
) -> Result<Arc<dyn TokenSource>, PortError> {
    let tenant = options.tenant.map_or_else(String::new, |tenant| tenant.to_string());
    let reach = Reach::new(options);
    let credential = ClientSecretCredential::new(
        &tenant,
        client_id.to_owned(),
        secret,
        Some(ClientSecretCredentialOptions { client_options: reach.client_options() }),
    )
    .map_err(|failure| error::from_library(failure, Method::Environment))?;
    let source = library::Source::new(credential, Method::Environment);
    Ok(Arc::new(CachedTokens::new(Arc::new(source))))
}
