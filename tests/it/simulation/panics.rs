//! A bug that one cluster sets off ends what is done on that cluster, and nothing else.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use widctl::plan::inputs::PlanInputs;

use super::run::{End, Heard, Ran, Told, sync};
use super::scenario::Scenario;

/// The sandbox's services, of which the cluster `c1` sets a bug off with these requests.
fn trapped(scenario: &Scenario, trap: fn(&Request) -> bool) -> Router {
    widctl::sandbox::router(scenario.world.clone()).layer(from_fn(
        move |request: Request, next: Next| async move {
            let on_cluster = request.uri().path().starts_with("/clusters/rg-aks-aks-c1/");
            assert!(!(on_cluster && trap(&request)), "index out of bounds");
            next.run(request).await as Response
        },
    ))
}

async fn run(trap: fn(&Request) -> bool) -> Ran {
    let scenario = Scenario::of_three_clusters();
    let told = Told { inputs: PlanInputs::default(), seed: 1 };
    let service = trapped(&scenario, trap);
    let heard = Arc::new(Heard::default());
    sync(&scenario.first, &scenario.world, &service, &told, &heard).await
}

/// What was said of each cluster's account.
fn accounts(ran: &Ran) -> [&str; 3] {
    ["c0", "c1", "c2"].map(|cluster| {
        let account = format!("{cluster}/service-account/team-0/sa-0");
        let mut told = ran.shown.lines().filter(|line| line.contains(&account));
        told.next_back().unwrap_or_else(|| panic!("{}", ran.shown)).trim()
    })
}

#[tokio::test(start_paused = true)]
async fn a_bug_while_one_cluster_is_read_leaves_the_others_as_they_are() {
    for trap in [(|_| true) as fn(&Request) -> bool, |request| {
        request.uri().path().ends_with("/serviceaccounts")
    }] {
        let ran = run(trap).await;
        let Ran { end, complete, .. } = &ran;
        assert!(matches!(end, End::Applied(_)), "{}", ran.shown);
        assert!(!complete, "{}", ran.shown);
        let words: Vec<&str> = ran.shown.split_whitespace().collect();
        let told = words.join(" ").contains("a bug in widctl: index out of bounds");
        assert!(told, "{}", ran.shown);
        let unknown: Vec<_> = ran.unknown.iter().map(|row| row.address.clone()).collect();
        assert!(unknown.iter().all(|row| row.starts_with("c1/")), "{unknown:?}");
        assert!(unknown.iter().any(|row| row.ends_with("/sa-0")), "{unknown:?}");
        let [one, trapped, other] = accounts(&ran);
        assert!(one.starts_with('+') && other.starts_with('+'), "{}", ran.shown);
        assert!(trapped.starts_with('?'), "{}", ran.shown);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bug_while_one_cluster_is_written_to_fails_that_change_alone() {
    let ran = run(|request| request.method() == "PATCH").await;
    let End::Applied(outcome) = &ran.end else {
        panic!("{}", ran.shown);
    };
    let failed = outcome.changes.iter().filter(|change| change.error.is_some());
    let failed: Vec<_> = failed.map(|change| change.address.to_string()).collect();
    assert!(!failed.is_empty() && failed.iter().all(|row| row.starts_with("c1/")), "{failed:?}");
    assert!(ran.shown.contains("a bug in widctl"), "{}", ran.shown);
}
