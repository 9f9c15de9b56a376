//! The clients of a run: Azure, the clusters, public issuers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::task::JoinSet;

use crate::azure::client::{AzureClient, AzureClientOptions};
use crate::azure::sign_in::TokenSource;
use crate::command::failure::Failure;
use crate::command::rehearsal::Rehearsal;
use crate::command::services::{ConnectOptions, Services, jitter_seed};
use crate::event::EventSink;
use crate::gather::Documents;
use crate::kubernetes::aks_credentials;
use crate::kubernetes::aks_credentials::FetchKubeconfig;
use crate::kubernetes::audience::expected_scope;
use crate::kubernetes::client::{ClusterClient, Connector, PLUGIN_LIMIT};
use crate::kubernetes::token::{Bearer, ClusterToken};
use crate::model::arm_id::ArmId;
use crate::model::host::is_loopback;
use crate::model::text::ClusterName;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::{AzureRead, Clusters, IssuerRead, SignedIn};
use crate::ports::workload::Exchange;
use crate::profile::resolved::{Cluster, Profile};

/// The clients of one run.
pub struct Connection {
    /// Azure.
    pub azure: Arc<AzureClient>,
    /// Who is signed in.
    pub signed_in: SignedIn,
    /// Public issuers.
    pub issuers: Box<dyn IssuerRead>,
    /// What they told this run.
    pub documents: Documents,
    /// Who exchanges tokens of workloads.
    pub exchange: Arc<dyn Exchange>,
    reach: Reach,
    rehearsal: Option<Rehearsal>,
}

/// How the profile's clusters are reached.
enum Reach {
    /// With what the machine and the sign-in give.
    ByProfile(BTreeMap<ClusterName, Cluster>, Box<Connector>),
    /// They are at hand, those of AKS once Azure has given credentials for them.
    Connected(BTreeMap<ClusterName, (Cluster, ClusterClient)>),
}

impl Connection {
    /// Signs in and prepares the clients of the profile's clusters; of these nothing is asked yet.
    pub async fn open(
        services: Services,
        profile: &Profile,
        options: &ConnectOptions,
        events: &Arc<dyn EventSink>,
    ) -> Result<Self, Failure> {
        let Services { cloud, transport, tokens, issuers, environment, rehearsal } = services;
        let local_cloud = is_loopback(&cloud.arm);
        let azure = Arc::new(AzureClient::new(AzureClientOptions {
            cloud,
            tokens: Arc::clone(&tokens),
            transport,
            events: Arc::clone(events),
            parallelism: options.parallelism,
            timeout: options.timeout,
            seed: jitter_seed(),
        })?);
        let mut ahead = ask_ahead(profile, &tokens);
        // Whoever cannot sign in hears of that alone: the others end with it.
        let signed_in = azure.signed_in().await?;
        ahead.detach_all();
        let connector = Connector {
            environment,
            token: Arc::new(EntraToken(tokens)),
            signed_in: signed_in.clone(),
            told: Mutex::default(),
            plugin_limit: PLUGIN_LIMIT,
            attempt_limit: options.timeout,
            seed: jitter_seed(),
            local_cloud,
            sink: Arc::clone(events),
        };
        let reach = Reach::ByProfile(profile.clusters.clone(), Box::new(connector));
        let exchange = Arc::clone(&azure) as _;
        let documents = Documents::default();
        Ok(Self { azure, signed_in, issuers, documents, exchange, reach, rehearsal })
    }

    /// A run over clients that are connected already: a simulation's, whose services are in this process.
    pub async fn over(
        azure: Arc<AzureClient>,
        issuers: Box<dyn IssuerRead>,
        clusters: BTreeMap<ClusterName, (Cluster, ClusterClient)>,
    ) -> Result<Self, Failure> {
        let signed_in = azure.signed_in().await?;
        let reach = Reach::Connected(clusters);
        let exchange = Arc::clone(&azure) as _;
        let documents = Documents::default();
        Ok(Self { azure, signed_in, issuers, documents, exchange, reach, rehearsal: None })
    }

    /// Goes on with the clusters of another profile.
    pub fn turn_to(&mut self, profile: &Profile) {
        if let Reach::ByProfile(clusters, _) = &mut self.reach {
            clusters.clone_from(&profile.clusters);
        }
    }

    /// Ends the run: the sandbox, if there is one, saves its state.
    pub async fn close(self) -> Result<(), Failure> {
        match self.rehearsal {
            Some(rehearsal) => rehearsal.close().await,
            None => Ok(()),
        }
    }
}

