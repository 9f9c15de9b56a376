//! Reads one cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{facts, unread};
use crate::model::text::Issuer;
use crate::observed::read::{Read, Unread};
use crate::observed::state::{ClusterObjects, ManagedCluster, ObservedCluster};
use crate::ports::error::{PortError, Service};
use crate::ports::panic::caught;
use crate::ports::read::{ClusterRead, IssuerRead};

/// What a cluster itself says.
pub struct Told {
    /// The issuer of its own document; absent where it was not asked.
    issuer: Option<Result<Issuer, PortError>>,
    /// Its objects; absent where no workload needs them, and then it is not asked for anything.
    objects: Option<Read<ClusterObjects>>,
}

impl Told {
    /// Why its objects could not be read, where they were asked for and nobody was refused: a cluster that
    /// is not there, or not well.
    pub fn fault(&self) -> Option<&Unread> {
        let objects = match self.objects.as_ref()? {
            Read::Unread(unread) => return Some(unread).filter(|unread| !unread.refused),
            Read::Facts(objects) => objects,
        };
        let outcomes = [
            objects.namespaces.outcome(),
            objects.service_accounts.outcome(),
            objects.roles.outcome(),
            objects.role_bindings.outcome(),
            objects.webhook.outcome(),
        ];
        let mut unread = outcomes.into_iter().filter_map(Result::err);
        unread.find(|unread| !unread.refused)
    }
}

/// Asks one cluster for its issuer and its objects, side by side. `cluster` is its API server, or why there
/// is no connection to it; absent where no workload needs its objects.
pub async fn ask(cluster: Option<Result<&dyn ClusterRead, &PortError>>) -> Told {
    let own = async {
        match &cluster {
            Some(Ok(read)) => Some(read.issuer().await),
            Some(Err(_)) | None => None,
        }
    };
    let (issuer, objects) = futures::join!(own, objects(cluster.as_ref()));
    Told { issuer, objects }
}

/// Puts what a cluster said beside what ARM said of it. Where it did not tell its issuer, that is the public
/// one at ARM's issuer. `managed` is absent for a pinned cluster.
pub async fn complete(
    told: Told,
    managed: Option<Read<Option<ManagedCluster>>>,
    issuers: &dyn IssuerRead,
) -> ObservedCluster {
    let Told { issuer, objects } = told;
    let known = managed
        .as_ref()
        .and_then(Read::facts)
        .and_then(Option::as_ref)
        .and_then(|managed| managed.issuer.as_ref());
    let discovered_issuer = match (issuer, known) {
        (Some(Ok(issuer)), _) => Some(Read::Facts(issuer)),
        (_, Some(known)) => {
            let read = issuers.discover(known);
            Some(facts(caught(Service::Issuer, "read its document", read).await))
        }
        (Some(Err(error)), None) => Some(Read::Unread(unread(&error))),
        (None, None) => None,
    };
    ObservedCluster { managed, discovered_issuer, objects }
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
    let failed = [
        namespaces.as_ref().err(),
        service_accounts.as_ref().err(),
        roles.as_ref().err(),
        role_bindings.as_ref().err(),
        webhook.as_ref().err(),
    ];
    // A cluster that is not there, or not well, is said once, not once for every kind.
    if let Some(first) = failed[0]
        && failed.iter().all(|failed| failed.is_some_and(|error| !error.is_refusal()))
    {
        return Some(Read::Unread(unread(first)));
    }
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
    listed.into_iter().map(|(key, live)| (key, Arc::new(live))).collect()
}
