//! Turns answers that the library could not read, or would panic over, into errors.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{AsyncRawResponse, Context, Request};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::azure::error::carry;
use crate::ports::error::{PortError, PortErrorKind, Service};

/// More seconds than any token lives. The library adds them to the time, and panics where that overflows.
const LONGEST_LIFE: i64 = 10 * 366 * 24 * 60 * 60;

/// The field of a token answer that the library computes with.
/// <https://datatracker.ietf.org/doc/html/rfc6749#section-5.1>
#[derive(Deserialize)]
struct Life {
    expires_in: i64,
}

/// Turns a failure without JSON into an error with its status, and a token that never expires into one about
/// that. Nothing else of the body is kept.
#[derive(Debug)]
pub(crate) struct CheckTokenAnswer;

#[async_trait]
impl Policy for CheckTokenAnswer {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let answer = next[0].send(context, request, &next[1..]).await?;
        let (status, headers, body) = answer.try_into_raw_response().await?.deconstruct();
        if status.is_success() {
            let life = serde_json::from_slice(&body).map_or(0, |life: Life| life.expires_in);
            if !(-LONGEST_LIFE..=LONGEST_LIFE).contains(&life) {
                let mut error =
                    PortError::new(PortErrorKind::Malformed, Service::Entra, "get a token");
                error.message = Some(format!("its token lives for {life} s, which no token does"));
                return Err(carry(error));
            }
            let bytes = bytes::Bytes::from(body);
            return Ok(AsyncRawResponse::from_bytes(status, headers, bytes));
        }
        if serde_json::from_slice::<IgnoredAny>(&body).is_ok() {
            let bytes = bytes::Bytes::from(body);
            return Ok(AsyncRawResponse::from_bytes(status, headers, bytes));
        }
        let status = u16::from(status);
        let kind = match status {
            429 => PortErrorKind::Throttled,
            500..=599 => PortErrorKind::ServiceFault,
            _ => PortErrorKind::Malformed,
        };
        let mut error = PortError::new(kind, Service::Entra, "get a token");
        error.status = Some(status);
        Err(carry(error))
    }
}
