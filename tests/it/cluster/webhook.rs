//! What pods are given by the workload identity webhook: by its published code beside a real API server, and by
//! the sandbox, which is wrong where they differ.
//! <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>
//!
//! Nothing runs the pods: what they are given stands in their specification once they are created.

use std::sync::OnceLock;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ServiceAccountTokenProjection};
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::{Value, json};
use widctl::model::guid::ClientId;
use widctl::model::kinds::marks::Claim;
use widctl::model::kinds::service_account::ServiceAccount;
use widctl::ports::read::ClusterRead;
use widctl::ports::store::WriteMode;

use super::control_plane::{ControlPlane, control_plane};
use super::site::{Ground, Site};
use super::tools;
use super::tools::Program;
use crate::kubernetes::requests::{key, ours};

/// The label of the pods that the webhook is called for.
const USE: &str = "azure.workload.identity/use";
/// How long the token of a pod lasts, in seconds.
const EXPIRATION: &str = "azure.workload.identity/service-account-token-expiration";
/// The directory that the real webhook is installed for.
const INSTALLED_FOR: &str = "99999999-9999-9999-9999-999999999999";
/// The directory of the profile, which every synced account names.
const TENANT: &str = "11111111-1111-1111-1111-111111111111";
/// The identity of the account `flows`.
const FLOWS: &str = "22222222-2222-2222-2222-222222222222";
/// The identity of another team's account, `reports`.
const REPORTS: &str = "33333333-3333-3333-3333-333333333333";

/// Runs every story on the sandbox and where the real webhook is registered; those of the second list take
/// controllers, which the sandbox has not.
macro_rules! with_the_webhook {
    (on both grounds: $($story:ident)* ; with controllers: $($controlled:ident)*) => {
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
            $( with_the_webhook! { $story } )*
            $( with_the_webhook! { $controlled } )*
        }
    };
    ($story:ident) => {
        #[tokio::test]
        #[ignore = "needs an API server: just test-cluster"]
        async fn $story() {
            if let Some(site) = super::site().await {
                super::$story(&site).await;
                site.leave().await;
            }
        }
    };
}

with_the_webhook! {
    on both grounds:
    a_registered_webhook_is_seen
    every_container_of_a_synced_account_signs_in_as_its_identity
    a_dry_run_is_given_what_a_pod_would_be_and_leaves_none
    a_pod_without_the_label_is_given_nothing
    the_label_on_an_account_does_nothing_for_its_pods
    a_pod_whose_account_has_no_annotations_is_given_a_token_but_no_identity
    a_pod_that_names_no_account_is_given_what_the_default_account_has
    a_pod_whose_account_is_not_there_is_refused
    the_expiration_of_a_pod_wins_over_that_of_its_account
    an_expiration_that_no_token_may_have_is_refused
    what_a_container_sets_itself_stays
    containers_to_skip_are_given_nothing
    a_pod_of_another_team_signs_in_as_that_teams_identity
    a_pod_keeps_the_client_id_that_its_account_had
    ;
    with controllers:
    the_pods_of_a_job_sign_in_by_the_label_of_their_template
    the_label_on_a_job_does_nothing_for_its_pods
}

/// The real cluster with the webhook; `None` where there is none and none is required.
pub(super) async fn site() -> Option<Site> {
    is_registered().then_some(())?;
    Site::real().await
}

/// Registers the webhook with the real cluster; false where there is none and none is required.
pub(super) fn is_registered() -> bool {
    static WEBHOOK: OnceLock<Option<Program>> = OnceLock::new();
    control_plane().is_some_and(|plane| WEBHOOK.get_or_init(|| start(plane)).is_some())
}

/// Builds the webhook and registers it.
pub(super) fn start(plane: &ControlPlane) -> Option<Program> {
    if !plane.is_own() {
        // It listens on this machine's loopback interface, and where it is registered and out of reach no
        // labelled pod can be created, whosever it is.
        tools::skip("the webhook is not registered with a cluster that is somebody else's");
        return None;
    }
    let programs = tools::build("webhook", &["."])?;
    let kubeconfig = plane.kubeconfig.to_str().unwrap();
    let arguments = ["-kubeconfig", kubeconfig, "-tenant", INSTALLED_FOR];
    Some(Program::start(&programs.join("webhook"), &arguments))
}

