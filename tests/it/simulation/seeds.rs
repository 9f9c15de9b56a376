//! Random lives of random estates.
//!
//! A seed that fails is printed, and `WIDCTL_SIMULATION_SEED` runs it alone with its trace.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use widctl::model::kinds::federated_credential::CREDENTIALS_PER_IDENTITY;
use widctl::plan::contents::Refused;
use widctl::plan::inputs::PlanInputs;
use widctl::profile::resolved::Profile;
use widctl::sandbox::{Faults, Latency, Throttling};

use super::attempt::Attempt;
use super::foreigners::{Foreigners, credentials, identity_path, is_theirs};
use super::interference::{Counted, Interference, Kill};
use super::run::{End, Ran};
use super::scenario::Scenario;
use super::strangers;

/// How many seeds run where nobody says otherwise; CI runs 2,000.
pub(super) const SEEDS: u64 = 200;
/// Longer than any run takes on the paused clock: a run that hangs ends here.
const PATIENCE: Duration = Duration::from_hours(6);

/// One simulated life of an estate.
struct Life {
    scenario: Scenario,
    interference: Arc<Interference>,
    rng: Rng,
    prune: bool,
    /// Whether runs may take what other tools declare.
    force: bool,
    runs: usize,
}

impl Life {
    async fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let scenario = Scenario::new(&mut rng);
        let mut foreigners = Foreigners::new(&scenario.world).await;
        foreigners.settle_elsewhere().await;
        if rng.u32(0..4) == 0 {
            foreigners.install(&mut rng).await;
        }
        scenario.world.set_faults(strangers::refusing());
        let interference = Interference::new(&scenario.world, rng.fork(), foreigners);
        Self { scenario, interference, rng, prune: false, force: false, runs: 0 }
    }

    /// The whole life: the first profile and then the later one, each under interference and then without.
    async fn live(&mut self) {
        if self.rng.u32(0..3) == 0 {
            self.be_crowded().await;
        }
        for prune in [false, true] {
            self.prune = prune;
            self.run_under_interference().await;
            self.interference.meddle(self.rng.usize(0..3)).await;
            self.run_undisturbed().await;
        }
    }

    /// A run ends early, and people fill the identities that it has made: what is left may not fit any more.
    async fn be_crowded(&mut self) {
        let kill =
            Some(Kill { at: self.rng.usize(1..20), of: Counted::Writes, after: self.rng.bool() });
        let begun = Attempt { kill, ..self.chance() };
        begun.run().await;
        self.interference.crowd(self.rng.usize(15..20)).await;
    }

    fn profile(&self) -> &Profile {
        if self.prune { &self.scenario.later } else { &self.scenario.first }
    }

    async fn run_under_interference(&mut self) {
        let faults = Faults {
            latency: Latency {
                read_ms: self.rng.u64(0..100),
                list_ms: self.rng.u64(0..100),
                write_ms: self.rng.u64(0..500),
                token_ms: 10,
            },
            throttling: if self.rng.bool() { Throttling::Documented } else { Throttling::Off },
            stale_reads_ms: if self.rng.bool() { self.rng.u64(0..20_000) } else { 0 },
            principal_replication: self.rng.u32(0..4),
            ..strangers::refusing()
        };
        self.scenario.world.set_faults(faults);
        let struck = [0, 20, 100, 300][self.rng.usize(0..4)];
        let busy = [0, 20, 50][self.rng.usize(0..3)];
        self.interference.turn(struck, busy);
        for _ in 0..self.rng.usize(1..=2) {
            let two = self.rng.u32(0..3) == 0;
            let (first, second) = (self.chance(), self.chance());
            if two {
                futures::join!(first.run(), second.run());
            } else {
                first.run().await;
            }
        }
    }

    /// Once faults stop, one more run converges and the next plan is empty. Where nothing is pruned, a role
    /// of an identity that somebody deleted is left over and kept.
    async fn run_undisturbed(&mut self) {
        self.interference.turn(0, 0);
        self.scenario.world.set_faults(strangers::refusing());
        // Until readers see what was written.
        tokio::time::sleep(Duration::from_mins(1)).await;
        let mut last = self.once().await;
        if self.is_rightly_refused(&last) {
            self.interference.make_room(14).await;
            self.interference.let_go();
            self.force = true;
            last = self.once().await;
            self.force = false;
        }
        if self.is_rightly_refused(&last) {
            self.interference.uninstall().await;
            last = self.once().await;
        }
        assert!(last.complete, "the run without interference is not complete:\n{}", last.shown);
        let empty = self.once().await;
        assert!(
            matches!(empty.end, End::Unchanged)
                && empty.complete
                && strangers::is_kept(&empty.kept, self.prune),
            "the plan after a run without interference is not empty:\n{}",
            empty.shown
        );
    }

    /// Whether a run was refused because an identity would hold too many credentials, or because a tool declares what it
    /// wants to write; where it was, it was so rightly.
    fn is_rightly_refused(&self, ran: &Ran) -> bool {
        let rightly = |refusal: &Refused| {
            if self.interference.is_declared(refusal) {
                return true;
            }
            let Some(identity) = refusal.address.strip_prefix("azure/identity/") else {
                return false;
            };
            let wanted = self.wanted(identity);
            let held = credentials(&self.scenario.world, &identity_path(identity));
            let theirs = held.iter().filter(|path| is_theirs(path)).count();
            refusal.code == "WID-CREDENTIAL-LIMIT" && wanted + theirs > CREDENTIALS_PER_IDENTITY
        };
        !ran.refused.is_empty() && ran.refused.iter().all(rightly)
    }

    /// How many credentials the profile wants on an identity: one for each account and cluster.
    fn wanted(&self, identity: &str) -> usize {
        let workloads = self.profile().teams.iter().flat_map(|team| &team.workloads);
        workloads
            .filter(|workload| workload.identity == identity)
            .map(|workload| workload.clusters.len())
            .sum()
    }

    async fn once(&mut self) -> Ran {
        let attempt = Attempt { kill: None, ..self.chance() };
        let ran = attempt.run().await.unwrap();
        strangers::assert_said(ran.scope.as_ref().unwrap());
        ran
    }

    /// A run with its fate.
    fn chance(&mut self) -> Attempt {
        self.runs += 1;
        let kill = (self.rng.u32(0..3) == 0).then(|| Kill {
            at: self.rng.usize(1..60),
            of: Counted::Requests,
            after: self.rng.bool(),
        });
        Attempt {
            profile: self.profile().clone(),
            world: self.scenario.world.clone(),
            interference: Arc::clone(&self.interference),
            inputs: PlanInputs {
                prune: self.prune,
                allow_mass_delete: true,
                adopt: self.rng.bool(),
                force_conflicts: self.force,
                ..PlanInputs::default()
            },
            seed: self.rng.u64(..),
            number: self.runs,
            kill,
        }
    }
}

