//! The one HTTP pipeline to Azure Resource Manager. Every request, of our own client and of the
//! generated one, goes through these policies; the libraries' own retries are off.
//!
//! ```text
//! origin --> retry --> gate --> auth --> attempt --> transport
//! '-- per request --'  '-------- per attempt --------'
//! ```

pub(crate) mod attempt;
pub(crate) mod auth;
pub(crate) mod connection_failure;
pub(crate) mod gate;
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod patience;
pub(crate) mod request;
pub(crate) mod retry;
pub(crate) mod route;
mod token_answer;

use std::sync::Arc;
use std::time::Duration;

use azure_core::http::policies::Policy;
use azure_core::http::{ClientOptions, Pipeline, RetryOptions, Transport as CoreTransport};
use tracing::info;
use uuid::Uuid;

use self::attempt::Attempt;
use self::auth::Auth;
use self::connection_failure::Way;
use self::gate::Gate;
use self::origin::Origin;
use self::request::Peer;
use self::retry::Retry;
use self::token_answer::CheckTokenAnswer;
use super::cloud::Cloud;
use super::sign_in::TokenSource;
use super::transport::Transport;
use crate::event::EventSink;
use crate::ports::backoff::Jitter;

/// What the pipeline is made of.
pub(crate) struct Parts {
    pub(crate) cloud: Cloud,
    pub(crate) tokens: Arc<dyn TokenSource>,
    pub(crate) transport: Transport,
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) parallelism: usize,
    pub(crate) timeout: Duration,
    pub(crate) seed: u64,
}

/// The pipeline to ARM. Its correlation id is the same for the whole run, so that Azure's activity log
/// shows a run as one.
pub(crate) fn to_arm(parts: Parts) -> Pipeline {
    let retry = Retry {
        peer: Peer::Arm,
        jitter: Jitter::new(parts.seed),
        events: Arc::clone(&parts.events),
    };
    let gate = Gate::new(parts.parallelism, Arc::clone(&parts.events));
    let correlation_id = Uuid::new_v4().to_string();
    info!("Azure's activity log has this run under correlation id {correlation_id}");
    let attempt = Attempt {
        peer: Peer::Arm,
        events: parts.events,
        timeout: parts.timeout,
        correlation_id: Some(correlation_id),
        way: Way::of(&parts.transport, &parts.cloud),
    };
    let per_call: Vec<Arc<dyn Policy>> =
        vec![Arc::new(Origin(parts.cloud.arm.clone())), Arc::new(retry)];
    let per_try: Vec<Arc<dyn Policy>> = vec![
        Arc::new(gate),
        Arc::new(Auth { scope: parts.cloud.arm_scope(), tokens: parts.tokens }),
        Arc::new(attempt),
    ];
    Pipeline::new(
        option_env!("CARGO_PKG_NAME"),
        option_env!("CARGO_PKG_VERSION"),
        options(&parts.transport),
        per_call,
        per_try,
        None,
    )
}

/// Options for the credentials of the library: they go through the same retry and the same counting.
pub(crate) fn to_entra(
    transport: &Transport,
    cloud: &Cloud,
    events: &Arc<dyn EventSink>,
    timeout: Duration,
    seed: u64,
) -> ClientOptions {
    let retry = Retry { peer: Peer::Entra, jitter: Jitter::new(seed), events: Arc::clone(events) };
    ClientOptions {
        per_call_policies: vec![Arc::new(CheckTokenAnswer), Arc::new(retry)],
        per_try_policies: vec![Arc::new(Attempt {
            peer: Peer::Entra,
            events: Arc::clone(events),
            timeout,
            correlation_id: None,
            way: Way::of(transport, cloud),
        })],
        ..options(transport)
    }
}

fn options(transport: &Transport) -> ClientOptions {
    ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(CoreTransport::new(transport.client())),
        ..ClientOptions::default()
    }
}
