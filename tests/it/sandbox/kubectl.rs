//! The real `kubectl` against the sandbox on a socket.

use std::io;
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::oneshot;
use url::Url;
use widctl::sandbox;
use widctl::sandbox::World;

use super::support::fill;

struct Kubectl {
    folder: TempDir,
    _stop: oneshot::Sender<()>,
}

impl Kubectl {
    /// Serves the usual world; `None` with a line on stderr where there is no `kubectl`.
    #[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
    async fn start() -> Option<Self> {
        let world = World::in_memory();
        fill(&world);
        world.grow_service_account("weu", "data-eng", "worker");
        let kubectl = Self::on(&world).await;
        if kubectl.is_none() {
            eprintln!("skipped: there is no kubectl on the path");
        }
        kubectl
    }

    /// Serves a world; `None` where there is no `kubectl`.
    async fn on(world: &World) -> Option<Self> {
        let probe = Command::new("kubectl")
            .args(["version", "--client"])
            .output()
            .await;
        if probe.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        tokio::spawn(sandbox::serve(world.clone(), listener, shutdown));
        let base = Url::parse(&format!("http://{address}")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("config"),
            sandbox::kubeconfig_for_kubectl(world, &base),
        )
        .unwrap();
        Some(Self {
            folder,
            _stop: stop,
        })
    }

    /// Runs it with a command line and an input; its output, or what it complained about.
    async fn run(&self, line: &str, input: &str) -> Result<String, String> {
        let mut child = Command::new("kubectl")
            .args(line.split(' '))
            .env("KUBECONFIG", self.folder.path().join("config"))
            .env("KUBECACHEDIR", self.folder.path().join("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .await
            .unwrap();
        let done = child.wait_with_output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        if done.status.success() {
            Ok(text(done.stdout))
        } else {
            Err(text(done.stderr))
        }
    }

    /// The same for a command that has to succeed.
    async fn succeeds(&self, line: &str, input: &str) -> String {
        let done = self.run(line, input).await;
        done.unwrap_or_else(|error| panic!("kubectl {line}: {error}"))
    }
}

/// The words of each line, so that column widths do not matter.
fn words(output: &str) -> Vec<Vec<&str>> {
    output
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect()
}

const CONFIG: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: b}
";

const ROLE: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: runner, namespace: data-eng}
rules:
- {apiGroups: [''], resources: [pods], verbs: [get, list]}
";

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_lists_what_is_there() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    let contexts = kubectl.succeeds("config get-contexts -o name", "").await;
    assert_eq!(words(&contexts), [["onprem-admin"], ["weu"]]);
    let accounts = kubectl.succeeds("--context weu get sa -A", "").await;
    let accounts = words(&accounts);
    assert_eq!(accounts[0], ["NAMESPACE", "NAME", "SECRETS", "AGE"]);
    assert!(
        accounts
            .iter()
            .any(|row| row.starts_with(&["data-eng", "worker", "0"])),
        "{accounts:?}"
    );
    let namespaces = kubectl.succeeds("--context onprem-admin get ns", "").await;
    assert_eq!(words(&namespaces)[0], ["NAME", "STATUS", "AGE"]);
    assert!(
        namespaces.contains("azure-workload-identity-system"),
        "{namespaces}"
    );
    let version = kubectl.succeeds("--context weu version", "").await;
    assert!(version.contains("Server Version: v1.33.2"), "{version}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_applies_creates_edits_and_deletes() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl
        .succeeds("--context weu apply --server-side -f -", ROLE)
        .await;
    let line =
        "create rolebinding runner -n data-eng --role=runner --serviceaccount=data-eng:worker";
    kubectl.succeeds(&format!("--context weu {line}"), "").await;
    let bindings = kubectl
        .succeeds("--context weu get rolebindings -n data-eng -o wide", "")
        .await;
    assert_eq!(words(&bindings)[1][..2], ["runner", "Role/runner"]);
    assert!(bindings.contains("data-eng/worker"), "{bindings}");
    let line = "annotate sa worker -n data-eng azure.workload.identity/client-id=x";
    kubectl.succeeds(&format!("--context weu {line}"), "").await;
    let line = "get sa worker -n data-eng -o jsonpath={.metadata.annotations}";
    let annotations = kubectl.succeeds(&format!("--context weu {line}"), "").await;
    assert_eq!(annotations, r#"{"azure.workload.identity/client-id":"x"}"#);
    let line = "--context weu delete role runner -n data-eng --wait=false";
    kubectl.succeeds(line, "").await;
    let roles = kubectl
        .succeeds("--context weu get roles -n data-eng -o name", "")
        .await;
    assert_eq!(roles, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_creates_labels_patches_and_describes() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    for line in [
        "create serviceaccount fresh -n data-eng",
        "create role reader -n data-eng --verb=get,list --resource=pods,deployments.apps",
        "create configmap settings -n data-eng --from-literal=a=b",
        "label sa fresh -n data-eng by=hand",
        r#"patch sa fresh -n data-eng -p {"metadata":{"annotations":{"note":"x"}}}"#,
    ] {
        kubectl.succeeds(&format!("--context weu {line}"), "").await;
    }
    let line = "get role,cm -n data-eng -o jsonpath={.items[*].rules}{.items[*].data}";
    let made = kubectl.succeeds(&format!("--context weu {line}"), "").await;
    assert!(
        made.contains(r#""resources":["deployments"],"verbs":["get","list"]"#),
        "{made}"
    );
    assert!(made.ends_with(r#"{"a":"b"}"#), "{made}");
    let shown = kubectl
        .succeeds("--context weu describe sa fresh -n data-eng", "")
        .await;
    assert!(
        shown.contains("by=hand") && shown.contains("note: x"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_makes_namespaces_and_tokens_and_asks_for_permission() {
    let Some(kubectl) = Kubectl::start().await else {
        return;
    };
    kubectl
        .succeeds("--context weu create namespace fresh", "")
        .await;
    kubectl
        .succeeds("--context weu apply -n fresh -f -", CONFIG)
        .await;
    kubectl
        .succeeds("--context weu delete namespace fresh --wait=false", "")
        .await;
    let gone = kubectl
        .run("--context weu get cm settings -n fresh", "")
        .await;
    assert!(gone.unwrap_err().contains("(NotFound)"));
    let token = kubectl
        .succeeds("--context weu create token worker -n data-eng", "")
        .await;
    assert_eq!(token.split('.').count(), 3);
    let answer = kubectl
        .succeeds("--context weu auth can-i create serviceaccounts", "")
        .await;
    assert_eq!(answer.trim(), "yes");
}
