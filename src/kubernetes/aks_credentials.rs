//! Connections to AKS clusters by the credentials that Azure gives for them.
//! <https://learn.microsoft.com/rest/api/aks/managed-clusters/list-cluster-user-credentials>

use async_trait::async_trait;

use super::client::{ClusterClient, Connector};
use crate::model::arm_id::ArmId;
use crate::model::text::ClusterName;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::place::Place;

/// Asks Azure for a cluster's kubeconfig.
#[async_trait]
pub trait FetchKubeconfig: Send + Sync {
    /// The decoded kubeconfig that `listClusterUserCredential` gives the signed-in principal. It may hold
    /// a client certificate, so it is never shown or kept.
    async fn kubeconfig(&self, cluster: &ArmId) -> Result<Vec<u8>, PortError>;
}

impl Connector {
    /// Connects to an AKS cluster. Where it is one of Entra, the token for it is our own.
    pub async fn by_aks(
        &self,
        cluster: &ClusterName,
        id: &ArmId,
        azure: &dyn FetchKubeconfig,
        token_audience: Option<&str>,
    ) -> Result<ClusterClient, PortError> {
        let kubeconfig = fetch(cluster, id, azure).await?;
        self.by_kubeconfig(cluster, &kubeconfig, token_audience).await
    }
}

/// The kubeconfig that Azure gives for a cluster of the profile.
pub async fn fetch(
    cluster: &ClusterName,
    id: &ArmId,
    azure: &dyn FetchKubeconfig,
) -> Result<Vec<u8>, PortError> {
    azure.kubeconfig(id).await.map_err(|mut error| {
        error.operation = format!("{}, cluster `{cluster}`", error.operation);
        if error.kind == PortErrorKind::NotFound {
            let place = Place::NoCluster { cluster: cluster.clone(), id: id.to_string() };
            error.place = Some(Box::new(place));
        }
        error
    })
}
