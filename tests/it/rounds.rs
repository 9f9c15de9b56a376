//! How many requests each command sends about an estate in sync, and how many of them wait for one another: every
//! request takes a tenth of a second on the paused clock, so that the time that passes counts the rounds.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use widctl::command::preflight::preflight;
use widctl::command::{graph, plan, status};
use widctl::event::{EventSink, Silent};
use widctl::plan::inputs::PlanInputs;
use widctl::sandbox::{Faults, Latency};

use crate::verify::process::Process;

const ROUND: Duration = Duration::from_millis(100);
/// No more than the lists that are sent at once when nothing is known yet.
const TEAMS: usize = 16;

/// Teams with an identity and two accounts each on two clusters of AKS.
fn profile() -> String {
    let mut text = "version = 1\nestate = \"rounds\"\n[azure]\n\
                    subscription = \"00000000-0000-4000-8000-000000000001\"\nresource_group = \"rg-wi\"\n\
                    location = \"westeurope\"\n"
        .to_owned();
    for cluster in ["j", "k"] {
        let name = format!("aks-{cluster}");
        writeln!(text, "[clusters.{cluster}]\nresource_group = \"rg-aks\"\nname = \"{name}\"")
            .unwrap();
    }
    for number in 0..TEAMS {
        let team = format!("team-{number}");
        writeln!(
            text,
            "[[team]]\nname = \"{team}\"\nowner = \"a@example.com\"\nnamespace = \"{team}\"\n\
             clusters = [\"j\", \"k\"]\ncreate_namespace = true\n\
             [[team.identity]]\nname = \"id-{team}\"\n\
             [[team.workload]]\nservice_account = \"flows\"\n[[team.workload]]\nservice_account = \"worker\""
        )
        .unwrap();
    }
    text
}

/// The requests and the rounds of some work.
async fn counted<T>(process: &Process, work: impl Future<Output = T>) -> (usize, u128) {
    process.world.forget_requests();
    let start = Instant::now();
    work.await;
    let took = start.elapsed();
    assert!(took.as_millis() % ROUND.as_millis() < 10, "{took:?} is no number of rounds");
    (process.world.requests().len(), took.as_millis() / ROUND.as_millis())
}

fn slow(process: &Process) {
    let each = u64::try_from(ROUND.as_millis()).unwrap();
    let latency = Latency { read_ms: each, list_ms: each, write_ms: each, token_ms: each };
    process.world.set_faults(Faults { latency, ..Faults::default() });
}

#[tokio::test(start_paused = true)]
async fn before_a_first_sync_writes_it_waits_for_two_rounds_of_azure() {
    let trusting = profile().replace("create_namespace = true\n", "");
    let trusting =
        trusting.replace("[[team.workload]]", "[[team.workload]]\nmode = \"trust-only\"");
    let process = Process::grown(&trusting).await;
    slow(&process);
    let events: Arc<dyn EventSink> = Arc::new(Silent);
    let (profile, connection) = (&process.profile, &process.connection);
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let about = plan::about(profile, connection, PlanInputs::default(), now);
    let planned = async {
        let planned = plan::plan(profile, connection, about, true, &events).await.unwrap();
        assert_eq!(planned.plan.changes.len(), 5 * TEAMS);
        assert!(preflight(&planned, connection, &*events).await.is_empty());
    };
    // The identities, then the resource group and what the caller may do there; of a cluster as without changes, and its
    // public document.
    assert_eq!(counted(&process, planned).await, (3 + 2 + 2 * 11, 2));
}

#[tokio::test(start_paused = true)]
async fn a_command_sends_as_many_requests_as_it_did_and_waits_for_as_many() {
    let process = Process::synced_with(&profile()).await;
    slow(&process);
    let events: Arc<dyn EventSink> = Arc::new(Silent);
    let (profile, connection) = (&process.profile, &process.connection);
    let about = || {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        plan::about(profile, connection, PlanInputs::default(), now)
    };
    let planned = async {
        let planned = plan::plan(profile, connection, about(), true, &events).await.unwrap();
        assert!(planned.plan.changes.is_empty() && planned.plan.is_complete());
        // What `sync` and `apply` ask before they write.
        assert!(preflight(&planned, connection, &*events).await.is_empty());
    };
    let plan = counted(&process, planned).await;
    let status =
        counted(&process, status::status(profile, connection, about(), true, &events)).await;
    let graph = counted(&process, graph::graph(profile, connection, about(), true, &events)).await;
    // The identities of the subscription, then their credentials; of a cluster its credentials, then its lists.
    let requests = 3 + TEAMS + 2 * 10;
    assert_eq!(plan, (requests, 2));
    assert_eq!([status, graph], [plan, plan]);
    let verify = counted(&process, async {
        let verified = process.verify(true, Duration::ZERO).await;
        assert!(crate::verify::process::failed(&verified.results).is_empty());
    });
    // Beside what a plan reads: of each cluster what makes pods, and of each account a pod on trial, a token and its
    // exchange, 32 at once.
    assert_eq!(verify.await, (309, 10));
}
