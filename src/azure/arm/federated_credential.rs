//! Federated credentials as ARM lists them. The generated client cannot: one credential without a
//! `subject`, as claims-matching ones are, would make its whole page unreadable.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use super::{Arm, id, is_about, is_unknown_version, unreadable};
use crate::model::arm_id::ArmId;
use crate::model::kinds::federated_credential::{
    ClaimsExpression, FederatedCredentialKey, LiveFederatedCredential,
};
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{Audience, CredentialName, Issuer, Subject};
use crate::ports::error::PortError;

/// The first stable version with federated credentials; the later ones have the same schema.
pub(crate) const API_VERSION: &str = "2023-01-31";
/// The versions under which credentials are listed, the best first: expressions are shown under previews alone. Which of
/// them a cloud has is not documented.
/// <https://github.com/Azure/azure-rest-api-specs/tree/main/specification/msi>
const LIST_VERSIONS: [&str; 3] = ["2025-05-31-preview", "2025-01-31-preview", API_VERSION];

/// The best version that no list was refused so far, by its place in [`LIST_VERSIONS`].
#[derive(Clone, Debug, Default)]
pub(crate) struct ListVersion(Arc<AtomicUsize>);
/// The ARM type below an identity.
const CREDENTIAL_TYPE: &str = "federatedIdentityCredentials";

/// <https://learn.microsoft.com/azure/templates/microsoft.managedidentity/userassignedidentities/federatedidentitycredentials>
const LONGEST_NAME: usize = 120;

/// A credential on the wire.
#[derive(Deserialize)]
struct Wire {
    id: Option<String>,
    name: String,
    properties: WireProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProperties {
    issuer: String,
    subject: Option<String>,
    claims_matching_expression: Option<WireExpression>,
    audiences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireExpression {
    value: String,
    language_version: Option<i64>,
}

impl Wire {
    fn into_live(
        self,
        identity: &IdentityKey,
        operation: &str,
    ) -> Result<LiveFederatedCredential, PortError> {
        let own = credential_id(identity, &self.name, operation)?;
        if let Some(answered) = &self.id {
            is_about(&own, answered, operation)?;
        }
        let WireProperties { issuer, subject, claims_matching_expression, audiences } =
            self.properties;
        let expression = claims_matching_expression.map(|wire| ClaimsExpression {
            text: wire.value.into(),
            language: wire.language_version.unwrap_or_default(),
        });
        // Whoever matches an expression gets in, whatever else is written.
        let subject = subject.filter(|subject| !subject.is_empty() && expression.is_none());
        Ok(LiveFederatedCredential {
            name: CredentialName::new(self.name),
            issuer: Issuer::new(issuer),
            subject: subject.map(Subject::new),
            expression,
            audiences: audiences.into_iter().map(Audience::new).collect(),
        })
    }
}

/// The id of a credential by the name that an answer gives it: a name that is one segment of a path and nothing
/// else, because requests are built from it.
pub(crate) fn credential_id(
    identity: &IdentityKey,
    name: &str,
    operation: &str,
) -> Result<ArmId, PortError> {
    let id = id(&format!("{}/{CREDENTIAL_TYPE}/{name}", identity.id()), operation)?;
    if id.name() == name && name.len() <= LONGEST_NAME {
        return Ok(id);
    }
    let problem = "it is not a name of a federated credential";
    Err(unreadable("name", name, &problem, operation))
}

impl Arm {
    /// All credentials of an identity.
    pub(crate) async fn credentials(
        &self,
        identity: &IdentityKey,
    ) -> Result<Vec<LiveFederatedCredential>, PortError> {
        let operation = format!("list the federated credentials of {}", identity.name());
        let wires = self.list_by_best_version(identity, &operation).await?;
        wires.into_iter().map(|wire| wire.into_live(identity, &operation)).collect()
    }

    /// One request, but for the first lists of a run where the cloud does not have the best version.
    async fn list_by_best_version(
        &self,
        identity: &IdentityKey,
        operation: &str,
    ) -> Result<Vec<Wire>, PortError> {
        loop {
            let at = self.credential_list.0.load(Ordering::Relaxed);
            let version = LIST_VERSIONS.get(at).copied().unwrap_or(API_VERSION);
            let url = self.url(identity.id(), [CREDENTIAL_TYPE], version);
            match self.list(url, operation).await {
                Err(refused) if version != API_VERSION && is_unknown_version(&refused) => {
                    self.credential_list.0.fetch_max(at + 1, Ordering::Relaxed);
                }
                done => return done,
            }
        }
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
        let Some(wire) = wire else {
            return Ok(None);
        };
        let asked = credential_id(&key.identity, key.name.as_str(), &operation)?;
        is_about(
            &asked,
            credential_id(&key.identity, &wire.name, &operation)?.as_str(),
            &operation,
        )?;
        wire.into_live(&key.identity, &operation).map(Some)
    }
}
