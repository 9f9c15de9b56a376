//! Whole lists of a cluster, for tests of how lists are read.

use widctl::kubernetes::client::ClusterClient;
use widctl::model::kinds::Kind;
use widctl::model::kinds::namespace::Namespaces;
use widctl::model::kinds::rbac::{RoleBindings, Roles};
use widctl::model::kinds::service_account::ServiceAccounts;
use widctl::ports::error::PortError;
use widctl::ports::read::{KindRead, Look};
use widctl::sandbox::{RequestRecord, World};

/// The objects of a kind, each with its key.
type All<K> = Result<Vec<(<K as Kind>::Key, <K as Kind>::Live)>, PortError>;

/// Lists kinds without a label, in all namespaces.
pub(crate) trait WholeLists {
    async fn namespaces(&self) -> All<Namespaces>;
    async fn service_accounts(&self) -> All<ServiceAccounts>;
    async fn roles(&self) -> All<Roles>;
    async fn role_bindings(&self) -> All<RoleBindings>;
}

async fn all<K: Kind>(cluster: &ClusterClient) -> All<K>
where
    ClusterClient: KindRead<K>,
{
    let listed = cluster.list(Look::default()).await?;
    assert!(listed.whole);
    Ok(listed.objects)
}

impl WholeLists for ClusterClient {
    async fn namespaces(&self) -> All<Namespaces> {
        all::<Namespaces>(self).await
    }
    async fn service_accounts(&self) -> All<ServiceAccounts> {
        all::<ServiceAccounts>(self).await
    }
    async fn roles(&self) -> All<Roles> {
        all::<Roles>(self).await
    }
    async fn role_bindings(&self) -> All<RoleBindings> {
        all::<RoleBindings>(self).await
    }
}

/// What a world was asked, without the size of pages, in the order of the paths.
pub(crate) fn asked(world: &World) -> String {
    let line = |request: &RequestRecord| {
        let query = request.query.iter().filter(|(name, _)| name != "limit");
        let query: Vec<String> = query.map(|(name, value)| format!("{name}={value}")).collect();
        let path = request.path.trim_start_matches("/clusters/weu");
        format!("{} {path} {}", request.status, query.join("&")).trim_end().to_owned()
    };
    let mut lines: Vec<String> = world.requests().iter().map(line).collect();
    lines.sort_by(|one, other| one[4..].cmp(&other[4..]));
    lines.join("\n")
}
