//! Logs on stderr and in a file, off unless asked for: decisions and waits with `-v`, each request with `-vv`, the
//! libraries as well with `-vvv`.

use std::fs::File;
use std::path::Path;

use tracing::info;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt;

use crate::cli::sink;
use crate::command::failure::Failure;
use crate::command::write_file;
use crate::event::Event;
use crate::report::escape;

/// The crate behind `azure_mgmt_msi` prints the request's headers in its logs with the redaction
/// inverted, so whatever `RUST_LOG` asks for, its policies stay silent. No real token reaches it
/// either; this is the second lock.
const SILENCED: &str = "azure_core::policies=off";
/// What people are told without asking for logs: it goes to the file alone.
const SAID: &str = "widctl::said";

/// Starts logging. `RUST_LOG` wins over `-v`; the file has each request whatever they ask for.
#[expect(clippy::disallowed_methods, reason = "the command line reads its own environment")]
pub fn start(verbose: u8, color: bool, file: Option<&Path>) -> Result<(), Failure> {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| {
        match verbose {
            0 => "off",
            1 => "widctl=info,widctl::said=off",
            2 => "widctl=debug,widctl::said=off",
            _ => {
                "widctl=trace,widctl::said=off,azure_core=debug,azure_identity=debug,kube=debug,hyper_util=info"
            }
        }
        .to_owned()
    });
    let filter = EnvFilter::builder()
        .parse_lossy(wanted)
        .add_directive(SILENCED.parse().expect("the directive is a constant"));
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    let kept = file.map(open).transpose()?.map(|file| {
        tracing_subscriber::fmt::layer()
            .with_writer(sink::LogFile::new(file))
            .with_ansi(false)
            .with_target(false)
            .with_filter(Targets::new().with_target(name, LevelFilter::DEBUG))
    });
    let shown = tracing_subscriber::fmt::layer()
        .with_writer(sink::Logs)
        .with_ansi(color)
        .with_target(verbose > 2)
        .with_filter(filter);
    // A second start, as in tests that run commands in process, keeps the first.
    let _ = registry().with(kept).with(shown).try_init();
    info!("{name} {version}");
    Ok(())
}

/// Opens the file that logs are added to, so that the commands of one job can share it.
fn open(path: &Path) -> Result<File, Failure> {
    write_file::append(path).map_err(|source| Failure::file("write the log", path, source))
}

/// Logs what happened.
pub fn tell(event: &Event) {
    let plain = |text: &str| text.lines().map(escape::terminal).collect::<Vec<_>>().join("; ");
    match event {
        Event::PhaseStarted { title, .. } => info!("{}", plain(title)),
        Event::StepStarted { title } => info!("reading {}", plain(title)),
        Event::StepFinished { title } => info!("read {}", plain(title)),
        Event::Waiting { why, pause } => {
            info!("waits {} ms before the next attempt: {}", pause.as_millis(), plain(why));
        }
        Event::Paced { pause } => {
            info!("waits {} ms more to keep to Azure's rate", pause.as_millis());
        }
        Event::ChangeStarted { address, action } => info!("{action} {}", plain(address)),
        Event::ChangeEnded { address, action, ended, error, cause: _ } => {
            let why = error.as_deref().map(plain).map(|why| format!(": {why}")).unwrap_or_default();
            info!(target: SAID, "{action} {}: {ended:?}{why}", plain(address));
        }
        Event::Message { text } => info!(target: SAID, "{}", plain(text)),
        Event::PhaseFinished | Event::RequestSent(_) => {}
    }
}
