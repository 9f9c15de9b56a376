//! What is observed of clusters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use serde_json::json;
use widctl::event::{Event, Silent};
use widctl::gather;
use widctl::kubernetes::client::ClusterClient;
use widctl::kubernetes::testing::in_process;
use widctl::model::text::{ClusterName, Issuer};
use widctl::observed::read::{Read, Unread};
use widctl::observed::state::ObservedCluster;
use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::ports::read::ClusterRead;
use widctl::profile::resolved::Cluster;

use super::lists::{WholeLists, asked};
use super::script::{Kept, Script};
use super::sources::{
    ARM_ISSUER, Issuers, Made, Trapped, account, aks, desired, managed, pinned, sources, trust,
};
use crate::cluster::restricted::deny;
use crate::cluster::site::Site;

/// Observes the one cluster of a profile, to which this is the connection.
async fn gather(
    connection: Result<ClusterClient, PortError>,
    cluster: Cluster,
    require_all: bool,
    issuers: &Issuers,
) -> Result<ObservedCluster, Unread> {
    let connection = Mutex::new(Some(connection));
    let clusters = Made(|_: &ClusterName| connection.lock().unwrap().take().unwrap());
    let desired = desired([("weu", cluster)]);
    let observed = gather::observe(sources(&clusters, issuers), &desired, require_all, &Silent);
    observed.await.map(|mut observation| observation.state.clusters.remove("weu").unwrap())
}

/// The same of a run that does without what it cannot read.
async fn observe(
    connection: Result<ClusterClient, PortError>,
    cluster: Cluster,
    issuers: &Issuers,
) -> ObservedCluster {
    gather(connection, cluster, false, issuers).await.unwrap()
}

fn issuer(observed: &ObservedCluster) -> Option<&str> {
    let read = observed.discovered_issuer.as_ref()?;
    read.facts().map(Issuer::as_str)
}

