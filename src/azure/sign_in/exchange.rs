//! The exchange of a workload's token, as its pods make it.
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow#third-case-access-token-request-with-a-federated-credential>

use std::fmt;

use async_trait::async_trait;
use azure_core::http::ClientMethodOptions;
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions,
};

use super::library::{Reach, Source};
use super::method::Method;
use super::{TokenSource, claims, error};
use crate::model::guid::{ClientId, TenantId};
use crate::observed::evidence::Exchanged;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::secrets;
use crate::ports::workload::{Exchange, WorkloadToken};

/// Exchanges tokens for one scope.
pub(crate) struct Exchanger {
    pub(crate) reach: Reach,
    /// What access tokens are asked for; they are dropped.
    pub(crate) scope: String,
}

/// A token that is at hand.
struct Assertion(String);

impl fmt::Debug for Assertion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Assertion(..)")
    }
}

#[async_trait]
impl ClientAssertion for Assertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        Ok(self.0.clone())
    }
}

#[async_trait]
impl Exchange for Exchanger {
    async fn exchange(
        &self,
        tenant: TenantId,
        client: ClientId,
        token: &WorkloadToken,
    ) -> Result<Exchanged, PortError> {
        let method = Method::WorkloadIdentity;
        let options =
            ClientAssertionCredentialOptions { client_options: self.reach.client_options() };
        // A credential of its own each time: the library keeps what it got.
        let credential = ClientAssertionCredential::new(
            tenant.to_string(),
            client.to_string(),
            Assertion(token.secret().to_owned()),
            Some(options),
        )
        .map_err(|failure| error::from_library(failure, method))?;
        match Source::new(credential, method).token(&self.scope).await {
            Ok(granted) => {
                secrets::learn(granted.secret.secret());
                Ok(Exchanged::Granted(claims::access(&granted)))
            }
            Err(error) => refused(PortError {
                operation: format!("exchange the workload's token as client {client}"),
                ..error
            }),
        }
    }
}

/// Entra's own refusal is a fact. What is none stays an error.
fn refused(error: PortError) -> Result<Exchanged, PortError> {
    let (PortErrorKind::Unauthenticated, Some(status)) = (&error.kind, error.status) else {
        return Err(error);
    };
    let code = error.code.as_deref();
    let number = code.and_then(|code| code.strip_prefix("AADSTS")?.parse().ok());
    let said = [code.map(str::to_owned), error.message].into_iter().flatten();
    let said = said.collect::<Vec<_>>().join(": ");
    let why = if said.is_empty() { format!("HTTP {status}") } else { said };
    Ok(Exchanged::Refused { code: number, why: why.into() })
}
