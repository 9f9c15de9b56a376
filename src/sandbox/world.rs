//! A world: everything the stand-ins know, shared by all their handlers.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use super::call::Api;
use super::error::SandboxError;
use super::faults::Faults;
use super::state::{Clock, Inner, State};
use super::state_file::StateFile;

/// How many requests are remembered; older ones are forgotten.
const REMEMBERED_REQUESTS: usize = 200_000;

/// One sandbox with everything in it. Clones share it.
#[derive(Debug, Clone)]
pub struct World {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    requests: Mutex<VecDeque<RequestRecord>>,
    file: Option<StateFile>,
    /// Held while the file is written, so that whoever flushes last finds all of it written.
    flushing: Mutex<()>,
}

/// One request that the sandbox has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestRecord {
    /// The HTTP method.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The service it was for.
    pub api: Api,
    /// The HTTP status of the answer; 0 where a fault dropped the connection.
    pub status: u16,
}

impl World {
    /// The world of a state file; a missing file is an empty world.
    ///
    /// The file is locked until the last clone is gone. Errors name the file and the fix.
    pub fn open(path: &Path) -> Result<Self, SandboxError> {
        let (file, state) = StateFile::open(path)?;
        Ok(Self::new(state, Some(file)))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is an edge: its wall clock starts here and moves with tokio's clock"
    )]
    pub(super) fn new(state: State, file: Option<StateFile>) -> Self {
        let clock = Clock { base: Timestamp::now(), start: Instant::now() };
        let inner = Mutex::new(Inner::new(state, clock));
        Self {
            shared: Arc::new(Shared {
                inner,
                requests: Mutex::default(),
                file,
                flushing: Mutex::default(),
            }),
        }
    }

    /// Tells whoever finds the state file in use at which port of 127.0.0.1 this world is served.
    pub fn announce(&self, port: u16) {
        if let Some(file) = &self.shared.file {
            file.announce(port);
        }
    }

    /// Writes the state file, whole or not at all; nothing to do for a world in memory or where
    /// nothing changed since the last time.
    pub fn flush(&self) -> Result<(), SandboxError> {
        let Some(file) = &self.shared.file else {
            return Ok(());
        };
        let flushing = self.shared.flushing.lock();
        let _one_at_a_time = flushing.unwrap_or_else(PoisonError::into_inner);
        let text = self.with(|inner| {
            let dirty = std::mem::take(&mut inner.dirty);
            dirty.then(|| serde_json::to_vec_pretty(&inner.state))
        });
        let Some(text) = text else { return Ok(()) };
        let mut text = text.expect("keys are text and values are plain");
        text.push(b'\n');
        file.write(&text).inspect_err(|_| self.with(|inner| inner.dirty = true))
    }

    /// Asks for faults and settles what is not known of the real services; counters start anew.
    pub fn set_faults(&self, faults: Faults) {
        self.with(|inner| {
            inner.rule_matches = vec![0; faults.rules.len()];
            inner.buckets.clear();
            inner.faults = faults;
        });
    }

    /// The id of the one Entra tenant.
    pub fn tenant(&self) -> String {
        self.with(|inner| inner.state.tenant.clone())
    }

    /// Everything the world knows, as the state file holds it.
    pub fn to_json(&self) -> Value {
        let state = self.with(|inner| serde_json::to_value(&inner.state));
        state.expect("keys are text and values are plain")
    }

    pub(super) fn locked_requests(&self) -> MutexGuard<'_, VecDeque<RequestRecord>> {
        let requests = self.shared.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn record(&self, record: RequestRecord) {
        let mut requests = self.locked_requests();
        if requests.len() == REMEMBERED_REQUESTS {
            requests.pop_front();
        }
        requests.push_back(record);
    }

    /// Works on the state under the lock.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> R {
        let inner = self.shared.inner.lock();
        work(&mut inner.unwrap_or_else(PoisonError::into_inner))
    }
}
