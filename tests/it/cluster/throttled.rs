//! Callers who are told to come back in a second.
//!
//! A real API server does that to the requests of a priority level whose seats are taken.
//! <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/>

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::flowcontrol::v1::{FlowSchema, PriorityLevelConfiguration};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use widctl::kubernetes::client::ClusterClient;
use widctl::sandbox;
use widctl::sandbox::{Effect, FaultRule, Faults, ScriptedAnswer};

use super::cluster_wide::{make, remove};
use super::control_plane::ControlPlane;
use super::restricted::{VERBS, allow};
use super::site::{Ground, Site, connect};

/// A caller whose writes to service accounts are throttled until that is lifted.
pub(super) struct Throttled<'a> {
    /// The caller's client.
    pub(super) cluster: ClusterClient,
    site: &'a Site,
    seat: Option<Seat>,
}

impl<'a> Throttled<'a> {
    /// Throttles.
    pub(super) async fn new(site: &'a Site) -> Self {
        let (cluster, seat) = match &site.ground {
            Ground::Sandbox(world) => {
                world.set_faults(told_to_wait());
                (site.cluster.clone(), None)
            }
            Ground::Real(plane) => {
                let all = json!([{
                    "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": VERBS,
                }]);
                allow(site, plane, &all).await;
                let cluster = connect(&plane.restricted_kubeconfig, &site.kept).await;
                let seat = Seat::take(site, plane, &cluster).await;
                (cluster, Some(seat))
            }
        };
        Self { cluster, site, seat }
    }

    /// Lets them through again.
    pub(super) async fn lift(self) {
        match (&self.site.ground, self.seat) {
            (Ground::Sandbox(world), _) => world.set_faults(Faults::default()),
            (Ground::Real(_), seat) => seat.unwrap().free(self.site).await,
        }
    }
}

fn told_to_wait() -> Faults {
    let answer = ScriptedAnswer {
        status: 429,
        code: "TooManyRequests".into(),
        message: "Too many requests, please try again later.".into(),
        retry_after: Some(1),
    };
    Faults {
        rules: vec![FaultRule {
            api: Some(sandbox::Api::Kubernetes),
            method: Some("PATCH".into()),
            path: None,
            skip: 0,
            every: None,
            times: None,
            effect: Effect::Answer(answer),
        }],
        ..Faults::default()
    }
}

/// The one seat of a priority level, taken by a request that a webhook holds up.
struct Seat {
    webhook: JoinHandle<()>,
    request: JoinHandle<()>,
}

impl Seat {
    async fn take(site: &Site, plane: &ControlPlane, cluster: &ClusterClient) -> Self {
        let webhook = silent_webhook(site).await;
        one_seat(site, plane).await;
        let accounts: Api<ServiceAccount> =
            Api::namespaced(cluster.client().clone(), &site.namespace);
        // Either configuration takes a moment to be in force; until then the request just succeeds.
        loop {
            let taker = accounts.clone();
            let request = tokio::spawn(async move {
                let held = account(&json!({ "name": "seat", "labels": { "held": "up" } }));
                let options = PatchParams::apply("seat").dry_run();
                let _ = taker.patch("seat", &options, &held).await;
            });
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            let options = PatchParams::apply("probe").dry_run();
            let probe = account(&json!({ "name": "probe" }));
            let answer = accounts.patch("probe", &options, &probe).await;
            if matches!(answer, Err(kube::Error::Api(status)) if status.code == 429) {
                return Self { webhook, request };
            }
            request.abort();
        }
    }

    async fn free(self, site: &Site) {
        self.webhook.abort();
        self.request.abort();
        let client = site.cluster.client();
        remove::<FlowSchema>(client, &site.namespace).await;
        remove::<PriorityLevelConfiguration>(client, &site.namespace).await;
        remove::<MutatingWebhookConfiguration>(client, &site.namespace).await;
    }
}

fn account(metadata: &Value) -> Patch<Value> {
    Patch::Apply(json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }))
}

/// A webhook that takes the connections of the API server and never answers, for accounts with a label.
async fn silent_webhook(site: &Site) -> JoinHandle<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let configuration = json!({
        "metadata": { "name": site.namespace },
        "webhooks": [{
            "name": "silent.widctl.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "clientConfig": { "url": format!("https://{address}/") },
            "failurePolicy": "Ignore", "timeoutSeconds": 30,
            "objectSelector": { "matchLabels": { "held": "up" } },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": site.namespace } },
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "resources": ["serviceaccounts"],
                "operations": ["CREATE"],
            }],
        }],
    });
    make::<MutatingWebhookConfiguration>(site.cluster.client(), configuration).await;
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            held.push(connection);
        }
    })
}

/// A priority level of one seat for the restricted user's writes to service accounts.
async fn one_seat(site: &Site, plane: &ControlPlane) {
    let level = json!({
        "metadata": { "name": site.namespace },
        "spec": {
            "type": "Limited",
            "limited": {
                "nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0,
                "limitResponse": { "type": "Reject" },
            },
        },
    });
    make::<PriorityLevelConfiguration>(site.cluster.client(), level).await;
    let schema = json!({
        "metadata": { "name": site.namespace },
        "spec": {
            "matchingPrecedence": 2,
            "priorityLevelConfiguration": { "name": site.namespace },
            "rules": [{
                "subjects": [{ "kind": "User", "user": { "name": plane.restricted_user } }],
                "resourceRules": [{
                    "verbs": ["patch"], "apiGroups": [""], "resources": ["serviceaccounts"],
                    "namespaces": [site.namespace],
                }],
            }],
        },
    });
    make::<FlowSchema>(site.cluster.client(), schema).await;
}
