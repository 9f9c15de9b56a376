//! The injection branch of `verify` over a real API server and the published webhook: what people report of webhooks,
//! templates and pods is brought about, the one check fails, and the printed command repairs it.

use std::process::Command;
use std::time::Duration;

use data_encoding::BASE64;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Namespace, Pod, Service};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use widctl::command::rehearsal::assumptions::grow;
use widctl::sandbox::World;
use widctl::verify::results::{Outcome, Results};
use widctl::verify::verdict::{Finding, Verdict};

use super::control_plane::{ControlPlane, another, programs};
use super::site::{Ground, Site};
use super::verify::{over, team};
use super::webhook;
use crate::verify::process::Process;

const CONFIGURATION: &str = "azure-wi-webhook-mutating-webhook-configuration";
const USE: &str = "azure.workload.identity/use";
/// A certificate of nobody that expired on 2024-02-01.
const EXPIRED: &str = include_str!("expired.pem");

/// A synced team on a real cluster with the webhook.
struct Estate {
    site: Site,
    plane: &'static ControlPlane,
    process: Process,
}

impl Estate {
    async fn on(site: Site) -> Self {
        let Ground::Real(plane) = site.ground else {
            unreachable!("the site is real");
        };
        let (profile, world) = (team(&site).await, World::in_memory());
        grow(&world, &profile);
        let process = over(&site, &site.cluster, &profile, &world).await;
        process.sync().await;
        let estate = Self { site, plane, process };
        estate.is_green().await;
        estate
    }

    async fn verified(&self) -> Results {
        self.process.verify(true, Duration::ZERO).await.results
    }

    async fn is_green(&self) {
        let results = self.verified().await;
        assert_eq!(findings(&results), [], "{results:#?}");
        assert!(results.tally().is_green(), "{results:#?}");
    }

    /// Expects one finding, by what its address ends with and its code, and answers it.
    async fn finds(&self, address: &str, code: &str) -> Finding {
        let results = self.verified().await;
        let found = findings(&results);
        assert_eq!(found.len(), 1, "{found:#?}");
        let (at, found_code, finding) = found.into_iter().next().unwrap();
        assert!(at.ends_with(address) && found_code == code, "{at} {found_code}: {finding:#?}");
        finding
    }

    /// Runs a printed command; the profile's context has another name in the tests' kubeconfig.
    async fn repair(&self, finding: &Finding) {
        let command = finding.fix.as_deref().unwrap();
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["kubectl", words @ ..] => self.kubectl(words),
            // The estate in this process has no profile on disk.
            [] => self.process.sync().await,
            other => panic!("{other:?}"),
        }
    }

    fn kubectl(&self, words: &[&str]) {
        let words = words.strip_suffix(&["--context", "any"]).unwrap_or(words);
        let done = Command::new(programs().unwrap().join("kubectl"))
            .args(words)
            .args(["--kubeconfig", self.plane.kubeconfig.to_str().unwrap()])
            .output()
            .unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
    {
        Api::namespaced(self.site.cluster.client().clone(), &self.site.namespace)
    }

    async fn make<K>(&self, object: Value)
    where
        K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
            + Serialize
            + DeserializeOwned
            + Clone
            + std::fmt::Debug,
    {
        let object: K = serde_json::from_value(object).unwrap();
        self.api::<K>().create(&PostParams::default(), &object).await.unwrap();
    }

    /// Deletes an object, and waits until its pods are gone as well.
    fn delete(&self, object: &str) {
        let namespace = self.site.namespace.as_str();
        self.kubectl(&["delete", object, "--namespace", namespace, "--cascade=foreground"]);
    }
}

/// All failures and warnings.
fn findings(results: &Results) -> Vec<(String, &'static str, Finding)> {
    let mut found = Vec::new();
    for subject in &results.subjects {
        for check in &subject.checks {
            if let Outcome::Checked(Verdict::Fail(finding) | Verdict::Warn(finding)) =
                &check.outcome
            {
                found.push((subject.address.clone(), check.code, finding.clone()));
            }
        }
    }
    found
}

/// Which checks of a cluster's webhook or of accounts were skipped.
fn skipped(results: &Results) -> Vec<&'static str> {
    let checks = results.subjects.iter().flat_map(|subject| &subject.checks);
    let skipped = checks.filter(|check| matches!(check.outcome, Outcome::Skipped { .. }));
    let mut codes: Vec<_> = skipped.map(|check| check.code).collect();
    codes.dedup();
    codes
}

/// A template whose pods get the identity of `flows`.
fn template() -> Value {
    json!({
        "metadata": { "labels": { "app": "api", USE: "true" } },
        "spec": {
            "serviceAccountName": "flows",
            "restartPolicy": "Never",
            "containers": [{ "name": "main", "image": "busybox" }],
        },
    })
}

fn deployment(name: &str, replicas: u32, mut template: Value) -> Value {
    template["spec"]["restartPolicy"] = "Always".into();
    json!({
        "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": "api" } },
            "template": template,
        },
    })
}

