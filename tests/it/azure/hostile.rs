//! A server that lies: whoever answers in Azure's place, or Azure on a bad day.

mod bodies;
mod lists;
mod names;
mod redirects;
mod storms;
mod tokens;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use widctl::azure::sign_in::variables::CredentialVariables;
use widctl::azure::transport::Transport;

use super::stage::TENANT;

/// Answers every request by its number, which begins at 1, and counts them.
fn numbered(
    count: &Arc<AtomicUsize>,
    answer: impl Fn(usize, Request) -> Response<Body> + Clone + Send + Sync + 'static,
) -> Transport {
    let count = Arc::clone(count);
    Transport::in_process(tower::service_fn(move |request: Request| {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        let response = answer(number, request);
        async move { Ok::<_, Infallible>(response) }
    }))
}

fn json(status: u16, body: &serde_json::Value) -> Response<Body> {
    let body = Body::from(body.to_string());
    Response::builder().status(status).body(body).unwrap()
}

/// An application that signs in by its secret.
fn application() -> CredentialVariables {
    CredentialVariables::from([
        ("AZURE_TENANT_ID", TENANT),
        ("AZURE_CLIENT_ID", "app-1"),
        ("AZURE_CLIENT_SECRET", "the-secret"),
    ])
}
