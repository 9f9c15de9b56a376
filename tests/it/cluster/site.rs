//! A cluster to write to and others who write to it: one of the sandbox, or a real one.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_request;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use widctl::event::EventSink;
use widctl::kubernetes::client::{ClusterClient, Connector, PLUGIN_LIMIT};
use widctl::kubernetes::environment::Environment;
use widctl::kubernetes::testing::in_process;
use widctl::ports::read::SignedIn;
use widctl::sandbox;
use widctl::sandbox::{ClusterSpec, World};

use super::control_plane::{ControlPlane, control_plane};
use super::restricted;
use crate::kubernetes::machine::Tokens;
use crate::kubernetes::script::Kept;

/// The cluster `weu` and a namespace of the test's own.
pub(crate) struct Site {
    /// The cluster, as an administrator.
    pub(crate) cluster: ClusterClient,
    /// The test's own namespace.
    pub(crate) namespace: String,
    pub(super) ground: Ground,
    pub(super) kept: Arc<Kept>,
}

/// Where the cluster is.
pub(super) enum Ground {
    /// In this process.
    Sandbox(World),
    /// Elsewhere.
    Real(&'static ControlPlane),
}

impl Site {
    /// A cluster of the sandbox with the namespace `data`.
    pub(crate) fn sandbox() -> Self {
        let world = World::in_memory();
        world.grow_cluster(ClusterSpec { key: "weu".into(), ..ClusterSpec::default() });
        world.grow_namespace("weu", "data");
        let signed_in = map_request(|mut request: Request| async {
            let token = format!("Bearer {}", sandbox::STATIC_TOKEN);
            let token = HeaderValue::try_from(token).unwrap();
            request.headers_mut().insert(AUTHORIZATION, token);
            request
        });
        let router =
            axum::Router::new().fallback_service(sandbox::router(world.clone())).layer(signed_in);
        let server = "http://sandbox.test/clusters/weu".parse().unwrap();
        let client = in_process(server, router);
        let kept = Arc::new(Kept::default());
        let sink = Arc::clone(&kept) as Arc<dyn EventSink>;
        Self {
            cluster: ClusterClient::new("weu".into(), client, "the sandbox", sink),
            namespace: "data".into(),
            ground: Ground::Sandbox(world),
            kept,
        }
    }

    /// The real cluster with a new namespace; `None` where there is no cluster and none is required.
    pub(crate) async fn real() -> Option<Self> {
        Some(Self::on(control_plane()?).await)
    }

    /// This cluster with a new namespace.
    pub(super) async fn on(plane: &'static ControlPlane) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let kept = Arc::new(Kept::default());
        let cluster = connect(&plane.kubeconfig, &kept).await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let site = Self {
            cluster,
            namespace: format!("widctl-test-{}-{number}", std::process::id()),
            ground: Ground::Real(plane),
            kept,
        };
        let namespace = json!({ "metadata": { "name": site.namespace } });
        let namespace = serde_json::from_value(namespace).unwrap();
        let options = PostParams::default();
        let namespaces = site.namespaces();
        namespaces.create(&options, &namespace).await.unwrap();
        site
    }

    /// Cleans up behind a test that succeeded; what a failed one leaves can be looked at.
    pub(crate) async fn leave(self) {
        if let Ground::Real(_) = self.ground {
            let options = DeleteParams::default();
            let namespaces = self.namespaces();
            // A test may have deleted it itself.
            let _ = namespaces.delete(&self.namespace, &options).await;
        }
    }

    /// The sandbox's world.
    pub(crate) fn world(&self) -> &World {
        match &self.ground {
            Ground::Sandbox(world) => world,
            Ground::Real(_) => panic!("a real cluster has no world behind it"),
        }
    }

    /// The cluster as somebody who may do everything in the test's namespace but one verb on one resource.
    pub(crate) async fn without(&self, verb: &str, resource: &str) -> ClusterClient {
        match &self.ground {
            Ground::Sandbox(world) => {
                restricted::deny(world, verb, resource);
                self.cluster.clone()
            }
            Ground::Real(plane) => {
                restricted::allow_but(self, plane, verb, resource).await;
                connect(&plane.restricted_kubeconfig, &self.kept).await
            }
        }
    }

    /// The accounts of the test's namespace.
    pub(crate) fn accounts(&self) -> Api<ServiceAccount> {
        Api::namespaced(self.cluster.client().clone(), &self.namespace)
    }

    fn namespaces(&self) -> Api<Namespace> {
        Api::all(self.cluster.client().clone())
    }

