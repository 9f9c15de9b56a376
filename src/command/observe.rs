//! Observes everything that a profile touches, Azure and the clusters side by side.

use std::collections::BTreeMap;

use futures::future::join_all;
use futures::{StreamExt, stream};

use crate::command::connection::Connection;
use crate::desired::state::{DesiredState, Trust};
use crate::event::{Event, EventSink};
use crate::gather;
use crate::gather::cluster::Told;
use crate::kubernetes::client::ClusterClient;
use crate::model::text::ClusterName;
use crate::observed::read::Unread;
use crate::observed::state::ObservedState;
use crate::ports::error::{PortError, Service};
use crate::ports::panic::caught;
use crate::ports::read::ClusterRead;

/// How many clusters are asked side by side.
const SIDE_BY_SIDE: usize = 32;

/// What a run observed, and the clusters that it can write to.
pub struct Observation {
    /// The facts.
    pub state: ObservedState,
    /// The connected clusters.
    pub clusters: BTreeMap<ClusterName, ClusterClient>,
}

/// A cluster that was asked.
struct AskedCluster {
    name: ClusterName,
    client: Option<Result<ClusterClient, PortError>>,
    told: Told,
}

/// Reads all that the desired state may touch. With `require_all` it ends as soon as a cluster turns out
/// not to be there or not to be well, and answers why.
pub async fn observe(
    connection: &Connection,
    desired: &DesiredState,
    require_all: bool,
    events: &dyn EventSink,
) -> Result<Observation, Unread> {
    events.emit(Event::PhaseStarted {
        title: "Reading Azure and the clusters".to_owned(),
        steps: None,
    });
    let azure = gather::azure::observe(&*connection.azure, desired, events);
    let read = futures::future::try_join(
        async { Ok(azure.await) },
        ask_all(connection, desired, require_all, events),
    )
    .await;
    let (mut state, asked) = read.inspect_err(|_| events.emit(Event::PhaseFinished))?;
    let mut clusters = BTreeMap::new();
    let observed = asked.into_iter().map(|AskedCluster { name, client, told }| {
        if let Some(Ok(client)) = client {
            clusters.insert(name.clone(), client);
        }
        let managed = state.clusters.remove(&name);
        let managed = managed.and_then(|cluster| cluster.managed);
        async move {
            let observed = gather::cluster::complete(told, managed, &*connection.issuers).await;
            (name, observed)
        }
    });
    let observed: Vec<_> = observed.collect();
    state.clusters = join_all(observed).await.into_iter().collect();
    events.emit(Event::PhaseFinished);
    Ok(Observation { state, clusters })
}

/// Connects to the clusters and asks them, side by side: none waits for another.
async fn ask_all(
    connection: &Connection,
    desired: &DesiredState,
    require_all: bool,
    events: &dyn EventSink,
) -> Result<Vec<AskedCluster>, Unread> {
    let mut answers = stream::iter(clusters_with_objects(desired))
        .map(|(name, needed)| ask(connection, name, needed, events))
        .buffer_unordered(SIDE_BY_SIDE);
    let mut asked = Vec::new();
    while let Some(answer) = answers.next().await {
        if require_all && let Some(fault) = answer.told.fault() {
            return Err(fault.clone());
        }
        asked.push(answer);
    }
    Ok(asked)
}

/// Connects to a cluster and asks it. A panic on the way is the end of this cluster's reading alone: what it
/// answers, and what its kubeconfig holds, may be made for it.
async fn ask(
    connection: &Connection,
    name: ClusterName,
    needed: bool,
    events: &dyn EventSink,
) -> AskedCluster {
    let title = format!("cluster {name}");
    events.emit(Event::StepStarted { title: title.clone() });
    let service = || Service::Cluster(name.to_string());
    let mut client = if needed {
        Some(caught(service(), "connect", connection.cluster(&name)).await)
    } else {
        None
    };
    let asked = caught(service(), "read its objects", async {
        let read = client.as_ref().map(|client| match client {
            Ok(client) => Ok(client as &dyn ClusterRead),
            Err(error) => Err(error),
        });
        Ok(gather::cluster::ask(read).await)
    });
    let told = match asked.await {
        Ok(told) => told,
        Err(error) => {
            let told = gather::cluster::ask(Some(Err(&error))).await;
            client = Some(Err(error));
            told
        }
    };
    events.emit(Event::StepFinished { title });
    AskedCluster { name, client, told }
}

/// Whether each cluster's objects are needed: not where all of its workloads are trust-only. A cluster
/// that no workload names any more is read, because it may hold what the profile has dropped.
fn clusters_with_objects(desired: &DesiredState) -> BTreeMap<ClusterName, bool> {
    let trusted = |name: &ClusterName| {
        desired.credentials.values().any(|credential| match &credential.trust {
            Trust::Cluster { cluster, .. } => cluster == name,
            Trust::Federation { .. } => false,
        })
    };
    let has_account = |name: &ClusterName| {
        desired.service_accounts.keys().any(|account| account.cluster == *name)
    };
    let names = desired.clusters.keys();
    names.map(|name| (name.clone(), has_account(name) || !trusted(name))).collect()
}
