//! The public issuers of a sandbox.

use async_trait::async_trait;
use url::Url;

use crate::model::text::Issuer;
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
        let path = Url::parse(issuer.as_str())
            .map_or_else(|_| "/".to_owned(), |url| url.path().to_owned());
        let mut address = self.base.clone();
        address.set_path(&format!("/oidc{path}"));
        address.as_str().into()
    }
}

#[async_trait]
impl IssuerRead for SandboxIssuers {
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError> {
        let found = self.served.discover(&self.address(issuer)).await;
        found.map_err(|mut error| {
            error.operation = format!("read the discovery document of `{issuer}`");
            error
        })
    }
}