#[tokio::test]
async fn a_cluster_is_asked_for_its_issuer_its_webhook_and_what_bears_the_estates_labels() {
    let site = Site::sandbox();
    site.world().forget_requests();
    let issuers = Issuers::default();
    let observed = observe(Ok(site.cluster.clone()), aks(), &issuers).await;

    insta::assert_snapshot!(asked(site.world()), @"
    200 /.well-known/openid-configuration
    200 /api/v1/namespaces labelSelector=widctl.dev/estate=contoso-prod
    200 /api/v1/serviceaccounts labelSelector=widctl.dev/annotates=contoso-prod
    200 /api/v1/serviceaccounts labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azure-wi-webhook-mutating-webhook-configuration
    200 /apis/rbac.authorization.k8s.io/v1/rolebindings labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/rbac.authorization.k8s.io/v1/roles labelSelector=widctl.dev/estate=contoso-prod
    ");
    assert_eq!(observed.managed.as_ref(), Some(&Read::Facts(Some(managed()))));
    assert_eq!(issuer(&observed).unwrap(), site.cluster.issuer().await.unwrap().as_str());
    assert!(issuers.asked.lock().unwrap().is_empty());
    let objects = observed.objects.as_ref().and_then(Read::facts).unwrap();
    assert!(objects.namespaces.found.is_empty());
    assert!(objects.service_accounts.found.is_empty());
    assert!(objects.needs().into_iter().chain(objects.leftovers()).all(|read| read.is_ok()));
    let webhook = objects.webhook.facts().and_then(Option::as_ref).unwrap();
    assert!(webhook.is_reinvoked && !webhook.ignores_failures && webhook.namespaces.is_none());
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_unread_and_the_others_are_not() {
    let site = Site::sandbox();
    deny(site.world(), "list", "roles");
    let observed = observe(Ok(site.cluster.clone()), pinned(), &Issuers::default()).await;
    let objects = observed.objects.as_ref().and_then(Read::facts).unwrap();
    let Some(Unread { refused: true, why }) = objects.roles.everywhere.as_ref().unwrap().unread()
    else {
        panic!("{:?}", objects.roles);
    };
    insta::assert_snapshot!(why, @r#"could not list the roles: cluster `weu` answered 403 Forbidden: roles.rbac.authorization.k8s.io is forbidden: User "sandbox" cannot list resource "roles" in API group "rbac.authorization.k8s.io" at the cluster scope; allow it in a ClusterRole: {apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["list"]}"#);
    assert!(objects.role_bindings.everywhere.as_ref().unwrap().facts().is_some());
}

#[tokio::test]
async fn a_cluster_without_a_connection_is_unread_and_its_issuer_is_the_public_one() {
    let mut error =
        PortError::new(PortErrorKind::Unreachable, Service::Cluster("weu".into()), "connect");
    error.source = Some("connection\nrefused".into());
    let issuers =
        Issuers { document: Some("https://arm.example.com".into()), ..Issuers::default() };
    let observed = observe(Err(error), aks(), &issuers).await;
    assert_eq!(issuer(&observed), Some("https://arm.example.com"));
    assert_eq!(*issuers.asked.lock().unwrap(), [Issuer::from(ARM_ISSUER)]);
    let unread = observed.objects.as_ref().and_then(Read::unread).unwrap();
    assert!(!unread.refused);
    insta::assert_snapshot!(unread.why, @"could not connect: cluster `weu` could not be reached: connection refused; nothing was sent: check that this machine reaches cluster `weu`, its name servers, firewall and proxy (HTTPS_PROXY), then run again");
}

#[tokio::test]
async fn an_issuer_that_nobody_tells_is_unread() {
    let error = PortError::new(PortErrorKind::Unauthenticated, Service::Entra, "connect");
    let observed = observe(Err(error), aks(), &Issuers::default()).await;
    let read = observed.discovered_issuer.unwrap();
    assert!(read.unread().is_some());
    assert!(observed.objects.and_then(|read| read.unread().cloned()).unwrap().refused);
}

/// The error of a cluster that is not there.
fn away(cluster: &ClusterName) -> PortError {
    PortError::new(PortErrorKind::Unreachable, Service::Cluster(cluster.to_string()), "connect")
}

#[tokio::test]
async fn a_cluster_of_trust_only_workloads_tells_what_is_left_on_it_and_nothing_else() {
    let site = Site::sandbox();
    let clusters = Made(|_: &ClusterName| Ok(site.cluster.clone()));
    let mut desired = desired([("aks", aks()), ("pinned", pinned())]);
    trust(&mut desired, "aks");
    trust(&mut desired, "pinned");
    let issuers = Issuers::default();
    let observed = gather::observe(sources(&clusters, &issuers), &desired, true, &Silent).await;
    let observed = observed.map_err(|unread| unread.why).unwrap();
    let [aks, pinned] = ["aks", "pinned"].map(|name| &observed.state.clusters[name]);
    assert_eq!(pinned.discovered_issuer, None);
    assert_ne!(aks.discovered_issuer, Some(Read::Facts(site.cluster.issuer().await.unwrap())));
    for cluster in [aks, pinned] {
        let objects = cluster.objects.as_ref().and_then(Read::facts).unwrap();
        assert!(objects.leftovers().iter().all(Result::is_ok));
        assert!(objects.webhook.facts().is_none(), "a missing one would be a warning");
    }
    assert_eq!(observed.clusters.len(), 2, "what is left over can be pruned");
    assert_eq!(observed.state.tried.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_of_trust_only_workloads_is_waited_for_no_longer_than_3_s() {
    let clusters = Made(|name: &ClusterName| match name.as_str() {
        "gone" => Err(away(name)),
        _ => Ok(slow(Duration::from_hours(24))),
    });
    let mut desired = desired(["gone", "slow"].map(|name| (name, pinned())));
    trust(&mut desired, "gone");
    trust(&mut desired, "slow");
    let (issuers, begun) = (Issuers::default(), tokio::time::Instant::now());
    let observed = gather::observe(sources(&clusters, &issuers), &desired, true, &Silent).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    let state = observed.map_err(|unread| unread.why).unwrap().state;
    let why = |name: &str| &*state.tried[name].unread().unwrap().why;
    assert_eq!(why("slow"), "there was no answer within 3 s");
    assert!(why("gone").starts_with("could not connect"), "{}", why("gone"));
    assert!(state.clusters.values().all(|cluster| cluster.objects.is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_public_document_is_read_beside_the_rest_and_waited_for_no_longer_than_3_s() {
    let clusters = Made(|_: &ClusterName| Ok(slow(Duration::from_hours(24))));
    let mut desired = desired([("weu", aks())]);
    trust(&mut desired, "weu");
    let document = Some(Issuer::from(ARM_ISSUER));
    for (takes, is_read) in [(2, true), (3 * 3600, false)] {
        let takes = Duration::from_secs(takes);
        let issuers = Issuers { document: document.clone(), takes, ..Issuers::default() };
        let (kept, begun) = (Kept::default(), tokio::time::Instant::now());
        let observed = gather::observe(sources(&clusters, &issuers), &desired, true, &kept).await;
        assert_eq!(begun.elapsed(), Duration::from_secs(3), "the cluster takes its own three");
        let state = observed.map_err(|unread| unread.why).unwrap().state;
        let read = state.clusters["weu"].discovered_issuer.as_ref().unwrap();
        assert_eq!(read.facts().is_some(), is_read);
        let why = read.unread().map(|unread| &*unread.why);
        assert_eq!(why, (!is_read).then_some("there was no answer within 3 s"));
        let said = format!("{:?}", kept.events());
        assert!(
            said.contains("StepStarted { title: \"the issuer's document of cluster weu\" }"),
            "{said}"
        );
        // Whoever plans again does not wait again, also where nothing was read.
        let again = gather::observe(sources(&clusters, &issuers), &desired, true, &kept).await;
        let again = again.map_err(|unread| unread.why).unwrap().state;
        assert_eq!(again.clusters, state.clusters);
        assert_eq!(issuers.asked.into_inner().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn every_cluster_is_asked_whether_a_workload_has_an_account_on_it_or_not() {
    let asked = Mutex::new(Vec::new());
    let clusters = Made(|name: &ClusterName| {
        asked.lock().unwrap().push(name.to_string());
        Err::<ClusterClient, _>(away(name))
    });
    let mut desired = desired(["both", "dropped", "trusted"].map(|name| (name, pinned())));
    trust(&mut desired, "both");
    account(&mut desired, "both");
    trust(&mut desired, "trusted");
    let (issuers, kept) = (Issuers::default(), Kept::default());
    let observed = gather::observe(sources(&clusters, &issuers), &desired, false, &kept).await;
    assert!(observed.unwrap().clusters.is_empty());
    let mut asked = asked.into_inner().unwrap();
    asked.sort();
    assert_eq!(asked, ["both", "dropped", "trusted"]);
    // Each is shown as long as it is read, beside the list of subscriptions.
    let is_step =
        |event: &&Event| !matches!(event, Event::PhaseStarted { .. } | Event::PhaseFinished);
    let steps =
        kept.events().iter().filter(is_step).map(|event| format!("{event:?}")).collect::<Vec<_>>();
    assert_eq!(steps.len(), 7, "{steps:?}");
    assert!(steps.contains(&"StepFinished { title: \"cluster dropped\" }".to_owned()), "{steps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bug_that_one_cluster_sets_off_is_told_of_it_and_the_others_can_be_written_to() {
    let site = Site::sandbox();
    let clusters = Made(|name: &ClusterName| match name.as_str() {
        "connecting" => panic!("byte index 1 is not a char boundary"),
        "reading" => Ok(Trapped(None)),
        "gone" => Err(away(name)),
        _ => Ok(Trapped(Some(site.cluster.clone()))),
    });
    let names = ["connecting", "gone", "good", "reading"];
    let desired = desired(names.map(|name| (name, pinned())));
    let issuers = Issuers::default();
    let observed = gather::observe(sources(&clusters, &issuers), &desired, false, &Silent).await;
    let observed = observed.map_err(|unread| unread.why).unwrap();
    let connected: Vec<_> = observed.clusters.keys().map(ClusterName::as_str).collect();
    assert_eq!(connected, ["good"]);
    let objects = names.map(|name| observed.state.clusters[name].objects.as_ref().unwrap());
    let [connecting, gone, good, reading] = objects.map(Read::unread);
    assert!(good.is_none() && gone.is_some());
    let bugs = [connecting, reading]
        .map(|unread| unread.unwrap().why.split("; report").next().unwrap().to_owned());
    insta::assert_snapshot!(bugs.join("\n"), @"
    could not connect: cluster `connecting` was asked; internal error: a bug in widctl: byte index 1 is not a char boundary
    could not read its objects: cluster `reading` was asked; internal error: a bug in widctl: index out of bounds
    ");
}

#[tokio::test(start_paused = true)]
async fn whoever_needs_every_cluster_waits_for_none_after_one_that_is_not_there() {
    let clusters = Made(|name: &ClusterName| match name.as_str() {
        "gone" => Err(away(name)),
        _ => Ok(slow(Duration::from_hours(24))),
    });
    let desired = desired(["a", "gone", "z"].map(|name| (name, pinned())));
    let (issuers, kept) = (Issuers::default(), Kept::default());
    let begun = tokio::time::Instant::now();
    let observed = gather::observe(sources(&clusters, &issuers), &desired, true, &kept).await;
    assert!(observed.err().unwrap().why.contains("`gone`"));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(matches!(kept.events().last(), Some(Event::PhaseFinished)));
}

#[tokio::test]
async fn whoever_needs_every_cluster_hears_of_refusals_with_all_the_rest() {
    let site = Site::sandbox();
    deny(site.world(), "list", "roles");
    let issuers = Issuers::default();
    let observed = gather(Ok(site.cluster.clone()), pinned(), true, &issuers).await.unwrap();
    let objects = observed.objects.as_ref().and_then(Read::facts).unwrap();
    assert!(objects.roles.everywhere.as_ref().unwrap().unread().unwrap().refused);
    let error = PortError::new(PortErrorKind::Unauthenticated, Service::Entra, "connect");
    let observed = gather(Err(error), pinned(), true, &issuers).await.unwrap();
    assert!(observed.objects.unwrap().unread().unwrap().refused);
}

/// A server that is not well, for as many requests as one reading takes.
fn unwell() -> Script {
    let fault = json!({ "kind": "Status", "code": 503, "reason": "ServiceUnavailable", "message": "no leader" });
    (0..42).fold(Script::default(), |script, _| script.then(503, &fault))
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_well_is_said_once_and_not_once_for_every_kind() {
    let (script, issuers) = (unwell(), Issuers::default());
    let begun = tokio::time::Instant::now();
    let fault = gather(Ok(script.cluster()), pinned(), true, &issuers).await.unwrap_err();
    // Seven requests, each sent six times, all of them side by side: 0.5 + 1 + 2 + 4 + 8 seconds.
    assert_eq!(begun.elapsed().as_millis(), 15_500);
    assert_eq!(script.asked().len(), 42);
    insta::assert_snapshot!(fault.why, @"could not list the namespaces: cluster `weu` answered 503 ServiceUnavailable: no leader; the API server named in the test is not healthy: `kubectl get --raw '/readyz?verbose'` says why; run again when it is");
    let observed = observe(Ok(unwell().cluster()), pinned(), &issuers).await;
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
        let told = gather(Ok(cluster), pinned(), true, &Issuers::default()).await;
        assert!(told.is_err());
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
