//! What is logged of a request: never a host, query, header or body, since those can hold secrets.

use std::time::Duration;

use tracing::debug;
use uuid::Uuid;

use super::error::Service;

/// A request and how it was answered.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Who was asked.
    pub service: &'a Service,
    /// The method and the path; of a request for a token the host alone, since its path may be anybody's.
    pub what: &'a str,
    /// Which attempt it was, from 1.
    pub attempt: u32,
}

impl Asked<'_> {
    /// Logs the answer's status, if one came, and the id by which the service finds the request.
    pub fn answered(&self, status: Option<u16>, id: Option<&str>, took: Duration) {
        let Self { service, what, attempt } = self;
        let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        // Azure's request ids and the audit ids of clusters are GUIDs. Anything else may be what was sent, echoed.
        let id = id.and_then(|id| Uuid::parse_str(id).ok());
        let id = id.map(|id| format!(", id {id}")).unwrap_or_default();
        debug!("{service}: {what}: {status} after {} ms, attempt {attempt}{id}", took.as_millis());
    }
}
