//! What is observed of clusters.

use std::sync::Mutex;

use async_trait::async_trait;
use widctl::event::Silent;
use widctl::gather::cluster::Target;
use widctl::gather::cluster::observe;
use widctl::gather::cluster::observe_all;
use widctl::model::text::Issuer;
use widctl::observed::read::Read;
use widctl::observed::read::Unread;
use widctl::observed::state::ManagedCluster;
use widctl::observed::state::ObservedCluster;
use widctl::ports::error::PortError;
use widctl::ports::error::PortErrorKind;
use widctl::ports::error::Service;
use widctl::ports::read::ClusterRead;
use widctl::ports::read::IssuerRead;

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

fn target<'a>(
    read: Result<&'a dyn ClusterRead, &'a PortError>,
    managed: Option<&'a Read<Option<ManagedCluster>>>,
    needs_objects: bool,
) -> Target<'a> {
    Target {
        cluster: "weu".into(),
        read: needs_objects.then_some(read),
        managed,
    }
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
    let target = target(Ok(&site.cluster), Some(&arm), true);
    let observed = observe(target, &issuers, &Silent).await;

    assert_eq!(observed.managed.as_ref(), Some(&arm));
    assert_eq!(
        issuer(&observed).unwrap(),
        site.cluster.issuer().await.unwrap().as_str()
    );
    assert!(issuers.asked.lock().unwrap().is_empty());
    let objects = observed.objects.as_ref().and_then(Read::facts).unwrap();
    assert!(!objects.namespaces.facts().unwrap().is_empty());
    assert!(!objects.service_accounts.facts().unwrap().is_empty());
    assert_eq!(objects.roles.facts().unwrap().len(), 0);
    assert_eq!(objects.role_bindings.facts().unwrap().len(), 0);
    assert_eq!(objects.webhook, Read::Facts(true));
    let requests = site.world().requests();
    let lists = requests
        .iter()
        .filter(|request| request.path.contains("serviceaccounts"));
    assert_eq!(lists.count(), 1);
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_unread_and_the_others_are_not() {
    let site = Site::sandbox();
    deny(site.world(), "list", "roles");
    let target = target(Ok(&site.cluster), None, true);
    let observed = observe(target, &Issuers::default(), &Silent).await;
    let objects = observed.objects.as_ref().and_then(Read::facts).unwrap();
    let Some(Unread { refused: true, why }) = objects.roles.unread() else {
        panic!("{:?}", objects.roles);
    };
    insta::assert_snapshot!(why, @r#"could not list the roles: cluster `weu` answered 403 Forbidden: roles.rbac.authorization.k8s.io is forbidden: User "sandbox" cannot list resource "roles" in API group "rbac.authorization.k8s.io" at the cluster scope; allow it in a ClusterRole: {apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["list"]}"#);
    assert!(objects.role_bindings.facts().is_some());
}

#[tokio::test]
async fn a_cluster_without_a_connection_is_unread_and_its_issuer_is_the_public_one() {
    let mut error = PortError::new(
        PortErrorKind::Unreachable,
        Service::Cluster("weu".into()),
        "connect",
    );
    error.source = Some("connection\nrefused".into());
    error.hint = Some("check the network".into());
    let issuers = Issuers {
        document: Some("https://arm.example.com".into()),
        ..Issuers::default()
    };
    let arm = managed("https://arm.example.com/");
    let observed = observe(target(Err(&error), Some(&arm), true), &issuers, &Silent).await;
    assert_eq!(issuer(&observed), Some("https://arm.example.com"));
    assert_eq!(
        *issuers.asked.lock().unwrap(),
        [Issuer::from("https://arm.example.com/")]
    );
    let unread = observed.objects.as_ref().and_then(Read::unread).unwrap();
    assert!(!unread.refused);
    insta::assert_snapshot!(unread.why, @"could not connect: cluster `weu` could not be reached: connection refused; check the network");
}

#[tokio::test]
async fn an_issuer_that_nobody_tells_is_unread() {
    let arm = managed("https://arm.example.com/");
    let error = PortError::new(PortErrorKind::Unauthenticated, Service::Entra, "connect");
    let target = target(Err(&error), Some(&arm), true);
    let observed = observe(target, &Issuers::default(), &Silent).await;
    let read = observed.discovered_issuer.unwrap();
    assert!(read.unread().is_some());
    assert!(
        observed
            .objects
            .and_then(|read| read.unread().cloned())
            .unwrap()
            .refused
    );
}

#[tokio::test]
async fn a_cluster_of_trust_only_workloads_is_not_touched() {
    let site = Site::sandbox();
    site.world().forget_requests();
    let issuers = Issuers::default();
    let pinned = observe(target(Ok(&site.cluster), None, false), &issuers, &Silent).await;
    assert_eq!(pinned.discovered_issuer, None);
    assert_eq!(pinned.objects, None);
    let arm = managed("https://arm.example.com/");
    let target = target(Ok(&site.cluster), Some(&arm), false);
    let aks = observe(target, &issuers, &Silent).await;
    assert!(aks.discovered_issuer.is_some());
    assert!(site.world().requests().is_empty());
}

#[tokio::test]
async fn clusters_are_read_side_by_side() {
    let sites = [Site::sandbox(), Site::sandbox()];
    let targets = ["weu", "neu"].into_iter().zip(&sites);
    let targets = targets.map(|(name, site)| Target {
        cluster: name.into(),
        ..target(Ok(&site.cluster), None, true)
    });
    let observed = observe_all(targets.collect(), &Issuers::default(), &Silent).await;
    let names: Vec<_> = observed.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["neu", "weu"]);
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
    let ours = accounts
        .iter()
        .filter(|(key, _)| key.name.as_str().starts_with("flows-"));
    assert_eq!(ours.count(), 1_201);
    assert_eq!(site.world().requests().len(), 3);
}
