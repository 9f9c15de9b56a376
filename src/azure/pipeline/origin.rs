//! Requests and the token in them go to ARM alone, whatever a `nextLink` says.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::policies::{Policy, PolicyResult};
use azure_core::http::{Context, Request};
use url::Url;

use crate::azure::error::carry;
use crate::model::host::is_loopback;
use crate::ports::error::{PortError, PortErrorKind, Service};

/// Lets requests through to one origin only.
#[derive(Debug)]
pub(crate) struct Origin(pub(crate) Url);

#[async_trait]
impl Policy for Origin {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        let url = request.url();
        if url.origin() != self.0.origin() || (url.scheme() != "https" && !is_loopback(url)) {
            let mut error = PortError::new(PortErrorKind::ForeignOrigin, Service::Arm, "go on");
            error.message = Some(format!(
                "{} is not {}",
                url.origin().ascii_serialization(),
                self.0.origin().ascii_serialization()
            ));
            return Err(carry(error));
        }
        next[0].send(context, request, &next[1..]).await
    }
}
