//! Syncs of 200 teams on two subscriptions where Azure enforces its documented rates, in this process and
//! on tokio's paused clock, so that minutes pass in no time.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use semver::Version;
use tokio::sync::watch;
use tokio::time::Instant;
use widctl::apply::estimate::estimate;
use widctl::apply::execute;
use widctl::apply::execute::Options;
use widctl::azure::client::{AzureClient, AzureClientOptions};
use widctl::azure::cloud::Cloud;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::sign_in::{Secret, SignInOptions, client_secret};
use widctl::azure::transport::Transport;
use widctl::desired::derive::derive;
use widctl::event::{Event, EventSink, Silent};
use widctl::gather;
use widctl::plan::change::AnyChange;
use widctl::plan::inputs::PlanInputs;
use widctl::plan::plan;
use widctl::ports::store::Stores;
use widctl::profile::{SourceFile, load};
use widctl::sandbox::{Faults, Latency, PRINCIPAL_CLIENT_ID, Throttling, World, router};

const TEAMS: usize = 200;
const SUBSCRIPTIONS: [&str; 2] =
    ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"];
const TIMEOUT: Duration = Duration::from_mins(1);
/// Lists a second in one subscription, and as many at once.
const LISTS: u32 = 5;

/// Runs both syncs, with the documented rates and without any, and prints what they took.
pub(crate) fn measure() {
    for (throttling, what) in [
        (Throttling::Documented, "the documented rates enforced"),
        (Throttling::Off, "no rates enforced"),
    ] {
        println!(
            "\nsync of {TEAMS} teams on 2 subscriptions, two credentials each, {what} (a paused clock)"
        );
        println!(
            "run     requests  409  429  most of a subscription's limit  most of an identity's  ordered pauses    floor     time"
        );
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime can be built")
            .block_on(both(throttling));
    }
}

async fn both(throttling: Throttling) {
    let world = World::in_memory();
    for subscription in SUBSCRIPTIONS {
        world.grow_resource_group(subscription, "rg-wi", "westeurope");
    }
    world.set_faults(Faults {
        throttling,
        latency: Latency { read_ms: 60, list_ms: 100, write_ms: 300, token_ms: 0 },
        ..Faults::default()
    });
    let pauses = Arc::new(Pauses::default());
    let client = Arc::new(client(&world, &pauses));
    for run in ["first", "second"] {
        world.forget_requests();
        pauses.0.lock().expect("nobody panicked").clear();
        let start = Instant::now();
        let work = sync(&client).await;
        let time = start.elapsed();
        let floor = match throttling {
            Throttling::Documented => work.at_the_rates(),
            Throttling::Off => work.side_by_side(),
        };
        print(run, &world, &pauses, floor, time);
    }
}

/// What a sync had to do.
struct Work {
    /// Identities whose credentials were listed.
    listed: usize,
    changes: Vec<AnyChange>,
}

impl Work {
    /// The least time that the documented rates allow.
    fn at_the_rates(&self) -> Duration {
        let lists = self.listed / SUBSCRIPTIONS.len() + 1;
        let lists = u32::try_from(lists).expect("there are few");
        let reading = Duration::from_secs(1) * lists.saturating_sub(LISTS) / LISTS;
        reading + estimate(&self.changes)
    }

    /// The least time that latency and parallelism allow.
    fn side_by_side(&self) -> Duration {
        let reading = super::served::LIST + super::rounds(self.listed as u64) * super::served::LIST;
        let writing = super::rounds(self.changes.len() as u64) * super::served::WRITE;
        Duration::from_secs_f64(reading + writing)
    }
}

