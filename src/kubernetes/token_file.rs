//! A token that is kept in a file.

use std::time::Duration;

use async_trait::async_trait;
use tokio::fs;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::clean;
use super::source::Source;
use super::token::{Bearer, ClusterToken};
use crate::ports::error::PortError;
use crate::ports::place::Fault;

/// How long a token is sent before its file is read again.
/// <https://github.com/kubernetes/client-go/blob/master/transport/token_source.go>
const KEPT: Duration = Duration::from_mins(1);

/// The `tokenFile` of a kubeconfig. Where it cannot be read, the token that was read last is sent, at first that
/// of the kubeconfig itself, as client-go does.
pub(super) struct TokenFile {
    path: String,
    source: Source,
    kept: Mutex<(Option<Bearer>, Instant)>,
}

impl TokenFile {
    /// The file, with what is sent where it cannot be read.
    pub(super) fn new(path: String, instead: Option<Bearer>, source: Source) -> Self {
        Self { path, source, kept: Mutex::new((instead, Instant::now())) }
    }

    async fn read(&self) -> Result<Bearer, PortError> {
        let failed = |what: &str| {
            let path = clean(&self.path);
            let message = format!("its user's token file `{path}` {what}");
            self.source.unusable(message, Fault::TokenFile)
        };
        let text = fs::read_to_string(&self.path).await.map_err(|error| {
            let mut failed = failed("cannot be read");
            failed.source = Some(Box::new(error));
            failed
        })?;
        if text.trim().is_empty() {
            return Err(failed("is empty"));
        }
        Bearer::new(&text).map_err(|_| failed("has a character that no header takes"))
    }
}

#[async_trait]
impl ClusterToken for TokenFile {
    async fn bearer(&self, _: &str) -> Result<Bearer, PortError> {
        let mut kept = self.kept.lock().await;
        let (last, until) = &*kept;
        if let Some(last) = last
            && Instant::now() < *until
        {
            return Ok(last.clone());
        }
        let bearer = match (self.read().await, last) {
            (Ok(read), _) => read,
            (Err(_), Some(last)) => last.clone(),
            (Err(error), None) => return Err(error),
        };
        *kept = (Some(bearer.clone()), Instant::now() + KEPT);
        Ok(bearer)
    }
}
