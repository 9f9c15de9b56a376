//! Reads clusters: connects to them and asks them, side by side; none waits for another.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use super::facts::{facts, late, unread};
use super::objects::objects;
use super::side_by_side;
use crate::desired::state::{DesiredState, Trust};
use crate::event::{Event, EventSink};
use crate::model::text::{ClusterName, Issuer};
use crate::observed::read::{Read, Unread};
use crate::observed::state::{ClusterObjects, ManagedCluster, ObservedCluster};
use crate::ports::error::{PortError, Service};
use crate::ports::panic::caught;
use crate::ports::read::{ClusterRead, Clusters, IssuerRead};

/// How long a cluster that no row needs is waited for.
const MOST_TIME: Duration = Duration::from_secs(3);

/// A cluster that was asked, and what it said itself.
pub(super) struct Told<C> {
    pub(super) name: ClusterName,
    /// The connection; absent where there is none, and where no workload needs its objects and they could not all
    /// be read.
    pub(super) client: Option<C>,
    /// The issuer of its own document; absent where it was not asked.
    issuer: Option<Result<Issuer, PortError>>,
    /// Its objects; absent where no workload needs them.
    objects: Option<Read<ClusterObjects>>,
    /// Whether what is left over on it was looked for, where no row needs its objects.
    pub(super) tried: Option<Read<()>>,
    /// Why some of them could not be read although nobody was refused: the cluster is unreachable or unhealthy.
    fault: Option<Unread>,
}

/// Asks all clusters. With `require_all` the first that is unreachable or unhealthy ends it.
pub(super) async fn ask_all<C: Clusters>(
    clusters: &C,
    (desired, leftovers): (&DesiredState, bool),
    require_all: bool,
    sink: &dyn EventSink,
) -> Result<Vec<Told<C::Cluster>>, Unread> {
    let ask = async |(name, needed): (ClusterName, bool)| {
        let title = format!("cluster {name}");
        sink.emit(Event::StepStarted { title: title.clone() });
        let told = if needed {
            ask(clusters, (desired, leftovers), name).await
        } else {
            attempt(clusters, (desired, leftovers), name).await
        };
        sink.emit(Event::StepFinished { title });
        told
    };
    let needed = clusters_with_objects(desired);
    let mut answers = side_by_side::run(needed, side_by_side::CLUSTERS, ask);
    let mut all = Vec::new();
    while let Some(told) = answers.next().await {
        if require_all && let Some(fault) = told.fault {
            return Err(fault);
        }
        all.push(told);
    }
    Ok(all)
}

/// Whether each cluster's objects are needed: not where all of its workloads are trust-only; such a cluster is only
/// tried. One that no workload names any more is read, because it may hold what the profile has dropped.
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

/// Asks a cluster that no row needs what is left over on it. Its issuer and its webhook are not taken: what the plan
/// says of the profile does not depend on whether this cluster answers.
async fn attempt<C: Clusters>(
    clusters: &C,
    (desired, leftovers): (&DesiredState, bool),
    name: ClusterName,
) -> Told<C::Cluster> {
    let Ok(mut told) = timeout(MOST_TIME, ask(clusters, (desired, leftovers), name.clone())).await
    else {
        return Told { tried: Some(Read::Unread(late(MOST_TIME))), ..Told::nothing(name) };
    };
    let read: Result<(), &Unread> = match &mut told.objects {
        Some(Read::Facts(objects)) => {
            objects.webhook =
                Read::Unread(Unread { refused: false, why: "no row needs it".into() });
            objects.leftovers().into_iter().collect()
        }
        Some(Read::Unread(unread)) => Err(unread),
        None => Ok(()),
    };
    match read {
        Ok(()) => Told { tried: Some(Read::Facts(())), issuer: None, fault: None, ..told },
        Err(why) => Told { tried: Some(Read::Unread(why.clone())), ..Told::nothing(name) },
    }
}

/// Connects to a cluster and asks for its issuer and its objects. A panic on the way is the end of this
/// cluster's reading alone: what it answers, and what its kubeconfig holds, may be made for it.
async fn ask<C: Clusters>(
    clusters: &C,
    (desired, leftovers): (&DesiredState, bool),
    name: ClusterName,
) -> Told<C::Cluster> {
    let service = || Service::Cluster(name.to_string());
    let told = async {
        let client = caught(service(), "connect", clusters.connect(&name)).await?;
        let objects = objects(&client, (desired, leftovers), &name);
        let read = async { Ok(futures::join!(client.issuer(), objects)) };
        let (issuer, (objects, fault)) = caught(service(), "read its objects", read).await?;
        Ok((client, issuer, objects, fault))
    };
    match told.await {
        Ok((client, issuer, objects, fault)) => {
            let (client, issuer, objects) = (Some(client), Some(issuer), Some(objects));
            Told { client, issuer, objects, fault, ..Told::nothing(name) }
        }
        Err(error) => Told {
            objects: Some(Read::Unread(unread(&error))),
            fault: Some(&error).filter(|error| !error.is_refusal()).map(unread),
            ..Told::nothing(name)
        },
    }
}

impl<C> Told<C> {
    /// A cluster that said nothing.
    fn nothing(name: ClusterName) -> Self {
        Self { name, client: None, issuer: None, objects: None, tried: None, fault: None }
    }

    /// Puts what the cluster said beside what ARM said of it. Where it did not tell its issuer, that is the
    /// public one at ARM's issuer. `managed` is absent for a pinned cluster.
    pub(super) async fn complete(
        self,
        managed: Option<Read<Option<ManagedCluster>>>,
        issuers: &dyn IssuerRead,
    ) -> (ClusterName, ObservedCluster) {
        let known = managed
            .as_ref()
            .and_then(Read::facts)
            .and_then(Option::as_ref)
            .and_then(|managed| managed.issuer.as_ref());
        let discovered_issuer = match (self.issuer, known) {
            (Some(Ok(issuer)), _) => Some(Read::Facts(issuer)),
            (_, Some(known)) => {
                let read = issuers.discover(known);
                Some(facts(caught(Service::Issuer, "read its document", read).await))
            }
            (Some(Err(error)), None) => Some(Read::Unread(unread(&error))),
            (None, None) => None,
        };
        let observed = ObservedCluster { managed, discovered_issuer, objects: self.objects };
        (self.name, observed)
    }
}
