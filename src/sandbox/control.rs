//! How another run of widctl joins a sandbox that is being served. It is internal: both ends are of one version,
//! which the greeting tells.
//!
//! Faults do not strike here, and requests are not remembered.

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Answer;
use super::call::Call;
use super::growth::Assumption;
use super::world::World;

/// The first segment of what is answered here.
pub(super) const ROOM: &str = "sandbox";

/// What the sandbox says of itself to everybody.
#[derive(Debug, Serialize, Deserialize)]
pub struct Greeting {
    /// Tells a sandbox from whatever else answers with JSON.
    pub sandbox: String,
    /// The version of widctl that serves it.
    pub version: String,
}

impl Greeting {
    /// The greeting of this version.
    pub fn own() -> Self {
        Self { sandbox: "widctl".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// What a run needs to know of the sandbox that it works with.
#[derive(Debug, Serialize, Deserialize)]
pub struct Joined {
    /// For each of its assumptions whether something had to be added.
    pub added: Vec<bool>,
    /// The id of the one Entra tenant.
    pub tenant: String,
    /// Every cluster by the name of its kubeconfig context and its key.
    pub clusters: Vec<(String, String)>,
}

impl World {
    /// Adds what a run assumes.
    pub fn join(&self, assumptions: &[Assumption]) -> Joined {
        Joined {
            added: assumptions.iter().map(|assumption| self.assume(assumption)).collect(),
            tenant: self.tenant(),
            clusters: self.clusters(),
        }
    }

    /// Every cluster by the name of its kubeconfig context and its key.
    pub fn clusters(&self) -> Vec<(String, String)> {
        self.with(|inner| {
            let clusters = inner.state.clusters.iter();
            let named = clusters.map(|(key, cluster)| {
                (cluster.context.clone().unwrap_or_else(|| key.clone()), key.clone())
            });
            named.collect()
        })
    }
}

/// Answers a request that is for no service. All but the greeting asks for the static token in a header, which no page
/// of a browser sends elsewhere unasked.
pub(super) fn answer(world: &World, call: &Call) -> Answer {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (&call.method, segments.as_slice()) {
        (&Method::GET, [_]) => Answer::ok(json!(Greeting::own())),
        _ if call.has_token_in_path || !call.has_static_token() => {
            refused(StatusCode::UNAUTHORIZED, "the static token is missing")
        }
        (&Method::GET, [_, "state"]) => Answer::ok(world.to_json()),
        (&Method::POST, [_, "join"]) => match serde_json::from_slice::<Vec<Assumption>>(&call.body)
        {
            Ok(assumptions) => Answer::ok(json!(world.join(&assumptions))),
            Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        _ => refused(StatusCode::NOT_FOUND, "there is no such path"),
    }
}

fn refused(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, json!({ "error": { "message": message } }))
}
