//! Clusters of AKS and of Azure Arc: the issuer, and the kubeconfig that ARM gives out for AKS.
//! <https://learn.microsoft.com/rest/api/aks/managed-clusters>
//! <https://learn.microsoft.com/rest/api/hybridkubernetes/connected-cluster>

use azure_core::credentials::SecretBytes;
use azure_core::http::{Method, Request};
use data_encoding::BASE64;
use serde::Deserialize;
use url::{Host, Url};

use super::{Arm, is_about, read, unreadable};
use crate::azure::error;
use crate::azure::error::{AzureRequest, Secrecy};
use crate::azure::pipeline::request::LIST_CLUSTER_USER_CREDENTIAL;
use crate::model::arm_id::ArmId;
use crate::model::host::{is_loopback, near};
use crate::model::kinds::federated_credential::LONGEST_CLAIM;
use crate::model::text::Issuer;
use crate::observed::state::ManagedCluster;
use crate::ports::error::PortError;

const API_VERSION: &str = "2025-10-01";
/// The api-versions that tell a connected cluster's issuer, the stable one first; some clouds have the preview alone.
const ARC_VERSIONS: [&str; 2] = ["2026-05-01", "2024-07-15-preview"];

/// A cluster on the wire; what is absent is off.
#[derive(Deserialize)]
struct Wire {
    id: Option<String>,
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
    #[serde(rename = "issuerURL", alias = "issuerUrl")]
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
        let WireProperties { oidc_issuer_profile, security_profile } = wire.properties;
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
    /// One cluster, of AKS or of Azure Arc.
    pub(crate) async fn managed_cluster(
        &self,
        id: &ArmId,
    ) -> Result<Option<ManagedCluster>, PortError> {
        let is_arc = id.folded().contains("/providers/microsoft.kubernetes/connectedclusters/");
        let (title, versions) =
            if is_arc { ("Arc", &ARC_VERSIONS[..]) } else { ("AKS", &[API_VERSION][..]) };
        let operation = format!("read the {title} cluster {}", id.name());
        let wire: Option<Wire> = self.get_in_any_version(id, versions, &operation).await?;
        if let Some(answered) = wire.as_ref().and_then(|wire| wire.id.as_deref()) {
            is_about(id, answered, &operation)?;
        }
        let cluster: Option<ManagedCluster> = wire.map(Into::into);
        let issuer = cluster.as_ref().and_then(|found| found.issuer.as_ref());
        if let Some(issuer) = issuer
            && let Err(problem) = self.accept_issuer(issuer.as_str())
        {
            return Err(unreadable("issuerURL", issuer.as_str(), &problem, &operation));
        }
        Ok(cluster)
    }

    /// Whether an issuer that ARM names is one to fetch documents from, and to trust: https, and not a service of
    /// this machine or its metadata service, unless ARM itself is on this machine.
    fn accept_issuer(&self, issuer: &str) -> Result<(), &'static str> {
        if issuer.chars().count() > LONGEST_CLAIM {
            return Err("it is longer than 600 characters");
        }
        let url = Url::parse(issuer).map_err(|_| "it is not a URL")?;
        if is_loopback(&self.endpoint) && is_loopback(&url) {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err("it is not an https URL");
        }
        // An address of IPv4 in the clothes of IPv6 hides what it is from whoever reads the plan.
        let is_disguised = match url.host() {
            Some(Host::Ipv6(address)) => address.to_ipv4_mapped().is_some(),
            Some(Host::Domain(_) | Host::Ipv4(_)) => false,
            None => true,
        };
        if is_disguised || near(&url).is_some() {
            return Err("it names this machine, or its metadata service");
        }
        Ok(())
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
        let answer = self.send(&mut request, &operation, Secrecy::SecretBearing).await?;
        let asked = AzureRequest::new(&request, &operation, Secrecy::SecretBearing);
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
