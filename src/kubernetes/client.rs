//! Connections to clusters.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use data_encoding::BASE64;
use http::Uri;
use kube::Config;
use kube::client::ClientBuilder;
use kube::config::{AuthInfo, KubeConfigOptions};
use secrecy::ExposeSecret;
use tower::buffer::BufferLayer;
use tower::filter::AsyncFilterLayer;
use url::Url;

use super::environment::Environment;
use super::error::Place;
use super::exec_plugin::{Credential, ExecPlugin};
use super::kubeconfig::Selected;
use super::object::Objects;
use super::request::{ATTEMPT_LIMIT, Requests};
use super::source::{AUTHORITY_FLAGS, SERVER_FLAG, Source, TOKEN_FLAG};
use super::token::{Authorize, Bearer, ClusterToken};
use super::token_file::TokenFile;
use super::{audience, kubeconfig, proxy};
use crate::event::{Event, EventSink};
use crate::model::host::is_loopback;
use crate::model::kinds::each_kind;
use crate::model::text::ClusterName;
use crate::ports::backoff::Jitter;
use crate::ports::error::PortError;
use crate::ports::place::{Fault, Origin};
use crate::ports::read::SignedIn;
use crate::ports::secrets;
use crate::ports::store::ClusterStores;

/// How long an exec plugin may take.
pub const PLUGIN_LIMIT: Duration = Duration::from_secs(30);
/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How many requests wait for their token at most before the next one waits to be taken in.
const WAITING_REQUESTS: usize = 64;

/// One cluster: its [`crate::ports::read::ClusterRead`] and its stores.
#[derive(Clone)]
pub struct ClusterClient {
    requests: Requests,
}

impl ClusterClient {
    /// A cluster behind a client. `credentials` says where the client's came from, for hints.
    pub fn new(
        cluster: ClusterName,
        client: kube::Client,
        credentials: impl Into<String>,
        sink: Arc<dyn EventSink>,
    ) -> Self {
        let credentials = credentials.into();
        let place = Place { cluster, credentials, context: None, own_sign_in: false };
        Self {
            requests: Requests {
                place,
                client,
                sink,
                attempt_limit: ATTEMPT_LIMIT,
                jitter: None,
                made: Arc::default(),
            },
        }
    }

    /// The same with another bound for one attempt of a request, its answer included.
    #[must_use]
    pub fn bounded(mut self, attempt_limit: Duration) -> Self {
        self.requests.attempt_limit = attempt_limit;
        self
    }

    /// The same with its pauses between attempts spread by a seed.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.requests.jitter = Some(Arc::new(Jitter::new(seed)));
        self
    }

    /// The stores of the cluster's kinds.
    pub fn stores(&self) -> ClusterStores {
        macro_rules! stores_over {
            (($requests:expr) azure $azure:tt cluster { $($field:ident: $variant:ident($kind:ty),)+ }) => {
                ClusterStores { $($field: Arc::new(Objects::<$kind>::new($requests.clone())),)+ }
            };
        }
        each_kind!(stores_over self.requests)
    }

    /// The client below, for requests of other kinds.
    pub fn client(&self) -> &kube::Client {
        &self.requests.client
    }

    pub(super) fn requests(&self) -> &Requests {
        &self.requests
    }
}

/// Connects to clusters with what the machine and the sign-in give. There is no fallback: not to
/// localhost, not to the current context, not to an anonymous request.
pub struct Connector {
    /// The machine.
    pub environment: Environment,
    /// Tokens of Entra.
    pub token: Arc<dyn ClusterToken>,
    /// Whom they are for.
    pub signed_in: SignedIn,
    /// The clusters of which it was said what of their kubeconfig is not used.
    pub told: Mutex<BTreeSet<ClusterName>>,
    /// How long an exec plugin may take; [`PLUGIN_LIMIT`].
    pub plugin_limit: Duration,
    /// How long one attempt of a request may take, its connection and its answer included.
    pub attempt_limit: Duration,
    /// The seed of the jitter between attempts.
    pub seed: u64,
    /// Whether the cloud itself is on loopback, as a sandbox is: only then may Azure's answer name an API server
    /// there.
    pub local_cloud: bool,
    /// Takes the events.
    pub sink: Arc<dyn EventSink>,
}

impl Connector {
    /// Connects by a context of the machine's kubeconfig. `token_audience` is the audience that an Entra token
    /// may have instead of AKS's own.
    pub async fn by_context(
        &self,
        cluster: &ClusterName,
        context: &str,
        token_audience: Option<&str>,
    ) -> Result<ClusterClient, PortError> {
        let selected = Selected::of_machine(&self.environment, cluster, context)?;
        self.open(selected, token_audience).await
    }

