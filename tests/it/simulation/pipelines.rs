//! Two pipelines at once, and a pipeline that is killed: whatever the moment, the next run finishes the work.

use std::collections::BTreeSet;

use fastrand::Rng;
use serde_json::Value;
use widctl::plan::inputs::PlanInputs;
use widctl::sandbox::World;

use super::attempt::Attempt;
use super::foreigners::Foreigners;
use super::interference::{Counted, Interference, Kill};
use super::run::{End, Ran};
use super::scenario::Scenario;

/// A run over a new world with twenty workloads that nobody disturbs.
async fn pipeline() -> Attempt {
    let scenario = Scenario::of_twenty_workloads();
    let foreigners = Foreigners::new(&scenario.world).await;
    let interference = Interference::new(&scenario.world, Rng::with_seed(1), foreigners);
    Attempt {
        profile: scenario.first,
        world: scenario.world,
        interference,
        inputs: PlanInputs::default(),
        seed: 1,
        number: 1,
        kill: None,
    }
}

/// What exists, by path, without the account that every namespace comes with.
fn existing(world: &World) -> BTreeSet<String> {
    let state = world.to_json();
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
    };
    let mut paths: BTreeSet<String> = keys(&state["resources"]).into_iter().collect();
    for cluster in keys(&state["clusters"]) {
        let objects = keys(&state["clusters"][&cluster]["objects"]);
        let made = objects.into_iter().filter(|path| !path.ends_with("/default"));
        paths.extend(made.map(|path| format!("{cluster}: {path}")));
    }
    paths
}

/// How many changes a run made.
fn made(ran: &Ran) -> usize {
    match &ran.end {
        End::Applied(outcome) => outcome.changes.len(),
        End::Unchanged => 0,
        End::Failed(failure) => panic!("{failure}"),
    }
}

/// What one undisturbed run makes, and how many changes that is.
async fn whole() -> (BTreeSet<String>, usize) {
    let run = pipeline().await;
    let ran = run.run().await.unwrap();
    assert!(ran.complete, "{}", ran.shown);
    (existing(&run.world), made(&ran))
}

async fn plans_nothing(run: &Attempt) {
    let ran = run.run().await.unwrap();
    assert!(matches!(ran.end, End::Unchanged) && ran.complete, "{}", ran.shown);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_killed_at_any_write_is_finished_by_the_next_one() {
    let (all, changes) = whole().await;
    // Identities, roles, credentials, the namespaces that nobody else has made yet, accounts.
    assert_eq!(changes, 5 + 5 + 20 + 8 + 20);
    for after in [false, true] {
        for at in 1..=changes {
            let run = pipeline().await;
            let begun = existing(&run.world).len();
            let killed =
                Attempt { kill: Some(Kill { at, of: Counted::Writes, after }), ..run.clone() };
            assert!(killed.run().await.is_none(), "the run was over before write {at}");
            let done = existing(&run.world).len() - begun;
            let ran = run.run().await.unwrap();
            assert!(ran.complete, "after write {at}:\n{}", ran.shown);
            assert_eq!(made(&ran), changes - done, "after write {at}:\n{}", ran.shown);
            assert_eq!(existing(&run.world), all, "after write {at}");
            plans_nothing(&run).await;
            assert_eq!(run.interference.violations(), Vec::<String>::new());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_end_with_everything_made_once() {
    let (all, changes) = whole().await;
    for at in 1..=changes {
        let first = pipeline().await;
        let second = Attempt { number: 2, seed: 2, ..first.clone() };
        let reached = first.interference.reached(1, at);
        let late = async {
            reached.await;
            second.run().await
        };
        let (one, two) = futures::join!(first.run(), late);
        let (one, two) = (one.unwrap(), two.unwrap());
        for ran in [&one, &two] {
            if !ran.complete {
                assert!(ran.shown.contains("hint: "), "it does not say what to do:\n{}", ran.shown);
            }
        }
        assert!(one.complete || two.complete, "{}\n{}", one.shown, two.shown);
        assert_eq!(existing(&first.world), all, "beginning at write {at}");
        plans_nothing(&first).await;
        assert_eq!(first.interference.violations(), Vec::<String>::new());
    }
}
