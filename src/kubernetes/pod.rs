//! One pod, as far as it says which identity it asks for. Of its variables nothing is kept but those of workload
//! identity: the others may be secrets.
//! <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1;
use kube::Resource;
use kube::api::GetParams;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::client::ClusterClient;
use super::error::{ClusterRequest, clean};
use super::object::is_absence;
use crate::model::pod::{LABEL_USE, PodName};
use crate::model::text::{Audience, ObjectName};
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind};

/// The volumes of the identity's token begin so: that of the webhook up to 1.5, and later.
/// <https://github.com/Azure/azure-workload-identity/blob/main/pkg/webhook/consts.go>
const TOKEN_VOLUMES: [&str; 2] = ["azure-identity-token", "azure-workload-identity-reserved-"];
/// The variable that names the identity.
const CLIENT_ID: &str = "AZURE_CLIENT_ID";
/// The variable that names the tenant.
const TENANT_ID: &str = "AZURE_TENANT_ID";
/// The variable that names the file of the token to exchange.
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

/// What a pod says of its identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pod {
    /// Its account.
    pub account: ObjectName,
    /// The value of [`LABEL_USE`].
    pub label: Option<String>,
    /// How it ended, `Succeeded` or `Failed`.
    pub finished: Option<String>,
    /// Whether it is being deleted.
    pub is_leaving: bool,
    /// The values of `AZURE_CLIENT_ID` in its containers.
    pub client_ids: BTreeSet<String>,
    /// The values of `AZURE_TENANT_ID` in its containers.
    pub tenant_ids: BTreeSet<String>,
    /// Whether a container is told where the token is.
    pub has_token_file: bool,
    /// The audience of the token in the webhook's volume.
    pub audience: Option<Audience>,
}

#[derive(Deserialize)]
struct Wire {
    metadata: WireMetadata,
    spec: WireSpec,
    #[serde(default)]
    status: WireStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMetadata {
    name: String,
    namespace: String,
    deletion_timestamp: Option<IgnoredAny>,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
struct WireStatus {
    #[serde(default)]
    phase: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSpec {
    service_account_name: Option<String>,
    containers: Vec<WireContainer>,
    #[serde(default)]
    init_containers: Vec<WireContainer>,
    #[serde(default)]
    volumes: Vec<WireVolume>,
}

#[derive(Deserialize)]
struct WireContainer {
    #[serde(default)]
    env: Vec<WireVariable>,
}

/// A variable; `None` for one that nobody asks about.
struct WireVariable(Option<(&'static str, String)>);

#[derive(Deserialize)]
struct WireVolume {
    name: String,
    projected: Option<WireProjected>,
}

#[derive(Deserialize)]
struct WireProjected {
    #[serde(default)]
    sources: Vec<WireSource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireSource {
    service_account_token: Option<WireToken>,
}

#[derive(Deserialize)]
struct WireToken {
    audience: Option<String>,
}

impl<'de> Deserialize<'de> for WireVariable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Whole {
            name: String,
            value: Option<String>,
        }
        let Whole { name, value } = Whole::deserialize(deserializer)?;
        let known = [CLIENT_ID, TENANT_ID, TOKEN_FILE].into_iter().find(|known| *known == name);
        Ok(Self(known.zip(value)))
    }
}

impl From<Wire> for Pod {
    fn from(Wire { metadata, spec, status }: Wire) -> Self {
        let WireSpec { service_account_name, containers, init_containers, volumes } = spec;
        let variables: Vec<(&str, String)> = containers
            .into_iter()
            .chain(init_containers)
            .flat_map(|container| container.env)
            .filter_map(|variable| variable.0)
            .collect();
        let values = |name: &str| -> BTreeSet<String> {
            let named =
                variables.iter().filter(|(found, value)| *found == name && !value.is_empty());
            named.map(|(_, value)| clean(value)).collect()
        };
        let is_of_token =
            |volume: &&WireVolume| TOKEN_VOLUMES.iter().any(|name| volume.name.starts_with(name));
        let sources =
            volumes.iter().filter(is_of_token).filter_map(|volume| volume.projected.as_ref());
        let mut tokens = sources
            .flat_map(|projected| &projected.sources)
            .filter_map(|source| source.service_account_token.as_ref()?.audience.as_deref());
        let account = service_account_name.filter(|name| !name.is_empty());
        let ended = ["Succeeded", "Failed"].contains(&status.phase.as_str());
        Self {
            account: ObjectName::new(account.unwrap_or_else(|| "default".to_owned())),
            label: metadata.labels.and_then(|labels| labels.get(LABEL_USE).map(|text| clean(text))),
            finished: ended.then_some(status.phase),
            is_leaving: metadata.deletion_timestamp.is_some(),
            client_ids: values(CLIENT_ID),
            tenant_ids: values(TENANT_ID),
            has_token_file: variables.iter().any(|(name, _)| *name == TOKEN_FILE),
            audience: tokens.next().map(Audience::from),
        }
    }
}

impl ClusterClient {
    /// One pod; `None` where it does not exist.
    pub async fn pod(&self, pod: &PodName) -> Result<Option<Pod>, PortError> {
        let (namespace, name) = (pod.namespace().as_str(), pod.name().as_str());
        let asked = ClusterRequest {
            operation: format!("read the pod `{name}` in namespace `{namespace}`"),
            verb: "get",
            resource: "pods".into(),
            group: String::new(),
            namespace: Some(namespace.to_owned()),
        };
        // What does not parse is not quoted: it may be the value of a variable.
        let malformed = || self.requests().place.error(PortErrorKind::Malformed, &asked);
        let path = kube::core::Request::new(v1::Pod::url_path(&(), Some(namespace)));
        let request = path.get(name, &GetParams::default()).map_err(|_| malformed())?;
        let answer = match self.requests().send(&asked, request).await {
            Ok(answer) => answer,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let wire: Wire = answer::parse(&answer).map_err(|_| malformed())?;
        if wire.metadata.name != name || wire.metadata.namespace != namespace {
            let what = "the answer is about another pod than was asked for";
            return Err(self.requests().unlikely(&asked, what));
        }
        Ok(Some(wire.into()))
    }
}
