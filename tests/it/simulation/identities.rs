//! Somebody writes to an identity after the plan read it and before it is written: what is theirs stays theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use serde_json::{Value, json};
use widctl::plan::inputs::PlanInputs;
use widctl::sandbox::{Faults, Latency, World, router};

use super::foreigners::{credentials, identity_path};
use super::run::{Heard, Ran, Told, sync};
use super::scenario::{SUBSCRIPTION, Scenario};

const NAME: &str = "id-team-0-0";

/// The services, where somebody strikes once before the first request of this method for the identity.
fn visited(world: &World, method: Method, does: fn(&World)) -> Router {
    let (world, struck) = (world.clone(), Arc::new(AtomicBool::default()));
    router(world.clone()).layer(from_fn(move |request: Request, next: Next| {
        let aimed = request.method() == method && request.uri().path().ends_with(NAME);
        if aimed && !struck.swap(true, Ordering::Relaxed) {
            does(&world);
        }
        next.run(request)
    }))
}

/// One run through this service.
async fn run(scenario: &Scenario, adopt: bool, service: &Router) -> Ran {
    let told = Told { inputs: PlanInputs { adopt, ..PlanInputs::default() }, seed: 1 };
    let heard = Arc::new(Heard::default());
    sync(&scenario.first, &scenario.world, service, &told, &heard).await
}

/// A run that nobody disturbs.
async fn undisturbed(scenario: &Scenario) -> Ran {
    run(scenario, false, &router(scenario.world.clone())).await
}

/// A run whose plan is too old to write by, which somebody meets before it looks again.
async fn old(scenario: &Scenario, adopt: bool, does: fn(&World)) -> Ran {
    let latency = Latency { list_ms: 6000, ..Latency::default() };
    scenario.world.set_faults(Faults { latency, ..Faults::default() });
    let ran = run(scenario, adopt, &visited(&scenario.world, Method::GET, does)).await;
    scenario.world.set_faults(Faults::default());
    ran
}

fn tags(world: &World) -> Value {
    world.resource(&identity_path(NAME)).unwrap()["tags"].clone()
}

fn tag(world: &World, name: &str, value: &str) {
    let done =
        world.edit_resource(&identity_path(NAME), |found| found["tags"][name] = json!(value));
    assert!(done);
}

fn make(world: &World) {
    assert!(world.grow_identity(SUBSCRIPTION, "rg-wi", NAME, "westeurope"));
    tag(world, "owner", "ada");
}

fn take(world: &World) {
    tag(world, "widctl-estate", "fabrikam");
}

/// Whether nobody trusts the identity and it has no role.
fn is_bare(world: &World) -> bool {
    let state = world.to_json().to_string();
    credentials(world, &identity_path(NAME)).is_empty() && !state.contains("roleAssignments/")
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_makes_since_an_old_plan_is_left_alone_until_the_next_plan() {
    let scenario = Scenario::of_three_clusters();
    let ran = old(&scenario, false, make).await;
    assert!(!ran.complete);
    assert!(
        ran.shown.contains("it exists by now, and it has no tag of an estate"),
        "{}",
        ran.shown
    );
    assert!(ran.shown.contains("plan again"), "{}", ran.shown);
    assert_eq!(tags(&scenario.world), json!({ "owner": "ada" }));
    assert!(is_bare(&scenario.world));
    // The next plan shows whose it is, and uses it as it is.
    let ran = undisturbed(&scenario).await;
    assert!(ran.complete, "{}", ran.shown);
    assert_eq!(tags(&scenario.world), json!({ "owner": "ada" }));
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_makes_since_a_fresh_plan_is_told_and_given_nothing() {
    let scenario = Scenario::of_three_clusters();
    let ran = run(&scenario, false, &visited(&scenario.world, Method::PUT, make)).await;
    assert!(!ran.complete);
    assert!(ran.shown.contains("it existed already: somebody made it"), "{}", ran.shown);
    assert!(is_bare(&scenario.world));
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_somebody_adds_before_an_update_stays() {
    let scenario = Scenario::of_three_clusters();
    assert!(undisturbed(&scenario).await.complete);
    let synced = tags(&scenario.world);
    tag(&scenario.world, "widctl-team", "somebody-else");
    let ran = old(&scenario, false, |world| tag(world, "cost", "42")).await;
    assert!(ran.complete, "{}", ran.shown);
    let mut expected = synced;
    expected["cost"] = json!("42");
    assert_eq!(tags(&scenario.world), expected);
}

#[tokio::test(start_paused = true)]
async fn one_that_another_estate_takes_before_an_update_is_left_to_it() {
    let scenario = Scenario::of_three_clusters();
    assert!(undisturbed(&scenario).await.complete);
    tag(&scenario.world, "widctl-team", "somebody-else");
    let mut expected = tags(&scenario.world);
    expected["widctl-estate"] = json!("fabrikam");
    let ran = old(&scenario, false, take).await;
    assert!(!ran.complete);
    assert!(ran.shown.contains("by now it is tagged for estate `fabrikam`"), "{}", ran.shown);
    assert_eq!(tags(&scenario.world), expected);
}

#[tokio::test(start_paused = true)]
async fn an_adoption_keeps_what_somebody_adds_and_leaves_what_another_estate_takes() {
    let scenario = Scenario::of_three_clusters();
    make(&scenario.world);
    let ran = old(&scenario, true, take).await;
    assert!(!ran.complete);
    let expected = json!({ "owner": "ada", "widctl-estate": "fabrikam" });
    assert_eq!(tags(&scenario.world), expected);
    assert!(is_bare(&scenario.world));

    let scenario = Scenario::of_three_clusters();
    make(&scenario.world);
    let ran = old(&scenario, true, |world| tag(world, "cost", "42")).await;
    assert!(ran.complete, "{}", ran.shown);
    let adopted = tags(&scenario.world);
    assert_eq!([&adopted["owner"], &adopted["cost"]], ["ada", "42"]);
    assert_eq!(adopted["widctl-estate"], "prod");
}
