//! Calls of services on a real API server: what its `TokenReview` says, and the objects that are rendered for both sides.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use widctl::command::condition::Condition;
use widctl::command::rehearsal::assumptions::grow;
use widctl::profile::resolved::Profile;
use widctl::render::{Given, TARGETS};
use widctl::sandbox::World;
use widctl::verify::results::SubjectKind;
use widctl::verify::verdict::Verdict;

use super::site::Site;
use super::verify::{over, text};
use crate::verify::process::{outcome, profile};

/// `flows` calls a service of `worker`.
async fn team(site: &Site) -> Profile {
    let service = "\n[[team.service]]\nname = \"prices\"\naudience = \"prices.data\"\n\
                   account = \"worker\"\ncallers = [\"data/flows\"]\n";
    profile(&format!("{}{service}", text(site).await))
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_real_api_server_tells_the_callers_token_from_every_other_one() {
    let Some(site) = super::webhook::site().await else {
        return;
    };
    let (profile, world) = (team(&site).await, World::in_memory());
    grow(&world, &profile);
    let process = over(&site, &site.cluster, &profile, &world).await;
    process.sync().await;
    let verified = process.verify(true, Duration::ZERO).await;
    assert_eq!(verified.condition(), Condition::Done, "{:#?}", verified.results);
    let mut subjects = verified.results.subjects.iter();
    let call = subjects.find(|subject| subject.kind == SubjectKind::Service).unwrap();
    let Some(widctl::verify::results::Outcome::Checked(Verdict::PassBy(how))) =
        outcome(call, "WID-V-SERVICE")
    else {
        panic!("{call:#?}")
    };
    let subject = format!("system:serviceaccount:{}:flows", site.namespace);
    assert!(how.starts_with(&format!("{subject} is accepted for prices.data;")), "{how}");
    site.leave().await;
}

/// The rendered documents by the end of their names.
pub(super) async fn rendered(site: &Site) -> impl Fn(&str) -> Value + use<> {
    let profile = team(site).await;
    let given = Given::new(&profile);
    let target = TARGETS.iter().find(|target| target.name == "service-auth").unwrap();
    let documents = target.render(&given).unwrap();
    move |end: &str| {
        let found = documents.iter().find(|document| document.name.ends_with(end)).unwrap();
        serde_json::from_str(&found.text).unwrap()
    }
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_real_api_server_takes_what_is_rendered_for_both_sides() {
    let Some(site) = Site::real().await else {
        return;
    };
    let rendered = rendered(&site).await;
    let client = site.cluster.client();
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let settings: ConfigMap = serde_json::from_value(rendered("settings.json")).unwrap();
    let maps = Api::namespaced(client.clone(), &site.namespace);
    maps.create(&dry_run, &settings).await.unwrap();
    let binding: ClusterRoleBinding =
        serde_json::from_value(rendered("token-review.json")).unwrap();
    Api::all(client.clone()).create(&dry_run, &binding).await.unwrap();

    let pod = json!({
        "metadata": { "labels": { "app": "flows" } },
        "spec": { "containers": [{ "name": "main", "image": "example.com/none", "volumeMounts": [{ "name": "own", "mountPath": "/own" }] }], "volumes": [{ "name": "own", "emptyDir": {} }] },
    });
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": { "name": "flows" },
        "spec": { "replicas": 0, "selector": { "matchLabels": { "app": "flows" } }, "template": pod },
    }))
    .unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), &site.namespace);
    deployments.create(&PostParams::default(), &deployment).await.unwrap();
    let mut patch = rendered("flows.json");
    let options = PatchParams::default();
    let unfilled = deployments.patch("flows", &options, &Patch::Strategic(patch.clone())).await;
    assert!(unfilled.is_err(), "CONTAINER is the name of no container");
    patch["spec"]["template"]["spec"]["containers"][0]["name"] = "main".into();
    let patched = deployments.patch("flows", &options, &Patch::Strategic(patch)).await.unwrap();
    let spec = patched.spec.unwrap().template.spec.unwrap();
    assert_eq!(spec.service_account_name.as_deref(), Some("flows"));
    let volumes = spec.volumes.unwrap();
    let mut names: Vec<&str> = volumes.iter().map(|volume| volume.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["own", "service-tokens"], "what was there stays");
    let mounts = spec.containers[0].volume_mounts.as_ref().unwrap();
    assert_eq!(mounts.len(), 2, "{mounts:?}");
    site.leave().await;
}
