//! What is asked of a cluster for what the profile wants and what the estate owns.

use std::collections::BTreeSet;

use widctl::desired::state::{DesiredNamespace, DesiredRole, DesiredRoleBinding, DesiredState};
use widctl::event::Silent;
use widctl::gather;
use widctl::kubernetes::client::ClusterClient;
use widctl::model::kinds::marks::Marks;
use widctl::model::kinds::namespace::{NamespaceKey, PlannedNamespace};
use widctl::model::kinds::rbac::{Role, RoleBinding, RoleBindingKey, RoleKey, RoleRef};
use widctl::model::kinds::service_account::ServiceAccounts;
use widctl::model::text::{ClusterName, Namespace};
use widctl::observed::state::ClusterObjects;
use widctl::ports::read::{KindRead, Listed, Look};
use widctl::ports::store::WriteMode;
use widctl::sandbox::{Denied, Faults, World};

use super::lists::asked;
use super::requests::{annotated, key};
use super::script::Script;
use super::sources::{Issuers, Made, account_in, desired, pinned, sources};
use crate::cluster::site::Site;

/// A profile whose one cluster has these accounts in a namespace, each with a Role and a binding where `rbac` says so.
fn workloads(namespace: &str, names: &[&str], rbac: bool) -> DesiredState {
    let mut wanted = desired([("weu", pinned())]);
    let (cluster, team) = ("weu", || "data".into());
    let key = NamespaceKey { cluster: cluster.into(), namespace: namespace.into() };
    wanted.namespaces.insert(key, DesiredNamespace { team: team(), create: true });
    for &name in names {
        account_in(&mut wanted, (cluster, namespace, name));
        if rbac {
            let role = DesiredRole { team: team(), rules: [].into() };
            wanted.roles.insert(RoleKey::new(cluster, namespace, name), role);
            let binding = DesiredRoleBinding {
                team: team(),
                namespace: namespace.into(),
                service_account: name.into(),
            };
            wanted.role_bindings.insert(RoleBindingKey::new(cluster, namespace, name), binding);
        }
    }
    wanted
}

/// What is observed for it, and the requests that it took.
async fn observe(cluster: &ClusterClient, wanted: &DesiredState) -> ClusterObjects {
    let clusters = Made(|_: &ClusterName| Ok(cluster.clone()));
    let issuers = Issuers::default();
    let observed = gather::observe(sources(&clusters, &issuers), wanted, false, &Silent).await;
    let mut observed = observed.map_err(|unread| unread.why).unwrap();
    let objects = observed.state.clusters.remove("weu").unwrap().objects.unwrap();
    objects.facts().unwrap().clone()
}

fn forbid(world: &World, verb: &str, resource: &str, namespace: Option<&str>) {
    let denied = Denied {
        verb: Some(verb.into()),
        resource: Some(resource.into()),
        namespace: namespace.map(Into::into),
        ..Denied::default()
    };
    world.set_faults(Faults { denied: vec![denied], ..Faults::default() });
}

fn our_marks() -> Marks {
    Marks { estate: "contoso-prod".into(), team: "data".into(), created: "0123456789abcdef".into() }
}

/// Makes an account of the estate.
async fn make_ours(site: &Site, namespace: &str, name: &str) {
    let accounts = site.cluster.stores().service_accounts;
    let write = annotated(Some(our_marks()));
    accounts.put(&key(namespace, name), &write, WriteMode::Create).await.unwrap();
}