/// Asks for the tokens of the clusters of AKS beside the one for Azure: each may start a process. Whoever needs one waits
/// for the same answer, and is told if there is none.
fn ask_ahead(profile: &Profile, tokens: &Arc<dyn TokenSource>) -> JoinSet<()> {
    let audiences = profile.clusters.values().filter_map(|cluster| match cluster {
        Cluster::Aks { context: None, token_audience, .. } => Some(token_audience.as_deref()),
        Cluster::Aks { .. } | Cluster::Arc { .. } | Cluster::Pinned { .. } => None,
    });
    let scopes: BTreeSet<String> = audiences.map(expected_scope).collect();
    let asked = scopes.into_iter().map(|scope| {
        let tokens = Arc::clone(tokens);
        async move { drop(tokens.token(&scope).await) }
    });
    asked.collect()
}

#[async_trait]
impl Clusters for Connection {
    type Cluster = ClusterClient;

    async fn connect(&self, name: &ClusterName) -> Result<ClusterClient, PortError> {
        let unknown = || {
            let service = Service::Cluster(name.to_string());
            PortError::new(PortErrorKind::NotFound, service, "find it in the profile")
        };
        let (clusters, connector) = match &self.reach {
            Reach::ByProfile(clusters, connector) => (clusters, connector),
            Reach::Connected(clients) => {
                let (cluster, client) = clients.get(name).ok_or_else(unknown)?;
                if let Cluster::Aks { id, context: None, .. } = cluster {
                    aks_credentials::fetch(name, id, &AksCredentials(&self.azure)).await?;
                }
                return Ok(client.clone());
            }
        };
        match clusters.get(name).ok_or_else(unknown)? {
            Cluster::Aks { id, context: None, token_audience } => {
                let credentials = AksCredentials(&self.azure);
                let audience = token_audience.as_deref();
                connector.by_aks(name, id, &credentials, audience).await
            }
            Cluster::Aks { context: Some(context), token_audience, .. }
            | Cluster::Arc { context, token_audience, .. }
            | Cluster::Pinned { context, token_audience, .. } => {
                let audience = token_audience.as_deref();
                connector.by_context(name, context, audience).await
            }
        }
    }
}

/// Entra's tokens as the clusters ask for them.
pub struct EntraToken(pub Arc<dyn TokenSource>);

#[async_trait]
impl ClusterToken for EntraToken {
    async fn bearer(&self, scope: &str) -> Result<Bearer, PortError> {
        let token = self.0.token(scope).await.map_err(|mut error| {
            error.operation = format!("{} for {scope}", error.operation);
            error
        })?;
        Bearer::new(token.secret.secret()).map_err(|error| {
            let operation = "use the token for the clusters";
            let mut malformed = PortError::new(PortErrorKind::Malformed, Service::Entra, operation);
            malformed.source = Some(error.into());
            malformed
        })
    }
}

/// AKS's credential call.
struct AksCredentials<'a>(&'a AzureClient);

#[async_trait]
impl FetchKubeconfig for AksCredentials<'_> {
    async fn kubeconfig(&self, cluster: &ArmId) -> Result<Vec<u8>, PortError> {
        Ok(self.0.list_cluster_user_credential(cluster).await?.bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use semver::Version;
    use tokio::sync::Barrier;

    use super::ask_ahead;
    use crate::azure::sign_in::{Token, TokenSource};
    use crate::ports::error::{PortError, PortErrorKind, Service};
    use crate::profile::{SourceFile, load};

    /// Answers when so many different tokens are waited for at once.
    struct Together(Barrier);

    #[async_trait]
    impl TokenSource for Together {
        async fn token(&self, scope: &str) -> Result<Token, PortError> {
            self.0.wait().await;
            Err(PortError::new(PortErrorKind::Forbidden, Service::Entra, scope))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_token_for_azure_and_one_for_each_audience_of_clusters_are_asked_for_at_once() {
        let text = r#"version = 1
estate = "prod"
[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg"
location = "westeurope"
[clusters.one]
resource_group = "rg-aks"
name = "one"
[clusters.two]
resource_group = "rg-aks"
name = "two"
[clusters.three]
resource_group = "rg-aks"
name = "three"
token_audience = "11111111-1111-4111-8111-111111111111"
[clusters.by-context]
resource_group = "rg-aks"
name = "four"
context = "four"
token_audience = "22222222-2222-4222-8222-222222222222"
"#;
        let file = SourceFile { path: "teams.toml".into(), text: text.into() };
        let profile = load(&[file], &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap();
        let tokens: Arc<dyn TokenSource> = Arc::new(Together(Barrier::new(3)));
        let _ahead = ask_ahead(&profile, &tokens);
        let azure = tokens.token("https://management.azure.com/.default");
        let answered = tokio::time::timeout(Duration::from_mins(1), azure).await;
        assert!(answered.is_ok(), "three are waited for: Azure's and those of two audiences");
    }
}
