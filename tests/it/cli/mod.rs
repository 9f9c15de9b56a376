//! The program as its users run it, against the sandbox.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]
#![expect(
    clippy::disallowed_methods,
    reason = "the program runs in a process of its own, with the machine's clock and environment"
)]

mod apply;
mod arc;
mod bad_kubeconfigs;
mod causes;
#[cfg(unix)]
mod completion;
mod conditions;
mod estates;
mod exits;
mod explain;
mod filters;
mod foreign_trust;
mod graph;
mod graph_page;
mod guardrails;
mod hanging;
mod hints;
#[cfg(unix)]
mod hostile_files;
mod hostile_profiles;
#[cfg(unix)]
mod joined;
mod leaving;
mod leftovers;
mod letters;
mod life;
mod logs;
mod many_clusters;
mod newcomer;
mod next;
mod pipelines;
mod placeholders;
mod preflight;
mod profiles;
#[cfg(unix)]
mod questions;
mod quickstart;
mod refused_rows;
mod rehearsals;
mod release;
mod root_files;
mod sandbox;
mod saved;
mod scanned;
mod secrets;
mod served;
mod show;
mod signals;
mod status;
mod strangers;
mod streams;
pub(crate) mod support;
mod token;
mod told;
mod unread;
mod upgrade;
mod usage;
#[cfg(unix)]
mod walks;
pub(crate) mod ways;
