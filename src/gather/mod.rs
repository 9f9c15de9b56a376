//! Asynchronous reads that make the observed state, Azure's and the clusters' side by side. Nothing is decided
//! here.

use std::collections::BTreeMap;

use futures::future::try_join;

use self::arm_word::ArmWord;
use self::azure::Reader;
pub use self::documents::Documents;
use crate::desired::state::DesiredState;
use crate::event::{Event, EventSink};
use crate::model::text::ClusterName;
use crate::observed::read::Unread;
use crate::observed::state::{ObservedCluster, ObservedState};
use crate::ports::read::{AzureRead, Clusters, IssuerRead};

mod arm_word;
pub mod azure;
mod clusters;
mod controllers;
mod documents;
pub mod evidence;
pub mod facts;
mod identities;
mod objects;
pub mod rights;
mod side_by_side;
mod survey;

/// Where the state is read from.
pub struct Sources<'a, C> {
    /// Azure.
    pub azure: &'a dyn AzureRead,
    /// How many reads of Azure of one kind are ready at once; the client decides how many of them are sent.
    pub side_by_side: usize,
    /// The clusters.
    pub clusters: &'a C,
    /// Public issuers.
    pub issuers: &'a dyn IssuerRead,
    /// What public issuers told this run before.
    pub documents: &'a Documents,
    /// Whether what is left over on the clusters is looked for, or only what the profile wants.
    pub leftovers: bool,
}

/// What was observed, and the clusters that can be written to.
pub struct Observation<C> {
    /// The facts.
    pub state: ObservedState,
    /// The connected clusters.
    pub clusters: BTreeMap<ClusterName, C>,
}

/// Reads all that the desired state may touch. With `require_all` it ends as soon as a cluster turns out
/// not to be there or not to be well, and answers why.
pub async fn observe<C: Clusters>(
    sources: Sources<'_, C>,
    desired: &DesiredState,
    require_all: bool,
    sink: &dyn EventSink,
) -> Result<Observation<C::Cluster>, Unread> {
    sink.emit(Event::PhaseStarted {
        title: "Reading Azure and the clusters".to_owned(),
        steps: None,
    });
    let word = ArmWord::of(desired.clusters.iter());
    let reader = Reader { read: sources.azure, side_by_side: sources.side_by_side, desired, sink };
    let read = try_join(
        async { Ok(azure::observe_and_tell(reader, &word).await) },
        clusters::ask_all(&sources, desired, &word, require_all, sink),
    );
    let (mut state, asked) = read.await.inspect_err(|_| sink.emit(Event::PhaseFinished))?;
    let mut clusters = BTreeMap::new();
    for told in asked {
        clusters.extend(told.client.map(|client| (told.name.clone(), client)));
        state.tried.extend(told.tried.map(|tried| (told.name.clone(), tried)));
        let managed = state.clusters.remove(&told.name).and_then(|cluster| cluster.managed);
        let (discovered_issuer, objects) = (told.issuer, told.objects);
        let cluster = ObservedCluster { managed, discovered_issuer, objects };
        state.clusters.insert(told.name, cluster);
    }
    sink.emit(Event::PhaseFinished);
    Ok(Observation { state, clusters })
}
