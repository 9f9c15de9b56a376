//! A cluster of the sandbox in process, and others who write to it.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_request;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::DeleteParams;
use kube::api::Patch;
use kube::api::PatchParams;
use serde_json::Value;
use serde_json::json;
use widctl::kubernetes::client::ClusterClient;
use widctl::kubernetes::client::in_process;
use widctl::sandbox;
use widctl::sandbox::ClusterSpec;
use widctl::sandbox::Denied;
use widctl::sandbox::Faults;
use widctl::sandbox::World;

use super::script::Kept;

/// The cluster `weu` with the namespace `data`.
pub(super) struct Estate {
    pub(super) world: World,
    pub(super) cluster: ClusterClient,
}

impl Estate {
    pub(super) fn new() -> Self {
        let world = World::in_memory();
        world.grow_cluster(ClusterSpec {
            key: "weu".into(),
            ..ClusterSpec::default()
        });
        world.grow_namespace("weu", "data");
        let signed_in = map_request(|mut request: Request| async {
            let token = format!("Bearer {}", sandbox::STATIC_TOKEN);
            let token = HeaderValue::try_from(token).unwrap();
            request.headers_mut().insert(AUTHORIZATION, token);
            request
        });
        let router = axum::Router::new()
            .fallback_service(sandbox::router(world.clone()))
            .layer(signed_in);
        let server = "http://sandbox.test/clusters/weu".parse().unwrap();
        let client = in_process(server, router);
        let sink = Arc::new(Kept::default());
        let cluster = ClusterClient::new("weu".into(), client, "the sandbox", sink);
        Self { world, cluster }
    }

    fn accounts(&self) -> Api<ServiceAccount> {
        Api::namespaced(self.cluster.client().clone(), "data")
    }

    /// The account `flows` as it is, without what the server itself writes.
    pub(super) async fn account(&self) -> Value {
        let account = self.accounts().get("flows").await.unwrap();
        let mut account = serde_json::to_value(account).unwrap();
        let metadata = account["metadata"].as_object_mut().unwrap();
        for own in [
            "managedFields",
            "resourceVersion",
            "uid",
            "creationTimestamp",
        ] {
            metadata.remove(own);
        }
        account
    }

    /// Helm applies the account `flows` with these annotations besides its own.
    pub(super) async fn helm(&self, annotations: &Value) {
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
        self.accounts()
            .patch("flows", &options, &Patch::Apply(account))
            .await
            .unwrap();
    }

    /// A person edits the annotations of the account `flows`.
    pub(super) async fn edit(&self, annotations: &Value) {
        let options = PatchParams {
            field_manager: Some("kubectl-edit".into()),
            ..PatchParams::default()
        };
        let edit = json!({ "metadata": { "annotations": annotations } });
        self.accounts()
            .patch("flows", &options, &Patch::Merge(edit))
            .await
            .unwrap();
    }

    /// Somebody deletes a namespace, and a finalizer holds it up.
    pub(super) async fn terminate(&self, namespace: &str) {
        let namespaces: Api<Namespace> = Api::all(self.cluster.client().clone());
        let held = json!({ "metadata": { "finalizers": ["example.com/slow"] } });
        let options = PatchParams::default();
        namespaces
            .patch(namespace, &options, &Patch::Merge(held))
            .await
            .unwrap();
        namespaces
            .delete(namespace, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Denies a verb on a resource.
    pub(super) fn deny(&self, verb: &str, resource: &str) {
        self.world.set_faults(Faults {
            denied: vec![Denied {
                verb: Some(verb.into()),
                resource: Some(resource.into()),
                ..Denied::default()
            }],
            ..Faults::default()
        });
    }

    /// The requests that wrote, `PATCH /path`.
    pub(super) fn writes(&self) -> Vec<String> {
        let requests = self.world.requests().into_iter();
        let writes = requests.filter(|request| request.method != "GET");
        writes
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }
}
