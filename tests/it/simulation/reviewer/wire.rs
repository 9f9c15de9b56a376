//! The services as an apply reaches them: they remember what is written, and end a run in the middle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::response::Response;
use http_body_util::BodyExt;
use tokio::sync::Notify;
use tower::ServiceExt;
use widctl::sandbox::{AksCluster, ClusterSpec, World, router};

use super::edits::OTHER_SUBSCRIPTION;
use super::shown::Write;
use crate::simulation::scenario::SUBSCRIPTION;

/// The services, and what was asked of them.
#[derive(Default)]
pub(super) struct Wire(pub(super) Mutex<Record>);

#[derive(Default)]
pub(super) struct Record {
    pub(super) writes: Vec<Write>,
    /// The client ids of the identities that were made, by path.
    pub(super) made: BTreeMap<String, String>,
    /// After how many writes the run is killed, and whether the last one takes effect.
    pub(super) kill: Option<(usize, bool)>,
}

impl Wire {
    /// The way to the services, and what is told when the run is killed.
    pub(super) fn over(self: &Arc<Self>, world: &World) -> (Router, Arc<Notify>) {
        let killed = Arc::new(Notify::new());
        let (wire, world, dead) = (Arc::clone(self), world.clone(), Arc::clone(&killed));
        let way = Router::new().fallback(move |request: Request| {
            let (wire, world, dead) = (Arc::clone(&wire), world.clone(), Arc::clone(&dead));
            async move { wire.pass(&world, request, &dead).await }
        });
        (way, killed)
    }

    async fn pass(&self, world: &World, request: Request, killed: &Notify) -> Response {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let (method, path) = (head.method.clone(), head.uri.path().to_lowercase());
        let asks = ["reviews", "/listclusterusercredential"].iter().any(|end| path.ends_with(end));
        let writes = method != Method::GET && !asks && !path.contains("/oauth2/");
        let last = if writes { self.count(&method, &path, &body) } else { None };
        if last == Some(false) {
            return die(killed).await;
        }
        let answer = router(world.clone()).oneshot(Request::from_parts(head, Body::from(body)));
        let answer = answer.await.unwrap_or_else(|never| match never {});
        if method == Method::PUT && answer.status().is_success() {
            let made = world.resource(&path).unwrap_or_default();
            if let Some(id) = made["properties"]["clientId"].as_str() {
                self.0.lock().unwrap().made.insert(path, id.to_owned());
            }
        }
        if last.is_some() {
            return die(killed).await;
        }
        answer
    }

    /// Records a write; where it is the run's last one, whether it takes effect.
    fn count(&self, method: &Method, path: &str, body: &[u8]) -> Option<bool> {
        let mut record = self.0.lock().unwrap();
        let body = serde_json::from_slice(body).unwrap_or_default();
        record.writes.push(Write { method: method.to_string(), path: path.to_owned(), body });
        let count = record.writes.len();
        record.kill.filter(|(at, _)| *at <= count).map(|(_, takes_effect)| takes_effect)
    }
}

/// The run ends here; what it was doing never returns.
async fn die(killed: &Notify) -> Response {
    killed.notify_one();
    std::future::pending().await
}

/// What every profile here may name.
pub(super) fn world() -> World {
    let world = World::in_memory();
    world.set_time("2026-01-01T00:00:00Z".parse().unwrap());
    for subscription in [SUBSCRIPTION, OTHER_SUBSCRIPTION] {
        for group in ["rg-a", "rg-b", "rg-kv"] {
            world.grow_resource_group(subscription, group, "westeurope");
        }
    }
    for spec in clusters() {
        world.grow_cluster(spec);
    }
    world
}

/// Every cluster that a profile here may name.
pub(super) fn clusters() -> Vec<ClusterSpec> {
    let mut specs = Vec::new();
    for group in ["rg-aks", "rg-other"] {
        for name in ["aks-a", "aks-b"] {
            let aks = AksCluster {
                subscription: SUBSCRIPTION.into(),
                resource_group: group.into(),
                name: name.into(),
                location: "westeurope".into(),
                is_arc: false,
            };
            let key = format!("{group}-{name}");
            specs.push(ClusterSpec { key, aks: Some(aks), ..ClusterSpec::default() });
        }
    }
    for context in ["a", "b"] {
        for name in ["c0", "p0"] {
            specs.push(ClusterSpec {
                key: format!("{name}-ctx-{context}"),
                issuer: Some(format!("https://{context}.example.com/")),
                ..ClusterSpec::default()
            });
        }
    }
    specs
}
