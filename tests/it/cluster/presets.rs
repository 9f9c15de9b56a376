//! What an account of each preset may do on a real API server: all that it must, and nothing more.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::estate::Estate;
use super::site::Site;

/// How many reviews are asked for at once.
const PARALLELISM: usize = 32;
const VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
/// Rights to take more rights: verb, group, resource.
const GROWTH: [(&str, &str, &str); 6] = [
    ("bind", "rbac.authorization.k8s.io", "roles"),
    ("bind", "rbac.authorization.k8s.io", "clusterroles"),
    ("escalate", "rbac.authorization.k8s.io", "roles"),
    ("impersonate", "", "serviceaccounts"),
    ("impersonate", "", "users"),
    ("impersonate", "", "groups"),
];
/// What the API server does not list: Argo's kinds.
const MORE: [(&str, &str); 14] = [
    ("argoproj.io", "clusterworkflowtemplates"),
    ("argoproj.io", "cronworkflows"),
    ("argoproj.io", "workflowartifactgctasks"),
    ("argoproj.io", "workflowartifactgctasks/status"),
    ("argoproj.io", "workfloweventbindings"),
    ("argoproj.io", "workflows"),
    ("argoproj.io", "workflows/status"),
    ("argoproj.io", "workflowtaskresults"),
    ("argoproj.io", "workflowtaskresults/status"),
    ("argoproj.io", "workflowtasksets"),
    ("argoproj.io", "workflowtasksets/status"),
    ("argoproj.io", "workflowtemplates"),
    ("argoproj.io", "sensors"),
    ("argoproj.io", "eventsources"),
];

/// Something that a caller may do: verb, API group, resource, and where.
pub(super) type Right = (String, String, String, String);

/// An account of each preset, and one with rules of its own.
pub(super) const TEAM: &str = r#"
[[team.identity]]
name = "id-data"

[[team.workload]]
service_account = "worker"
preset = "prefect-worker"

[[team.workload]]
service_account = "flow"
preset = "prefect-flow"

[[team.workload]]
service_account = "executor"
preset = "argo-executor"

[[team.workload]]
service_account = "reader"

[[team.workload.rule]]
resources = ["configmaps"]
resource_names = ["settings"]
verbs = ["get", "update"]
"#;

/// Presets with a right that only the root file grants; the controller is an account of the same namespace.
const GRANTED: &str = r#"
[[team.workload]]
service_account = "scheduler"
preset = "airflow-scheduler"

[[team.workload]]
service_account = "vault-reader"
preset = "external-secrets"

[policy.controllers]
external-secrets = "NAMESPACE/eso"
"#;

/// Every resource of the API server, with its group.
async fn resources(site: &Site) -> Vec<(String, String)> {
    let client = site.cluster.client();
    let more = MORE.map(|(group, resource)| (group.to_owned(), resource.to_owned()));
    let mut found: BTreeSet<(String, String)> = more.into();
    let core = client.list_core_api_resources("v1").await.unwrap();
    found.extend(core.resources.into_iter().map(|resource| (String::new(), resource.name)));
    for group in client.list_api_groups().await.unwrap().groups {
        for version in group.versions {
            let list = client.list_api_group_resources(&version.group_version).await.unwrap();
            let names = list.resources.into_iter().map(|resource| resource.name);
            found.extend(names.map(|name| (group.name.clone(), name)));
        }
    }
    found.into_iter().collect()
}

/// What may be asked for: everything in the site's namespace; in another one and on the whole cluster what
/// a preset allows anywhere, and secrets.
async fn questions(site: &Site) -> Vec<Right> {
    let mut questions = Vec::new();
    let mut ask = |verb: &str, group: &str, resource: &str, place: &str| {
        questions.push((verb.into(), group.into(), resource.into(), place.into()));
    };
    for (group, resource) in resources(site).await {
        let elsewhere: &[&str] = match resource.as_str() {
            "pods" | "jobs" | "workflowtaskresults" | "configmaps" | "secrets" => {
                &["kube-system", ""]
            }
            _ => &[],
        };
        for verb in VERBS {
            ask(verb, &group, &resource, &site.namespace);
            for place in elsewhere {
                ask(verb, &group, &resource, place);
            }
        }
    }
    for (verb, group, resource) in GROWTH {
        ask(verb, group, resource, &site.namespace);
    }
    questions
}

