//! `verify` over a real API server: its tokens, its reviews, its published keys, with which the sandbox's Entra
//! checks the real tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use widctl::command::condition::Condition;
use widctl::command::rehearsal::assumptions::grow;
use widctl::kubernetes::client::ClusterClient;
use widctl::model::text::Issuer;
use widctl::observed::evidence::{Document, Keys};
use widctl::oidc::{discovery, keys};
use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::ports::read::{ClusterRead, IssuerRead};
use widctl::profile::resolved::Profile;
use widctl::sandbox::World;
use widctl::verify::results::Outcome;
use widctl::verify::verdict::{Cause, Verdict};

use super::restricted::allow;
use super::site::{Ground, Site, connect};
use super::webhook;
use crate::verify::process::{Process, failed, outcome, profile};

/// The documents that the API server itself publishes.
struct OfCluster(kube::Client);

impl OfCluster {
    async fn get(&self, path: &str) -> Vec<u8> {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.0.request_text(request).await.unwrap().into_bytes()
    }
}

fn malformed<E>(_: E) -> PortError {
    PortError::new(PortErrorKind::Malformed, Service::Issuer, "read it")
}

#[async_trait]
impl IssuerRead for OfCluster {
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError> {
        Ok(self.document(issuer).await?.issuer)
    }

    async fn document(&self, _: &Issuer) -> Result<Document, PortError> {
        discovery::document_of(&self.get(discovery::PATH).await).map_err(malformed)
    }

    async fn keys(&self, _: &Issuer, keys_at: &str) -> Result<Keys, PortError> {
        let path = keys_at.parse::<http::Uri>().unwrap().path().to_owned();
        keys::keys_of(&self.get(&path).await).map_err(malformed)
    }
}

/// A team with two accounts on the real cluster.
pub(super) async fn team(site: &Site) -> Profile {
    profile(&text(site).await)
}

/// The same as a file.
pub(super) async fn text(site: &Site) -> String {
    let issuer = site.cluster.issuer().await.unwrap();
    format!(
        r#"version = 1
estate = "{namespace}"

[azure]
subscription = "00000000-0000-4000-8000-000000000001"
resource_group = "rg-wi"
location = "westeurope"

[clusters.weu]
context = "any"
issuer = "{issuer}"

[[team]]
name = "data"
owner = "a@example.com"
namespace = "{namespace}"
clusters = ["weu"]

[[team.identity]]
name = "id-data"

[[team.workload]]
service_account = "flows"

[[team.workload]]
service_account = "worker"
preset = "prefect-worker"
"#,
        namespace = site.namespace
    )
}

/// Whoever verifies with this client; Azure is the world, whose Entra knows the cluster's keys.
pub(super) async fn over(
    site: &Site,
    client: &ClusterClient,
    profile: &Profile,
    world: &World,
) -> Process {
    let documents = OfCluster(site.cluster.client().clone());
    let keys = serde_json::from_slice(&documents.get("/openid/v1/jwks").await).unwrap();
    publish(site, world, keys).await;
    let clusters = BTreeMap::from([("weu".into(), client.clone())]);
    Process::over(profile.clone(), world.clone(), clusters, Box::new(documents)).await
}

/// Has Entra take these keys for the cluster's.
async fn publish(site: &Site, world: &World, keys: Value) {
    let issuer = site.cluster.issuer().await.unwrap();
    world.publish(issuer.as_str(), Some((issuer.as_str(), keys)));
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn workloads_of_a_real_cluster_are_verified_and_repaired() {
    let Some(site) = webhook::site().await else {
        return;
    };
    let (profile, world) = (team(&site).await, World::in_memory());
    grow(&world, &profile);
    let process = over(&site, &site.cluster, &profile, &world).await;
    process.sync().await;
    let verified = process.verify(true, Duration::ZERO).await;
    assert_eq!(verified.condition(), Condition::Done, "{:#?}", verified.results);
    assert!(verified.results.tally().is_green(), "{:#?}", verified.results);

    // Entra knows other keys than those that sign.
    publish(&site, &world, json!({ "keys": [] })).await;
    let verified = process.verify(true, Duration::ZERO).await;
    assert_eq!(failed(&verified.results), ["WID-V-EXCHANGE"; 2]);
    let process = over(&site, &site.cluster, &profile, &world).await;

    // An issuer with one slash more.
    let state = world.to_json();
    let mut paths = state["resources"].as_object().unwrap().keys();
    let credential = paths.find(|path| path.ends_with("-flows")).unwrap();
    world.edit_resource(credential, |found| {
        let issuer = found["properties"]["issuer"].as_str().unwrap().to_owned();
        found["properties"]["issuer"] = format!("{issuer}/").into();
    });
    let verified = process.verify(true, Duration::ZERO).await;
    assert_eq!(failed(&verified.results), ["WID-V-CREDENTIAL-ISSUER"]);
    process.sync().await;

    // The account is gone.
    site.remove_account("flows").await;
    let verified = process.verify(true, Duration::ZERO).await;
    assert_eq!(failed(&verified.results), ["WID-V-ACCOUNT"]);
    process.sync().await;
    let verified = process.verify(true, Duration::ZERO).await;
    assert!(verified.results.tally().is_green(), "{:#?}", verified.results);
    site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn who_may_ask_for_one_accounts_token_verifies_that_account_alone() {
    let Some(site) = Site::real().await else {
        return;
    };
    let Ground::Real(plane) = &site.ground else {
        unreachable!("the site is real");
    };
    let (profile, world) = (team(&site).await, World::in_memory());
    grow(&world, &profile);
    over(&site, &site.cluster, &profile, &world).await.sync().await;
    let rules = json!([
        {
            "apiGroups": ["", "rbac.authorization.k8s.io"],
            "resources": ["serviceaccounts", "roles", "rolebindings"], "verbs": ["get", "list"],
        },
        {
            "apiGroups": [""], "resources": ["serviceaccounts/token"],
            "resourceNames": ["flows"], "verbs": ["create"],
        },
    ]);
    allow(&site, plane, &rules).await;
    let restricted = connect(&plane.restricted_kubeconfig, &site.kept).await;
    let process = over(&site, &restricted, &profile, &world).await;
    let verified = process.verify(true, Duration::ZERO).await;
    assert_eq!(verified.condition(), Condition::Failed);
    assert_eq!(failed(&verified.results), [""; 0]);
    let of = |account: &str, code: &str| {
        let address = format!("weu/service-account/{}/{account}", site.namespace);
        let mut subjects = verified.results.subjects.iter();
        let subject = subjects.find(|subject| subject.address == address).unwrap();
        outcome(subject, code).unwrap().clone()
    };
    assert_eq!(of("flows", "WID-V-EXCHANGE-IDENTITY"), Outcome::Checked(Verdict::Pass));
    for (account, code, right) in [
        ("flows", "WID-V-TOKEN-REVIEW", "resources: [\"tokenreviews\"], verbs: [\"create\"]"),
        ("worker", "WID-V-TOKEN", "resources: [\"serviceaccounts/token\"], verbs: [\"create\"]"),
    ] {
        let outcome = of(account, code);
        let Outcome::Checked(Verdict::Unknown { cause: Cause::Unread, why }) = &outcome else {
            panic!("{outcome:?}");
        };
        assert!(why.contains(right), "{why}");
    }
    site.leave().await;
}
