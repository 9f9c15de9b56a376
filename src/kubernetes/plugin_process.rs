//! A program that is run without a terminal, bounded in time and in what it may print, and stopped
//! together with whatever it has started.

use std::collections::BTreeSet;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// The longest answer that is read, in bytes: a credential has a few thousand.
const ANSWER_LIMIT: usize = 1024 * 1024;
/// How much of what it says on stderr is kept, in bytes, from the end.
const SAID_LIMIT: usize = 4096;

/// The programs that run, by the id of their process group.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// What a program that ended left.
pub(super) struct Answer {
    /// How it ended.
    pub(super) status: ExitStatus,
    /// What it printed.
    pub(super) stdout: Vec<u8>,
    /// The last line that it said on stderr.
    pub(super) said: Option<String>,
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// It could not be started.
    NotStarted(io::Error),
    /// It was stopped because it took too long.
    TooSlow {
        /// The last line that it said on stderr.
        said: Option<String>,
    },
    /// It was stopped because it printed too much.
    TooLong,
    /// Its streams broke.
    Broken(io::Error),
}

/// Runs a program to its end. Where that takes longer than the limit, and where nobody waits for it any
/// more, it is stopped, and on unix all that it started with it.
pub(super) async fn run(mut command: Command, limit: Duration) -> Result<Answer, Unanswered> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let mut running = Running::new(command.spawn().map_err(Unanswered::NotStarted)?);
    let mut said = Vec::new();
    match tokio::time::timeout(limit, running.end(&mut said)).await {
        Ok(Ok(Some((status, stdout)))) => Ok(Answer { status, stdout, said: last_line(&said) }),
        Ok(Ok(None)) => Err(Unanswered::TooLong),
        Ok(Err(error)) => Err(Unanswered::Broken(error)),
        Err(_) => Err(Unanswered::TooSlow { said: last_line(&said) }),
    }
}

/// Stops every program that still runs. For an end of the process that runs no destructors.
pub fn stop_all() {
    for id in &*running() {
        stop(*id);
    }
}

fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program that runs, in a process group of its own.
struct Running {
    child: Child,
    id: Option<u32>,
}

impl Running {
    fn new(child: Child) -> Self {
        let id = child.id();
        running().extend(id);
        Self { child, id }
    }

    /// Waits for the end; `None` where it printed too much.
    async fn end(&mut self, said: &mut Vec<u8>) -> io::Result<Option<(ExitStatus, Vec<u8>)>> {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let whole = async {
            let mut answer = Vec::new();
            if let Some(stdout) = stdout {
                let mut bounded = stdout.take(ANSWER_LIMIT as u64 + 1);
                bounded.read_to_end(&mut answer).await.map_err(Some)?;
            }
            if answer.len() > ANSWER_LIMIT { Err(None) } else { Ok(answer) }
        };
        let heard = async {
            match stderr {
                Some(stderr) => hear(stderr, said).await.map_err(Some),
                None => Ok(()),
            }
        };
        let answer = match futures::future::try_join(whole, heard).await {
            Ok((answer, ())) => answer,
            Err(None) => return Ok(None),
            Err(Some(error)) => return Err(error),
        };
        // Last, because until then nobody else can get its id.
        let status = self.child.wait().await?;
        Ok(Some((status, answer)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A child that was waited for has no id any more; what it left running is its own affair.
        if let Some(id) = self.child.id() {
            stop(id);
        }
        if let Some(id) = self.id {
            running().remove(&id);
        }
    }
}

/// Stops a process group.
#[cfg(unix)]
fn stop(id: u32) {
    let group = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself just now.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Elsewhere the child alone is stopped, when it is dropped.
#[cfg(not(unix))]
fn stop(_: u32) {}

/// Reads to the end and keeps what came last.
async fn hear(mut stream: impl AsyncRead + Unpin, said: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 1024];
    loop {
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        said.extend_from_slice(&piece[..read]);
        let surplus = said.len().saturating_sub(SAID_LIMIT);
        said.drain(..surplus);
    }
}

/// The last line that says something.
fn last_line(said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.map(super::error::clean)
}
