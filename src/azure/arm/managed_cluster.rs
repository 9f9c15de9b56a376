//! AKS clusters: the issuer, and the kubeconfig that ARM gives out.
//! <https://learn.microsoft.com/rest/api/aks/managed-clusters>

use azure_core::credentials::SecretBytes;
use azure_core::http::Method;
use azure_core::http::Request;
use data_encoding::BASE64;
use serde::Deserialize;

use super::Arm;
use super::read;
use crate::azure::error;
use crate::azure::error::Asked;
use crate::azure::error::Secrecy;
use crate::azure::pipeline::request::LIST_CLUSTER_USER_CREDENTIAL;
use crate::model::arm_id::ArmId;
use crate::model::text::Issuer;
use crate::observed::state::ManagedCluster;
use crate::ports::error::PortError;

const API_VERSION: &str = "2025-10-01";

/// A cluster on the wire; what is absent is off.
#[derive(Deserialize)]
struct Wire {
    properties: WireProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProperties {
    oidc_issuer_profile: Option<WireIssuer>,
    security_profile: Option<WireSecurity>,
}

#[derive(Deserialize)]
struct WireIssuer {
    enabled: Option<bool>,
    #[serde(rename = "issuerURL")]
    issuer_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSecurity {
    workload_identity: Option<WireSwitch>,
}

#[derive(Deserialize)]
struct WireSwitch {
    enabled: Option<bool>,
}

/// The answer of the credential call.
#[derive(Deserialize)]
struct WireCredentials {
    kubeconfigs: Vec<WireKubeconfig>,
}

#[derive(Deserialize)]
struct WireKubeconfig {
    value: String,
}

impl From<Wire> for ManagedCluster {
    fn from(wire: Wire) -> Self {
        let WireProperties {
            oidc_issuer_profile,
            security_profile,
        } = wire.properties;
        let is_on = |switch: Option<bool>| switch == Some(true);
        Self {
            issuer_enabled: oidc_issuer_profile
                .as_ref()
                .is_some_and(|profile| is_on(profile.enabled)),
            issuer: oidc_issuer_profile
                .and_then(|profile| profile.issuer_url)
                .filter(|url| !url.is_empty())
                .map(Issuer::new),
            workload_identity: security_profile
                .and_then(|profile| profile.workload_identity)
                .is_some_and(|switch| is_on(switch.enabled)),
        }
    }
}

impl Arm {
    /// One cluster.
    pub(crate) async fn managed_cluster(
        &self,
        id: &ArmId,
    ) -> Result<Option<ManagedCluster>, PortError> {
        let url = self.url(id, [], API_VERSION);
        let operation = format!("read the AKS cluster {}", id.name());
        let wire: Option<Wire> = self.get_optional(url, &operation).await?;
        Ok(wire.map(Into::into))
    }

    /// The kubeconfig of a cluster for its users. On a cluster with Entra it holds no secret and asks for a
    /// token by an exec plugin; on any other it is a secret.
    pub(crate) async fn list_cluster_user_credential(
        &self,
        id: &ArmId,
    ) -> Result<SecretBytes, PortError> {
        let mut url = self.url(id, [LIST_CLUSTER_USER_CREDENTIAL], API_VERSION);
        url.query_pairs_mut().append_pair("format", "exec");
        let operation = format!("get the kubeconfig of the AKS cluster {}", id.name());
        let mut request = Request::new(url, Method::Post);
        let answer = self
            .send(&mut request, &operation, Secrecy::SecretBearing)
            .await?;
        let asked = Asked::new(&request, &operation, Secrecy::SecretBearing);
        // serde quotes the value that it does not understand.
        let credentials: WireCredentials = read(&asked, &answer).map_err(|_| {
            error::malformed(&asked, &answer, "it is not the JSON of a kubeconfig list")
        })?;
        let kubeconfig = credentials
            .kubeconfigs
            .first()
            .ok_or_else(|| error::malformed(&asked, &answer, "it holds no kubeconfig"))?;
        BASE64
            .decode(kubeconfig.value.as_bytes())
            .map(SecretBytes::new)
            .map_err(|_| error::malformed(&asked, &answer, "its kubeconfig is not base64"))
    }
}
