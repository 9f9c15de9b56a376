//! Proves that the workloads of a profile get their tokens.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::command::condition::{Condition, foremost};
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::plan;
use crate::desired::derive;
use crate::desired::state::DesiredState;
use crate::event::{Event, EventSink};
use crate::gather::Observation;
use crate::gather::evidence::{Custody, Witnesses};
use crate::kubernetes::client::ClusterClient;
use crate::observed::evidence::Evidence;
use crate::plan::select;
use crate::ports::backoff;
use crate::profile::resolved::Profile;
use crate::verify::results::Results;
use crate::verify::runner;
use crate::verify::scene::{Asking, Scene};

/// The longest time that exchanges are tried again: the tokens of a run last for ten minutes.
pub const LONGEST_WAIT: Duration = Duration::from_mins(9);
/// The first pause between exchanges; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between exchanges.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What was verified.
pub struct Verified {
    /// What the checks came to.
    pub results: Results,
    /// Whether every scope that was read refused the caller.
    all_refused: bool,
}

/// Reads what exists, asks for tokens and exchanges them, and checks all of it. Exchanges that Entra may not know enough
/// for yet are tried again for as long as `wait`.
pub async fn verify(
    profile: &Profile,
    connection: &Connection,
    asking: &Asking,
    (require_all, wait): (bool, Duration),
    events: &Arc<dyn EventSink>,
) -> Result<Verified, Failure> {
    let desired: DesiredState = derive::derive(profile);
    let observation = plan::observe((&desired, false), connection, require_all, events).await?;
    let nothing = Evidence::default();
    if Scene::new(&desired, &observation.state, &nothing, asking).is_empty() {
        return Err(unmatched(&desired, asking));
    }
    Ok(prove((&desired, &observation), connection, asking, wait, events).await)
}

/// Asks for tokens and pods, exchanges the tokens and checks everything.
pub(super) async fn prove(
    (desired, observation): (&DesiredState, &Observation<ClusterClient>),
    connection: &Connection,
    asking: &Asking,
    wait: Duration,
    events: &Arc<dyn EventSink>,
) -> Verified {
    let observed = &observation.state;
    let mut evidence = Evidence::default();
    let survey = Scene::new(desired, observed, &evidence, asking).survey();
    let witnesses = witnesses(observation, connection);
    let title = "Asking for tokens, pods and the issuers' documents".to_owned();
    events.emit(Event::PhaseStarted { title, steps: None });
    witnesses.answer(&survey, &mut evidence, &**events).await;
    let questions = Scene::new(desired, observed, &evidence, asking).questions();
    let custody = witnesses.answer(&questions, &mut evidence, &**events).await;
    let scene = Scene::new(desired, observed, &evidence, asking);
    let (ready, probes) = (runner::exchanges(&scene), runner::probes(&scene));
    // A probe is a failed sign-in, and its refusal is what is hoped for: it is made once.
    let (probes, ()) = futures::join!(
        witnesses.exchange(&custody, probes, &**events),
        exchange(&witnesses, &custody, ready, &mut evidence, wait, &**events),
    );
    evidence.probes = probes;
    events.emit(Event::PhaseFinished);
    let results = runner::run(&Scene::new(desired, observed, &evidence, asking));
    Verified { results, all_refused: plan::all_refused(observed) }
}

fn witnesses<'a>(
    observation: &'a Observation<ClusterClient>,
    connection: &'a Connection,
) -> Witnesses<'a, ClusterClient> {
    Witnesses {
        clusters: &observation.clusters,
        issuers: &*connection.issuers,
        exchange: &*connection.exchange,
    }
}

/// Exchanges tokens until none of them is refused for what may pass, or the time is over.
async fn exchange(
    witnesses: &Witnesses<'_, ClusterClient>,
    custody: &Custody,
    mut keys: Vec<crate::observed::evidence::ExchangeKey>,
    evidence: &mut Evidence,
    wait: Duration,
    events: &dyn EventSink,
) {
    let begun = Instant::now();
    for attempt in 1.. {
        evidence.exchanges.extend(witnesses.exchange(custody, keys, events).await);
        keys = runner::propagating(&evidence.exchanges);
        let pause = backoff::doubled(FIRST_PAUSE, LONGEST_PAUSE, attempt);
        if keys.is_empty() || begun.elapsed() + pause > wait {
            return;
        }
        let why = format!("Entra does not know {} of the credentials yet", keys.len());
        events.emit(Event::Waiting { why, pause });
        sleep(pause).await;
    }
}

/// A `--workload` that names none, or teams that have none.
fn unmatched(desired: &DesiredState, asking: &Asking) -> Failure {
    match &asking.workload {
        Some(workload) => Failure::Usage {
            what: format!(
                "`--workload {workload}` matches no workload of the profile and the other filters"
            ),
            hint: "give it as NAMESPACE/NAME of the service account; `*` and `?` are allowed"
                .to_owned(),
        },
        None if select::is_of_retired(desired, &asking.inputs) => Failure::Usage {
            what: format!(
                "nothing is verified of `--team {}`: it leaves",
                asking.inputs.teams.join(" --team ")
            ),
            hint: "`widctl plan` with the same `--team` shows what is left of it".to_owned(),
        },
        None => Failure::Input {
            what: "the profile has no workload and no identity to verify".to_owned(),
            hint: "add a `[[team.workload]]`".to_owned(),
        },
    }
}

impl Verified {
    /// What the caller is told.
    pub fn condition(&self) -> Condition {
        let tally = self.results.tally();
        let failed = (tally.fail > 0).then_some(Condition::Unverified);
        let unread = (tally.unread > 0).then_some(Condition::Failed);
        let refused = self.all_refused.then_some(Condition::NotSignedIn);
        foremost([failed, unread, refused].into_iter().flatten())
    }
}
