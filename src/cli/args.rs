//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{FalseyValueParser, PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::cli::complete;
use crate::cli::exit;
use crate::cli::presets::PresetsArguments;
use crate::cli::profile::ProfileArgument;
use crate::cli::render::RenderArguments;
use crate::cli::shared::duration;
pub use crate::cli::shared::{
    ChoiceArguments, ConnectionArguments, FilterArguments, FormatArguments, WideningArguments,
};
use crate::cli::show::ShowArguments;
use crate::cli::status::StatusArguments;
use crate::cli::token::TokenCommand;
use crate::cli::validate::ValidateArguments;
use crate::command::explain::{self, Code};
use crate::command::rehearsal::files::DEFAULT_FILE as SANDBOX_FILE;
use crate::command::verify::LONGEST_WAIT;
use crate::model::guid::SubscriptionId;
use crate::model::pod::PodName;

/// Gives many teams on shared Kubernetes clusters their own Azure identity, and keeps it that way.
#[derive(Parser, Debug)]
#[command(name = "widctl", version, after_help = exit::TABLE, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to talk.
    #[command(flatten)]
    pub output: OutputArguments,
}

/// How every command talks.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global")]
pub struct OutputArguments {
    /// When to colour; `NO_COLOR` is honoured
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN", env = "WIDCTL_COLOR")]
    pub color: Color,
    /// Say only the result and errors; of a plan its teams and the summary
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Never ask: fail where a question would be needed
    #[arg(long, global = true, env = "WIDCTL_NO_INPUT", value_parser = FalseyValueParser::new())]
    pub no_input: bool,
    /// Tell the pipeline that runs this nothing: no outputs, no summary, no marks at lines of files
    #[arg(long, global = true, env = "WIDCTL_NO_PIPELINE", value_parser = FalseyValueParser::new())]
    pub no_pipeline: bool,
    /// Log on stderr: decisions and waits; `-vv` each request, `-vvv` the libraries as well
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Log decisions, waits and each request at the end of FILE, whatever `-v` says
    #[arg(long, global = true, value_name = "FILE", env = "WIDCTL_LOG_FILE", value_hint = ValueHint::FilePath)]
    pub log_file: Option<PathBuf>,
}

/// When to colour.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Write a commented starter profile, or a team's file; never overwrites
    #[command(
        after_help = "Examples:\n  widctl init infra/teams.toml\n  widctl init --team web infra/web.toml"
    )]
    Init(InitArguments),
    /// Check a profile without any network: schema, names, limits, guardrails, grants, isolation
    #[command(
        after_help = "Examples:\n  widctl validate infra\n  widctl validate infra --format json"
    )]
    Validate(ValidateArguments),
    /// Show what an apply would change
    #[command(
        after_help = "Examples:\n  widctl plan infra --out plan.json\n  widctl plan infra --team web --format markdown --graph"
    )]
    Plan(PlanArguments),
    /// Show saved plans, without profile and network
    Show(ShowArguments),
    /// Plan again and apply only what the approved plan file holds
    #[command(after_help = "Examples:\n  widctl apply infra --plan plan.json")]
    Apply(ApplyArguments),
    /// Plan, confirm and apply in one
    #[command(after_help = "Examples:\n  widctl sync infra\n  widctl sync infra --check")]
    Sync(SyncArguments),
    /// Prove that workloads get their tokens, and say which link is broken and what repairs it
    #[command(
        after_help = "Examples:\n  widctl verify infra --workload web/frontend\n  widctl verify --pod web/frontend-0"
    )]
    Verify(VerifyArguments),
    /// Show what exists, team by team, and what differs from the profile
    #[command(
        after_help = "Examples:\n  widctl status infra\n  widctl status infra --team web --format json"
    )]
    Status(StatusArguments),
    /// Draw who can become whom, and what they may reach, as it is and as the profile wants it
    #[command(after_help = GRAPH_EXAMPLES)]
    Graph(GraphArguments),
    /// Take the ownership labels off what is left over, so that no plan lists it again; deletes nothing
    #[command(after_help = "Examples:\n  widctl release infra azure/identity/id-web")]
    Release(ReleaseArguments),
    /// Write what the systems that run workloads are configured with, from the profile
    Render(RenderArguments),
    /// Show what orchestrators and controllers need, and where their account and label go
    Presets(PresetsArguments),
    /// Look at a token of a service account, from stdin: what it says, and whether it is valid
    #[command(subcommand)]
    Token(TokenCommand),
    /// Explain a code of widctl, Azure, Entra or Kubernetes: why it comes, how to see it, what fixes it
    #[command(after_help = "Examples:\n  widctl explain AADSTS700213")]
    Explain(ExplainArguments),
    /// Local stand-ins of Azure and Kubernetes, to try and rehearse
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Print the JSON Schema of the profile
    Schema,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual pages, or write each to a file of its own
    Man {
        /// The folder to write `widctl.1`, `widctl-plan.1` and so on to
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        out_dir: Option<PathBuf>,
    },
    /// Print the version
    Version,
}

