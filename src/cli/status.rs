//! `status`: what exists, team by team.

use clap::Args;

use crate::cli::args::{ConnectionArguments, Format, FormatArguments};
use crate::cli::online::now;
use crate::cli::profile::ProfileArgument;
use crate::cli::run::{Run, closed, printed};
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::plan::Planned;
use crate::command::{plan, status};
use crate::plan::inputs::PlanInputs;
use crate::report::status::Status;
use crate::report::{status as text, status_json, status_markdown};

/// `status`.
#[derive(Args, Debug)]
pub struct StatusArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// Only identities and workloads of these teams; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB")]
    pub team: Vec<String>,
    /// Only workloads on these clusters, and the identities that they use; `*` and `?` allowed, repeatable
    #[arg(long, value_name = "GLOB")]
    pub cluster: Vec<String>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text, env = "WIDCTL_FORMAT")]
    pub format: Format,
    /// Print each team whole, also those in sync and where there are many
    #[arg(long)]
    pub full: bool,
    /// Where to connect.
    #[command(flatten)]
    pub connection: ConnectionArguments,
}

/// `status`.
pub async fn status(arguments: &StatusArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let format = FormatArguments { format: arguments.format, json: false, full: arguments.full };
    let run = Run::start(terminal, &format, arguments.profile.path())?;
    run.end(run_status(arguments, &run).await)
}

async fn run_status(arguments: &StatusArguments, run: &Run) -> Result<Condition, Failure> {
    let profile = status::load(arguments.profile.given("status"))?;
    let inputs = PlanInputs {
        teams: arguments.team.clone(),
        clusters: arguments.cluster.clone(),
        ..PlanInputs::default()
    };
    plan::choose(&profile, &inputs)?;
    let options = arguments.connection.options();
    let connection = run.until_stopped(run.connect(&profile, &options)).await?;
    let about = plan::about(&profile, &connection, inputs, now());
    let require_all = arguments.connection.require_all;
    let work = status::status(&profile, &connection, about, require_all, &run.events);
    let done = run.until_stopped(work).await;
    let done = done.and_then(|(planned, status)| show(arguments, run, &planned, &status));
    closed(connection, done).await
}

fn show(
    arguments: &StatusArguments,
    run: &Run,
    planned: &Planned,
    found: &Status,
) -> Result<Condition, Failure> {
    match arguments.format {
        Format::Text => {
            let style = run.terminal.style_out();
            printed(sink::result(&text::text(found, style, arguments.full)))?;
        }
        Format::Markdown => printed(sink::result(&status_markdown::text(found, arguments.full)))?,
        Format::Json => {
            let compared = &planned.plan.compared;
            printed(sink::document(&status_json::text(found, compared, now(), &run.cost())))?;
        }
    }
    Ok(status::condition(planned))
}