    /// The account `flows` as it is, without what the server itself writes.
    pub(crate) async fn account(&self) -> Value {
        let account = self.accounts().get("flows").await.unwrap();
        let mut account = serde_json::to_value(account).unwrap();
        let metadata = account["metadata"].as_object_mut().unwrap();
        for own in ["managedFields", "resourceVersion", "uid", "creationTimestamp"] {
            metadata.remove(own);
        }
        account
    }

    /// Helm applies the account `flows` with these annotations besides its own.
    pub(crate) async fn helm(&self, annotations: &Value) {
        let mut account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {
                "name": "flows",
                "labels": { "app.kubernetes.io/managed-by": "Helm", "team": "data" },
                "annotations": { "meta.helm.sh/release-name": "flows" },
            },
            "imagePullSecrets": [{ "name": "registry" }],
            "automountServiceAccountToken": false,
        });
        for (name, value) in annotations.as_object().unwrap() {
            account["metadata"]["annotations"][name] = value.clone();
        }
        let options = PatchParams::apply("helm");
        self.accounts().patch("flows", &options, &Patch::Apply(account)).await.unwrap();
    }

    /// A person edits the annotations of the account `flows`.
    pub(crate) async fn edit(&self, annotations: &Value) {
        let options =
            PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
        let edit = json!({ "metadata": { "annotations": annotations } });
        self.accounts().patch("flows", &options, &Patch::Merge(edit)).await.unwrap();
    }

    /// Somebody deletes a namespace, and a finalizer holds it up.
    pub(crate) async fn terminate(&self, namespace: &str) {
        let held = json!({ "metadata": { "finalizers": ["example.com/slow"] } });
        self.patch_namespace(namespace, &held).await;
        self.delete_namespace(namespace).await;
    }

    /// Lets a namespace go that a finalizer held up.
    pub(crate) async fn let_go(&self, namespace: &str) {
        let free = json!({ "metadata": { "finalizers": null } });
        self.patch_namespace(namespace, &free).await;
    }

    async fn patch_namespace(&self, namespace: &str, patch: &Value) {
        let options = PatchParams::default();
        let patch = Patch::Merge(patch);
        let namespaces = self.namespaces();
        namespaces.patch(namespace, &options, &patch).await.unwrap();
    }

    async fn delete_namespace(&self, namespace: &str) {
        let deleted = DeleteParams::default();
        self.namespaces().delete(namespace, &deleted).await.unwrap();
    }

    /// Somebody makes an account with these labels.
    pub(crate) async fn make_account(&self, name: &str, labels: &Value) {
        let account = json!({ "metadata": { "name": name, "labels": labels } });
        let account = serde_json::from_value(account).unwrap();
        let options = PostParams::default();
        self.accounts().create(&options, &account).await.unwrap();
    }

    /// Somebody deletes an account.
    pub(crate) async fn remove_account(&self, name: &str) {
        let options = DeleteParams::default();
        self.accounts().delete(name, &options).await.unwrap();
    }

    /// Somebody deletes the test's namespace.
    pub(crate) async fn remove_namespace(&self) {
        self.delete_namespace(&self.namespace).await;
    }

    /// Whether the test's namespace is gone.
    pub(crate) async fn is_gone(&self) -> bool {
        let namespace = self.namespaces();
        namespace.get_opt(&self.namespace).await.unwrap().is_none()
    }

    /// Waits until something holds; a real cluster's controllers take a moment.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, holds: impl Fn() -> F) {
        for _ in 0..300 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it did not come about within 30 s");
    }
}

/// Connects to `weu` by the current context of a kubeconfig, as a command does.
#[expect(clippy::disallowed_methods, reason = "the real cluster's certificates are of now")]
pub(super) async fn connect(kubeconfig: &Path, kept: &Arc<Kept>) -> ClusterClient {
    let read = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
    let connector = Connector {
        environment: Environment {
            kubeconfig: Some(kubeconfig.into()),
            home: None,
            https_proxy: None,
            no_proxy: None,
            now: Timestamp::now,
        },
        token: Arc::new(Tokens::default()),
        signed_in: SignedIn {
            tenant: "5a0db0c5-0000-4000-8000-0000000007e2".parse().unwrap(),
            object_id: None,
            principal: "ada".into(),
            method: "azure-cli".into(),
        },
        told: Mutex::default(),
        plugin_limit: PLUGIN_LIMIT,
        attempt_limit: Duration::from_mins(1),
        seed: 1,
        local_cloud: true,
        sink: Arc::clone(kept) as Arc<dyn EventSink>,
    };
    let context = read.current_context.unwrap();
    connector.by_context(&"weu".into(), &context, None).await.unwrap()
}
