//! Reads clusters: connects to them and asks them, side by side; none waits for another.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio::time::timeout;

use super::Sources;
use super::arm_word::ArmWord;
use super::facts::{facts, late, unread};
use super::objects::objects;
use super::side_by_side;
use crate::desired::state::{DesiredState, Trust};
use crate::event::{Event, EventSink};
use crate::model::text::{ClusterName, Issuer};
use crate::observed::read::{Read, Unread};
use crate::observed::state::ClusterObjects;
use crate::ports::error::Service;
use crate::ports::panic::caught;
use crate::ports::read::{ClusterRead, Clusters};

/// How long a cluster that no row needs is waited for.
const MOST_TIME: Duration = Duration::from_secs(3);

/// A cluster that was asked, and what it said.
pub(super) struct Told<C> {
    pub(super) name: ClusterName,
    /// The connection; absent where there is none, and where no workload needs its objects and they could not all
    /// be read.
    pub(super) client: Option<C>,
    /// The issuer of its own document or, where it did not tell it, of the public one at ARM's issuer; absent where
    /// neither was asked.
    pub(super) issuer: Option<Read<Issuer>>,
    /// Its objects; absent where no workload needs them.
    pub(super) objects: Option<Read<ClusterObjects>>,
    /// Whether what is left over on it was looked for, where no row needs its objects.
    pub(super) tried: Option<Read<()>>,
    /// Why some of them could not be read although nobody was refused: the cluster is unreachable or unhealthy.
    fault: Option<Unread>,
}

/// Asks all clusters, and public documents for what they do not tell. With `require_all` the first that is unreachable
/// or unhealthy ends it.
pub(super) async fn ask_all<C: Clusters>(
    sources: &Sources<'_, C>,
    desired: &DesiredState,
    word: &ArmWord,
    require_all: bool,
    sink: &dyn EventSink,
) -> Result<Vec<Told<C::Cluster>>, Unread> {
    let wanted = (desired, sources.leftovers);
    // As soon as ARM names the issuer; none where it names none.
    let document = async |name: ClusterName| {
        let known = word.issuer(&name).await?;
        Some(sources.documents.issuer(sources.issuers, known, &name, sink).await)
    };
    let ask = async |(name, needed): (ClusterName, bool)| {
        let title = format!("cluster {name}");
        sink.emit(Event::StepStarted { title: title.clone() });
        let finished = |told: Told<C::Cluster>| {
            sink.emit(Event::StepFinished { title });
            told
        };
        if !needed {
            let asked = attempt(sources.clusters, wanted, name.clone()).map(finished);
            let (told, public) = futures::join!(asked, document(name));
            return told.or_public(public);
        }
        let told = finished(ask(sources.clusters, wanted, name.clone()).await);
        let is_last = require_all && told.fault.is_some();
        match told.issuer {
            Some(Read::Facts(_)) => told,
            _ if is_last => told,
            _ => told.or_public(document(name).await),
        }
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

/// Whether each cluster's objects are needed: not where all of its workloads are trust-only, and no team that leaves
/// had an account there; such a cluster is only tried. One that no workload names any more is read, because it may hold what the profile has dropped.
fn clusters_with_objects(desired: &DesiredState) -> BTreeMap<ClusterName, bool> {
    let trusted = |name: &ClusterName| {
        desired.credentials.values().any(|credential| match &credential.trust {
            Trust::Cluster { cluster, .. } => cluster == name,
            Trust::Federation { .. } => false,
        })
    };
    let has_account = |name: &ClusterName| {
        let mut accounts = desired.service_accounts.keys().chain(desired.retired.accounts.keys());
        accounts.any(|account| account.cluster == *name)
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
            let (client, issuer, objects) = (Some(client), Some(facts(issuer)), Some(objects));
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

    /// The same with what its public document said, if that was asked.
    fn or_public(self, public: Option<Read<Issuer>>) -> Self {
        Self { issuer: public.or(self.issuer), ..self }
    }
}
