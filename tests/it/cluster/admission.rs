//! Rendered policies on a real API server with the real webhook: what fits the profile passes, all else is refused
//! with its sentence.

pub(super) mod table;

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use widctl::render::{Given, TARGETS};

use self::table::{
    AUDIENCE, OTHERWISE, OVERRIDDEN, changed, projects, sets, wrong_accounts, wrong_labels,
    wrong_tokens, wrong_variables,
};
use super::cluster_wide::{make, remove};
use super::site::Site;
use super::webhook;
use crate::render::admission::teams;
use crate::verify::process::profile;

const USE: &str = "azure.workload.identity/use";
const FLOWS: &str = "22222222-2222-2222-2222-222222222222";
const TENANT: &str = "11111111-1111-1111-1111-111111111111";
/// Where the webhook has the token, and where it was up to version 1.5.
const TOKEN_FILES: [&str; 2] = [
    "/var/run/secrets/azure/wi/token/azure-identity-token",
    "/var/run/secrets/azure/tokens/azure-identity-token",
];

/// Each kind that makes pods, its API group, and where in it they are described.
const KINDS: [(&str, &str, &str); 8] = [
    ("Pod", "", ""),
    ("ReplicationController", "", "spec.template."),
    ("DaemonSet", "apps", "spec.template."),
    ("Deployment", "apps", "spec.template."),
    ("ReplicaSet", "apps", "spec.template."),
    ("StatefulSet", "apps", "spec.template."),
    ("Job", "batch", "spec.template."),
    ("CronJob", "batch", "spec.jobTemplate.spec.template."),
];

/// A site with accounts, under the rendered policies. In the first namespace `synced` and `asked` are annotated, `bare`
/// is not, `later` is missing; `stray`, `elsewhere` and `loader` are there as well.
struct Fenced {
    site: Site,
    policies: Vec<String>,
}

impl Fenced {
    /// `None` where there is no webhook and none is required.
    async fn new(before: impl AsyncFnOnce(&Self)) -> Option<Self> {
        let mut fenced = Self { site: webhook::site().await?, policies: Vec::new() };
        let client = fenced.site.cluster.client();
        for more in ["-two", "-three"] {
            let name = format!("{}{more}", fenced.site.namespace);
            make::<Namespace>(client, json!({ "metadata": { "name": name } })).await;
        }
        let identity = json!({
            "azure.workload.identity/client-id": FLOWS, "azure.workload.identity/tenant-id": TENANT,
        });
        for (namespace, names) in [
            ("", &["synced", "asked", "bare", "eso", "stray", "elsewhere", "loader"][..]),
            ("-two", &["synced", "loader", "bare"]),
            ("-three", &["stray", "default"]),
        ] {
            for name in names {
                let annotations = match *name {
                    "synced" | "asked" | "loader" => identity.clone(),
                    _ => Value::Null,
                };
                let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
                    "name": name, "annotations": annotations,
                } });
                let api = fenced.api("ServiceAccount", "", namespace);
                let force = PatchParams::apply("test").force();
                api.patch(name, &force, &Patch::Apply(account)).await.unwrap();
            }
        }
        let accounts = fenced.site.accounts();
        fenced.site.until(async || accounts.get("default").await.is_ok()).await;
        before(&fenced).await;
        fenced.enforce().await;
        Some(fenced)
    }

    async fn enforce(&mut self) {
        let client = self.site.cluster.client();
        for item in rendered(&self.site.namespace) {
            let name = item["metadata"]["name"].as_str().unwrap().to_owned();
            if item["kind"] == "ValidatingAdmissionPolicy" {
                make::<ValidatingAdmissionPolicy>(client, item).await;
                self.policies.push(name);
            } else {
                make::<ValidatingAdmissionPolicyBinding>(client, item).await;
            }
        }
        // The policies take a moment to be in force, and the second one may be later than the first.
        for wrong in [template("stray"), unlabelled("synced")] {
            let wrong = object(KINDS[6], wrong);
            self.site.until(async || self.create(KINDS[6], "", &wrong).await.is_err()).await;
        }
    }

    fn api(&self, kind: &str, group: &str, namespace: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let namespace = format!("{}{namespace}", self.site.namespace);
        Api::namespaced_with(self.site.cluster.client().clone(), &namespace, &kind)
    }

    /// What the API server says of a creation that leaves nothing.
    async fn create(
        &self,
        (kind, group, _): (&str, &str, &str),
        namespace: &str,
        object: &Value,
    ) -> Result<Value, String> {
        let options = PostParams { dry_run: true, ..PostParams::default() };
        let api = self.api(kind, group, namespace);
        let object = serde_json::from_value(object.clone()).unwrap();
        said(api.create(&options, &object).await)
    }

    /// What it says of a change that leaves nothing.
    async fn change(
        &self,
        (kind, group, _): (&str, &str, &str),
        subresource: Option<&str>,
        change: Value,
    ) -> Result<Value, String> {
        let options = PatchParams { dry_run: true, ..PatchParams::default() };
        let (api, change) = (self.api(kind, group, ""), Patch::Merge(change));
        said(match subresource {
            Some(part) => api.patch_subresource(part, "before", &options, &change).await,
            None => api.patch("before", &options, &change).await,
        })
    }

    async fn leave(self) {
        let client = self.site.cluster.client();
        for name in &self.policies {
            remove::<ValidatingAdmissionPolicyBinding>(client, name).await;
            remove::<ValidatingAdmissionPolicy>(client, name).await;
        }
        for more in ["-two", "-three"] {
            remove::<Namespace>(client, &format!("{}{more}", self.site.namespace)).await;
        }
        self.site.leave().await;
    }
}