async fn a_registered_webhook_is_seen(site: &Site) {
    assert!(site.cluster.webhook().await.unwrap().unwrap().is_reinvoked);
}

async fn every_container_of_a_synced_account_signs_in_as_its_identity(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let mut pod = labelled("flows");
    pod["spec"]["initContainers"] = json!([container("prepare")]);
    pod["spec"]["containers"] = json!([container("main"), container("sidecar")]);
    let pod = create(site, &pod).await;
    for name in ["prepare", "main", "sidecar"] {
        assert_eq!(given(&pod, name), as_identity(FLOWS), "{name}");
    }
}

async fn a_dry_run_is_given_what_a_pod_would_be_and_leaves_none(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let options = PostParams { dry_run: true, ..PostParams::default() };
    let pod = serde_json::from_value(labelled("flows")).unwrap();
    let pod = pods(site).create(&options, &pod).await.unwrap();
    assert_eq!(given(&pod, "main"), as_identity(FLOWS));
    let left = pods(site).list(&ListParams::default()).await.unwrap();
    assert!(left.items.is_empty());
}

async fn a_pod_without_the_label_is_given_nothing(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    assert_untouched(&create(site, &pod("flows", &json!({}))).await);
    assert_untouched(&create(site, &pod("flows", &json!({ USE: "false" }))).await);
}

async fn the_label_on_an_account_does_nothing_for_its_pods(site: &Site) {
    site.make_account("flows", &json!({ USE: "true" })).await;
    put(site, "flows", FLOWS, WriteMode::Update).await;
    assert_untouched(&create(site, &pod("flows", &json!({}))).await);
}

async fn a_pod_whose_account_has_no_annotations_is_given_a_token_but_no_identity(site: &Site) {
    site.make_account("flows", &json!({})).await;
    let pod = create(site, &labelled("flows")).await;
    // The variable is absent and not empty, so a program may still choose an identity itself.
    let expected = Given {
        client_id: None,
        tenant_id: Some(installed_for(site)),
        expiration: Some(3600),
        ..as_identity(FLOWS)
    };
    assert_eq!(given(&pod, "main"), expected);
}

async fn a_pod_that_names_no_account_is_given_what_the_default_account_has(site: &Site) {
    // A controller makes the account.
    site.until(async || site.accounts().get("default").await.is_ok()).await;
    let mut pod = labelled("");
    pod["spec"]["serviceAccountName"] = Value::Null;
    let pod = create(site, &pod).await;
    assert_eq!(given(&pod, "main").tenant_id, Some(installed_for(site)));
    let account = pod.spec.unwrap().service_account_name;
    assert_eq!(account.as_deref(), Some("default"));
}

async fn a_pod_whose_account_is_not_there_is_refused(site: &Site) {
    let (code, message) = refusal(site, &labelled("gone")).await;
    assert_eq!(code, 403, "{message}");
    let why = format!(
        "error looking up service account {}/gone: serviceaccount \"gone\" not found",
        site.namespace
    );
    assert!(message.ends_with(&why), "{message}");
}

async fn the_expiration_of_a_pod_wins_over_that_of_its_account(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let mut pod = labelled("flows");
    pod["metadata"]["annotations"] = json!({ EXPIRATION: "86400" });
    let pod = create(site, &pod).await;
    let expected = Given { expiration: Some(86_400), ..as_identity(FLOWS) };
    assert_eq!(given(&pod, "main"), expected);
}

async fn an_expiration_that_no_token_may_have_is_refused(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    for wrong in ["3599", "86401"] {
        let mut pod = labelled("flows");
        pod["metadata"]["annotations"] = json!({ EXPIRATION: wrong });
        let (code, message) = refusal(site, &pod).await;
        assert_eq!(code, 400, "{message}");
        let why = format!(
            "admission webhook \"mutation.azure-workload-identity.io\" denied the request: token expiration {wrong} not valid. Expected value to be between 3600 and 86400"
        );
        assert_eq!(message, why);
    }
}

