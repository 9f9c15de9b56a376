//! One run of the real commands over the real clients, in process.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::middleware::map_request;
use tokio::sync::watch;
use widctl::apply::outcome::Outcome;
use widctl::azure::client::{AzureClient, AzureClientOptions};
use widctl::azure::cloud::Cloud;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::sign_in::{Secret, SignInOptions, client_secret};
use widctl::azure::transport::Transport;
use widctl::command::apply::ApplyOptions;
use widctl::command::connection::Connection;
use widctl::command::failure::Failure;
use widctl::command::preflight::preflight;
use widctl::command::rehearsal::cluster::cluster_key;
use widctl::command::{apply, plan};
use widctl::event::{Event, EventSink};
use widctl::kubernetes::client::ClusterClient;
use widctl::kubernetes::testing::in_process;
use widctl::model::text::{ClusterName, Issuer};
use widctl::observed::evidence::{Document, Keys};
use widctl::plan::contents::{Refused, Unknown};
use widctl::plan::file::PlanFile;
use widctl::plan::inputs::PlanInputs;
use widctl::plan::scope::ScopeRead;
use widctl::ports::error::{PortError, PortErrorKind, Service};
use widctl::ports::read::IssuerRead;
use widctl::profile::resolved::Profile;
use widctl::report;
use widctl::report::rows::PlanRows;
use widctl::report::style::Style;
use widctl::sandbox::{PRINCIPAL_CLIENT_ID, STATIC_TOKEN, World};

/// What the runs sign in with; no output may show it.
pub(super) const SECRET: &str = "a-secret-that-no-output-shows";
const ORIGIN: &str = "http://127.0.0.1:7080";

/// What a run is told.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) inputs: PlanInputs,
    pub(super) seed: u64,
}

/// How a run ended.
pub(super) enum End {
    /// It wrote what it could.
    Applied(Outcome),
    /// It had nothing to write.
    Unchanged,
    /// It stopped before it wrote anything.
    Failed(Box<Failure>),
}

/// A run that is over.
pub(super) struct Ran {
    pub(super) end: End,
    /// Everything that it said: events, plan, outcome, error.
    pub(super) said: String,
    /// What people see of it: the plan, the outcome, the error.
    pub(super) shown: String,
    /// Whether everything could be compared and written.
    pub(super) complete: bool,
    /// The addresses of what is left over and kept.
    pub(super) kept: Vec<String>,
    /// Where leftovers were looked for; nothing where there is no plan.
    pub(super) scope: Option<ScopeRead>,
    /// What could not be compared.
    pub(super) unknown: Vec<Unknown>,
    /// What was refused.
    pub(super) refused: Vec<Refused>,
}

/// A sink that remembers what people would read.
#[derive(Default)]
pub(super) struct Heard(Mutex<String>);

impl Heard {
    /// Everything so far.
    pub(super) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl EventSink for Heard {
    fn emit(&self, event: Event) {
        if !matches!(event, Event::RequestSent(_)) {
            writeln!(self.0.lock().unwrap(), "{event:?}").unwrap();
        }
    }
}

/// Public issuers that nobody asks: every cluster here is one of AKS.
struct NoIssuers;

#[async_trait]
impl IssuerRead for NoIssuers {
    async fn discover(&self, _: &Issuer) -> Result<Issuer, PortError> {
        Err(absent())
    }

    async fn document(&self, _: &Issuer) -> Result<Document, PortError> {
        Err(absent())
    }