fn said(answer: kube::Result<DynamicObject>) -> Result<Value, String> {
    match answer {
        Ok(made) => Ok(serde_json::to_value(made).unwrap()),
        Err(kube::Error::Api(status)) => Err(status.message),
        Err(error) => panic!("{error}"),
    }
}

/// The objects of the team `data` on `weu`.
fn rendered(estate: &str) -> Vec<Value> {
    let profile = profile(&teams(estate, estate));
    let given = Given { team: Some("data"), cluster: Some("weu"), ..Given::new(&profile) };
    let target = TARGETS.iter().find(|target| target.name == "admission").unwrap();
    let documents = target.render(&given).unwrap();
    let names: Vec<&str> = documents.iter().map(|document| &*document.name).collect();
    assert_eq!(names, ["weu.data.json"]);
    let list: Value = serde_json::from_str(&documents[0].text).unwrap();
    list["items"].as_array().unwrap().clone()
}

/// A labelled pod of an account.
fn template(account: &str) -> Value {
    json!({
        "metadata": { "labels": { USE: "true", "app": "x" } },
        "spec": {
            "serviceAccountName": account,
            "containers": [{ "name": "main", "image": "example.com/none" }],
        },
    })
}

fn unlabelled(account: &str) -> Value {
    changed(template(account), &json!({ "metadata": { "labels": { USE: null } } }))
}

