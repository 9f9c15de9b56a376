//! Flags that several commands have.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueHint};

use crate::azure::sign_in::method::Method;
use crate::cli::args::Format;
use crate::cli::complete;
use crate::command::rehearsal::files::DEFAULT_FILE as SANDBOX_FILE;
use crate::plan::inputs::PlanInputs;

/// The choices that a plan depends on.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "What")]
pub struct ChoiceArguments {
    /// Only changes of these teams; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB", add = complete::teams())]
    pub team: Vec<String>,
    /// Only credentials and Kubernetes objects of these clusters; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB", conflicts_with = "prune", add = complete::clusters())]
    pub cluster: Vec<String>,
    /// What lets the plan do more.
    #[command(flatten)]
    pub widening: WideningArguments,
}

/// What a look at the estate is about.
#[derive(Args, Clone, Debug)]
pub struct FilterArguments {
    /// Only identities and workloads of these teams; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB", add = complete::teams())]
    pub team: Vec<String>,
    /// Only workloads on these clusters, and the identities that they use; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB", add = complete::clusters())]
    pub cluster: Vec<String>,
}

impl FilterArguments {
    /// The same for a plan that nothing is made of.
    pub fn inputs(&self) -> PlanInputs {
        let (teams, clusters) = (self.team.clone(), self.cluster.clone());
        PlanInputs { teams, clusters, ..PlanInputs::default() }
    }
}

/// What lets a plan do more than create and repair what is this estate's; an apply is given the same again.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Writing")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct WideningArguments {
    /// Delete what this estate owns and the profile no longer has; never identities or namespaces
    #[arg(long, conflicts_with = "root_only")]
    pub prune: bool,
    /// Let --prune delete more than `mass_delete` of the policy allows (10 objects, or 25 %)
    #[arg(long, requires = "prune")]
    pub allow_mass_delete: bool,
    /// Take over what exists without the marks of ownership
    #[arg(long)]
    pub adopt: bool,
    /// Take fields that another apply manager (Helm, Argo CD) holds
    #[arg(long)]
    pub force_conflicts: bool,
}

/// Where and how to connect.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArguments {
    /// Fail at once where a target cannot be read
    #[arg(long, env = "WIDCTL_REQUIRE_ALL", value_parser = FalseyValueParser::new())]
    pub require_all: bool,
    /// The most requests in flight, to Azure and to each cluster
    #[arg(long, value_name = "N", env = "WIDCTL_PARALLELISM", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub parallelism: u16,
    /// Give up on one attempt of a request after this long: `90s`, `2m`
    #[arg(long, value_name = "DURATION", env = "WIDCTL_TIMEOUT", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
    /// How to sign in [default: the first that works]
    #[arg(long, value_name = "METHOD", env = "WIDCTL_AUTH")]
    pub auth: Option<Method>,
    /// Describes custom clouds
    #[arg(long, value_name = "FILE", env = "WIDCTL_CLOUD_FILE", value_hint = ValueHint::FilePath)]
    pub cloud_file: Option<PathBuf>,
    /// Use local stand-ins of Azure and Kubernetes: with their state in FILE, or those that `widctl sandbox serve` serves
    /// at an address, as `http://127.0.0.1:4280`
    #[arg(long, value_name = "FILE|URL", num_args = 0..=1, require_equals = true,
          default_missing_value = SANDBOX_FILE, env = "WIDCTL_SANDBOX", value_hint = ValueHint::FilePath)]
    pub sandbox: Option<PathBuf>,
    /// Let the sandbox refuse what the profile assumes instead of adding it
    #[arg(long, requires = "sandbox")]
    pub sandbox_strict: bool,
    /// Rehearse faults that FILE describes: docs/sandbox.md
    #[arg(long, value_name = "FILE", requires = "sandbox", value_hint = ValueHint::FilePath)]
    pub sandbox_faults: Option<PathBuf>,
}

/// How a plan and an apply are printed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct FormatArguments {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text, env = "WIDCTL_FORMAT")]
    pub format: Format,
    /// Print the run as an event stream, one JSON object a line
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Print every change whole, with its ids, also on a terminal
    #[arg(long)]
    pub full: bool,
}

/// Reads `90s`, `2m`, `1m30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration =
        text.parse().map_err(|_| "a duration is written like `90s` or `2m`".to_owned())?;
    match Duration::try_from(parsed) {
        Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
        Ok(_) | Err(_) => Err("the shortest timeout is `1s`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn a_duration_below_a_second_is_refused() {
        assert!(duration("500ms").is_err());
        assert!(duration("-5s").is_err());
        assert_eq!(duration("1m30s").unwrap().as_secs(), 90);
    }
}