    /// Connects by a kubeconfig that AKS gave, to the one context that it names.
    pub async fn by_kubeconfig(
        &self,
        cluster: &ClusterName,
        kubeconfig: &[u8],
        token_audience: Option<&str>,
    ) -> Result<ClusterClient, PortError> {
        let selected = Selected::of_aks(cluster, kubeconfig, self.local_cloud)?;
        self.open(selected, token_audience).await
    }

    async fn open(
        &self,
        selected: Selected,
        token_audience: Option<&str>,
    ) -> Result<ClusterClient, PortError> {
        let Selected { mut source, cluster, user, asked } = selected;
        let (server, uri) = secure(&source, cluster.server.as_deref().unwrap_or_default())?;
        let proxy = proxy::before(&server, cluster.proxy_url.as_deref(), &self.environment)
            .map_err(|error| source.unusable(error.to_string(), error.fault()))?;
        let only = kubeconfig::only(cluster, user);
        let mut config = Config::from_custom_kubeconfig(only, &KubeConfigOptions::default())
            .await
            .map_err(|error| source.unreadable(error))?;
        if config.root_cert.as_ref().is_some_and(Vec::is_empty) {
            return Err(source.unusable(
                "its certificate authority holds no certificate in PEM",
                Fault::OfCluster(AUTHORITY_FLAGS),
            ));
        }
        sendable(&source, &mut config.auth_info)?;
        config.cluster_url = uri;
        config.proxy_url = proxy;
        let plugin = config.auth_info.exec.take();
        let authorize = match (&asked, plugin) {
            (Some(asked), _) => {
                config.auth_info.auth_provider = None;
                if config.accept_invalid_certs {
                    return Err(source.unusable(
                        "it has `insecure-skip-tls-verify`, and no token of Entra is sent to a server \
                         that may be anybody",
                        Fault::OfCluster(
                            "--insecure-skip-tls-verify=false --certificate-authority FILE --embed-certs",
                        ),
                    ));
                }
                let scope = audience::scope(&source, &asked.audience, token_audience)?;
                self.tell(&mut source, &asked.unused(&self.signed_in));
                Some(Authorize { source: Arc::clone(&self.token), scope: scope.into() })
            }
            (None, Some(plugin)) => {
                let plugin = ExecPlugin::new(
                    plugin,
                    source.clone(),
                    self.plugin_limit,
                    self.environment.now,
                );
                sign_in_with(plugin, &mut config).await?
            }
            (None, None) => by_token_file(&source, &mut config.auth_info).await?,
        };
        let mut client = self.build(&source, config, &server, authorize)?;
        client.requests.place.own_sign_in = asked.is_some() || matches!(source.origin, Origin::Aks);
        Ok(client)
    }

    /// Says once of a cluster what its kubeconfig asks kubelogin for and our own sign-in does not do. Whatever is
    /// said of the credentials says it too.
    fn tell(&self, source: &mut Source, unused: &[String]) {
        if unused.is_empty() {
            return;
        }
        let Source { cluster, name, origin } = &*source;
        let SignedIn { tenant, principal, .. } = &self.signed_in;
        let unused = unused.join(", ");
        let as_it_is = match origin {
            Origin::Context { .. } => {
                ", or have kubelogin run as it is: give it another file name, such as that of a link, and name \
                 that as `command`"
            }
            Origin::Aks => "",
        };
        let text = format!(
            "cluster {cluster}: widctl signs in itself, to tenant {tenant} as {principal}, and does not use \
             {unused} of {name}. To use them, sign in with them{as_it_is}."
        );
        source.name = format!("{name} (without its {unused})");
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(source.cluster.clone()) {
            self.sink.emit(Event::Message { text });
        }
    }

    /// Builds the client.
    fn build(
        &self,
        source: &Source,
        mut config: Config,
        server: &Url,
        authorize: Option<Authorize>,
    ) -> Result<ClusterClient, PortError> {
        learn(&config.auth_info);
        // Whoever comes first installs it; it is the same one everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        config.default_retry = false;
        // Well within an attempt, so that it is known which of the two took so long.
        config.connect_timeout = Some(CONNECT_LIMIT.min(self.attempt_limit / 2));
        // Attempts are bounded as a whole, and a reader's bound would count a connection's idle time.
        config.read_timeout = None;
        let way = way(server, config.proxy_url.as_ref());
        let builder = ClientBuilder::try_from(config).map_err(|error| source.unbuildable(error))?;
        let client = match authorize {
            Some(authorize) => builder
                .with_layer(&BufferLayer::new(WAITING_REQUESTS))
                .with_layer(&AsyncFilterLayer::new(authorize))
                .build(),
            None => builder.build(),
        };
        let credentials = match &source.origin {
            Origin::Context { context, .. } => format!("context `{context}` of {}", source.name),
            Origin::Aks => source.name.clone(),
        };
        let mut client = ClusterClient::new(
            source.cluster.clone(),
            client,
            format!("{credentials} ({way})"),
            Arc::clone(&self.sink),
        );
        if let Origin::Context { context, .. } = &source.origin {
            client.requests.place.context = Some(context.clone());
        }
        Ok(client.bounded(self.attempt_limit).seeded(self.seed))
    }
}

