//! The clients of a run: Azure, the clusters, public issuers; real ones, or the same ones against the
//! sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::azure::client::{AzureClient, AzureClientOptions};
use crate::azure::cloud::{Cloud, CloudError, Clouds};
use crate::azure::sign_in;
use crate::azure::sign_in::method::Method;
use crate::azure::sign_in::{Secret, SignInOptions, TokenSource, environment};
use crate::azure::transport::Transport;
use crate::command::failure::Failure;
use crate::command::sandbox::RunningSandbox;
use crate::command::{issuers, sandbox};
use crate::event::{Event, EventSink};
use crate::files;
use crate::kubernetes::aks_credentials::FetchKubeconfig;
use crate::kubernetes::client::{ClusterClient, Connector, PLUGIN_LIMIT};
use crate::kubernetes::environment::Environment;
use crate::kubernetes::token::{Bearer, ClusterToken};
use crate::model::arm_id::ArmId;
use crate::model::text::ClusterName;
use crate::oidc::discovery::is_loopback;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::{AzureRead, IssuerRead, SignedIn};
use crate::profile::resolved::{Cluster, Profile};
use crate::sandbox::{PRINCIPAL_CLIENT_ID, World};

/// The secret that the sandbox takes from its principal; it opens nothing else.
const SANDBOX_SECRET: &str = "the-sandbox-takes-any-secret";

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// How to sign in; `None` takes the first that works.
    pub auth: Option<Method>,
    /// Describes custom clouds.
    pub cloud_file: Option<PathBuf>,
    /// The most requests in flight, to Azure and to each cluster.
    pub parallelism: usize,
    /// The most time that one attempt of a request may take.
    pub timeout: Duration,
    /// The sandbox to use instead of the real services.
    pub sandbox: Option<SandboxOptions>,
}

/// Which sandbox, and how lenient.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Its state.
    pub file: PathBuf,
    /// Whether it refuses what the profile takes for granted.
    pub strict: bool,
    /// The faults to rehearse with, a TOML file.
    pub faults: Option<PathBuf>,
}

/// The clients of one run.
pub struct Connection {
    /// Azure.
    pub azure: Arc<AzureClient>,
    /// Who is signed in.
    pub signed_in: SignedIn,
    /// Public issuers.
    pub issuers: Box<dyn IssuerRead>,
    clusters: Clusters,
    sandbox: Option<Stage>,
}

/// How the profile's clusters are reached.
enum Clusters {
    /// With what the machine and the sign-in give.
    ByProfile(BTreeMap<ClusterName, Cluster>, Connector),
    /// They are at hand.
    Connected(BTreeMap<ClusterName, ClusterClient>),
}

/// The sandbox behind a connection.
struct Stage {
    running: RunningSandbox,
    file: PathBuf,
    /// What takes the place of the user's kubeconfig; removed with the connection.
    kubeconfig: NamedTempFile,
}

impl Connection {
    /// Signs in and prepares the clients of the profile's clusters; of these nothing is asked yet.
    pub async fn open(
        profile: &Profile,
        options: &ConnectOptions,
        events: &Arc<dyn EventSink>,
    ) -> Result<Self, Failure> {
        let stage = match &options.sandbox {
            Some(sandbox) => Some(stage(profile, sandbox, &**events).await?),
            None => None,
        };
        let cloud = match &stage {
            Some(stage) => Cloud::loopback(&stage.running.base).map_err(cloud_failure)?,
            None => cloud(profile, options.cloud_file.as_deref())?,
        };
        let transport = Transport::https(&cloud)?;
        let tokens = tokens(profile, options, stage.as_ref(), (&cloud, &transport), events)?;
        let origin = stage.as_ref().map(|stage| &stage.running.base);
        let local_cloud = is_loopback(&cloud.arm);
        let issuers = issuers::issuers(origin, events)?;
        let azure = AzureClient::new(AzureClientOptions {
            cloud,
            tokens: Arc::clone(&tokens),
            transport,
            events: Arc::clone(events),
            parallelism: options.parallelism,
            timeout: options.timeout,
            seed: jitter_seed(),
        })?;
        let mut environment = Environment::of_process();
        if let Some(stage) = &stage {
            environment.kubeconfig = Some(stage.kubeconfig.path().into());
        }
        let connector = Connector {
            environment,
            token: Arc::new(EntraToken(tokens)),
            plugin_limit: PLUGIN_LIMIT,
            attempt_limit: options.timeout,
            local_cloud,
            sink: Arc::clone(events),
        };
        let azure = Arc::new(azure);
        let signed_in = azure.signed_in().await?;
        let clusters = Clusters::ByProfile(profile.clusters.clone(), connector);
        Ok(Self { azure, signed_in, issuers, clusters, sandbox: stage })
    }

