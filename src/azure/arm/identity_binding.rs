//! Identity bindings of AKS clusters: which identities a cluster's accounts can become without a credential of theirs.
//! <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>

use serde::Deserialize;

use super::{Arm, id};
use crate::model::arm_id::ArmId;
use crate::model::kinds::identity::IdentityKey;
use crate::observed::state::IdentityBinding;
use crate::ports::error::PortError;

/// The first stable version with bindings. It does not show `allowedSubjects`, as previews do.
/// <https://github.com/Azure/azure-rest-api-specs/tree/main/specification/containerservice>
const API_VERSION: &str = "2026-04-01";

/// A binding on the wire.
#[derive(Deserialize)]
struct Wire {
    name: String,
    properties: WireProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProperties {
    managed_identity: WireIdentity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireIdentity {
    resource_id: String,
}

impl Arm {
    /// The identity bindings of an AKS cluster.
    pub(crate) async fn identity_bindings(
        &self,
        cluster: &ArmId,
    ) -> Result<Vec<IdentityBinding>, PortError> {
        let operation = format!("list the identity bindings of the AKS cluster {}", cluster.name());
        let url = self.url(cluster, ["identityBindings"], API_VERSION);
        let wires: Vec<Wire> = self.list(url, &operation).await?;
        let binding = |Wire { name, properties }: Wire| {
            let identity = id(&properties.managed_identity.resource_id, &operation)?;
            Ok(IdentityBinding { name: name.into(), identity: IdentityKey::from_id(identity) })
        };
        wires.into_iter().map(binding).collect()
    }
}
