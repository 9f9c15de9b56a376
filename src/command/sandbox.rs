//! Runs the sandbox, and adds to it what a profile takes for granted.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

use crate::command::failure::Failure;
use crate::files;
use crate::model::arm_id::ArmId;
use crate::model::text::ClusterName;
use crate::profile::resolved::{Cluster, Identity, Mode, Profile, Workload};
use crate::sandbox::{AksCluster, ClusterSpec, Faults, World, kubeconfig, serve};

/// The region of clusters and resource groups whose profile names none.
const REGION: &str = "westeurope";

/// A sandbox that is being served on loopback.
pub struct RunningSandbox {
    /// Everything in it.
    pub world: World,
    /// Where it listens.
    pub base: Url,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

impl RunningSandbox {
    /// Starts to serve a world on a loopback port; 0 takes a free one.
    pub async fn start(world: World, port: u16) -> Result<Self, Failure> {
        let failed =
            |source| Failure::file("listen for the sandbox on", Path::new("127.0.0.1"), source);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let base = Url::parse(&format!("http://{address}")).expect("a socket's address is a host");
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move {
            // An error means that the sender is gone, which asks for the same.
            let _ = stopped.await;
        };
        let served = tokio::spawn(serve(world.clone(), listener, shutdown));
        Ok(Self { world, base, stop, served })
    }

    /// Stops serving and writes the state.
    pub async fn stop(self, file: &Path) -> Result<(), Failure> {
        let failed = |source| Failure::file("save the sandbox in", file, source);
        // The server may be gone already; then there is nobody to tell.
        let _ = self.stop.send(());
        match tokio::time::timeout(STOPPED_WITHIN, self.served).await {
            Ok(ended) => {
                ended.map_err(|error| failed(std::io::Error::other(error)))?.map_err(failed)
            }
            // A client that holds its connection must not hold the command.
            Err(_) => Ok(self.world.flush()?),
        }
    }
}

/// How long the server may take to finish what it is answering.
const STOPPED_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Opens the world of a state file; its folder is made if it is missing.
pub fn open(file: &Path) -> Result<World, Failure> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|source| Failure::file("make the sandbox's folder", folder, source))?;
    }
    Ok(World::open(file)?)
}

/// Reads the faults to rehearse with.
pub fn faults(file: &Path) -> Result<Faults, Failure> {
    let text = files::read_text(file, files::LARGEST_TEXT)
        .map_err(|source| Failure::file("read the sandbox's faults", file, source))?;
    toml::from_str(&text).map_err(|mut error: toml::de::Error| {
        // The line that is wrong is shown, unless it stands in a file that nobody named.
        if files::leads_elsewhere(file).unwrap_or(true) {
            error.set_input(None);
        }
        Failure::Input {
            what: format!("`{}` does not describe faults: {error}", file.display()),
            help: "docs/sandbox.md shows each fault with an example".to_owned(),
        }
    })
}

/// A kubeconfig of all clusters in the sandbox, in a file that goes with the value.
pub fn kubeconfig_file(running: &RunningSandbox) -> Result<NamedTempFile, Failure> {
    let failed = |source| Failure::file("write a kubeconfig in", &std::env::temp_dir(), source);
    let mut file = NamedTempFile::new().map_err(failed)?;
    let text = kubeconfig(&running.world, &running.base);
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(file)
}

/// The name of a cluster inside the sandbox; two profiles may call different clusters the same.
pub fn cluster_key(name: &ClusterName, cluster: &Cluster) -> String {
    match cluster {
        Cluster::Aks { id, .. } => {
            format!("{}-{}", id.resource_group().unwrap_or_default(), id.name()).to_lowercase()
        }
        Cluster::Pinned { context, .. } => {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            let context: String = context.chars().map(plain).collect();
            format!("{name}-{context}").to_lowercase()
        }
    }
}