/// The server and the proxy before it, for people: without what signs in to the proxy.
fn way(server: &Url, proxy: Option<&Uri>) -> String {
    let address =
        proxy.and_then(|proxy| Some((proxy.scheme_str()?, proxy.host()?, proxy.port_u16())));
    match address {
        Some((scheme, host, Some(port))) => {
            format!("{server} by the proxy {scheme}://{host}:{port}")
        }
        Some((scheme, host, None)) => format!("{server} by the proxy {scheme}://{host}"),
        None => server.to_string(),
    }
}

/// Runs the plugin once: its certificate goes into the configuration, its tokens onto the requests.
async fn sign_in_with(
    plugin: ExecPlugin,
    config: &mut Config,
) -> Result<Option<Authorize>, PortError> {
    match plugin.credential().await? {
        Credential::Token(..) => {
            Ok(Some(Authorize { source: Arc::new(plugin), scope: Arc::default() }))
        }
        Credential::Certificate { certificate, key } => {
            let sign_in = &mut config.auth_info;
            sign_in.client_certificate_data = Some(BASE64.encode(certificate.as_bytes()));
            sign_in.client_key_data = Some(BASE64.encode(key.as_bytes()).into());
            Ok(None)
        }
    }
}

/// Takes a token's file over from kube, which would send what it holds with the white space around it.
async fn by_token_file(
    source: &Source,
    user: &mut AuthInfo,
) -> Result<Option<Authorize>, PortError> {
    let Some(path) = user.token_file.take() else {
        return Ok(None);
    };
    let instead = user.token.take().and_then(|token| Bearer::new(token.expose_secret()).ok());
    let file = TokenFile::new(path, instead, source.clone());
    file.bearer("").await?;
    Ok(Some(Authorize { source: Arc::new(file), scope: Arc::default() }))
}

/// Sees that a header takes the user's token: kube would panic.
fn sendable(source: &Source, user: &mut AuthInfo) -> Result<(), PortError> {
    for token in user.auth_provider.iter_mut().flat_map(|provider| provider.config.values_mut()) {
        *token = token.trim().to_owned();
    }
    let of_provider =
        |name: &str| user.auth_provider.as_ref()?.config.get(name).map(String::as_str);
    let token = user.token.as_ref().map(ExposeSecret::expose_secret);
    let tokens = [token, of_provider("id-token"), of_provider("access-token")];
    if tokens.into_iter().flatten().any(|token| Bearer::new(token).is_err()) {
        return Err(source.unusable(
            "its user's token has a character that no header takes",
            Fault::OfUser(TOKEN_FLAG),
        ));
    }
    Ok(())
}

/// Remembers what kube sends by itself, so that none of it is printed when the server echoes it.
fn learn(user: &AuthInfo) {
    if let (Some(name), Some(password)) = (&user.username, &user.password) {
        let password = password.expose_secret();
        secrets::learn(password);
        secrets::learn(&BASE64.encode(format!("{name}:{password}").as_bytes()));
    }
}

/// The server's address, if credentials may be sent there: https, or plain http on loopback.
fn secure(source: &Source, server: &str) -> Result<(Url, Uri), PortError> {
    // What is checked is what is used: two readers of one text may see two hosts in it.
    let url = Url::parse(server).ok();
    let uri = url.as_ref().and_then(|url| url.as_str().parse().ok());
    let (Some(url), Some(uri)) = (url, uri) else {
        return Err(source.unusable("its server is not a URL", Fault::OfCluster(SERVER_FLAG)));
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            source.unusable("its server's URL has credentials in it", Fault::CredentialsInUrl)
        );
    }
    let plain = url.scheme() == "http" && is_loopback(&url);
    if url.scheme() != "https" && !plain {
        return Err(source.unusable(
            format!("its server {url} is not https, and plain http is for loopback alone"),
            Fault::OfCluster(SERVER_FLAG),
        ));
    }
    Ok((url, uri))
}
