//! Argo Workflows' own definitions on a real API server: what is rendered is taken strictly and lands where docs/argo.md
//! says, and what a workflow sets itself is refused at its pods where that does not fit the profile.
//!
//! The pods are made here, by the rules of the controller's code; [`controller`] has Argo's own controller make them.
//! <https://github.com/argoproj/argo-workflows/blob/v4.0.5/workflow/controller/workflowpod.go>

mod controller;
mod overrides;

use std::fs;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use tempfile::TempDir;
use widctl::command::rehearsal::assumptions::grow;
use widctl::render::{Document, Given, TARGETS};
use widctl::sandbox::World;

use self::overrides::{Override, pod_of, workflow};
use super::admission::table::changed;
use super::control_plane::ControlPlane;
use super::definitions::{plane, plane_with_webhook};
use super::site::Site;
use super::verify::{over, text};
use crate::verify::process::{Process, failed, profile};

const USE: &str = "azure.workload.identity/use";

/// A synced team whose workflows run as `flows`, and what is rendered for it.
struct Argo {
    site: Site,
    plane: &'static ControlPlane,
    process: Process,
    documents: Vec<Document>,
    folder: TempDir,
}

impl Argo {
    /// `None` where there is no cluster and none is required.
    async fn new() -> Option<Self> {
        Some(Self::on(plane()?).await)
    }

    async fn on(plane: &'static ControlPlane) -> Self {
        let site = Site::on(plane).await;
        let (none, executor) = ("\"flows\"\n", "\"flows\"\npreset = \"argo-executor\"\n");
        let text = text(&site).await;
        assert!(text.contains(none));
        let profile = profile(&text.replace(none, executor));
        let world = World::in_memory();
        grow(&world, &profile);
        let process = over(&site, &site.cluster, &profile, &world).await;
        process.sync().await;
        let given = Given::new(&profile);
        let targets = TARGETS.iter().filter(|target| ["argo", "admission"].contains(&target.name));
        let documents = targets.flat_map(|target| target.render(&given).unwrap()).collect();
        Self { site, plane, process, documents, folder: TempDir::new().unwrap() }
    }

    /// A rendered document, by the end of its name.
    fn document(&self, end: &str) -> &Document {
        self.documents.iter().find(|document| document.name.ends_with(end)).unwrap()
    }

    fn kubectl(&self, line: &str) -> (i32, String) {
        self.plane.kubectl(self.folder.path(), &line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs a command line that has to succeed.
    fn run(&self, line: &str) -> String {
        let (code, said) = self.kubectl(line);
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    /// Writes a file, and answers its name.
    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.folder.path().join(name), text).unwrap();
        name.to_owned()
    }

    /// The command beside a document, for an object of this name, with this text in the document's file. A field that
    /// no definition knows is a warning, and here a warning is an error.
    fn command(&self, document: &Document, name: &str, text: &str) -> String {
        let kubeconfig = kube::config::Kubeconfig::read_from(&self.plane.kubeconfig).unwrap();
        let file = self.file(&document.name, text);
        let printed = &document.next[0][document.next[0].find("kubectl ").unwrap()..];
        let command = printed.split(", on cluster").next().unwrap();
        let command = command.strip_prefix("kubectl ").unwrap();
        let command = command
            .replace("CONTEXT", &kubeconfig.current_context.unwrap())
            .replace("NAME", name)
            .replace("FILE", &file)
            .replace("--namespace argo ", &format!("--namespace {} ", self.site.namespace));
        format!("{command} --warnings-as-errors")
    }

    /// Runs the command beside a document as it is printed.
    fn apply(&self, document: &str, name: &str) {
        let document = self.document(document);
        self.run(&self.command(document, name, &document.text));
    }

    /// Makes an object in the site's namespace; a field that its kind does not know is an error.
    fn make(&self, object: &Value) {
        let file = self.file("object.json", &object.to_string());
        self.run(&format!(
            "create --validate=strict --namespace {} -f {file}",
            self.site.namespace
        ));
    }

    fn get(&self, object: &str) -> Value {
        let namespace = &self.site.namespace;
        let found = self.run(&format!("get {object} --namespace {namespace} --output json"));
        serde_json::from_str(&found).unwrap()
    }

    /// The codes of the checks that fail.
    async fn failures(&self) -> Vec<&'static str> {
        failed(&self.process.verify(true, Duration::ZERO).await.results)
    }

    /// Puts the rendered policies in force.
    async fn fence(&self) {
        self.apply("weu.data.json", "");
        // They take a moment, the second one maybe longer than the first.
        for wrong in [json!({ "serviceAccountName": "default" }), json!({ "podMetadata": null })] {
            let pod = pod_of(&changed(workflow(), &wrong));
            self.site.until(async || self.admitted(&pod).await.is_err()).await;
        }
    }

    fn unfence(&self) {
        self.run(&format!("delete -f {}", self.document("weu.data.json").name));
    }

