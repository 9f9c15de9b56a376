//! The one way in: reads the request, lets faults have their say, asks the service.

use std::io;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures::stream;
use serde_json::json;

use super::answer::Answer;
use super::call::{Api, Call};
use super::faults::{Dropped, Effect};
use super::serve::HangUp;
use super::state::Inner;
use super::world::{RequestRecord, World};
use super::{arm, control, entra, faults, kubernetes, oidc, throttle};

/// The longest body that is read, in bytes.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// Stands among the extensions of a response that a fault turned into a dropped connection.
///
/// On a socket the connection is closed without a byte. In process reading the body is an error;
/// whoever drives the router as a service can look for this mark and fail at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionDropped;

/// All the stand-ins of a world behind one origin. A request that carries an [`Effect`] among its extensions
/// meets with it, whatever the world's own faults are.
pub fn router(world: World) -> Router {
    Router::new().fallback(handle).with_state(world)
}

async fn handle(State(world): State<World>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return Answer::empty(StatusCode::PAYLOAD_TOO_LARGE).into_response();
    };
    let call = Call::new(&parts, body);
    let Some(api) = world.with(|inner| classify(inner, &call)) else {
        let is_for_control = call.segments.first().is_some_and(|first| first == control::ROOM);
        let answer = if is_for_control { control::answer(&world, &call) } else { unknown(&call) };
        return answer.without_body_for(&call.method).into_response();
    };
    let carried = parts.extensions.get::<Effect>().cloned();
    let answer = respond(&world, &call, api, carried).await;
    world.record(RequestRecord {
        method: call.method.to_string(),
        path: call.path.clone(),
        query: call.query.clone(),
        api,
        status: answer.as_ref().map_or(0, |answer| answer.status.as_u16()),
    });
    answer.map_or_else(
        || dropped(parts.extensions.get::<ConnectInfo<HangUp>>()),
        |answer| answer.without_body_for(&call.method).into_response(),
    )
}

/// The service that a request is for.
fn classify(inner: &Inner, call: &Call) -> Option<Api> {
    if oidc::is_for_issuer(inner, call) {
        return Some(Api::Oidc);
    }
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["clusters", _, ..] => Some(Api::Kubernetes),
        ["oidc", _, _, ..] => Some(Api::Oidc),
        [_, "oauth2" | "v2.0" | ".well-known" | "discovery", ..] => Some(Api::Entra),
        [first, ..] => ["subscriptions", "providers", "tenants"]
            .iter()
            .any(|known| first.eq_ignore_ascii_case(known))
            .then_some(Api::Arm),
        [] => None,
    }
}

/// `None` where a fault drops the connection.
async fn respond(world: &World, call: &Call, api: Api, carried: Option<Effect>) -> Option<Answer> {
    let effect = carried.or_else(|| world.with(|inner| faults::strike(inner, call, api)));
    if let Some(effect) = &effect {
        if matches!(effect, Effect::Drop(Dropped::Before)) {
            return None;
        }
        if let Some(answer) = faults::instead(effect, api, call) {
            return Some(answer);
        }
    }
    if let Err(refusal) = world.with(|inner| throttle::admit(inner, call)) {
        return Some(refusal);
    }
    let in_flight = match arm::federated_credential::begin_write(world, call) {
        Ok(in_flight) => in_flight,
        Err(refusal) => return Some(refusal.into()),
    };
    let delay = world.with(|inner| faults::delay(inner, call, api));
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let answer = world.with(|inner| match api {
        Api::Arm => arm::answer(inner, call),
        Api::Entra => entra::answer(inner, call),
        Api::Kubernetes => kubernetes::answer(inner, call),
        Api::Oidc => oidc::answer(inner, call),
    });
    drop(in_flight);
    match effect {
        Some(Effect::Drop(Dropped::After)) => None,
        Some(effect) => Some(faults::spoil(&effect, answer)),
        None => Some(answer),
    }
}

fn unknown(call: &Call) -> Answer {
    let message = format!("the sandbox has no service at {}", call.path);
    let body = json!({ "error": { "code": "NotFound", "message": message } });
    Answer::json(StatusCode::NOT_FOUND, body)
}

fn dropped(connection: Option<&ConnectInfo<HangUp>>) -> Response {
    if let Some(ConnectInfo(connection)) = connection {
        connection.hang_up();
    }
    let broken: Result<Bytes, io::Error> = Err(io::ErrorKind::ConnectionReset.into());
    let mut response = Response::new(Body::from_stream(stream::iter([broken])));
    response.extensions_mut().insert(ConnectionDropped);
    response
}
