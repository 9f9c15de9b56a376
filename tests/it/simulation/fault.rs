//! What can happen to a request on its way.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::Method;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use fastrand::Rng;
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use widctl::sandbox::{Dropped, Effect, ScriptedAnswer};

/// What can happen to a request.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// An effect of the sandbox.
    Effect(Effect),
    /// The answer comes later than the client waits.
    Slow,
    /// The answer begins in time and never ends.
    Stalled,
}

/// The same answer, of which only a part comes.
pub(super) async fn stalled(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let mut begun = body.collect().await.unwrap().to_bytes();
    begun.truncate(begun.len() / 2);
    let begun = stream::once(async { Ok::<_, Infallible>(begun) });
    Response::from_parts(head, Body::from_stream(begun.chain(stream::pending())))
}

/// A fault.
pub(super) fn random_fault(rng: &mut Rng, credential: bool, assignment: bool) -> Fault {
    let answer = |status: u16, code: &str, retry_after: Option<u64>| {
        Effect::Answer(ScriptedAnswer {
            status,
            code: code.into(),
            message: "an injected fault".into(),
            retry_after,
        })
    };
    let concurrent = "ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity";
    let effect = match rng.u32(0..16) {
        0 => answer(408, "RequestTimeout", None),
        1 => answer(429, "TooManyRequests", Some(rng.u64(1..=20))),
        2 => answer(429, "TooManyRequests", None),
        3 => answer(499, "ClientClosedRequest", None),
        4 => answer(500, "InternalServerError", None),
        5 => answer(502, "BadGateway", None),
        6 => answer(503, "ServiceUnavailable", rng.bool().then(|| rng.u64(1..=10))),
        7 => answer(504, "GatewayTimeout", None),
        8 => Effect::Drop(Dropped::Before),
        9 => Effect::Drop(Dropped::After),
        10 => Effect::Truncate,
        11 => Effect::NotJson,
        12 if credential => answer(409, concurrent, None),
        12 if assignment => answer(400, "PrincipalNotFound", None),
        13 => return Fault::Stalled,
        _ => return Fault::Slow,
    };
    Fault::Effect(effect)
}

/// What a request is for: `PUT userassignedidentities`, `LIST serviceaccounts`.
pub(super) fn kind_of(method: &Method, path: &str) -> String {
    let path = path.to_lowercase();
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    if path.contains("/oauth2/") {
        return format!("{method} token");
    }
    if path.ends_with("/openid-configuration") {
        return format!("{method} openid-configuration");
    }
    let inside = match segments.as_slice() {
        ["clusters", _, "api", _, rest @ ..] | ["clusters", _, "apis", _, _, rest @ ..] => {
            match rest {
                ["namespaces", _, inside @ ..] if !inside.is_empty() => inside,
                all => all,
            }
        }
        ["subscriptions", _, "resourcegroups", _] => &["resourcegroups", "name"],
        arm => {
            let provider = arm.iter().rposition(|segment| *segment == "providers");
            provider.map_or(arm, |at| &arm[at + 2..])
        }
    };
    let is_list = inside.len() % 2 == 1;
    let resource = inside[(inside.len() - 1) / 2 * 2];
    if is_list && method == Method::GET {
        format!("LIST {resource}")
    } else {
        format!("{method} {resource}")
    }
}
