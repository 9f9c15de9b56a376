//! Logs on stderr, off unless asked for.

use tracing_subscriber::EnvFilter;

use crate::cli::sink;

/// The crate behind `azure_mgmt_msi` prints the request's headers in its logs with the redaction
/// inverted, so whatever `RUST_LOG` asks for, its policies stay silent. No real token reaches it
/// either; this is the second lock.
const SILENCED: &str = "azure_core::policies=off";

/// Starts logging. `RUST_LOG` wins over `-v`.
#[expect(clippy::disallowed_methods, reason = "the command line reads its own environment")]
pub fn start(verbose: u8, color: bool) {
    let wanted = std::env::var("RUST_LOG").unwrap_or_else(|_| {
        match verbose {
            0 => "off",
            1 => "widctl=info",
            2 => "widctl=debug,azure_core=info,azure_identity=info,kube=info",
            _ => "widctl=trace,azure_core=debug,azure_identity=debug,kube=debug,hyper_util=info",
        }
        .to_owned()
    });
    let filter = EnvFilter::builder()
        .parse_lossy(wanted)
        .add_directive(SILENCED.parse().expect("the directive is a constant"));
    // A second start, as in tests that run commands in process, keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(sink::Logs)
        .with_ansi(color)
        .try_init();
}
