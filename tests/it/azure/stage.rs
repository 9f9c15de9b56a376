//! What every test of the Azure side needs: a scripted ARM, a token that is easy to find, a sink that
//! remembers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use tokio::time::Instant;
use widctl::azure::client::{AzureClient, AzureClientOptions};
use widctl::azure::cloud::{Cloud, Clouds};
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::sign_in::{Secret, SignInOptions, Token, TokenSource, client_secret};
use widctl::azure::transport::Transport;
use widctl::event::{Event, EventSink, RequestClass};
use widctl::model::arm_id::ArmId;
use widctl::model::kinds::identity::IdentityKey;
use widctl::sandbox::{AksCluster, ClusterSpec, PRINCIPAL_CLIENT_ID, World, router};

pub(super) const SUBSCRIPTION: &str = "12345678-1234-5678-9012-123456789012";
pub(super) const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
pub(super) const TOKEN: &str = "the-real-token";

/// A request as the scripted ARM saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) at: Instant,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|header| header.0 == name)?;
        Some(&header.1)
    }
}

/// One answer of the script.
#[derive(Clone)]
pub(super) struct Scripted {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

pub(super) fn answer(status: u16, body: impl Into<String>) -> Scripted {
    Scripted { status, headers: Vec::new(), body: body.into() }
}

pub(super) fn failure(status: u16, code: &str, message: &str) -> Scripted {
    let body = serde_json::json!({ "error": { "code": code, "message": message } });
    answer(status, body.to_string())
}

impl Scripted {
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// An ARM that answers from a script, the last answer for ever.
#[derive(Clone, Default)]
pub(super) struct ScriptedArm {
    script: Arc<Mutex<VecDeque<Scripted>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl ScriptedArm {
    pub(super) fn new(script: impl IntoIterator<Item = Scripted>) -> Self {
        Self { script: Arc::new(Mutex::new(script.into_iter().collect())), seen: Arc::default() }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn router(&self) -> Router {
        let arm = self.clone();
        Router::new().fallback(move |request: Request| {
            let arm = arm.clone();
            async move { arm.answer(request).await }
        })
    }

    async fn answer(&self, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let headers = parts.headers.iter();
        self.seen.lock().unwrap().push(Seen {
            method: parts.method.to_string(),
            target: parts.uri.path_and_query().unwrap().to_string(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: String::from_utf8(body.to_vec()).unwrap(),
            at: Instant::now(),
        });
        let mut script = self.script.lock().unwrap();
        let answer = if script.len() > 1 { script.pop_front() } else { script.front().cloned() };
        let answer = answer.expect("the script has an answer");
        let mut response = Response::builder().status(answer.status);
        for (name, value) in answer.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(answer.body)).unwrap()
    }
}

/// A source of one token that never ends.
pub(super) struct StaticToken(pub(super) String);

#[async_trait]
impl TokenSource for StaticToken {
    async fn token(&self, _: &str) -> Result<Token, widctl::ports::error::PortError> {
        Ok(Token {
            secret: Secret::from(self.0.clone()),
            expires_at: Instant::now() + Duration::from_hours(1),
            method: "azure-cli",
        })
    }
}

/// A sink that remembers.
#[derive(Default)]
pub(super) struct Remembered(Mutex<Vec<Event>>);

impl EventSink for Remembered {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Remembered {
    pub(super) fn sent(&self, class: RequestClass) -> usize {
        let events = self.0.lock().unwrap();
        let is_one = |event: &&Event| **event == Event::RequestSent(class);
        events.iter().filter(is_one).count()
    }

    /// How long requests were held back to keep a rate.
    pub(super) fn paced(&self) -> Duration {
        let events = self.0.lock().unwrap();
        let pause = |event: &Event| {
            if let Event::Paced { pause } = event {
                return Some(*pause);
            }
            None
        };
        events.iter().filter_map(pause).sum()
    }

    pub(super) fn pauses(&self) -> Vec<(String, Duration)> {
        let events = self.0.lock().unwrap();
        let pause = |event: &Event| {
            if let Event::Waiting { why, pause } = event {
                return Some((why.clone(), *pause));
            }
            None
        };
        events.iter().filter_map(pause).collect()
    }
}

/// A client of what answers, with everything else as tests like it.
pub(super) fn client_of(router: Router, events: &Arc<Remembered>) -> AzureClient {
    client_over(Transport::in_process(router), events)
}

pub(super) fn client_over(transport: Transport, events: &Arc<Remembered>) -> AzureClient {
    AzureClient::new(AzureClientOptions {
        cloud: Clouds::default().find("public").unwrap().clone(),
        tokens: Arc::new(StaticToken(TOKEN.into())),
        transport,
        events: Arc::clone(events) as Arc<dyn EventSink>,
        parallelism: 32,
        timeout: Duration::from_mins(1),
        seed: 7,
    })
    .unwrap()
}

pub(super) fn identity(name: &str) -> IdentityKey {
    IdentityKey::new(SUBSCRIPTION.parse().unwrap(), "rg-wi", name)
}

/// The ARM id of a cluster in the tests' subscription.
pub(super) fn cluster_id(name: &str) -> ArmId {
    ArmId::of_resource(
        SUBSCRIPTION.parse().unwrap(),
        "rg-aks",
        "Microsoft.ContainerService/managedClusters",
        name,
    )
}

/// A sandbox with a subscription, the resource group of the identities and one AKS cluster.
pub(super) fn grown_world() -> World {
    let world = World::in_memory();
    world.grow_resource_group(SUBSCRIPTION, "rg-wi", "westeurope");
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

/// How to sign in to what answers at one loopback origin.
pub(super) fn sign_in_options(
    transport: Transport,
    events: &Arc<Remembered>,
    environment: CredentialVariables,
) -> SignInOptions {
    SignInOptions {
        cloud: Cloud::loopback(&"http://127.0.0.1:7080".parse().unwrap()).unwrap(),
        transport,
        events: Arc::clone(events) as Arc<dyn EventSink>,
        timeout: Duration::from_mins(1),
        seed: 7,
        tenant: None,
        environment,
        method: None,
        executor: None,
    }
}

/// A client of the sandbox, signed in as its principal.
pub(super) fn client_of_world(world: &World, events: &Arc<Remembered>) -> AzureClient {
    let transport = Transport::in_process(router(world.clone()));
    let mut options = sign_in_options(transport.clone(), events, CredentialVariables::default());
    options.tenant = world.tenant().parse().ok();
    let secret = Secret::from("any secret");
    AzureClient::new(AzureClientOptions {
        cloud: options.cloud.clone(),
        tokens: client_secret(&options, PRINCIPAL_CLIENT_ID, secret).unwrap(),
        transport,
        events: Arc::clone(events) as Arc<dyn EventSink>,
        parallelism: 32,
        timeout: Duration::from_mins(1),
        seed: 7,
    })
    .unwrap()
}
