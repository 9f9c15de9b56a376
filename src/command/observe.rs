//! Observes everything that a profile touches, Azure and the clusters side by side.

use std::collections::BTreeMap;

use futures::future::join_all;

use crate::command::connection::Connection;
use crate::desired::state::DesiredState;
use crate::desired::state::Trust;
use crate::event::Event;
use crate::event::EventSink;
use crate::gather;
use crate::gather::cluster::Target;
use crate::kubernetes::client::ClusterClient;
use crate::model::text::ClusterName;
use crate::observed::state::ObservedState;
use crate::ports::read::ClusterRead;

/// What a run observed, and the clusters that it can write to.
pub struct Observation {
    /// The facts.
    pub state: ObservedState,
    /// The connected clusters.
    pub clusters: BTreeMap<ClusterName, ClusterClient>,
}

/// Reads all that the desired state may touch.
pub async fn observe(
    connection: &Connection,
    desired: &DesiredState,
    events: &dyn EventSink,
) -> Observation {
    let needed = clusters_with_objects(desired);
    events.emit(Event::PhaseStarted {
        title: "Reading Azure and the clusters".to_owned(),
        steps: None,
    });
    let connect = join_all(needed.iter().map(async |(name, needed)| {
        let client = if *needed {
            Some(connection.cluster(name).await)
        } else {
            None
        };
        (name.clone(), client)
    }));
    let (mut state, clients) = futures::join!(
        gather::azure::observe(&*connection.azure, desired, events),
        connect
    );
    let targets = clients.iter().map(|(name, client)| Target {
        cluster: name.clone(),
        read: match client {
            Some(Ok(client)) => Some(Ok(client as &dyn ClusterRead)),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        },
        managed: state
            .clusters
            .get(name)
            .and_then(|cluster| cluster.managed.as_ref()),
    });
    let clusters =
        gather::cluster::observe_all(targets.collect(), &*connection.issuers, events).await;
    state.clusters = clusters;
    events.emit(Event::PhaseFinished);
    let connected = clients
        .into_iter()
        .filter_map(|(name, client)| Some((name, client?.ok()?)));
    Observation {
        state,
        clusters: connected.collect(),
    }
}

/// Whether each cluster's objects are needed: not where all of its workloads are trust-only. A cluster
/// that no workload names any more is read, because it may hold what the profile has dropped.
fn clusters_with_objects(desired: &DesiredState) -> BTreeMap<ClusterName, bool> {
    let trusted = |name: &ClusterName| {
        desired
            .credentials
            .values()
            .any(|credential| match &credential.trust {
                Trust::Cluster { cluster, .. } => cluster == name,
                Trust::Federation { .. } => false,
            })
    };
    let has_account = |name: &ClusterName| {
        desired
            .service_accounts
            .keys()
            .any(|account| account.cluster == *name)
    };
    let names = desired.clusters.keys();
    names
        .map(|name| (name.clone(), has_account(name) || !trusted(name)))
        .collect()
}
