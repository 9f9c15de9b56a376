//! Argo's own controller makes the pods of the same workflows. It takes minutes to build, so this is for those who ask
//! for it: `just test-argo`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use serde_json::{Value, json};

use super::overrides::{Override, pod_of, table, workflow};
use super::{Argo, USE, changed, object};
use crate::cluster::definitions::{ARGO, define, module, plane_with_webhook, version};

/// Set to 1 where the controller is to be built and run.
const REQUIRED: &str = "WIDCTL_REQUIRE_ARGO";
/// The kinds that the controller needs besides.
const MORE: [&str; 5] = [
    "clusterworkflowtemplates",
    "workflowartifactgctasks",
    "workfloweventbindings",
    "workflows",
    "workflowtasksets",
];

/// Builds the controller of the version that the definitions are of; `None` where nobody asked for it.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
#[expect(clippy::disallowed_methods, reason = "the switch of the tests is the environment's")]
fn built() -> Option<PathBuf> {
    if env::var_os(REQUIRED).is_none_or(|set| set != "1") {
        eprintln!("skipped: Argo's controller is run where {REQUIRED} is 1");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("argo");
    fs::create_dir_all(&folder).unwrap();
    let package = format!("{ARGO}/cmd/workflow-controller@{}", version(ARGO)?);
    let done = Command::new("go").args(["install", &package]).env("GOBIN", &folder).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(folder.join("workflow-controller"))
}

/// The running controller of one namespace, which ends with this value.
struct Controller(Child);

impl Controller {
    fn start(program: &Path, argo: &Argo) -> Self {
        let log = File::create(program.with_extension("log")).unwrap();
        let namespace = argo.site.namespace.as_str();
        let child = Command::new(program)
            .args([
                "--namespaced",
                "--namespace",
                namespace,
                "--executor-image",
                "example.com/none",
            ])
            .arg("--kubeconfig")
            .arg(&argo.plane.kubeconfig)
            .env("LEADER_ELECTION_DISABLE", "true")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the controller came to with a workflow: its pod, or why there is none.
async fn outcome(argo: &Argo, name: &str) -> Result<Value, String> {
    let looked = || {
        let pods = argo.get(&format!("pods --selector workflows.argoproj.io/workflow={name}"));
        let pod = pods["items"][0].clone();
        if pod.is_object() {
            return Some(Ok(pod));
        }
        let status = &argo.get(&format!("workflow/{name}"))["status"];
        let nodes = status["nodes"].as_object().into_iter().flatten().map(|(_, node)| node);
        let messages = [status].into_iter().chain(nodes).filter_map(|of| of["message"].as_str());
        messages.max_by_key(|message| message.len()).map(|message| Err(message.to_owned()))
    };
    argo.site.until(async || looked().is_some()).await;
    looked().unwrap()
}

/// What of a pod decides whom it signs in as.
fn facts(pod: &Value) -> Value {
    let containers = pod["spec"]["containers"].as_array().unwrap();
    let main = containers.iter().find(|container| container["name"] == "main").unwrap();
    let variables = main["env"].as_array().into_iter().flatten();
    let of_azure =
        |variable: &&Value| variable["name"].as_str().is_some_and(|name| name.starts_with("AZURE"));
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let sources = volumes.filter_map(|volume| volume["projected"]["sources"].as_array());
    let audiences = sources.flatten().map(|source| &source["serviceAccountToken"]["audience"]);
    let binding = "azure.workload.identity/use-identity-binding";
    json!({
        "account": pod["spec"]["serviceAccountName"],
        "label": pod["metadata"]["labels"][USE],
        "binding": pod["metadata"]["annotations"][binding],
        "variables": variables.filter(of_azure).collect::<Vec<_>>(),
        "audiences": audiences.filter(|audience| audience.is_string()).collect::<Vec<_>>(),
    })
}

#[tokio::test]
#[ignore = "needs Argo's controller: just test-argo"]
async fn argos_own_controller_makes_these_pods_and_says_why_one_is_refused() {
    let Some(program) = built() else { return };
    let Some(plane) = plane_with_webhook() else { return };
    let argo = Argo::on(plane).await;
    for kind in MORE {
        let file = format!("manifests/base/crds/full/argoproj.io_{kind}.yaml");
        define(argo.plane, &module(ARGO).unwrap().join(file));
    }
    let namespace = &argo.site.namespace;
    argo.run(&format!("create configmap workflow-controller-configmap --namespace {namespace}"));
    let _running = Controller::start(&program, &argo);

    for (number, Override { name, spec, .. }) in table(namespace).into_iter().enumerate() {
        let workflow = format!("open-{number}");
        argo.make(&object("Workflow", &workflow, &spec));
        let pod = outcome(&argo, &workflow).await.unwrap();
        let ours = argo.admitted(&pod_of(&spec)).await.unwrap();
        assert_eq!(facts(&pod), facts(&ours), "{name}");
    }
    argo.fence().await;
    for (number, Override { name, spec, says }) in table(namespace).into_iter().enumerate() {
        let workflow = format!("fenced-{number}");
        argo.make(&object("Workflow", &workflow, &spec));
        match outcome(&argo, &workflow).await {
            Ok(_) => assert_eq!(says, "", "{name}"),
            Err(said) => assert!(!says.is_empty() && said.contains(&says), "{name}: {said}"),
        }
    }

    // What a workflow leaves out is the controller's to give.
    argo.apply("weu.workflowDefaults.configmap.json", "");
    let bare = json!({ "serviceAccountName": null, "podMetadata": null });
    let bare = changed(workflow(), &bare);
    let mut given = Err(String::new());
    // The controller looks at its settings again a moment after they change.
    for number in 0..20 {
        let workflow = format!("bare-{number}");
        argo.make(&object("Workflow", &workflow, &bare));
        given = outcome(&argo, &workflow).await;
        if given.is_ok() {
            break;
        }
    }
    assert_eq!(facts(&given.unwrap())["account"], "flows");

    argo.unfence();
    argo.apply("weu.workflowRestrictions.configmap.json", "");
    argo.make(&object("WorkflowTemplate", "etl", &workflow()));
    let reference = json!({ "workflowTemplateRef": { "name": "etl" } });
    for (number, own) in [
        json!({ "serviceAccountName": "worker" }),
        json!({ "podMetadata": { "labels": { USE: "false" } } }),
        json!({ "podSpecPatch": "{}" }),
    ]
    .iter()
    .enumerate()
    {
        let mut said = Ok(Value::Null);
        for attempt in 0..20 {
            let workflow = format!("strict-{number}-{attempt}");
            argo.make(&object("Workflow", &workflow, &changed(reference.clone(), own)));
            said = outcome(&argo, &workflow).await;
            if said.is_err() {
                break;
            }
        }
        let said = said.unwrap_err();
        assert!(said.contains("not permitted"), "{own}: {said}");
    }
    argo.make(&object("Workflow", "by-reference", &reference));
    assert_eq!(facts(&outcome(&argo, "by-reference").await.unwrap())["account"], "flows");
    argo.site.leave().await;
}
