//! People put credentials of all forms on the identities of the estate: every plan names them, and none is touched.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use fastrand::Rng;
use serde_json::{Value, json};
use tower::ServiceExt;
use widctl::plan::inputs::PlanInputs;
use widctl::profile::resolved::Profile;
use widctl::sandbox::{World, router};

use super::foreigners::token;
use super::run::{Heard, Ran, Told, sync};
use super::scenario::Scenario;

/// Somebody's trust, by the path of its credential, with the words that only it has.
struct Planted {
    path: String,
    mark: String,
    left: Value,
}

/// What somebody writes; `mark` is in it.
fn trust(rng: &mut Rng, mark: &str) -> Value {
    let claim = |text: String| json!({ "value": text, "languageVersion": 1 });
    let (field, value) = match rng.u32(0..6) {
        0 => ("subject", json!(format!("system:serviceaccount:{mark}:app"))),
        1 => ("subject", json!(format!("repo:{mark}/*"))),
        2 => {
            let text = format!("claims['sub'] matches 'system:serviceaccount:{mark}:*'");
            ("claimsMatchingExpression", claim(text))
        }
        3 => ("claimsMatchingExpression", claim(format!("claims['actor'] eq '{mark}'"))),
        4 => ("claimsMatchingExpression", claim(format!("claims['sub'] like '{mark}'"))),
        _ => ("subject", json!(format!("repo:{mark}/x:pull_request"))),
    };
    let mut properties = json!({
        "issuer": "https://token.actions.githubusercontent.com",
        "audiences": ["api://AzureADTokenExchange"],
    });
    properties[field] = value;
    json!({ "properties": properties })
}

async fn plant(world: &World, rng: &mut Rng, number: usize) -> Planted {
    let state = world.to_json();
    let paths = state["resources"].as_object().unwrap().iter();
    let of_estate = paths.filter(|(_, found)| found["tags"]["widctl-estate"].is_string());
    let identity = rng.choice(of_estate.map(|(path, _)| path.clone()).collect::<Vec<_>>()).unwrap();
    let mark = format!("stranger-{number}-");
    let path = format!("{identity}/federatedidentitycredentials/people-{number}");
    let request =
        Request::put(format!("http://127.0.0.1:7080{path}?api-version=2025-01-31-preview"))
            .header(AUTHORIZATION, format!("Bearer {}", token(world).await))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(trust(rng, &mark).to_string()))
            .unwrap();
    let answer = router(world.clone()).oneshot(request).await;
    assert!(answer.unwrap_or_else(|never| match never {}).status().is_success());
    let left = world.resource(&path).unwrap();
    Planted { path, mark, left }
}

async fn run(scenario: &Scenario, profile: &Profile, prune: bool) -> Ran {
    let inputs =
        PlanInputs { prune, allow_mass_delete: prune, adopt: true, ..PlanInputs::default() };
    let told = Told { inputs, seed: 1 };
    let heard = Arc::new(Heard::default());
    sync(profile, &scenario.world, &router(scenario.world.clone()), &told, &heard).await
}

#[tokio::test(start_paused = true)]
async fn whatever_people_trust_is_named_by_every_plan_and_stays() {
    for seed in 0..20 {
        let mut rng = Rng::with_seed(seed);
        let scenario = Scenario::new(&mut rng);
        run(&scenario, &scenario.first, false).await;
        let mut planted = Vec::new();
        for (profile, prune) in [(&scenario.first, false), (&scenario.later, true)] {
            for _ in 0..rng.usize(1..4) {
                planted.push(plant(&scenario.world, &mut rng, planted.len()).await);
            }
            for _ in 0..2 {
                let ran = run(&scenario, profile, prune).await;
                for Planted { path, mark, left } in &planted {
                    assert!(ran.said.contains(mark), "seed {seed}: {mark}: {}", ran.said);
                    let now = scenario.world.resource(path);
                    assert_eq!(now.as_ref(), Some(left), "seed {seed}: {path}");
                }
            }
        }
    }
}