async fn what_a_container_sets_itself_stays(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let mut pod = labelled("flows");
    let own =
        json!([{ "name": "AZURE_CLIENT_ID", "value": REPORTS }, { "name": "OTHER", "value": "x" }]);
    pod["spec"]["containers"][0]["env"] = own;
    let pod = create(site, &pod).await;
    assert_eq!(given(&pod, "main"), as_identity(REPORTS));
    let main = &pod.spec.as_ref().unwrap().containers[0];
    assert_eq!(variable(main, "OTHER").as_deref(), Some("x"));
}

async fn the_pods_of_a_job_sign_in_by_the_label_of_their_template(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let pod = pod_of_job(site, &json!({}), &json!({ USE: "true" })).await;
    assert_eq!(given(&pod, "main"), as_identity(FLOWS));
}

async fn the_label_on_a_job_does_nothing_for_its_pods(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let pod = pod_of_job(site, &json!({ USE: "true" }), &json!({})).await;
    assert_untouched(&pod);
}

async fn containers_to_skip_are_given_nothing(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let mut pod = labelled("flows");
    pod["metadata"]["annotations"] =
        json!({ "azure.workload.identity/skip-containers": "proxy; prepare" });
    pod["spec"]["initContainers"] = json!([container("prepare")]);
    pod["spec"]["containers"] = json!([container("main"), container("proxy")]);
    let pod = create(site, &pod).await;
    assert_eq!(given(&pod, "main"), as_identity(FLOWS));
    for name in ["prepare", "proxy"] {
        assert_eq!(given(&pod, name), Given::default(), "{name}");
    }
}

async fn a_pod_of_another_team_signs_in_as_that_teams_identity(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    put(site, "reports", REPORTS, WriteMode::Create).await;
    let flows = create(site, &labelled("flows")).await;
    let reports = create(site, &labelled("reports")).await;
    assert_eq!(given(&flows, "main"), as_identity(FLOWS));
    assert_eq!(given(&reports, "main"), as_identity(REPORTS));
}

async fn a_pod_keeps_the_client_id_that_its_account_had(site: &Site) {
    put(site, "flows", FLOWS, WriteMode::Create).await;
    let before = create(site, &labelled("flows")).await;
    put(site, "flows", REPORTS, WriteMode::Update).await;
    let after = create(site, &labelled("flows")).await;
    assert_eq!(given(&after, "main"), as_identity(REPORTS));
    let name = before.metadata.name.unwrap();
    let before = pods(site).get(&name).await.unwrap();
    assert_eq!(given(&before, "main"), as_identity(FLOWS));
}

/// Writes an account of an identity as widctl does.
async fn put(site: &Site, name: &str, client_id: &str, mode: WriteMode) {
    let write = ServiceAccount {
        client_id: client_id.parse::<ClientId>().unwrap(),
        tenant_id: TENANT.parse().unwrap(),
        token_expiration: 7200,
        claim: Claim::Owns(ours()),
    };
    let accounts = site.cluster.stores().service_accounts;
    let key = key(&site.namespace, name);
    accounts.put(&key, &write, mode).await.unwrap();
}

/// The directory that the webhook is installed for, on either ground.
fn installed_for(site: &Site) -> String {
    match &site.ground {
        Ground::Sandbox(world) => world.tenant(),
        Ground::Real(_) => INSTALLED_FOR.into(),
    }
}

/// The code and message with which a pod is refused.
async fn refusal(site: &Site, pod: &Value) -> (u16, String) {
    let pod = serde_json::from_value(pod.clone()).unwrap();
    let answer = pods(site).create(&PostParams::default(), &pod).await;
    let Err(kube::Error::Api(status)) = answer else {
        panic!("{answer:?}");
    };
    (status.code, status.message)
}

fn pods(site: &Site) -> Api<Pod> {
    Api::namespaced(site.cluster.client().clone(), &site.namespace)
}

/// A pod of an account, with one container, `main`.
fn pod(account: &str, labels: &Value) -> Value {
    json!({
        "metadata": { "generateName": "pod-", "labels": labels },
        "spec": { "serviceAccountName": account, "containers": [container("main")] },
    })
}

/// A pod that asks for workload identity.
pub(super) fn labelled(account: &str) -> Value {
    pod(account, &json!({ USE: "true" }))
}

fn container(name: &str) -> Value {
    json!({ "name": name, "image": "example.com/none" })
}

