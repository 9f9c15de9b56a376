//! Prefect's own worker, signed in as the preset's account alone, starts a flow run from a rendered template: its pod
//! is given a token by the real webhook.

use std::fs;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, PostParams};
use kube::config::Kubeconfig;
use serde_json::json;
use widctl::command::rehearsal::assumptions::grow;
use widctl::render::{Given, TARGETS};
use widctl::sandbox::World;

use super::site::{Ground, Site};
use super::tools::Program;
use super::verify::{over, text};
use super::webhook;
use crate::render::prefect::{FOLDER, python};
use crate::verify::process::profile;

/// How many seconds a worker may take from its start to a pod, on a machine that has much else to do.
const PATIENCE: usize = 120;

/// A kubeconfig whose only credential is a token of the account.
async fn kubeconfig_of(site: &Site, account: &str) -> String {
    let Ground::Real(plane) = &site.ground else {
        unreachable!("the site is real");
    };
    let request: TokenRequest =
        serde_json::from_value(json!({ "spec": { "audiences": [] } })).unwrap();
    let options = PostParams::default();
    let token = site.accounts().create_token_request(account, &options, &request).await;
    let token = token.unwrap().status.unwrap().token;
    let mut kubeconfig = Kubeconfig::read_from(&plane.kubeconfig).unwrap();
    for user in &mut kubeconfig.auth_infos {
        let signed_in = serde_json::from_value(json!({ "token": token })).unwrap();
        user.auth_info = Some(signed_in);
    }
    serde_json::to_string(&kubeconfig).unwrap()
}

#[tokio::test]
#[ignore = "needs an API server and Prefect: just test-cluster"]
async fn a_worker_with_the_presets_role_starts_pods_that_are_given_their_token() {
    let Some(site) = webhook::site().await else { return };
    let pythons: Option<Vec<_>> = ["0.8.0", "0.5.10"].into_iter().map(python).collect();
    let Some(pythons) = pythons else { return };
    let preset = "service_account = \"flows\"\npreset = \"prefect-flow\"\n";
    let profile = profile(&text(&site).await.replace("service_account = \"flows\"\n", preset));
    let world = World::in_memory();
    grow(&world, &profile);
    let process = over(&site, &site.cluster, &profile, &world).await;
    process.sync().await;

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let given = Given::new(&profile);
    let target = TARGETS.iter().find(|target| target.name == "prefect").unwrap();
    let [document] = &target.render(&given).unwrap()[..] else { panic!("one account") };
    let template = file("template.json", &document.text);
    let kubeconfig = file("kubeconfig", &kubeconfig_of(&site, "worker").await);
    let script = Path::new(FOLDER).join("worker.py");
    for (count, python) in pythons.iter().enumerate() {
        let arguments = [script.to_str().unwrap(), &template, &kubeconfig, &site.namespace];
        let _running = Program::start(python, &arguments);
        let pods: Api<Pod> = Api::namespaced(site.cluster.client().clone(), &site.namespace);
        // Before prefect-kubernetes 0.6 the pods have no label of Prefect's.
        let labelled = ListParams::default().labels("azure.workload.identity/use=true");
        let made = async || pods.list(&labelled).await.unwrap().items;
        for _ in 0..PATIENCE {
            if made().await.len() > count {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(
            made().await.len(),
            count + 1,
            "no pod: see {}",
            python.with_extension("log").display()
        );
        for pod in made().await {
            let spec = pod.spec.unwrap();
            assert_eq!(spec.service_account_name.as_deref(), Some("flows"));
            let environment = spec.containers[0].env.iter().flatten();
            let names: Vec<&str> = environment.map(|variable| variable.name.as_str()).collect();
            for name in ["AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"] {
                assert!(names.contains(&name), "{name}: {names:?}");
            }
        }
        let verified = process.verify(true, Duration::ZERO).await;
        assert!(verified.results.tally().is_green(), "{:#?}", verified.results);
        // The worker asks for nothing that its Role does not give.
        let said = fs::read_to_string(python.with_extension("log")).unwrap();
        assert!(!said.contains("orbidden"), "{said}");
    }
    site.leave().await;
}