/// Whether the API server lets somebody do something, to an object of this name.
pub(super) async fn may(
    site: &Site,
    user: &str,
    groups: &[String],
    right: &Right,
    name: Option<&str>,
) -> bool {
    let reviews: Api<SubjectAccessReview> = Api::all(site.cluster.client().clone());
    let (resource, subresource) = right.2.split_once('/').unwrap_or((&right.2, ""));
    let review = json!({ "spec": {
        "user": user,
        "groups": groups,
        "resourceAttributes": {
            "verb": right.0, "group": right.1, "resource": resource, "subresource": subresource,
            "namespace": right.3, "name": name.unwrap_or_default(),
        },
    } });
    let review = serde_json::from_value(review).unwrap();
    let answer = reviews.create(&PostParams::default(), &review).await;
    answer.unwrap().status.unwrap().allowed
}

/// Which of these a service account may do, to objects of this name.
pub(super) async fn rights(
    site: &Site,
    questions: &[Right],
    account: &str,
    name: Option<&str>,
) -> BTreeSet<Right> {
    let user = &format!("system:serviceaccount:{}:{account}", site.namespace);
    let groups = &[
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{}", site.namespace),
        "system:authenticated".to_owned(),
    ];
    let answers = stream::iter(questions.to_vec())
        .map(async |right: Right| may(site, user, groups, &right, name).await.then_some(right));
    let answers = answers.buffer_unordered(PARALLELISM).collect::<Vec<_>>();
    answers.await.into_iter().flatten().collect()
}

/// Rights in the site's namespace.
fn here(site: &Site, rules: &[(&str, &[&str], &[&str])]) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for (group, resources, verbs) in rules {
        for resource in *resources {
            for verb in *verbs {
                rights.insert((
                    (*verb).to_owned(),
                    (*group).to_owned(),
                    (*resource).to_owned(),
                    site.namespace.clone(),
                ));
            }
        }
    }
    rights
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn an_account_of_a_preset_may_do_what_it_must_and_no_more() {
    let Some(estate) = Estate::new(&format!("{TEAM}{GRANTED}")).await else {
        return;
    };
    estate.expect(0, "sync teams.toml --auto-approve");
    let site = &estate.site;
    let questions = questions(site).await;
    let everybody = rights(site, &questions, "somebody-else", None).await;
    let reads: &[&str] = &["get", "list", "watch"];
    let jobs: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];
    let token = here(site, &[("", &["serviceaccounts/token"], &["create"])]);
    let cases: [(&str, Option<&str>, BTreeSet<Right>); 9] = [
        (
            "worker",
            None,
            here(
                site,
                &[
                    ("", &["events", "pods", "pods/log", "pods/status"], reads),
                    ("batch", &["jobs"], jobs),
                ],
            ),
        ),
        ("flow", None, BTreeSet::new()),
        (
            "executor",
            None,
            here(site, &[("argoproj.io", &["workflowtaskresults"], &["create", "patch"])]),
        ),
        (
            "scheduler",
            None,
            here(
                site,
                &[
                    ("", &["pods"], &["create", "delete", "get", "list", "patch", "watch"]),
                    ("", &["pods/log"], &["get"]),
                    ("", &["pods/exec"], &["create", "get"]),
                    ("", &["events"], &["list"]),
                ],
            ),
        ),
        ("vault-reader", None, BTreeSet::new()),
        ("eso", None, BTreeSet::new()),
        ("eso", Some("vault-reader"), token),
        ("reader", None, BTreeSet::new()),
        ("reader", Some("settings"), here(site, &[("", &["configmaps"], &["get", "update"])])),
    ];
    for (account, name, must) in cases {
        let may = rights(site, &questions, account, name).await;
        let own: BTreeSet<Right> = may.difference(&everybody).cloned().collect();
        assert_eq!(own, must, "{account} {name:?}");
    }
    estate.site.leave().await;
}