#[tokio::test]
async fn one_workload_among_100_000_foreign_objects_takes_at_most_ten_requests() {
    let site = Site::sandbox();
    for number in 0..100_000 {
        let namespace = format!("team-{:02}", number % 100);
        site.world().grow_service_account("weu", &namespace, &format!("app-{number}"));
    }
    let wanted = workloads("team-07", &["flows"], false);
    site.world().forget_requests();
    let objects = observe(&site.cluster, &wanted).await;
    insta::assert_snapshot!(asked(site.world()), @"
    200 /.well-known/openid-configuration
    200 /api/v1/namespaces labelSelector=widctl.dev/estate=contoso-prod
    200 /api/v1/namespaces/team-07
    404 /api/v1/namespaces/team-07/serviceaccounts/flows
    200 /api/v1/serviceaccounts labelSelector=widctl.dev/annotates=contoso-prod
    200 /api/v1/serviceaccounts labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azure-wi-webhook-mutating-webhook-configuration
    200 /apis/rbac.authorization.k8s.io/v1/rolebindings labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/rbac.authorization.k8s.io/v1/roles labelSelector=widctl.dev/estate=contoso-prod
    ");
    assert!(site.world().requests().len() <= 10);
    assert_eq!(objects.service_accounts.find(&key("team-07", "flows")), Ok(None));
    assert_eq!((objects.namespaces.found.len(), objects.service_accounts.found.len()), (1, 0));

    make_ours(&site, "team-07", "flows").await;
    site.world().forget_requests();
    let objects = observe(&site.cluster, &wanted).await;
    assert_eq!(site.world().requests().len(), 8);
    assert!(objects.service_accounts.find(&key("team-07", "flows")).unwrap().is_some());
}

#[tokio::test]
async fn nothing_is_asked_for_in_a_namespace_that_does_not_exist() {
    let site = Site::sandbox();
    site.world().forget_requests();
    let objects = observe(&site.cluster, &workloads("new", &["a", "b"], true)).await;
    insta::assert_snapshot!(asked(site.world()), @"
    200 /.well-known/openid-configuration
    200 /api/v1/namespaces labelSelector=widctl.dev/estate=contoso-prod
    404 /api/v1/namespaces/new
    200 /api/v1/serviceaccounts labelSelector=widctl.dev/annotates=contoso-prod
    200 /api/v1/serviceaccounts labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azure-wi-webhook-mutating-webhook-configuration
    200 /apis/rbac.authorization.k8s.io/v1/rolebindings labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/rbac.authorization.k8s.io/v1/roles labelSelector=widctl.dev/estate=contoso-prod
    ");
    assert_eq!(objects.service_accounts.find(&key("new", "a")), Ok(None));
    assert_eq!(objects.roles.find(&RoleKey::new("weu", "new", "b")), Ok(None));
    assert!(objects.needs().into_iter().chain(objects.leftovers()).all(|read| read.is_ok()));
}

#[tokio::test]
async fn one_name_is_asked_for_by_itself_and_several_of_a_namespace_by_a_list_of_it() {
    let site = Site::sandbox();
    make_ours(&site, "data", "found").await;
    site.world().grow_service_account("weu", "data", "foreign");
    for (names, line) in [
        (&["found", "foreign"][..], "200 /api/v1/namespaces/data/serviceaccounts/foreign"),
        (&["found", "foreign", "gone"], "200 /api/v1/namespaces/data/serviceaccounts"),
    ] {
        site.world().forget_requests();
        let objects = observe(&site.cluster, &workloads("data", names, false)).await;
        let asked = asked(site.world());
        assert!(asked.lines().any(|asked| asked == line), "{asked}");
        assert_eq!(asked.lines().count(), 9, "{asked}");
        for name in names {
            let found = objects.service_accounts.find(&key("data", name)).unwrap();
            assert_eq!(found.is_some(), *name != "gone", "{name}");
        }
    }
}

#[tokio::test]
async fn a_namespace_full_of_others_is_not_listed_to_its_end_for_a_few_names() {
    let site = Site::sandbox();
    for number in 0..2_000 {
        site.world().grow_service_account("weu", "data", &format!("app-{number:04}"));
    }
    site.world().forget_requests();
    let objects =
        observe(&site.cluster, &workloads("data", &["app-0001", "app-1999", "app-x"], false)).await;
    let asked = asked(site.world());
    let pages =
        asked.lines().filter(|line| line.contains("/data/serviceaccounts continue=")).count();
    let names = asked.lines().filter(|line| line.contains("/data/serviceaccounts/")).count();
    assert_eq!((pages, names), (2, 2), "{asked}");
    let found = |name| objects.service_accounts.find(&key("data", name)).unwrap().is_some();
    assert_eq!(["app-0001", "app-1999", "app-x"].map(found), [true, true, false]);
}

#[tokio::test]
async fn whoever_may_not_list_the_cluster_is_asked_by_namespace_and_leftovers_elsewhere_are_unseen()
{
    let site = Site::sandbox();
    site.world().grow_namespace("weu", "elsewhere");
    make_ours(&site, "elsewhere", "left").await;
    make_ours(&site, "data", "left").await;
    make_ours(&site, "data", "flows").await;
    forbid(site.world(), "list", "serviceaccounts", Some(""));
    site.world().forget_requests();
    let objects = observe(&site.cluster, &workloads("data", &["flows", "new"], false)).await;
    insta::assert_snapshot!(asked(site.world()), @"
    200 /.well-known/openid-configuration
    200 /api/v1/namespaces labelSelector=widctl.dev/estate=contoso-prod
    200 /api/v1/namespaces/data
    200 /api/v1/namespaces/data/serviceaccounts labelSelector=widctl.dev/annotates=contoso-prod
    200 /api/v1/namespaces/data/serviceaccounts labelSelector=widctl.dev/estate=contoso-prod
    404 /api/v1/namespaces/data/serviceaccounts/new
    403 /api/v1/serviceaccounts labelSelector=widctl.dev/annotates=contoso-prod
    403 /api/v1/serviceaccounts labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/azure-wi-webhook-mutating-webhook-configuration
    200 /apis/rbac.authorization.k8s.io/v1/rolebindings labelSelector=widctl.dev/estate=contoso-prod
    200 /apis/rbac.authorization.k8s.io/v1/roles labelSelector=widctl.dev/estate=contoso-prod
    ");
    let accounts = &objects.service_accounts;
    let found: Vec<&str> = accounts.found.keys().map(|key| key.name.as_str()).collect();
    assert_eq!(found, ["flows", "left"]);
    assert_eq!(accounts.find(&key("data", "new")), Ok(None));
    assert!(accounts.everywhere.as_ref().unwrap().unread().unwrap().refused);
    assert!(objects.roles.everywhere.as_ref().unwrap().facts().is_some());
}

#[tokio::test]
async fn whoever_may_list_nowhere_is_asked_by_name() {
    let site = Site::sandbox();
    make_ours(&site, "data", "flows").await;
    for resource in ["serviceaccounts", "namespaces"] {
        forbid(site.world(), "list", resource, None);
        let objects = observe(&site.cluster, &workloads("data", &["flows", "new"], false)).await;
        let accounts = &objects.service_accounts;
        assert!(accounts.find(&key("data", "flows")).unwrap().is_some(), "{resource}");
        assert_eq!(accounts.find(&key("data", "new")), Ok(None), "{resource}");
    }
}

#[tokio::test]
async fn what_may_not_be_asked_for_is_unknown_and_so_is_what_is_in_it() {
    let site = Site::sandbox();
    let wanted = workloads("data", &["flows"], true);
    forbid(site.world(), "get", "serviceaccounts", None);
    let objects = observe(&site.cluster, &wanted).await;
    let why = objects.service_accounts.find(&key("data", "flows")).unwrap_err();
    assert!(why.starts_with("could not read the service account `flows`"), "{why}");
    assert_eq!(objects.roles.find(&RoleKey::new("weu", "data", "flows")), Ok(None));

    forbid(site.world(), "get", "namespaces", None);
    site.world().forget_requests();
    let objects = observe(&site.cluster, &wanted).await;
    for why in [
        objects.service_accounts.find(&key("data", "flows")).unwrap_err(),
        objects.roles.find(&RoleKey::new("weu", "data", "flows")).unwrap_err(),
    ] {
        assert!(why.starts_with("could not read the namespace `data`"), "{why}");
    }
    assert!(!asked(site.world()).contains("/data/"));
}

#[tokio::test]
async fn a_proxys_404_does_not_say_that_an_object_is_missing() {
    let answer = Script::default().then(404, &serde_json::json!({ "error": "no such route" }));
    let found = KindRead::<ServiceAccounts>::find(&answer.cluster(), &key("data", "flows")).await;
    assert_eq!(found.unwrap_err().status, Some(404));
}

#[tokio::test]
async fn an_object_of_another_namespace_than_was_asked_for_is_an_error() {
    let list = serde_json::json!({ "items": [super::script::account("other", "flows")] });
    let script = Script::default().then(200, &list);
    let namespace = Namespace::from("data");
    let look = Look { namespace: Some(&namespace), ..Look::default() };
    let listed: Result<Listed<ServiceAccounts>, _> = script.cluster().list(look).await;
    let error = listed.unwrap_err();
    assert_eq!(
        error.message.unwrap(),
        "it names the service account `flows` in namespace `other`, which is elsewhere"
    );
}

/// The namespace `new`, and what it is made as.
fn new_namespace() -> (NamespaceKey, PlannedNamespace) {
    let key = NamespaceKey { cluster: "weu".into(), namespace: "new".into() };
    (key, PlannedNamespace { marks: our_marks() })
}

#[tokio::test]
async fn a_creation_does_not_look_in_a_namespace_that_the_run_made_itself() {
    let site = Site::sandbox();
    let (namespace, write) = new_namespace();
    site.cluster.stores().namespaces.put(&namespace, &write, WriteMode::Create).await.unwrap();
    site.world().forget_requests();
    make_ours(&site, "new", "flows").await;
    insta::assert_snapshot!(asked(site.world()), @"201 /api/v1/namespaces/new/serviceaccounts/flows fieldManager=widctl&fieldValidation=Strict");
    // A controller makes this one at once.
    site.world().grow_service_account("weu", "new", "default");
    let accounts = site.cluster.stores().service_accounts;
    let write = annotated(Some(our_marks()));
    let put = accounts.put(&key("new", "default"), &write, WriteMode::Create).await;
    assert_eq!(put.unwrap_err().message.unwrap(), "it exists by now");
}

#[tokio::test]
async fn a_namespace_that_somebody_else_made_in_between_is_not_the_runs_own() {
    let missing = super::script::status(404, "NotFound", "no", &serde_json::Value::Null);
    let made = serde_json::json!({ "metadata": { "name": "new", "uid": "1" } });
    let account = super::script::account("new", "flows");
    let script = Script::default().then(404, &missing).then(200, &made).then(200, &account);
    let stores = script.cluster().stores();
    let (namespace, write) = new_namespace();
    stores.namespaces.put(&namespace, &write, WriteMode::Create).await.unwrap();
    let write = annotated(Some(our_marks()));
    let put = stores.service_accounts.put(&key("new", "flows"), &write, WriteMode::Create).await;
    assert_eq!(put.unwrap_err().message.unwrap(), "it exists by now");
}

/// What a row of README's table of Kubernetes verbs names: each verb on each resource.
fn documented(row: &str) -> BTreeSet<(String, String)> {
    let readme = include_str!("../../../README.md");
    let row = readme.lines().find(|line| line.starts_with(&format!("| {row} | `"))).unwrap();
    let texts = |part: &str| -> Vec<String> {
        part.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
    };
    let rules = row.split(';').filter_map(|rule| rule.split_once(" on "));
    rules
        .flat_map(|(verbs, resources)| {
            let (verbs, resources) = (texts(verbs), texts(resources));
            verbs.into_iter().filter(|verb| verb != "plan" && verb != "create_namespace").flat_map(
                move |verb| resources.clone().into_iter().map(move |on| (verb.clone(), on)),
            )
        })
        .collect()
}

/// Each verb on each resource that a world was asked for; a discovery document is no resource.
fn sent(world: &World) -> BTreeSet<(String, String)> {
    let mut sent = BTreeSet::new();
    for request in world.requests() {
        let path = request.path.trim_start_matches("/clusters/weu");
        let mut parts: Vec<&str> =
            path.split('/').skip(if path.starts_with("/api/") { 3 } else { 4 }).collect();
        if path.starts_with("/.well-known") {
            continue;
        }
        if parts[0] == "namespaces" && parts.len() > 2 {
            parts.drain(..2);
        }
        let verb = match request.method.as_str() {
            "GET" if parts.len() == 1 => "list",
            "PATCH" => "patch",
            "DELETE" => "delete",
            "GET" => "get",
            other => panic!("no verb of {other}"),
        };
        sent.insert((verb.to_owned(), parts[0].to_owned()));
        // An apply that makes an object needs both.
        sent.extend((request.status == 201).then(|| ("create".to_owned(), parts[0].to_owned())));
    }
    sent
}

#[tokio::test]
async fn the_readme_names_each_right_that_is_used_and_no_other() {
    let site = Site::sandbox();
    site.world().forget_requests();
    observe(&site.cluster, &workloads("data", &["a"], true)).await;
    observe(&site.cluster, &workloads("data", &["a", "b"], true)).await;
    assert_eq!(sent(site.world()), documented("`plan`"));

    site.world().forget_requests();
    make_ours(&site, "data", "a").await;
    let stores = site.cluster.stores();
    let live = KindRead::<ServiceAccounts>::find(&site.cluster, &key("data", "a")).await;
    stores.service_accounts.delete(&key("data", "a"), &live.unwrap().unwrap(), ()).await.unwrap();
    assert_eq!(sent(site.world()), documented("ServiceAccounts"));

    site.world().forget_requests();
    let role = RoleKey::new("weu", "data", "a");
    let write = Role { rules: [].into(), marks: our_marks() };
    let live = stores.roles.put(&role, &write, WriteMode::Create).await.unwrap();
    let binding = RoleBindingKey::new("weu", "data", "a");
    let reference = RoleRef { kind: "Role".into(), name: "a".into() };
    let write = RoleBinding { role: reference, subjects: Vec::new(), marks: our_marks() };
    let bound = stores.role_bindings.put(&binding, &write, WriteMode::Create).await.unwrap();
    stores.role_bindings.delete(&binding, &bound.live, ()).await.unwrap();
    stores.roles.delete(&role, &live.live, ()).await.unwrap();
    assert_eq!(sent(site.world()), documented("RBAC"));

    site.world().forget_requests();
    let (namespace, write) = new_namespace();
    stores.namespaces.put(&namespace, &write, WriteMode::Create).await.unwrap();
    assert_eq!(sent(site.world()), documented("`create_namespace`"));
}
