//! What is observed of clusters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::http::StatusCode;
use serde_json::json;
use widctl::event::Silent;
use widctl::gather::cluster::{ask, complete};
use widctl::kubernetes::client::ClusterClient;
use widctl::kubernetes::testing::in_process;
use widctl::model::text::Issuer;
use widctl::observed::read::{Read, Unread};
use widctl::observed::state::{ManagedCluster, ObservedCluster};
use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::ports::read::{ClusterRead, IssuerRead};

use super::script::Script;
use crate::cluster::restricted::deny;
use crate::cluster::site::Site;

/// Public issuers that know one document, and keep what they were asked for.
#[derive(Default)]
struct Issuers {
    document: Option<Issuer>,
    asked: Mutex<Vec<Issuer>>,
}

#[async_trait]
impl IssuerRead for Issuers {
    async fn discover(&self, issuer: &Issuer) -> Result<Issuer, PortError> {
        self.asked.lock().unwrap().push(issuer.clone());
        let missing = || PortError::new(PortErrorKind::NotFound, Service::Issuer, "read it");
        self.document.clone().ok_or_else(missing)
    }
}

fn managed(issuer: &str) -> Read<Option<ManagedCluster>> {
    Read::Facts(Some(ManagedCluster {
        issuer_enabled: true,
        issuer: Some(issuer.into()),
        workload_identity: true,
    }))
}

/// Asks a cluster, or nobody, and puts it beside what ARM said.
async fn observe(
    cluster: Option<Result<&dyn ClusterRead, &PortError>>,
    managed: Option<&Read<Option<ManagedCluster>>>,
    issuers: &Issuers,
) -> ObservedCluster {
    complete(ask(cluster).await, managed.cloned(), issuers).await
}

fn issuer(observed: &ObservedCluster) -> Option<&str> {
    let read = observed.discovered_issuer.as_ref()?;
    read.facts().map(Issuer::as_str)
}

