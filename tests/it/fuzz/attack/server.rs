//! A sandbox on loopback that lies where it is told to, and a trap beside it that nobody may call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use widctl::sandbox::{AksCluster, ClusterSpec, World, router};

pub(super) const SUBSCRIPTION: &str = "00000000-0000-4000-8000-000000000001";

/// A question, as a lie sees it.
pub(super) struct Asked {
    /// Method, path and query.
    pub(super) line: String,
    /// The `Authorization` header.
    pub(super) bearer: String,
    /// How many such questions came before.
    pub(super) number: usize,
    /// The trap's origin.
    pub(super) trap: String,
    /// The server's own origin.
    pub(super) base: String,
    /// A program that leaves a mark when it is run.
    pub(super) program: String,
}

/// What a server answers in the sandbox's place; `None` where it stays honest.
pub(super) type Lie = fn(&Asked) -> Option<Response<Body>>;

/// The server and the trap; they end with it.
pub(super) struct Server {
    pub(super) base: String,
    trapped: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Server {
    pub(super) fn start(lie: Lie, program: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let trapped = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&trapped);
        let trap = Router::new().fallback(move || {
            count.fetch_add(1, Ordering::Relaxed);
            async { "trapped" }
        });
        let (listener, base) = runtime.block_on(listen());
        let (trap_listener, trap_base) = runtime.block_on(listen());
        let honest = router(world());
        let number = Arc::new(AtomicUsize::new(0));
        let (own, program) = (base.clone(), program.to_owned());
        let service = Router::new().fallback(move |request: Request| {
            let asked = Asked {
                line: format!("{} {}", request.method(), request.uri()),
                bearer: bearer(&request),
                number: number.fetch_add(1, Ordering::Relaxed),
                trap: trap_base.clone(),
                base: own.clone(),
                program: program.clone(),
            };
            let honest = honest.clone();
            async move {
                match lie(&asked) {
                    Some(answer) => answer,
                    None => honest.oneshot(request).await.unwrap(),
                }
            }
        });
        runtime.spawn(async move { axum::serve(trap_listener, trap).await });
        runtime.spawn(async move { axum::serve(listener, service).await });
        Self { base, trapped, _runtime: runtime }
    }

    /// How often the trap was called.
    pub(super) fn trapped(&self) -> usize {
        self.trapped.load(Ordering::Relaxed)
    }
}

fn bearer(request: &Request) -> String {
    let header = request.headers().get("authorization");
    let text = header.and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, format!("http://{address}"))
}

/// What the attacked profile takes to be there.
fn world() -> World {
    let world = World::in_memory();
    for group in ["rg-workload-identity", "rg-aks", "rg-data-eng"] {
        world.grow_resource_group(SUBSCRIPTION, group, "westeurope");
    }
    world.grow_identity(SUBSCRIPTION, "rg-workload-identity", "id-data-eng", "westeurope");
    world.grow_cluster(ClusterSpec {
        key: "weu".into(),
        aks: Some(AksCluster {
            subscription: SUBSCRIPTION.into(),
            resource_group: "rg-aks".into(),
            name: "aks-weu".into(),
            location: "westeurope".into(),
            is_arc: false,
        }),
        ..ClusterSpec::default()
    });
    world
}