/// Adds what the profile takes for granted and says, one line each, what had to be added.
pub fn grow(world: &World, profile: &Profile) -> Vec<String> {
    let mut added = Vec::new();
    let mut note = |grown: bool, what: String| {
        if grown {
            added.push(what);
        }
    };
    if let Some(tenant) = profile.tenant {
        note(world.grow_tenant(&tenant.to_string()), format!("the tenant is {tenant}"));
    }
    let identities: Vec<&Identity> =
        profile.teams.iter().flat_map(|team| &team.identities).collect();
    for subscription in subscriptions(profile, &identities) {
        note(world.grow_subscription(&subscription), format!("subscription {subscription} exists"));
    }
    for (name, cluster) in &profile.clusters {
        note(grow_cluster(world, name, cluster), format!("cluster `{name}` exists and is healthy"));
    }
    for identity in &identities {
        let Identity { subscription, resource_group, location, name, .. } = identity;
        let subscription = subscription.to_string();
        let grown = world.grow_resource_group(&subscription, resource_group, location.as_str());
        note(grown, format!("resource group `{resource_group}` exists in {location}"));
        if identity.create {
            continue;
        }
        for name in names(profile, identity, name) {
            let grown =
                world.grow_identity(&subscription, resource_group, &name, location.as_str());
            note(grown, format!("identity `{name}` exists, made by somebody else"));
        }
    }
    for scope in identities.iter().flat_map(|identity| &identity.roles).map(|grant| &grant.scope) {
        let (Some(subscription), Some(group)) = (scope.subscription(), scope.resource_group())
        else {
            continue;
        };
        let grown = world.grow_resource_group(&subscription.to_string(), group, REGION);
        note(grown, format!("resource group `{group}` exists, with what roles are given on"));
    }
    for workload in profile.teams.iter().flat_map(|team| &team.workloads) {
        added.extend(grow_workload(world, profile, workload));
    }
    added
}

/// The subscriptions that the profile names anywhere.
fn subscriptions(profile: &Profile, identities: &[&Identity]) -> BTreeSet<String> {
    let of_scopes =
        identities.iter().flat_map(|identity| &identity.roles).map(|grant| &grant.scope);
    let of_clusters = profile.clusters.values().filter_map(|cluster| match cluster {
        Cluster::Aks { id, .. } => Some(id),
        Cluster::Pinned { .. } => None,
    });
    let ids = of_scopes.chain(of_clusters).filter_map(ArmId::subscription);
    let own = identities.iter().map(|identity| identity.subscription);
    ids.chain(own).map(|subscription| subscription.to_string()).collect()
}

/// The identity's names in Azure: its own, or one per cluster that uses it.
fn names(profile: &Profile, identity: &Identity, name: &str) -> BTreeSet<String> {
    if !identity.per_cluster {
        return BTreeSet::from([name.to_owned()]);
    }
    let workloads = profile.teams.iter().flat_map(|team| &team.workloads);
    let using = workloads.filter(|workload| {
        workload.identity == name || workload.extra_identities.iter().any(|extra| extra == name)
    });
    using
        .flat_map(|workload| &workload.clusters)
        .map(|cluster| format!("{name}-{cluster}"))
        .collect()
}

fn grow_cluster(world: &World, name: &ClusterName, cluster: &Cluster) -> bool {
    let key = cluster_key(name, cluster);
    let spec = match cluster {
        Cluster::Aks { id, context, .. } => ClusterSpec {
            key,
            aks: Some(AksCluster {
                subscription: id.subscription().map(|id| id.to_string()).unwrap_or_default(),
                resource_group: id.resource_group().unwrap_or_default().to_owned(),
                name: id.name().to_owned(),
                location: REGION.to_owned(),
            }),
            issuer: None,
            context: Some(context.clone().unwrap_or_else(|| name.to_string())),
            local_accounts: false,
        },
        Cluster::Pinned { context, issuer, .. } => ClusterSpec {
            key,
            aks: None,
            issuer: Some(issuer.to_string()),
            context: Some(context.clone()),
            local_accounts: false,
        },
    };
    world.grow_cluster(spec)
}

fn grow_workload(world: &World, profile: &Profile, workload: &Workload) -> Vec<String> {
    let Workload { namespace, service_account, mode, create_namespace, .. } = workload;
    let mut added = Vec::new();
    for name in &workload.clusters {
        let Some(cluster) = profile.clusters.get(name) else {
            continue;
        };
        let key = cluster_key(name, cluster);
        let exists = match mode {
            Mode::TrustOnly => continue,
            Mode::Manage => !create_namespace,
            Mode::Annotate => true,
        };
        if exists && world.grow_namespace(&key, namespace.as_str()) {
            added.push(format!("namespace `{namespace}` exists on `{name}`"));
        }
        let annotated = *mode == Mode::Annotate;
        if annotated
            && world.grow_service_account(&key, namespace.as_str(), service_account.as_str())
        {
            added
                .push(format!("ServiceAccount `{namespace}/{service_account}` exists on `{name}`"));
        }
    }
    added
}