#[tokio::test]
async fn a_cluster_is_read_whole_with_one_list_per_kind() {
    let site = Site::sandbox();
    let issuers = Issuers::default();
    let arm = managed("https://arm.example.com/");
    let observed = observe(Some(Ok(&site.cluster)), Some(&arm), &issuers).await;

    assert_eq!(observed.managed.as_ref(), Some(&arm));
    assert_eq!(issuer(&observed).unwrap(), site.cluster.issuer().await.unwrap().as_str());
    assert!(issuers.asked.lock().unwrap().is_empty());
    let objects = observed.objects.as_ref().and_then(Read::facts).unwrap();
    assert!(!objects.namespaces.facts().unwrap().is_empty());
    assert!(!objects.service_accounts.facts().unwrap().is_empty());
    assert_eq!(objects.roles.facts().unwrap().len(), 0);
    assert_eq!(objects.role_bindings.facts().unwrap().len(), 0);
    assert_eq!(objects.webhook, Read::Facts(true));
    let requests = site.world().requests();
    let lists = requests.iter().filter(|request| request.path.contains("serviceaccounts"));
    assert_eq!(lists.count(), 1);
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_unread_and_the_others_are_not() {
    let site = Site::sandbox();
    deny(site.world(), "list", "roles");
    let observed = observe(Some(Ok(&site.cluster)), None, &Issuers::default()).await;
    let objects = observed.objects.as_ref().and_then(Read::facts).unwrap();
    let Some(Unread { refused: true, why }) = objects.roles.unread() else {
        panic!("{:?}", objects.roles);
    };
    insta::assert_snapshot!(why, @r#"could not list the roles: cluster `weu` answered 403 Forbidden: roles.rbac.authorization.k8s.io is forbidden: User "sandbox" cannot list resource "roles" in API group "rbac.authorization.k8s.io" at the cluster scope; allow it in a ClusterRole: {apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["list"]}"#);
    assert!(objects.role_bindings.facts().is_some());
}

#[tokio::test]
async fn a_cluster_without_a_connection_is_unread_and_its_issuer_is_the_public_one() {
    let mut error =
        PortError::new(PortErrorKind::Unreachable, Service::Cluster("weu".into()), "connect");
    error.source = Some("connection\nrefused".into());
    error.hint = Some("check the network".into());
    let issuers =
        Issuers { document: Some("https://arm.example.com".into()), ..Issuers::default() };
    let arm = managed("https://arm.example.com/");
    let observed = observe(Some(Err(&error)), Some(&arm), &issuers).await;
    assert_eq!(issuer(&observed), Some("https://arm.example.com"));
    assert_eq!(*issuers.asked.lock().unwrap(), [Issuer::from("https://arm.example.com/")]);
    let unread = observed.objects.as_ref().and_then(Read::unread).unwrap();
    assert!(!unread.refused);
    insta::assert_snapshot!(unread.why, @"could not connect: cluster `weu` could not be reached: connection refused; check the network");
}

#[tokio::test]
async fn an_issuer_that_nobody_tells_is_unread() {
    let arm = managed("https://arm.example.com/");
    let error = PortError::new(PortErrorKind::Unauthenticated, Service::Entra, "connect");
    let observed = observe(Some(Err(&error)), Some(&arm), &Issuers::default()).await;
    let read = observed.discovered_issuer.unwrap();
    assert!(read.unread().is_some());
    assert!(observed.objects.and_then(|read| read.unread().cloned()).unwrap().refused);
}

#[tokio::test]
async fn a_cluster_of_trust_only_workloads_is_not_touched() {
    let site = Site::sandbox();
    site.world().forget_requests();
    let issuers = Issuers::default();
    let pinned = observe(None, None, &issuers).await;
    assert_eq!(pinned.discovered_issuer, None);
    assert_eq!(pinned.objects, None);
    let arm = managed("https://arm.example.com/");
    let aks = observe(None, Some(&arm), &issuers).await;
    assert!(aks.discovered_issuer.is_some());
    assert!(site.world().requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_well_is_said_once_and_not_once_for_every_kind() {
    let fault = json!({ "kind": "Status", "code": 503, "reason": "ServiceUnavailable", "message": "no leader" });
    let script = (0..36).fold(Script::default(), |script, _| script.then(503, &fault));
    let begun = tokio::time::Instant::now();
    let told = ask(Some(Ok(&script.cluster()))).await;
    // Six requests, each sent six times, all of them side by side: 0.5 + 1 + 2 + 4 + 8 seconds.
    assert_eq!(begun.elapsed().as_millis(), 15_500);
    assert_eq!(script.asked().len(), 36);
    let why = told.fault().unwrap().why.clone();
    insta::assert_snapshot!(why, @"could not list the namespaces: cluster `weu` answered 503 ServiceUnavailable: no leader; the API server named in the test is not well: `kubectl get --raw '/readyz?verbose'` says why; run again when it is");
    let observed = complete(told, None, &Issuers::default()).await;
    assert!(observed.objects.unwrap().unread().is_some());
}

/// The cluster `weu` behind a server that takes its time and then fails.
fn slow(takes: Duration) -> ClusterClient {
    let answer = move || async move {
        tokio::time::sleep(takes).await;
        StatusCode::SERVICE_UNAVAILABLE
    };
    let server = "http://slow.test".parse().unwrap();
    let client = in_process(server, Router::new().fallback(answer));
    ClusterClient::new("weu".into(), client, "the test", Arc::new(Silent))
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_given_up_within_its_bounds() {
    let minute = Duration::from_mins(1);
    for (takes, limit, milliseconds) in [
        // Never answers: two attempts and a pause.
        (Duration::from_hours(24), minute, 120_500),
        (Duration::from_hours(24), Duration::from_secs(5), 10_500),
        // Fails slowly: nothing is begun anew after a minute and a half.
        (Duration::from_secs(50), minute, 100_500),
        (Duration::from_secs(1), minute, 21_500),
    ] {
        let begun = tokio::time::Instant::now();
        let cluster = slow(takes).bounded(limit);
        let told = ask(Some(Ok(&cluster))).await;
        assert!(told.fault().is_some());
        assert_eq!(begun.elapsed().as_millis(), milliseconds, "{takes:?}");
    }
}

#[tokio::test]
async fn a_list_of_many_pages_is_whole() {
    let site = Site::sandbox();
    for number in 0..1_201 {
        let name = format!("flows-{number:04}");
        site.world().grow_service_account("weu", "data", &name);
    }
    site.world().forget_requests();
    let accounts = site.cluster.service_accounts().await.unwrap();
    let ours = accounts.iter().filter(|(key, _)| key.name.as_str().starts_with("flows-"));
    assert_eq!(ours.count(), 1_201);
    assert_eq!(site.world().requests().len(), 3);
}