async fn sync(client: &Arc<AzureClient>) -> Work {
    let file = SourceFile { path: "widctl.toml".into(), text: profile().into_bytes() };
    let profile = load(&[file], &BTreeMap::new(), &Version::new(0, 1, 0));
    let desired = derive(&profile.expect("the profile is valid"));
    let observed = gather::azure::observe(&**client, &desired, &Silent).await;
    let plan = plan(&desired, &observed, &PlanInputs::default()).expect("nothing is in the way");
    let stores = Stores::new(client, BTreeMap::new());
    let (_running, interrupted) = watch::channel(false);
    let options = Options { parallelism: 32, seed: 7, interrupted, refresh: None };
    let known = plan.identities.clone();
    let outcome = execute::execute(&plan.changes, &stores, known, &options, &Silent).await;
    assert!(outcome.is_complete(), "{:?}", outcome.counts());
    Work { listed: observed.credentials.len(), changes: plan.changes }
}

fn print(run: &str, world: &World, pauses: &Pauses, floor: Duration, time: Duration) {
    let requests = world.requests();
    let of = |status: u16| requests.iter().filter(move |record| record.status == status);
    let most = |segments: usize| {
        let mut buckets: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for record in of(429) {
            let scope: Vec<&str> = record.path.split('/').take(segments).collect();
            if scope.len() == segments {
                *buckets.entry((&record.method, scope.join("/"))).or_default() += 1;
            }
        }
        buckets.into_values().max().unwrap_or_default()
    };
    let ordered: Duration = pauses.0.lock().expect("nobody panicked").iter().sum();
    println!(
        "{run:<6}  {:>8}  {:>3}  {:>3}  {:>30}  {:>21}  {:>12.1} s  {:>5.1} s  {:>5.1} s",
        requests.len(),
        of(409).count(),
        of(429).count(),
        most(3),
        most(9),
        ordered.as_secs_f64(),
        floor.as_secs_f64(),
        time.as_secs_f64(),
    );
}

/// The pauses that Azure asked for.
#[derive(Default)]
struct Pauses(Mutex<Vec<Duration>>);

impl EventSink for Pauses {
    fn emit(&self, event: Event) {
        if let Event::Waiting { pause, .. } = event {
            self.0.lock().expect("nobody panicked").push(pause);
        }
    }
}

fn client(world: &World, pauses: &Arc<Pauses>) -> AzureClient {
    let origin = "http://127.0.0.1:7080".parse().expect("a constant");
    let cloud = Cloud::loopback(&origin).expect("it is loopback");
    let transport = Transport::in_process(router(world.clone()));
    let events: Arc<dyn EventSink> = Arc::clone(pauses) as _;
    let sign_in = SignInOptions {
        cloud: cloud.clone(),
        transport: transport.clone(),
        events: Arc::clone(&events),
        timeout: TIMEOUT,
        seed: 7,
        tenant: world.tenant().parse().ok(),
        environment: CredentialVariables::default(),
        method: None,
        executor: None,
    };
    let tokens = client_secret(&sign_in, PRINCIPAL_CLIENT_ID, Secret::from("any secret"));
    AzureClient::new(AzureClientOptions {
        cloud,
        tokens: tokens.expect("the sandbox takes it"),
        transport,
        events,
        parallelism: 32,
        timeout: TIMEOUT,
        seed: 7,
    })
    .expect("the client can be built")
}

/// Teams without clusters: their credentials trust a pipeline, so that Azure's rates are all that counts.
fn profile() -> String {
    let mut text = format!(
        "version = 1\nestate = \"bench\"\n\n[azure]\nsubscription = \"{}\"\n\
         resource_group = \"rg-wi\"\nlocation = \"westeurope\"\n",
        SUBSCRIPTIONS[0]
    );
    for team in 0..TEAMS {
        let subscription = SUBSCRIPTIONS[team % SUBSCRIPTIONS.len()];
        write!(
            text,
            "\n[[team]]\nname = \"team-{team}\"\n\n[[team.identity]]\nname = \"id-{team}\"\n\
             subscription = \"{subscription}\"\n"
        )
        .expect("writing to a string does not fail");
        for branch in ["main", "next"] {
            write!(
                text,
                "\n[[team.identity.federation]]\nname = \"{branch}\"\nissuer = \"https://example.com\"\n\
                 subject = \"repo:contoso/{team}:ref:refs/heads/{branch}\"\n"
            )
            .expect("writing to a string does not fail");
        }
    }
    text
}
