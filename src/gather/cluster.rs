//! Reads clusters.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;

use super::facts::facts;
use super::facts::unread;
use crate::event::Event;
use crate::event::EventSink;
use crate::model::text::ClusterName;
use crate::model::text::Issuer;
use crate::observed::read::Read;
use crate::observed::state::ClusterObjects;
use crate::observed::state::ManagedCluster;
use crate::observed::state::ObservedCluster;
use crate::ports::error::PortError;
use crate::ports::read::ClusterRead;
use crate::ports::read::IssuerRead;

/// How many clusters are read side by side.
const SIDE_BY_SIDE: usize = 32;

/// A cluster to be read.
pub struct Target<'a> {
    /// Its name.
    pub cluster: ClusterName,
    /// Its API server, or why there is no connection to it; absent where no workload needs its objects,
    /// and then it is not asked for anything.
    pub read: Option<Result<&'a dyn ClusterRead, &'a PortError>>,
    /// What ARM said of it; absent for a pinned cluster.
    pub managed: Option<&'a Read<Option<ManagedCluster>>>,
}

/// Reads clusters side by side.
pub async fn observe_all(
    targets: Vec<Target<'_>>,
    issuers: &dyn IssuerRead,
    sink: &dyn EventSink,
) -> BTreeMap<ClusterName, ObservedCluster> {
    stream::iter(targets)
        .map(|target| async move {
            let name = target.cluster.clone();
            (name, observe(target, issuers, sink).await)
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await
}

/// Reads one cluster: its issuer and, where they are needed, its objects, all side by side.
pub async fn observe(
    target: Target<'_>,
    issuers: &dyn IssuerRead,
    sink: &dyn EventSink,
) -> ObservedCluster {
    let Target {
        cluster,
        read,
        managed,
    } = target;
    let (discovered_issuer, objects) = futures::join!(
        issuer(read.as_ref(), managed, issuers),
        objects(read.as_ref()),
    );
    sink.emit(Event::StepFinished {
        title: format!("cluster {cluster}"),
    });
    ObservedCluster {
        managed: managed.cloned(),
        discovered_issuer,
        objects,
    }
}

/// The issuer of the cluster's own document, else of the public one at ARM's issuer, else why there is none.
async fn issuer(
    read: Option<&Result<&dyn ClusterRead, &PortError>>,
    managed: Option<&Read<Option<ManagedCluster>>>,
    issuers: &dyn IssuerRead,
) -> Option<Read<Issuer>> {
    let own = match read {
        Some(Ok(read)) => Some(read.issuer().await),
        Some(Err(_)) | None => None,
    };
    let own = match own {
        Some(Ok(issuer)) => return Some(Read::Facts(issuer)),
        Some(Err(error)) => Some(error),
        None => None,
    };
    let known = managed
        .and_then(Read::facts)
        .and_then(Option::as_ref)
        .and_then(|managed| managed.issuer.as_ref());
    match (known, own) {
        (Some(known), _) => Some(facts(issuers.discover(known).await)),
        (None, Some(own)) => Some(Read::Unread(unread(&own))),
        (None, None) => None,
    }
}

/// The five scopes of the cluster's objects.
async fn objects(
    read: Option<&Result<&dyn ClusterRead, &PortError>>,
) -> Option<Read<ClusterObjects>> {
    let read = match read? {
        Ok(read) => read,
        Err(error) => return Some(Read::Unread(unread(error))),
    };
    let (namespaces, service_accounts, roles, role_bindings, webhook) = futures::join!(
        read.namespaces(),
        read.service_accounts(),
        read.roles(),
        read.role_bindings(),
        read.webhook(),
    );
    Some(Read::Facts(ClusterObjects {
        namespaces: facts(namespaces.map(by_key)),
        service_accounts: facts(service_accounts.map(by_key)),
        roles: facts(roles.map(by_key)),
        role_bindings: facts(role_bindings.map(by_key)),
        webhook: facts(webhook),
    }))
}

/// The objects by their key.
fn by_key<K: Ord, L>(listed: Vec<(K, L)>) -> BTreeMap<K, Arc<L>> {
    listed
        .into_iter()
        .map(|(key, live)| (key, Arc::new(live)))
        .collect()
}
