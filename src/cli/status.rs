//! `status`: what exists, team by team.

use clap::Args;

use crate::cli::args::{ConnectionArguments, FilterArguments, Format, FormatArguments};
use crate::cli::online::{now, observed};
use crate::cli::profile::ProfileArgument;
use crate::cli::run::{Run, printed};
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::plan::Planned;
use crate::command::status;
use crate::plan::file::About;
use crate::report::status::Status;
use crate::report::{status as text, status_json, status_markdown};

/// `status`.
#[derive(Args, Debug)]
pub struct StatusArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// What it is about.
    #[command(flatten)]
    pub only: FilterArguments,
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
    let profile = status::load(arguments.profile.connected("status", &arguments.connection))?;
    let work = async |connection: &Connection, about: About| {
        let require_all = arguments.connection.require_all;
        status::status(&profile, connection, about, require_all, &run.events).await
    };
    let show = |(planned, found)| show(arguments, run, &planned, &found);
    observed((run, &profile), &arguments.only, &arguments.connection, work, show).await
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
