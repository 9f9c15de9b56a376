//! The library's credentials as token sources.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::http::{ClientOptions, Pipeline};
use azure_core::time::OffsetDateTime;
use tokio::time::Instant;

use super::method::Method;
use super::{SignInOptions, Token, TokenSource, error};
use crate::azure::cloud::Cloud;
use crate::azure::pipeline;
use crate::azure::transport::Transport;
use crate::event::EventSink;
use crate::ports::error::{PortError, Service};
use crate::ports::panic::caught;

/// The most time that getting one token may take: the pauses between attempts, or a command that hangs.
const LONGEST: Duration = Duration::from_mins(6);
/// The longest time that a token is believed to live: the longest that Entra gives one for.
/// <https://learn.microsoft.com/entra/identity/conditional-access/concept-continuous-access-evaluation>
const LONGEST_LIFE: Duration = Duration::from_hours(28);

/// How credentials reach Entra.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(super) cloud: Cloud,
    pub(super) transport: Transport,
    events: Arc<dyn EventSink>,
    timeout: Duration,
    seed: u64,
}

impl Reach {
    pub(super) fn new(options: &SignInOptions) -> Self {
        let SignInOptions { cloud, transport, events, timeout, seed, .. } = options;
        Self::by(cloud, transport, events, *timeout, *seed)
    }

    /// The way to a cloud's Entra.
    pub(crate) fn by(
        cloud: &Cloud,
        transport: &Transport,
        events: &Arc<dyn EventSink>,
        timeout: Duration,
        seed: u64,
    ) -> Self {
        Self {
            cloud: cloud.clone(),
            // The library refuses an authority without https, loopback or not.
            transport: if cloud.authority_host.scheme() == "http" {
                transport.for_loopback()
            } else {
                transport.clone()
            },
            events: Arc::clone(events),
            timeout,
            seed,
        }
    }

    pub(super) fn client_options(&self) -> ClientOptions {
        let mut authority = self.cloud.authority_host.clone();
        // From http to https: a change that a URL with a host always allows.
        let _ = authority.set_scheme("https");
        let mut custom = CustomConfiguration::default();
        custom.authority_host = authority.into();
        ClientOptions {
            cloud: Some(Arc::new(CloudConfiguration::Custom(custom))),
            ..pipeline::to_entra(
                &self.transport,
                &self.cloud,
                &self.events,
                self.timeout,
                self.seed,
            )
        }
    }

    /// The same without proxies, for services of the machine itself.
    pub(super) fn without_proxy(&self) -> Self {
        Self { transport: self.transport.without_proxy(), ..self.clone() }
    }

    /// A pipeline for what the library does not ask itself.
    pub(super) fn pipeline(&self) -> Pipeline {
        Pipeline::new(
            option_env!("CARGO_PKG_NAME"),
            option_env!("CARGO_PKG_VERSION"),
            self.client_options(),
            Vec::new(),
            Vec::new(),
            None,
        )
    }
}

/// One of the library's credentials.
pub(super) struct Source {
    credential: Arc<dyn TokenCredential>,
    method: Method,
}

impl Source {
    pub(super) fn new(credential: Arc<dyn TokenCredential>, method: Method) -> Self {
        Self { credential, method }
    }
}

#[async_trait]
impl TokenSource for Source {
    async fn token(&self, scope: &str) -> Result<Token, PortError> {
        let scopes = [scope];
        let operation = format!("sign in with {}", self.method);
        let asked = caught(Service::Entra, &operation, async {
            let token = self.credential.get_token(&scopes, None).await;
            token.map_err(|failure| error::from_library(failure, self.method))
        });
        let token = tokio::time::timeout(LONGEST, asked)
            .await
            .map_err(|_| error::too_late(self.method, LONGEST))??;
        let left = token.expires_on - OffsetDateTime::now_utc();
        let left = Duration::try_from(left).unwrap_or_default();
        Ok(Token {
            secret: token.token,
            expires_at: Instant::now() + left.min(LONGEST_LIFE),
            method: self.method.name(),
        })
    }
}
