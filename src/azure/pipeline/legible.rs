//! Keeps the status of an answer that the library could not read: a gateway's page instead of JSON.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::AsyncRawResponse;
use azure_core::http::Context;
use azure_core::http::Request;
use azure_core::http::policies::Policy;
use azure_core::http::policies::PolicyResult;
use serde::de::IgnoredAny;

use crate::azure::error::carry;
use crate::ports::error::PortError;
use crate::ports::error::PortErrorKind;
use crate::ports::error::Service;

/// Turns a failure without JSON into an error with its status. Nothing of the body is kept.
#[derive(Debug)]
pub(crate) struct Legible;

#[async_trait]
impl Policy for Legible {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let answer = next[0].send(context, request, &next[1..]).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (status, headers, body) = answer.try_into_raw_response().await?.deconstruct();
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