/// `init`.
#[derive(Args, Debug)]
pub struct InitArguments {
    /// Write a team's file instead of a root profile
    #[arg(long, value_name = "NAME")]
    pub team: Option<String>,
    /// With --team: the profile whose root file says what the team may have [default: the nearest root file]
    #[arg(long, value_name = "PROFILE", env = "WIDCTL_PROFILE", value_hint = ValueHint::AnyPath)]
    pub profile: Option<PathBuf>,
    /// The file to write [default: teams.toml; with --team NAME.toml beside the root file, or in its folder teams]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
}

/// Formats of commands without a plan.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TextFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Formats of a plan.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For pull requests.
    Markdown,
}

/// Formats of what was verified.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum VerifyFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For pull requests.
    Markdown,
    /// For the test views of pipelines.
    Junit,
}

impl From<Format> for VerifyFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
            Format::Markdown => Self::Markdown,
        }
    }
}

/// `plan`.
#[derive(Args, Debug)]
pub struct PlanArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// Save the plan for `apply`
    #[arg(help_heading = "Output", long, value_name = "FILE", value_parser = file(), value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Exit with 2 when changes or kept leftovers are pending
    #[arg(help_heading = "Output", long)]
    pub detailed_exitcode: bool,
    /// With --detailed-exitcode: kept leftovers do not count as pending
    #[arg(long, requires = "detailed_exitcode")]
    pub ignore_kept: bool,
    /// In Markdown, draw the teams that something happens to as a Mermaid graph
    #[arg(help_heading = "Output", long, conflicts_with = "json")]
    pub graph: bool,
    /// What to plan.
    #[command(flatten)]
    pub choice: ChoiceArguments,
    /// Where to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// How to print.
    #[command(flatten)]
    pub format: FormatArguments,
}

/// `apply`.
#[derive(Args, Debug)]
pub struct ApplyArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// The approved plan, as `plan --out` wrote it; what widens it, like --prune, is given again
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub plan: PathBuf,
    /// What let the approved plan do more.
    #[command(flatten)]
    pub widening: WideningArguments,
    /// Write the rest where something could not be read or is refused; ends with exit code 5 or 7
    #[arg(help_heading = "Writing", long, conflicts_with = "require_all")]
    pub allow_incomplete: bool,
    /// Where to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// How to print.
    #[command(flatten)]
    pub format: FormatArguments,
}

/// `sync`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct SyncArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// Only compare: exit with 2 when changes or kept leftovers are pending
    #[arg(long)]
    pub check: bool,
    /// With --check: kept leftovers do not count as pending
    #[arg(long, requires = "check")]
    pub ignore_kept: bool,
    /// Apply without asking
    #[arg(help_heading = "Writing", long, conflicts_with = "check")]
    pub auto_approve: bool,
    /// Verify afterwards, and wait up to 5 minutes until Entra knows what was written
    #[arg(long, conflicts_with = "check")]
    pub verify: bool,
    /// Write the rest where something could not be read or is refused; ends with exit code 5 or 7
    #[arg(help_heading = "Writing", long, conflicts_with = "require_all")]
    pub allow_incomplete: bool,
    /// What to plan.
    #[command(flatten)]
    pub choice: ChoiceArguments,
    /// Where to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// How to print.
    #[command(flatten)]
    pub format: FormatArguments,
}

