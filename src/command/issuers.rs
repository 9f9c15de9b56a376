//! The public issuers of a run.

use std::sync::Arc;

use async_trait::async_trait;
use url::Url;

use crate::event::EventSink;
use crate::model::text::Issuer;
use crate::oidc::public::PublicIssuers;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::IssuerRead;

/// Public issuers, those of the sandbox where one is served.
pub fn issuers(
    sandbox: Option<&Url>,
    events: &Arc<dyn EventSink>,
) -> Result<Box<dyn IssuerRead>, PortError> {
    let public = PublicIssuers::new(Vec::new(), Arc::clone(events)).map_err(|error| {
        let operation = "prepare reading public issuers";
        let mut failed = PortError::new(PortErrorKind::Invalid, Service::Issuer, operation);
        failed.source = Some(error.into());
        failed
    })?;
    Ok(match sandbox {
        None => Box::new(public),
        Some(base) => Box::new(SandboxIssuers { base: base.clone(), served: public }),
    })
}

/// The public issuers of a sandbox. Their documents stand behind its own address, so that no name is
/// looked up and nothing leaves the machine.
struct SandboxIssuers {
    base: Url,
    served: PublicIssuers,
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
