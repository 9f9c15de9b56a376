//! The public issuers of a sandbox.

use async_trait::async_trait;
use url::Url;

use crate::model::text::Issuer;
use crate::observed::evidence::{Document, Keys};
use crate::oidc::public::PublicIssuers;
use crate::ports::error::PortError;
use crate::ports::read::IssuerRead;

/// The public issuers of a sandbox. Their documents stand behind its own address, so that no name is
/// looked up and nothing leaves the machine.
pub(super) struct SandboxIssuers {
    pub(super) base: Url,
    pub(super) served: PublicIssuers,
}

impl SandboxIssuers {
    /// Where the sandbox serves the documents of an issuer; one that is no URL names nothing there.
    fn address(&self, issuer: &Issuer) -> Issuer {
        let place = Url::parse(issuer.as_str())
            .map_or_else(|_| "/".to_owned(), |url| format!("{}{}", url.authority(), url.path()));
        let mut address = self.base.clone();
        address.set_path(&format!("/oidc/at/{place}"));
        address.as_str().into()
    }
}

/// The error with the issuer's own name.
fn named(what: &str, issuer: &Issuer) -> impl FnOnce(PortError) -> PortError {
    let operation = format!("read the {what} of `{issuer}`");
    |error| PortError { operation, ..error }
}

#[async_trait]
impl IssuerRead for SandboxIssuers {
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError> {
        let found = self.served.discover(&self.address(issuer)).await;
        found.map_err(named("discovery document", issuer))
    }

    async fn document(&self, issuer: &Issuer) -> Result<Document, PortError> {
        let found = self.served.document(&self.address(issuer)).await;
        found.map_err(named("discovery document", issuer))
    }

    async fn keys(&self, issuer: &Issuer, keys_at: &str) -> Result<Keys, PortError> {
        self.served.keys(issuer, keys_at).await
    }
}