/// `verify`.
#[derive(Args, Debug)]
pub struct VerifyArguments {
    /// Where the profile is; none is needed with --pod.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// Only workloads and identities of these teams; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB", add = complete::teams())]
    pub team: Vec<String>,
    /// Only workloads on these clusters; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB", add = complete::clusters())]
    pub cluster: Vec<String>,
    /// Only the workload with this service account; `*` and `?` allowed
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub workload: Option<String>,
    /// Only the workload of this pod; without PROFILE, what the pod asks for is verified
    #[arg(long, value_name = "NAMESPACE/NAME", conflicts_with_all = ["team", "cluster", "workload"])]
    pub pod: Option<PodName>,
    /// The kubeconfig context of the pod's cluster [default: the current one]
    #[arg(long, value_name = "CONTEXT", requires = "pod")]
    pub context: Option<String>,
    /// Look for the pod's identity in this subscription alone, and do not ask Azure Resource Graph
    #[arg(long, value_name = "ID", requires = "pod")]
    pub subscription: Option<SubscriptionId>,
    /// Ask clusters for tokens, but send none to Entra
    #[arg(long)]
    pub no_exchange: bool,
    /// Present this many tokens for identities of other teams, at most 100; each is a failed sign-in in Entra's log
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100), conflicts_with = "no_exchange")]
    pub probe_isolation: u8,
    /// Try exchanges again for this long where Entra may not know yet what was written: `30s`, at most `9m`
    #[arg(long, value_name = "DURATION", value_parser = wait, conflicts_with = "no_exchange")]
    pub wait: Option<Duration>,
    /// Where to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = VerifyFormat::Text)]
    pub format: VerifyFormat,
}

impl VerifyArguments {
    /// Where the profile is, if one was given or found.
    pub fn profile(&self) -> Option<&ProfileArgument> {
        self.profile.profile.is_some().then_some(&self.profile)
    }
}

/// Examples of `graph`.
const GRAPH_EXAMPLES: &str = "\
Examples:
  widctl graph --format html --out graph.html         the whole estate, with search: open graph.html#q=kv-payments
  widctl graph --team payments --format mermaid       one team, for a page that draws Mermaid
  widctl graph profiles --sandbox --format mermaid    of a profile that nothing was made of";

/// `graph`.
#[derive(Args, Debug)]
pub struct GraphArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// What it is about.
    #[command(flatten)]
    pub only: FilterArguments,
    /// How to draw it
    #[arg(long, value_enum)]
    pub format: GraphFormat,
    /// Write it to this file instead of stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Where to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// Formats of a graph.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum GraphFormat {
    /// One page that needs nothing else, with search.
    Html,
    /// For pages that draw Mermaid, as GitHub and GitLab do; up to 30 teams and 400 connections.
    Mermaid,
}

/// `release`.
#[derive(Args, Debug)]
pub struct ReleaseArguments {
    /// The profile: a file, or a folder whose *.toml files are read as one
    #[arg(value_name = "PROFILE", value_hint = ValueHint::AnyPath)]
    pub profile: PathBuf,
    /// What to release, as plans list it: `azure/identity/id-web`, `weu/namespace/web`
    #[arg(value_name = "ADDRESS", required = true)]
    pub addresses: Vec<String>,
    /// Release without asking
    #[arg(help_heading = "Writing", long)]
    pub auto_approve: bool,
    /// Where to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// How to print.
    #[command(flatten)]
    pub format: FormatArguments,
}

/// `explain`.
#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// The code, in any case, or a message that has it: `AADSTS700213`, `700213`, `AuthorizationFailed`
    #[arg(value_name = "CODE", required_unless_present = "all", value_parser = explain::find)]
    pub code: Option<Code>,
    /// Explain every code; as text, Markdown
    #[arg(long, conflicts_with = "code")]
    pub all: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
}