    async fn keys(&self, _: &Issuer, _: &str) -> Result<Keys, PortError> {
        Err(absent())
    }
}

fn absent() -> PortError {
    PortError::new(PortErrorKind::NotFound, Service::Issuer, "read it")
}

/// Plans and applies as `sync` does, through this service.
pub(super) async fn sync(
    profile: &Profile,
    world: &World,
    service: &Router,
    told: &Told,
    heard: &Arc<Heard>,
) -> Ran {
    let events: Arc<dyn EventSink> = Arc::clone(heard) as _;
    match attempt(profile, world, service, told, &events).await {
        Ok(ran) => ran.with(heard),
        Err(failure) => Ran {
            said: String::new(),
            shown: failed(&failure),
            end: End::Failed(Box::new(failure)),
            complete: false,
            kept: Vec::new(),
            scope: None,
            unknown: Vec::new(),
            refused: Vec::new(),
        }
        .with(heard),
    }
}

impl Ran {
    fn with(mut self, heard: &Heard) -> Self {
        self.said.push_str(&self.shown);
        self.said.push_str(&heard.text());
        self
    }
}

async fn attempt(
    profile: &Profile,
    world: &World,
    service: &Router,
    told: &Told,
    events: &Arc<dyn EventSink>,
) -> Result<Ran, Failure> {
    let connection = connect(profile, world, service, told.seed, events).await?;
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let about = plan::about(profile, &connection, told.inputs.clone(), now);
    let planned = plan::plan(profile, &connection, about, false, events).await?;
    let missing = preflight(&planned, &connection, &**events).await;
    let file = PlanFile::new(&planned.plan, planned.about.clone());
    let rows = PlanRows::new(&planned.plan, &file.changes).with_missing(&missing);
    let mut shown = report::text::plan(&rows, Style::PLAIN);
    let said = file.to_json();
    let kept = planned.plan.kept.iter().map(|kept| kept.address.clone()).collect();
    let scope = Some(planned.plan.scope_read.clone());
    let unknown = planned.plan.unknown.clone();
    let refused = planned.plan.refused.clone();
    let mut complete = planned.plan.is_complete();
    if planned.plan.changes.is_empty() {
        return Ok(Ran {
            end: End::Unchanged,
            said,
            shown,
            complete,
            kept,
            scope,
            unknown,
            refused,
        });
    }
    let (_stop, stop) = watch::channel(None);
    let options = ApplyOptions { seed: told.seed, stop };
    let outcome = apply::apply(&planned, &connection, &options, events).await;
    complete = complete && outcome.is_complete();
    shown.push_str(&report::outcome::text(&outcome, planned.plan.unchanged, Style::PLAIN, true));
    Ok(Ran { end: End::Applied(outcome), said, shown, complete, kept, scope, unknown, refused })
}

pub(super) async fn connect(
    profile: &Profile,
    world: &World,
    service: &Router,
    seed: u64,
    events: &Arc<dyn EventSink>,
) -> Result<Connection, Failure> {
    let azure = azure(world, service, seed, events)?;
    let clusters = profile.clusters.iter().map(|(name, cluster)| {
        let key = cluster_key(name, cluster);
        let client = connect_cluster(name, &key, service, events).seeded(seed);
        (name.clone(), (cluster.clone(), client))
    });
    Connection::over(azure, Box::new(NoIssuers), clusters.collect()).await
}

/// Azure in this process.
pub(crate) fn azure(
    world: &World,
    service: &Router,
    seed: u64,
    events: &Arc<dyn EventSink>,
) -> Result<Arc<AzureClient>, Failure> {
    let transport = Transport::in_process(service.clone());
    let sign_in = SignInOptions {
        cloud: Cloud::loopback(&ORIGIN.parse().unwrap()).unwrap(),
        transport: transport.clone(),
        events: Arc::clone(events),
        timeout: Duration::from_mins(1),
        seed,
        tenant: world.tenant().parse().ok(),
        environment: CredentialVariables::default(),
        method: None,
        executor: None,
    };
    let azure = AzureClient::new(AzureClientOptions {
        cloud: sign_in.cloud.clone(),
        tokens: client_secret(&sign_in, PRINCIPAL_CLIENT_ID, Secret::from(SECRET))?,
        transport,
        events: Arc::clone(events),
        parallelism: 32,
        timeout: Duration::from_mins(1),
        seed,
    })?;
    Ok(Arc::new(azure))
}

/// A cluster of the sandbox in this process.
pub(crate) fn connect_cluster(
    name: &ClusterName,
    key: &str,
    service: &Router,
    events: &Arc<dyn EventSink>,
) -> ClusterClient {
    let signed_in = map_request(|mut request: Request| async {
        let token = format!("Bearer {STATIC_TOKEN}");
        let token = HeaderValue::try_from(token).unwrap();
        request.headers_mut().insert(AUTHORIZATION, token);
        request
    });
    let signed_in = Router::new().fallback_service(service.clone()).layer(signed_in);
    let client = in_process(format!("{ORIGIN}/clusters/{key}").parse().unwrap(), signed_in);
    ClusterClient::new(name.clone(), client, "the sandbox", Arc::clone(events))
}

/// A failure as a person reads it.
fn failed(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut below = std::error::Error::source(failure);
    while let Some(source) = below {
        write!(text, ": {source}").unwrap();
        below = source.source();
    }
    if let Failure::Refused(refusals) = failure {
        for refusal in refusals {
            write!(text, "\n{refusal:?}").unwrap();
        }
    }
    if let Some(help) = failure.hint() {
        write!(text, "\nhint: {help}").unwrap();
    }
    text
}