/// An object with pods like this one.
fn object((kind, group, _): (&str, &str, &str), mut template: Value) -> Value {
    let once = matches!(kind, "Job" | "CronJob");
    template["spec"]["restartPolicy"] = if once { "Never" } else { "Always" }.into();
    let selector = json!({ "matchLabels": { "app": "x" } });
    let mut object = match kind {
        "Pod" => template,
        "ReplicationController" | "Job" => json!({ "spec": { "template": template } }),
        "CronJob" => json!({ "spec": {
            "schedule": "0 0 * * *", "jobTemplate": { "spec": { "template": template } },
        } }),
        _ => json!({ "spec": { "template": template, "selector": selector, "serviceName": "x" } }),
    };
    if matches!(kind, "DaemonSet" | "Deployment" | "ReplicaSet") {
        object["spec"].as_object_mut().unwrap().remove("serviceName");
    }
    object["metadata"]["name"] = "before".into();
    let group = if group.is_empty() { String::new() } else { format!("{group}/") };
    object["apiVersion"] = format!("{group}v1").into();
    object["kind"] = kind.into();
    object
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn what_does_not_fit_the_profile_is_refused_with_its_sentence() {
    let Some(fenced) = Fenced::new(async |_| ()).await else { return };
    let mut rows = wrong_accounts(&fenced.site.namespace);
    rows.extend(wrong_labels());
    rows.extend(wrong_variables());
    rows.extend(wrong_tokens());
    assert!(rows.len() > 40, "{}", rows.len());
    for (account, change, of_template, of_pod) in rows {
        for kind in KINDS {
            let says = if kind.0 == "Pod" { &of_pod } else { &of_template };
            let wrong = object(kind, changed(template(account), &change));
            match fenced.create(kind, "", &wrong).await {
                Ok(_) => assert_eq!(says, "", "{} {wrong:#}", kind.0),
                Err(said) => {
                    assert!(!says.is_empty(), "{} {wrong:#}: {said}", kind.0);
                    let expected = format!(" denied request: {}", says.replace("PLACE", kind.2));
                    assert!(said.ends_with(&expected), "{said}\nis not\n{expected}\n{wrong:#}");
                }
            }
        }
    }
    fenced.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn what_fits_the_profile_passes_after_the_webhook() {
    let Some(fenced) = Fenced::new(async |_| ()).await else { return };
    let fine = [
        ("", template("synced")),
        ("", template("asked")),
        ("", unlabelled("asked")),
        ("", template("bare")),
        ("", unlabelled("bare")),
        ("", template("eso")),
        ("", unlabelled("eso")),
        ("-two", template("synced")),
        ("-two", template("loader")),
        // The neighbour's namespace is none of the team's business.
        ("-three", unlabelled("stray")),
        (
            "-three",
            changed(unlabelled("stray"), &sets("containers", "AZURE_CLIENT_ID", &"x".into())),
        ),
        ("-three", changed(unlabelled("default"), &projects("own", AUDIENCE))),
        ("", changed(template("synced"), &projects("own", "api://something-else"))),
        ("", changed(template("synced"), &sets("initContainers", "OTHER", &"x".into()))),
    ];
    for (namespace, template) in fine {
        for kind in KINDS {
            let right = object(kind, template.clone());
            let made = fenced.create(kind, namespace, &right).await;
            let made = made.unwrap_or_else(|said| panic!("{} {right:#}: {said}", kind.0));
            if kind.0 == "Pod" && template == self::template("synced") {
                let given = made["spec"]["containers"][0]["env"].to_string();
                assert!(given.contains(FLOWS) && given.contains(TOKEN_FILES[0]), "{given}");
            }
        }
    }
    for account in ["bare", "stray"] {
        let said = fenced.create(KINDS[6], "-two", &object(KINDS[6], template(account))).await;
        assert!(
            said.unwrap_err().ends_with("spec.template.spec.serviceAccountName to loader, synced")
        );
    }
    fenced.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_missing_account_holds_up_its_own_pods_alone() {
    let Some(fenced) = Fenced::new(async |_| ()).await else { return };
    let pod = object(KINDS[0], template("later"));
    let said = fenced.create(KINDS[0], "", &pod).await.unwrap_err();
    assert!(said.contains("\"later\" not found"), "{said}");
    for kind in &KINDS[1..] {
        fenced.create(*kind, "", &object(*kind, template("later"))).await.unwrap();
    }
    fenced.create(KINDS[0], "", &object(KINDS[0], template("synced"))).await.unwrap();
    fenced.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn what_was_there_before_can_be_corrected_and_scaled_but_not_made_worse() {
    let before = async |fenced: &Fenced| {
        for kind in KINDS {
            let api = fenced.api(kind.0, kind.1, "");
            let wrong =
                changed(unlabelled("synced"), &sets("containers", "AZURE_USERNAME", &"x".into()));
            let wrong = serde_json::from_value(object(kind, wrong)).unwrap();
            api.create(&PostParams::default(), &wrong).await.unwrap();
        }
    };
    let Some(fenced) = Fenced::new(before).await else { return };
    for kind in KINDS {
        let touched = json!({ "metadata": { "annotations": { "seen": "yes" }, "finalizers": [] } });
        fenced.change(kind, None, touched).await.unwrap();
    }
    for kind in [KINDS[1], KINDS[3], KINDS[4], KINDS[5]] {
        fenced.change(kind, None, json!({ "spec": { "replicas": 0 } })).await.unwrap();
    }
    let [pod, _, daemons, deployment, ..] = KINDS;
    for kind in [daemons, deployment] {
        let other =
            json!({ "spec": { "template": { "metadata": { "annotations": { "a": "b" } } } } });
        let said = fenced.change(kind, None, other).await.unwrap_err();
        assert!(said.contains(" denied request: "), "{said}");
        let right = json!({ "spec": { "template": template("synced") } });
        fenced.change(kind, None, right).await.unwrap();
    }
    let image = json!({ "spec": { "activeDeadlineSeconds": 60 } });
    let said = fenced.change(pod, None, image).await.unwrap_err();
    assert!(said.contains(" denied request: "), "{said}");
    fenced.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn a_container_to_debug_with_sets_no_variable_either() {
    let before = async |fenced: &Fenced| {
        let right = serde_json::from_value(object(KINDS[0], template("synced"))).unwrap();
        fenced.api("Pod", "", "").create(&PostParams::default(), &right).await.unwrap();
    };
    let Some(fenced) = Fenced::new(before).await else { return };
    let debug = |name: &str, value: &str| {
        let env = json!([{ "name": name, "value": value }]);
        json!({ "spec": { "ephemeralContainers": [{ "name": "side", "image": "x", "env": env }] } })
    };
    let part = Some("ephemeralcontainers");
    for (name, value, says) in [
        ("AZURE_CLIENT_ID", "x", OTHERWISE),
        ("AZURE_TENANT_ID", "x", OTHERWISE),
        ("AZURE_CLIENT_SECRET", "x", OVERRIDDEN),
        ("AZURE_FEDERATED_TOKEN_FILE", "/tmp/token", OVERRIDDEN),
    ] {
        let said = fenced.change(KINDS[0], part, debug(name, value)).await.unwrap_err();
        assert!(said.ends_with(&format!("container side sets {name}{says}")), "{said}");
    }
    for (name, value) in [("AZURE_CLIENT_ID", FLOWS), ("OTHER", "x")] {
        fenced.change(KINDS[0], part, debug(name, value)).await.unwrap();
    }
    fenced.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn the_api_server_finds_no_wrong_type_and_large_pods_stay_within_its_budget() {
    let Some(fenced) = Fenced::new(async |_| ()).await else { return };
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(fenced.site.cluster.client().clone());
    for name in &fenced.policies {
        let checked =
            async || policies.get(name).await.unwrap().status.and_then(|s| s.type_checking);
        fenced.site.until(async || checked().await.is_some()).await;
        assert_eq!(checked().await.unwrap().expression_warnings, None);
    }
    let variable = |number: usize| json!({ "name": format!("AZURE_{number}"), "value": "x" });
    let env: Vec<Value> = (0..200).map(variable).collect();
    let container =
        |number: usize| json!({ "name": format!("c{number}"), "image": "x", "env": env });
    let containers: Vec<Value> = (0..50).map(container).collect();
    let large = changed(template("synced"), &json!({ "spec": { "containers": containers } }));
    for kind in KINDS {
        fenced.create(kind, "", &object(kind, large.clone())).await.unwrap();
    }
    fenced.leave().await;
}
