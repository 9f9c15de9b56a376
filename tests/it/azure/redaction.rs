//! No log, at whatever level, shows a token or a secret.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tracing_subscriber::fmt::MakeWriter;
use widctl::azure::client::{AzureClient, AzureClientOptions};
use widctl::azure::cloud::Cloud;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::sign_in::{Secret, client_secret};
use widctl::azure::transport::Transport;
use widctl::event::{EventSink, RequestClass, Silent};
use widctl::model::kinds::identity::{Identities, Identity};
use widctl::model::location::Location;
use widctl::ports::error::PortErrorKind;
use widctl::ports::read::AzureRead;
use widctl::ports::store::{Store, WriteMode};
use widctl::sandbox::{PRINCIPAL_CLIENT_ID, World, router};

use super::stage::{
    Remembered, SUBSCRIPTION, StaticToken, TOKEN, cluster_id, grown_world, identity,
    sign_in_options,
};

const SECRET: &str = "the-clients-own-secret";

/// Takes every line of the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A client of the world, signed in by its secret, and the token that it got.
async fn client(world: &World, cloud: Cloud, transport: Transport) -> (AzureClient, String) {
    let mut options =
        sign_in_options(transport.clone(), &Arc::default(), CredentialVariables::default());
    options.cloud = cloud.clone();
    options.tenant = world.tenant().parse().ok();
    let tokens = client_secret(&options, PRINCIPAL_CLIENT_ID, Secret::from(SECRET)).unwrap();
    let token = tokens.token(&cloud.arm_scope()).await.unwrap();
    let client = AzureClient::new(AzureClientOptions {
        cloud,
        tokens,
        transport,
        events: Arc::new(Silent),
        parallelism: 8,
        timeout: options.timeout,
        seed: 7,
    });
    (client.unwrap(), token.secret.secret().to_owned())
}

/// Reads, writes and fails, through the generated client and our own.
async fn work(client: &AzureClient) {
    let store: &dyn Store<Identities> = client;
    let wanted = Identity { location: Location::new("westeurope"), tags: [].into() };
    store.put(&identity("id-a"), &wanted, WriteMode::Create).await.unwrap();
    client.identities(SUBSCRIPTION.parse().unwrap()).await.unwrap();
    client.credentials(&identity("id-a")).await.unwrap();
    client.credentials(&identity("id-none")).await.unwrap_err();
    client.list_cluster_user_credential(&cluster_id("aks-weu")).await.unwrap();
}

/// Works twice: a place in the code that another test reaches for the first time just as this one begins
/// to listen stays mute until everybody is asked again.
async fn work_aloud(client: &AzureClient) {
    work(client).await;
    tracing::callsite::rebuild_interest_cache();
    work(client).await;
}

fn assert_clean(log: &Log, token: &str) {
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("userAssignedIdentities"), "the log was taken");
    assert!(
        log.contains("placeholder"),
        "the generated client logs its header, and all that it has is a placeholder"
    );
    let (_, signature) = token.rsplit_once('.').unwrap();
    for secret in [token, signature, SECRET, TOKEN] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

fn trace(log: &Log) -> tracing::subscriber::DefaultGuard {
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_default(subscriber)
}

#[tokio::test(start_paused = true)]
async fn in_process_the_log_at_trace_level_shows_no_secret() {
    let log = Log::default();
    let _guard = trace(&log);
    let world = grown_world();
    let cloud = Cloud::loopback(&"http://127.0.0.1:7080".parse().unwrap()).unwrap();
    let transport = Transport::in_process(router(world.clone()));
    let (client, token) = client(&world, cloud, transport).await;
    work_aloud(&client).await;
    assert_clean(&log, &token);
}

#[tokio::test]
async fn over_a_socket_the_log_at_trace_level_shows_no_secret() {
    let log = Log::default();
    let _guard = trace(&log);
    let world = grown_world();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(axum::serve(listener, router(world.clone())).into_future());
    let cloud = Cloud::loopback(&base.parse().unwrap()).unwrap();
    let transport = Transport::https(&cloud).unwrap();
    let (client, token) = client(&world, cloud, transport).await;
    work_aloud(&client).await;
    server.abort();
    assert_clean(&log, &token);
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_is_tried_some_times_also_for_writes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let cloud = Cloud::loopback(&base.parse().unwrap()).unwrap();
    let events = Arc::new(Remembered::default());
    let client = AzureClient::new(AzureClientOptions {
        transport: Transport::https(&cloud).unwrap(),
        cloud,
        tokens: Arc::new(StaticToken(TOKEN.into())),
        events: Arc::clone(&events) as Arc<dyn EventSink>,
        parallelism: 8,
        timeout: Duration::from_mins(1),
        seed: 7,
    })
    .unwrap();
    let store: &dyn Store<Identities> = &client;
    let wanted = Identity { location: Location::new("westeurope"), tags: [].into() };
    let key = identity("id-a");
    let put = store.put(&key, &wanted, WriteMode::Create);
    assert_eq!(put.await.unwrap_err().kind, PortErrorKind::Unreachable);
    assert_eq!(events.sent(RequestClass::ArmWrite), 6);
}