fn job(name: &str, template: &Value) -> Value {
    json!({ "metadata": { "name": name, "labels": { USE: "true" } }, "spec": { "template": template } })
}

fn without_label(mut template: Value) -> Value {
    template["metadata"]["labels"].as_object_mut().unwrap().remove(USE);
    template
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn what_people_report_of_templates_is_found_and_repaired() {
    let Some(site) = webhook::site().await else { return };
    let estate = Estate::on(site).await;

    // s01: the label is on the Job alone.
    estate.make::<Job>(job("etl", &without_label(template()))).await;
    let finding = estate.finds("/etl", "WID-V-POD-LABEL").await;
    assert_eq!(finding.fix, None, "the API server refuses a patch of a Job's template");
    estate.delete("job/etl");

    // s02: no label, and the printed patch.
    estate.make::<Deployment>(deployment("api", 0, without_label(template()))).await;
    let finding = estate.finds("/api", "WID-V-POD-LABEL").await;
    estate.repair(&finding).await;
    estate.is_green().await;
    estate.delete("deployment/api");

    // s07: no account.
    let mut anybody = template();
    anybody["spec"].as_object_mut().unwrap().remove("serviceAccountName");
    estate.make::<Job>(job("etl", &anybody)).await;
    estate.finds("/etl", "WID-V-POD-ACCOUNT").await;
    estate.delete("job/etl");

    // s17: a variable that wins, and the printed command.
    let mut sets = template();
    sets["spec"]["containers"][0]["env"] = json!([{
        "name": "AZURE_FEDERATED_TOKEN_FILE",
        "value": "/var/run/secrets/kubernetes.io/serviceaccount/token",
    }]);
    estate.make::<Deployment>(deployment("api", 0, sets)).await;
    let finding = estate.finds("/api", "WID-V-POD-ENV").await;
    estate.repair(&finding).await;
    estate.is_green().await;
    estate.delete("deployment/api");

    // s18: the token's old path, with the published webhook's new one.
    let mut old = template();
    let path = "/var/run/secrets/azure/tokens/azure-identity-token";
    old["spec"]["containers"][0]["args"] = json!([format!("--oidc-token-file={path}")]);
    estate.make::<Deployment>(deployment("provider", 0, old)).await;
    estate.finds("/provider", "WID-V-POD-PATH").await;
    estate.delete("deployment/provider");

    // A healthy Job whose pod the webhook has changed.
    estate.make::<Job>(job("etl", &template())).await;
    let results = estate.verified().await;
    assert_eq!(findings(&results), [], "{results:#?}");
    estate.site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn what_people_report_of_pods_and_accounts_is_found() {
    let Some(site) = webhook::site().await else { return };
    let estate = Estate::on(site).await;
    let namespace = estate.site.namespace.clone();
    let pod = |name: &str, template: Value| {
        json!({
            "metadata": { "name": name, "labels": template["metadata"]["labels"] },
            "spec": template["spec"],
        })
    };

    // A pod that was not labelled when it was created.
    estate.make::<Pod>(pod("late", without_label(template()))).await;
    estate.kubectl(&["label", "pod/late", "--namespace", &namespace, &format!("{USE}=true")]);
    estate.finds("/late", "WID-V-POD-INJECTED").await;
    estate.delete("pod/late");

    // s21: an expiration that the webhook refuses.
    let key = "azure.workload.identity/service-account-token-expiration";
    let annotate = ["annotate", "--overwrite", "serviceaccount/flows", "--namespace", &namespace];
    estate.kubectl(&[&annotate[..], &[&format!("{key}=600")]].concat());
    estate.finds("/flows", "WID-V-ANNOTATIONS").await;
    assert_eq!(skipped(&estate.verified().await), ["WID-V-INJECTION"]);
    estate.process.sync().await;
    estate.is_green().await;

    // A pod from before its identity was made anew, with another client id.
    estate.make::<Pod>(pod("old", template())).await;
    estate.is_green().await;
    let world = &estate.process.world;
    let resources = world.to_json()["resources"].as_object().unwrap().clone();
    let identity = resources.keys().find(|path| path.ends_with("/userassignedidentities/id-data"));
    world.edit_resource(identity.unwrap(), |found| {
        found["properties"]["clientId"] = "99999999-0000-4000-8000-000000000001".into();
    });
    estate.process.sync().await;
    estate.finds("/old", "WID-V-POD-AGE").await;
    estate.delete("pod/old");

    // A Deployment without pods that was refused them an hour ago, beside another one's refusals.
    estate.make::<Deployment>(deployment("waits", 1, template())).await;
    estate.is_green().await;
    for (of, count) in [("waits-5d4f", 12), ("waits-too-5d4f", 99)] {
        let about = json!({ "kind": "ReplicaSet", "name": of, "namespace": namespace });
        let event = json!({
            "metadata": { "name": of }, "involvedObject": about, "type": "Warning",
            "reason": "FailedCreate", "message": "exceeded quota: pods", "count": count,
            "lastTimestamp": "2026-11-27T01:02:03Z",
        });
        estate.make::<Event>(event).await;
    }
    let finding = estate.finds("/waits", "WID-V-POD-ADMISSION").await;
    let said =
        "none, by events FailedCreate 12 times, last at 2026-11-27T01:02:03Z: exceeded quota: pods";
    assert_eq!(finding.found, said);
    estate.repair(&finding).await;
    estate.delete("event/waits-5d4f");
    estate.is_green().await;
    estate.delete("deployment/waits");

    // t02: what is tried complies with Pod Security; a template that does not is found where it runs without pods.
    let restricted = json!({
        "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "restricted" } }
    });
    let namespaces: Api<Namespace> = Api::all(estate.site.cluster.client().clone());
    let options = PatchParams::default();
    namespaces.patch(&namespace, &options, &Patch::Merge(&restricted)).await.unwrap();
    estate.is_green().await;
    estate.make::<Deployment>(deployment("loose", 1, template())).await;
    let finding = estate.finds("/loose", "WID-V-POD-ADMISSION").await;
    assert!(finding.found.contains("violates PodSecurity \"restricted"), "{}", finding.found);
    estate.site.leave().await;
}

/// Changes the webhook's registration.
async fn register(estate: &Estate, change: impl FnOnce(&mut Value)) {
    let api: Api<MutatingWebhookConfiguration> = Api::all(estate.site.cluster.client().clone());
    let mut found = serde_json::to_value(api.get(CONFIGURATION).await.unwrap()).unwrap();
    change(&mut found["webhooks"][0]);
    found["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let found = serde_json::from_value(found).unwrap();
    api.delete(CONFIGURATION, &DeleteParams::default()).await.unwrap();
    api.create(&PostParams::default(), &found).await.unwrap();
}

/// Waits until the API server has taken notice of a changed registration, and expects one finding.
async fn comes_to(estate: &Estate, code: &str) -> Finding {
    for _ in 0..100 {
        let found = findings(&estate.verified().await);
        if let [(_, found_code, finding)] = found.as_slice()
            && *found_code == code
        {
            return finding.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{code}: {:#?}", findings(&estate.verified().await));
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn what_people_report_of_the_webhook_is_found() {
    let Some(plane) = another() else { return };
    let Some(_webhook) = webhook::start(plane) else { return };
    let estate = Estate::on(Site::on(plane).await).await;
    let namespace = estate.site.namespace.clone();

    // t05: failures are ignored.
    register(&estate, |webhook| webhook["failurePolicy"] = "Ignore".into()).await;
    comes_to(&estate, "WID-V-WEBHOOK").await;
    register(&estate, |webhook| webhook["failurePolicy"] = "Fail".into()).await;

    // s11: two installations.
    for place in ["kube-system", &namespace] {
        let api: Api<Deployment> = Api::namespaced(estate.site.cluster.client().clone(), place);
        let installed =
            deployment("azure-wi-webhook-controller-manager", 0, without_label(template()));
        let mut installed: Deployment = serde_json::from_value(installed).unwrap();
        let spec = installed.spec.as_mut().unwrap().template.spec.as_mut().unwrap();
        spec.service_account_name = None;
        api.create(&PostParams::default(), &installed).await.unwrap();
    }
    let finding = comes_to(&estate, "WID-V-WEBHOOK-ONCE").await;
    assert_eq!(finding.found, format!("Deployments of it in kube-system and {namespace}"));
    estate.delete("deployment/azure-wi-webhook-controller-manager");

    // s09: the authority has expired.
    let mut address = Value::Null;
    register(&estate, |webhook| {
        address = webhook["clientConfig"].clone();
        webhook["clientConfig"]["caBundle"] = BASE64.encode(EXPIRED.as_bytes()).into();
    })
    .await;
    let finding = comes_to(&estate, "WID-V-WEBHOOK-CERT").await;
    assert!(finding.found.contains("x509: "), "{}", finding.found);
    assert_eq!(skipped(&estate.verified().await), ["WID-V-INJECTION"]);

    // s10: nothing is behind the service.
    let service = json!({
        "metadata": { "name": "webhook" }, "spec": { "clusterIP": "None", "ports": [{ "port": 443 }] },
    });
    estate.make::<Service>(service).await;
    register(&estate, |webhook| {
        webhook["clientConfig"] = json!({
            "service": { "namespace": namespace, "name": "webhook", "path": "/mutate-v1-pod" },
        });
    })
    .await;
    let finding = comes_to(&estate, "WID-V-WEBHOOK-READY").await;
    estate.repair(&finding).await;
    assert_eq!(skipped(&estate.verified().await), ["WID-V-WEBHOOK-CERT", "WID-V-INJECTION"]);

    // s08: it is not registered.
    register(&estate, |webhook| webhook["clientConfig"] = address).await;
    let api: Api<MutatingWebhookConfiguration> = Api::all(estate.site.cluster.client().clone());
    api.delete(CONFIGURATION, &DeleteParams::default()).await.unwrap();
    let finding = comes_to(&estate, "WID-V-WEBHOOK").await;
    assert_eq!(finding.fix.as_deref().unwrap()[..2], ["helm", "install"]);
    estate.site.leave().await;
}
