//! The cluster contract: what widctl relies on, on the sandbox and on a real API server alike. Where they
//! differ, the sandbox is wrong.

/// Runs every story on both grounds.
macro_rules! on_both_grounds {
    ($($story:ident)*) => {
        mod sandbox {
            use crate::cluster::site::Site;
            $(
                #[tokio::test]
                async fn $story() {
                    super::$story(&Site::sandbox()).await;
                }
            )*
        }

        mod real {
            use crate::cluster::site::Site;
            $(
                #[tokio::test]
                #[ignore = "needs an API server: just test-cluster"]
                async fn $story() {
                    if let Some(site) = Site::real().await {
                        super::$story(&site).await;
                        site.leave().await;
                    }
                }
            )*
        }
    };
}

mod accounts;
mod copies;
mod namespaces;
mod ownership;
mod refusals;
mod roles;
mod server;
mod tokens;

use serde_json::Value;
use widctl::model::guid::ClientId;
use widctl::model::kinds::marks::Marks;
use widctl::model::kinds::service_account::{
    LiveServiceAccount, ServiceAccount, ServiceAccountKey,
};
use widctl::ports::error::PortError;
use widctl::ports::store::WriteMode;

use super::site::Site;
use crate::kubernetes::lists::WholeLists;
use crate::kubernetes::requests::{annotated, ours};

/// The account `flows` of the site's namespace.
fn flows(site: &Site) -> ServiceAccountKey {
    crate::kubernetes::requests::key(&site.namespace, "flows")
}

/// Writes the account `flows` as widctl does.
async fn put(
    site: &Site,
    write: &ServiceAccount<ClientId>,
    mode: WriteMode,
) -> Result<LiveServiceAccount, PortError> {
    let stores = site.cluster.stores();
    stores.service_accounts.put(&flows(site), write, mode).await.map(|put| put.live)
}

/// Makes the account `flows`, owned.
async fn create(site: &Site) -> LiveServiceAccount {
    put(site, &annotated(Some(ours())), WriteMode::Create).await.unwrap()
}

/// Marks of the same estate on what somebody else made.
fn adopted() -> Marks {
    Marks { created: "adopted-0123456789abcdef".into(), ..ours() }
}

/// The account `flows` as a list shows it.
async fn listed(site: &Site) -> LiveServiceAccount {
    let accounts = site.cluster.service_accounts().await.unwrap();
    let mut found = accounts.into_iter();
    let found = found.find(|(found, _)| *found == flows(site));
    found.unwrap().1
}

/// Annotations of ours among an object's.
fn azure_annotations(account: &Value) -> Vec<&str> {
    let annotations = account["metadata"]["annotations"].as_object();
    annotations
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with("azure.workload.identity/"))
        .collect()
}
