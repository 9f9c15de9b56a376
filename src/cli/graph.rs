//! `graph`: what is asked, where it is drawn to.

use crate::cli::args::{Format, FormatArguments, GraphArguments, GraphFormat};
use crate::cli::online::observed;
use crate::cli::run::{Run, printed};
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::plan::{Pending, Planned};
use crate::command::{graph, profile_files};
use crate::event::Event;
use crate::graph::Graph;
use crate::plan::file::About;
use crate::report::escape;
use crate::report::graph as drawing;
use crate::report::rows::PlanRows;
use crate::report::summary;

/// `graph`.
pub async fn graph(arguments: &GraphArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let format = FormatArguments { format: Format::Text, json: false, full: false };
    let run = Run::start(terminal, &format, arguments.profile.path())?;
    run.end(run_graph(arguments, &run).await)
}

async fn run_graph(arguments: &GraphArguments, run: &Run) -> Result<Condition, Failure> {
    let profile = profile_files::load(arguments.profile.connected("graph", &arguments.connection))?;
    let work = async |connection: &Connection, about: About| {
        let require_all = arguments.connection.require_all;
        graph::graph(&profile, connection, about, require_all, &run.events).await
    };
    let show = |(planned, found)| show(arguments, run, &planned, &found);
    observed((run, &profile), &arguments.only, &arguments.connection, work, show).await
}

fn show(
    arguments: &GraphArguments,
    run: &Run,
    planned: &Planned,
    graph: &Graph,
) -> Result<Condition, Failure> {
    let drawn = match arguments.format {
        GraphFormat::Html => drawing::html(graph),
        GraphFormat::Mermaid => drawing::mermaid(graph).map_err(|large| Failure::Input {
            what: large.to_string(),
            hint: "narrow it with `--team`, or draw all of it with `--format html`".to_owned(),
        })?,
    };
    let say = |text: String| run.events.emit(Event::Message { text });
    match &arguments.out {
        Some(out) => {
            graph::save(out, &drawn)?;
            say(format!("Wrote {}.", escape::terminal(&out.to_string_lossy())));
        }
        None => printed(sink::result(&drawn))?,
    }
    let rows = PlanRows::new(&planned.plan, &[]);
    if let Some(sentence) = summary::left_out(&rows) {
        say(sentence.replacen("The plan", "The graph", 1));
    }
    Ok(planned.condition(Pending::Nothing))
}