pub(super) async fn create(site: &Site, pod: &Value) -> Pod {
    let pod = serde_json::from_value(pod.clone()).unwrap();
    let options = PostParams::default();
    pods(site).create(&options, &pod).await.unwrap()
}

/// The pod that the cluster makes for a job of the account `flows`.
async fn pod_of_job(site: &Site, labels: &Value, pod_labels: &Value) -> Pod {
    let mut template = pod("flows", pod_labels);
    template["spec"]["restartPolicy"] = "Never".into();
    let job = json!({
        "metadata": { "name": "nightly", "labels": labels },
        "spec": { "template": template },
    });
    let job = serde_json::from_value(job).unwrap();
    let jobs: Api<Job> = Api::namespaced(site.cluster.client().clone(), &site.namespace);
    jobs.create(&PostParams::default(), &job).await.unwrap();
    let made = || async {
        let of_job = ListParams::default().labels("batch.kubernetes.io/job-name=nightly");
        pods(site).list(&of_job).await.unwrap().items
    };
    site.until(|| async { !made().await.is_empty() }).await;
    made().await.remove(0)
}

/// What a container is given to sign in with.
#[derive(Debug, PartialEq, Default)]
struct Given {
    client_id: Option<String>,
    tenant_id: Option<String>,
    authority: Option<String>,
    /// Whom its token is for.
    audience: Option<String>,
    /// How long its token lasts, in seconds.
    expiration: Option<i64>,
}

/// What a container of an identity is given.
fn as_identity(client_id: &str) -> Given {
    Given {
        client_id: Some(client_id.into()),
        tenant_id: Some(TENANT.into()),
        authority: Some("https://login.microsoftonline.com/".into()),
        audience: Some("api://AzureADTokenExchange".into()),
        expiration: Some(7200),
    }
}

fn given(pod: &Pod, name: &str) -> Given {
    let spec = pod.spec.as_ref().unwrap();
    let first = spec.init_containers.iter().flatten();
    let mut all = first.chain(&spec.containers);
    let container = all.find(|container| container.name == name).unwrap();
    let token = mounted_token(spec, container);
    // The path is the webhook's to choose; the variable has to name the file that is there.
    let file = token.as_ref().map(|(path, _)| path.clone());
    assert_eq!(variable(container, "AZURE_FEDERATED_TOKEN_FILE"), file);
    let token = token.map(|(_, token)| token);
    Given {
        client_id: variable(container, "AZURE_CLIENT_ID"),
        tenant_id: variable(container, "AZURE_TENANT_ID"),
        authority: variable(container, "AZURE_AUTHORITY_HOST"),
        audience: token.and_then(|token| token.audience.clone()),
        expiration: token.and_then(|token| token.expiration_seconds),
    }
}

fn assert_untouched(pod: &Pod) {
    assert_eq!(given(pod, "main"), Given::default());
    assert_eq!(tokens(pod.spec.as_ref().unwrap()).count(), 0);
}

fn variable(container: &Container, name: &str) -> Option<String> {
    let mut all = container.env.iter().flatten();
    all.find(|variable| variable.name == name)?.value.clone()
}

/// A pod's tokens with the names of their volumes, but for those that are meant for the API server itself.
fn tokens(spec: &PodSpec) -> impl Iterator<Item = (&str, &ServiceAccountTokenProjection)> {
    let volumes = spec.volumes.iter().flatten();
    let all = volumes.flat_map(|volume| {
        let projected = volume.projected.iter();
        let sources = projected.flat_map(|all| all.sources.iter().flatten());
        let tokens = sources.filter_map(|source| source.service_account_token.as_ref());
        tokens.map(|token| (volume.name.as_str(), token))
    });
    all.filter(|(_, token)| token.audience.is_some())
}

/// The one of them that a container has mounted, with its path there.
fn mounted_token<'a>(
    spec: &'a PodSpec,
    container: &Container,
) -> Option<(String, &'a ServiceAccountTokenProjection)> {
    let (volume, token) = tokens(spec).next()?;
    let mut mounts = container.volume_mounts.iter().flatten();
    let mount = mounts.find(|mount| mount.name == volume)?;
    Some((format!("{}/{}", mount.mount_path, token.path), token))
}