    /// What the API server makes of a pod that is not kept.
    async fn admitted(&self, pod: &Value) -> Result<Value, String> {
        let pods: Api<Pod> =
            Api::namespaced(self.site.cluster.client().clone(), &self.site.namespace);
        let options = PostParams { dry_run: true, ..PostParams::default() };
        match pods.create(&options, &serde_json::from_value(pod.clone()).unwrap()).await {
            Ok(pod) => Ok(serde_json::to_value(pod).unwrap()),
            Err(kube::Error::Api(status)) => Err(status.message),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A workflow like this one, or what makes them.
fn object(kind: &str, name: &str, workflow: &Value) -> Value {
    let spec = match kind {
        "CronWorkflow" => json!({ "schedules": ["0 3 * * *"], "workflowSpec": workflow }),
        _ => workflow.clone(),
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": { "name": name },
        "spec": spec,
    })
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn patches_of_what_makes_workflows_are_taken_strictly_and_verify_finds_what_they_fix() {
    let Some(plane) = plane_with_webhook() else { return };
    let argo = Argo::on(plane).await;
    assert_eq!(argo.failures().await, [""; 0]);
    let own = json!({ "podMetadata": { "labels": { USE: null, "own": "x" } } });
    let unlabelled = changed(workflow(), &own);
    let nobodys = changed(workflow(), &json!({ "serviceAccountName": null }));
    for (kind, made, document, base) in [
        ("WorkflowTemplate", "workflowtemplate/etl", "workflow-template.json", "/spec"),
        ("CronWorkflow", "cronworkflow/etl", "cron-workflow.json", "/spec/workflowSpec"),
    ] {
        for (wrong, code) in [(&unlabelled, "WID-V-POD-LABEL"), (&nobodys, "WID-V-POD-ACCOUNT")] {
            argo.make(&object(kind, "etl", wrong));
            assert_eq!(argo.failures().await, [code], "{kind}");
            argo.apply(document, "etl");
            assert_eq!(argo.failures().await, [""; 0], "{kind}");

            let expected = changed(
                wrong.clone(),
                &json!({
                    "serviceAccountName": "flows", "podMetadata": { "labels": { USE: "true" } },
                }),
            );
            assert_eq!(argo.get(made).pointer(base), Some(&expected), "{kind}");
            argo.run(&format!("delete {made} --namespace {}", argo.site.namespace));
        }
        // The definitions know every field, or the above says little.
        argo.make(&object(kind, "etl", &workflow()));
        let patch = argo.document(document);
        let misspelt = patch.text.replace("podMetadata", "podMetaData");
        let (code, said) = argo.kubectl(&argo.command(patch, "etl", &misspelt));
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("unknown field \"spec.") && said.contains("podMetaData\""), "{said}");
        argo.run(&format!("delete {made} --namespace {}", argo.site.namespace));
    }
    argo.site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn the_executor_reports_and_the_controllers_settings_are_patched() {
    let Some(argo) = Argo::new().await else { return };
    let namespace = &argo.site.namespace;
    let result = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTaskResult",
        "metadata": { "name": "etl", "labels": { "workflows.argoproj.io/workflow": "etl" } },
        "outputs": { "exitCode": "0" }, "phase": "Succeeded",
    });
    let file = argo.file("result.json", &result.to_string());
    let executor = format!("--namespace {namespace} --as system:serviceaccount:{namespace}:flows");
    argo.run(&format!("create --validate=strict -f {file} {executor}"));
    let (code, said) = argo.kubectl(&format!("get workflowtaskresult/etl {executor}"));
    assert!(code == 1 && said.contains("cannot get resource \"workflowtaskresults\""), "{said}");

    argo.run(&format!("create configmap workflow-controller-configmap --namespace {namespace}"));
    for key in ["workflowDefaults", "workflowRestrictions"] {
        argo.apply(&format!("weu.{key}.configmap.json"), "");
    }
    let data = &argo.get("configmap/workflow-controller-configmap")["data"];
    let read = |key: &str| -> Value { serde_json::from_str(data[key].as_str().unwrap()).unwrap() };
    let spec = json!({
        "serviceAccountName": "flows", "podMetadata": { "labels": { USE: "true" } },
    });
    assert_eq!(read("workflowDefaults"), json!({ "spec": spec }));
    assert_eq!(read("workflowRestrictions"), json!({ "templateReferencing": "Strict" }));
    argo.site.leave().await;
}

#[tokio::test]
#[ignore = "needs an API server: just test-cluster"]
async fn what_a_workflow_sets_itself_is_refused_at_its_pods() {
    let Some(argo) = Argo::new().await else { return };
    for Override { spec, .. } in overrides::table(&argo.site.namespace) {
        argo.admitted(&pod_of(&spec)).await.unwrap();
    }
    argo.fence().await;
    for Override { name, spec, says } in overrides::table(&argo.site.namespace) {
        argo.make(&object("WorkflowTemplate", "etl", &spec));
        argo.run(&format!("delete workflowtemplate/etl --namespace {}", argo.site.namespace));
        let said = argo.admitted(&pod_of(&spec)).await;
        match said {
            Ok(_) => assert_eq!(says, "", "{name}"),
            Err(said) => {
                assert!(!says.is_empty(), "{name}: {said}");
                assert!(said.ends_with(&format!(" denied request: {says}")), "{name}: {said}");
            }
        }
    }
    argo.unfence();
    argo.site.leave().await;
}