/// Lives one life; what went wrong, if something did.
fn live(seed: u64) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let life = std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async {
            let mut life = Life::new(seed).await;
            let interference = Arc::clone(&life.interference);
            let lived = tokio::time::timeout(PATIENCE, life.live());
            let lived = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(lived)).await;
            let violations = interference.violations();
            let trace = interference.trace();
            match lived {
                Ok(Ok(())) if violations.is_empty() => Ok(trace),
                Ok(Ok(())) => Err(format!("{violations:#?}\n{trace}")),
                Ok(Err(_)) => Err(format!("it did not end within {PATIENCE:?}\n{trace}")),
                Err(panic) => {
                    let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                    Err(format!("{why}\n{violations:#?}\n{trace}"))
                }
            }
        })
    });
    life()
}

#[test]
fn a_seed_lives_the_same_life_again() {
    for seed in [1, 7, 42] {
        assert_eq!(live(seed), live(seed), "seed {seed}");
    }
}

#[test]
fn every_seed_converges_and_wrongs_nobody() {
    each_seed(1, live);
}

/// Lives the life of one in `share` seeds, or of the one that is asked for; how many there were, and what came of each.
#[expect(clippy::disallowed_methods, reason = "which seeds to run is said by the environment")]
pub(crate) fn each_seed(share: u64, live: fn(u64) -> Result<String, String>) -> (u64, Vec<String>) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("WIDCTL_SIMULATION_SEED") {
        let trace = live(seed).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        panic!("seed {seed} is fine:\n{trace}");
    }
    let seeds = number("WIDCTL_SIMULATION_SEEDS").unwrap_or(SEEDS) / share;
    let next = std::sync::atomic::AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let lived: Vec<(u64, Result<String, String>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut lived = Vec::new();
                    loop {
                        let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        if seed >= seeds {
                            return lived;
                        }
                        lived.push((seed, live(seed)));
                    }
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let (mut ends, mut wrong) = (Vec::new(), Vec::new());
    for (seed, life) in lived {
        match life {
            Ok(end) => ends.push(end),
            Err(why) => wrong.push((seed, why)),
        }
    }
    if let Some((seed, why)) = wrong.first() {
        let failed: Vec<u64> = wrong.iter().map(|(seed, _)| *seed).collect();
        panic!("{} of {seeds} seeds failed: {failed:?}\nseed {seed}: {why}", failed.len());
    }
    (seeds, ends)
}