    /// A run over clients that are connected already: a simulation's, whose services are in this process.
    pub async fn over(
        azure: Arc<AzureClient>,
        issuers: Box<dyn IssuerRead>,
        clusters: BTreeMap<ClusterName, ClusterClient>,
    ) -> Result<Self, Failure> {
        let signed_in = azure.signed_in().await?;
        Ok(Self {
            azure,
            signed_in,
            issuers,
            clusters: Clusters::Connected(clusters),
            sandbox: None,
        })
    }

    /// Connects to a cluster of the profile.
    pub async fn cluster(&self, name: &ClusterName) -> Result<ClusterClient, PortError> {
        let unknown = || {
            let service = Service::Cluster(name.to_string());
            PortError::new(PortErrorKind::NotFound, service, "find it in the profile")
        };
        let (clusters, connector) = match &self.clusters {
            Clusters::ByProfile(clusters, connector) => (clusters, connector),
            Clusters::Connected(clients) => {
                return clients.get(name).cloned().ok_or_else(unknown);
            }
        };
        match clusters.get(name).ok_or_else(unknown)? {
            Cluster::Aks { id, context: None, token_audience } => {
                let credentials = AksCredentials(&self.azure);
                let audience = token_audience.as_deref();
                connector.by_aks(name, id, &credentials, audience).await
            }
            Cluster::Aks { context: Some(context), token_audience, .. }
            | Cluster::Pinned { context, token_audience, .. } => {
                let audience = token_audience.as_deref();
                connector.by_context(name, context, audience).await
            }
        }
    }

    /// Ends the run: the sandbox, if there is one, saves its state.
    pub async fn close(self) -> Result<(), Failure> {
        let Some(Stage { running, file, kubeconfig: _removed_at_the_end }) = self.sandbox else {
            return Ok(());
        };
        running.stop(&file).await
    }
}

/// Starts the sandbox with what the profile takes for granted.
async fn stage(
    profile: &Profile,
    options: &SandboxOptions,
    events: &dyn EventSink,
) -> Result<Stage, Failure> {
    let world: World = sandbox::open(&options.file)?;
    if let Some(faults) = &options.faults {
        world.set_faults(sandbox::faults(faults)?);
    }
    if !options.strict {
        for assumption in sandbox::grow(&world, profile) {
            events
                .emit(Event::Message { text: format!("sandbox: taken for granted: {assumption}") });
        }
    }
    let running = RunningSandbox::start(world, 0).await?;
    let kubeconfig = sandbox::kubeconfig_file(&running)?;
    Ok(Stage { running, file: options.file.clone(), kubeconfig })
}

/// A seed for the jitter between attempts. Two pipelines in containers may well have the same process id, and
/// must not go on colliding in step.
pub fn jitter_seed() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

fn tokens(
    profile: &Profile,
    options: &ConnectOptions,
    stage: Option<&Stage>,
    (cloud, transport): (&Cloud, &Transport),
    events: &Arc<dyn EventSink>,
) -> Result<Arc<dyn TokenSource>, Failure> {
    let mut sign_in = SignInOptions {
        cloud: cloud.clone(),
        transport: transport.clone(),
        events: Arc::clone(events),
        timeout: options.timeout,
        seed: jitter_seed(),
        tenant: profile.tenant,
        environment: environment::Environment::of_process(),
        method: options.auth,
        executor: None,
    };
    let Some(stage) = stage else {
        return Ok(sign_in::sign_in(sign_in));
    };
    sign_in.tenant = stage.running.world.tenant().parse().ok();
    let secret = Secret::new(SANDBOX_SECRET);
    Ok(sign_in::client_secret(&sign_in, PRINCIPAL_CLIENT_ID, secret)?)
}

fn cloud(profile: &Profile, file: Option<&Path>) -> Result<Cloud, Failure> {
    let clouds = match file {
        None => Clouds::default(),
        Some(path) => {
            let text = files::read_text(path, files::LARGEST_TEXT)
                .map_err(|source| Failure::file("read the cloud file", path, source))?;
            Clouds::with_file(&text, path).map_err(|mut error| {
                // The line that is wrong is shown, unless it stands in a file that nobody named.
                if let CloudError::Syntax { source, .. } = &mut error
                    && files::leads_elsewhere(path).unwrap_or(true)
                {
                    source.set_input(None);
                }
                cloud_failure(error)
            })?
        }
    };
    clouds.find(&profile.cloud).cloned().map_err(cloud_failure)
}

fn cloud_failure(error: CloudError) -> Failure {
    Failure::Cloud(error)
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
