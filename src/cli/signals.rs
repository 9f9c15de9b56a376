//! Ctrl-C and SIGTERM: the first finishes the writes in flight, the second ends the process.

use tokio::sync::watch;

use crate::cli::{exit, sink};
use crate::command::condition::{Condition, Signal};
use crate::kubernetes::plugin_process;

/// Starts to listen; the receiver sees the first signal.
pub fn listen() -> std::io::Result<watch::Receiver<Option<Signal>>> {
    let (sender, receiver) = watch::channel(None);
    let mut source = Source::new()?;
    tokio::spawn(async move {
        let first = source.next().await;
        sink::say("\nStopping: press Ctrl-C again to stop at once.\n");
        sender.send_replace(Some(first));
        let second = source.next().await;
        abandon(second)
    });
    Ok(receiver)
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "asked for twice; nothing is awaited any more"
)]
fn abandon(signal: Signal) -> ! {
    plugin_process::stop_all();
    std::process::exit(exit::code(Condition::Interrupted(signal)).into())
}

/// The signals of this platform.
struct Source {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

#[cfg(not(unix))]
impl Source {
    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on unix")]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