/// `sandbox`.
#[derive(Subcommand, Debug)]
pub enum SandboxCommand {
    /// Serve the stand-ins on loopback until Ctrl-C
    Serve(SandboxServeArguments),
    /// Forget everything
    Reset {
        /// Where the state is
        #[arg(long, value_name = "FILE", default_value = SANDBOX_FILE)]
        file: PathBuf,
    },
    /// Show what the stand-ins hold: identities by team, accounts by cluster
    Show(SandboxShowArguments),
}

/// `sandbox show`.
#[derive(Args, Debug)]
pub struct SandboxShowArguments {
    /// Where the state is, or the address that `widctl sandbox serve` prints
    #[arg(long, visible_alias = "sandbox", value_name = "FILE|URL", default_value = SANDBOX_FILE)]
    pub file: PathBuf,
    /// Only what is marked with these teams; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB", add = complete::teams())]
    pub team: Vec<String>,
    /// How to print it; JSON is the whole state
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
}

/// `sandbox serve`.
#[derive(Args, Debug)]
pub struct SandboxServeArguments {
    /// Where the state is
    #[arg(long, value_name = "FILE", default_value = SANDBOX_FILE)]
    pub file: PathBuf,
    /// The loopback port; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Add what this profile assumes first
    #[arg(long, value_name = "PROFILE", value_hint = ValueHint::AnyPath)]
    pub profile: Option<PathBuf>,
    /// Read a root file without the team files in its folder
    #[arg(long, requires = "profile")]
    pub root_only: bool,
    /// Rehearse faults that FILE describes: docs/sandbox.md
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub faults: Option<PathBuf>,
    /// Where to write a kubeconfig for kubectl [default: sandbox.kubeconfig beside the state]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,
}

/// Reads a file to write. `-` is stdout elsewhere, and would be a file with that name here.
fn file() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        if path.as_os_str() == "-" {
            return Err("it is written to a file; `--format json` prints the plan on stdout");
        }
        Ok(path)
    })
}

/// Reads a time to wait, no longer than tokens last.
fn wait(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        wait if wait <= LONGEST_WAIT => Ok(wait),
        _ => Err(format!("the longest wait is `{}m`", LONGEST_WAIT.as_secs() / 60)),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, Command};

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_sandbox_flag_takes_a_file_only_behind_an_equals_sign() {
        let parsed = Arguments::parse_from(["widctl", "sync", "--sandbox", "teams.toml"]);
        let Command::Sync(sync) = parsed.command else { panic!("sync was asked for") };
        assert_eq!(sync.connection.sandbox.unwrap().to_str(), Some(super::SANDBOX_FILE));
        assert_eq!(sync.profile.path().to_str(), Some("teams.toml"));
    }

    /// Every argument of a command and of those below it.
    fn arguments(command: &clap::Command) -> Vec<clap::Arg> {
        let below = command.get_subcommands().flat_map(arguments);
        command.get_arguments().cloned().chain(below).collect()
    }

    #[test]
    fn a_variable_is_named_after_its_flag_and_nothing_that_widens_has_one() {
        const WIDENING: [&str; 8] = [
            "auto-approve",
            "prune",
            "allow-mass-delete",
            "adopt",
            "force-conflicts",
            "allow-incomplete",
            "root-only",
            "probe-isolation",
        ];
        let found = arguments(&Arguments::command());
        for widening in WIDENING {
            assert!(
                found.iter().any(|argument| argument.get_long() == Some(widening)),
                "{widening}"
            );
        }
        for argument in found {
            let Some(variable) = argument.get_env() else { continue };
            let long = argument.get_long().unwrap();
            assert!(!WIDENING.contains(&long), "{long}");
            let named = format!("WIDCTL_{}", long.replace('-', "_").to_uppercase());
            assert_eq!(variable.to_str(), Some(&*named));
        }
    }
}
