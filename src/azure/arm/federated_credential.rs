//! Federated credentials as ARM lists them. The generated client cannot: one credential without a
//! `subject`, as claims-matching ones are, would make its whole page unreadable.

use serde::Deserialize;

use super::Arm;
use crate::model::kinds::federated_credential::FederatedCredentialKey;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::Audience;
use crate::model::text::CredentialName;
use crate::model::text::Issuer;
use crate::model::text::Subject;
use crate::ports::error::PortError;

/// The first stable version with federated credentials; the later ones have the same schema.
pub(crate) const API_VERSION: &str = "2023-01-31";
/// The ARM type below an identity.
const CREDENTIAL_TYPE: &str = "federatedIdentityCredentials";

/// A credential on the wire.
#[derive(Deserialize)]
struct Wire {
    name: String,
    properties: WireProperties,
}

#[derive(Deserialize)]
struct WireProperties {
    issuer: String,
    subject: Option<String>,
    audiences: Vec<String>,
}

impl From<Wire> for LiveFederatedCredential {
    fn from(wire: Wire) -> Self {
        let WireProperties {
            issuer,
            subject,
            audiences,
        } = wire.properties;
        Self {
            name: CredentialName::new(wire.name),
            issuer: Issuer::new(issuer),
            subject: subject.map(Subject::new),
            audiences: audiences.into_iter().map(Audience::new).collect(),
        }
    }
}

impl Arm {
    /// All credentials of an identity.
    pub(crate) async fn credentials(
        &self,
        identity: &IdentityKey,
    ) -> Result<Vec<LiveFederatedCredential>, PortError> {
        let url = self.url(identity.id(), [CREDENTIAL_TYPE], API_VERSION);
        let operation = format!("list the federated credentials of {}", identity.name());
        let wires: Vec<Wire> = self.list(url, &operation).await?;
        Ok(wires.into_iter().map(Into::into).collect())
    }

    /// One credential.
    pub(crate) async fn credential(
        &self,
        key: &FederatedCredentialKey,
    ) -> Result<Option<LiveFederatedCredential>, PortError> {
        let below = [CREDENTIAL_TYPE, key.name.as_str()];
        let url = self.url(key.identity.id(), below, API_VERSION);
        let operation = format!("read the federated credential {}", key.name);
        let wire: Option<Wire> = self.get_optional(url, &operation).await?;
        Ok(wire.map(Into::into))
    }
}
