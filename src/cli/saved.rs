//! What is said of a plan that was to be saved: where it is, how long it is good, and the command that applies it.

use std::path::Path;

use crate::cli::args::{Format, PlanArguments};
use crate::cli::run::{Run, printed};
use crate::cli::{sink, verify};
use crate::command::failure::Failure;
use crate::command::plan::Planned;
use crate::event::Event;
use crate::model::shell;
use crate::plan::file::LONGEST_AGE;
use crate::report::escape;

/// Says where the plan was saved: below the text, else beside what programs read.
pub fn say(
    run: &Run,
    arguments: &PlanArguments,
    out: &Path,
    planned: &Planned,
) -> Result<(), Failure> {
    let text = sentence(arguments, out, planned);
    if run.format == Some(Format::Text) {
        let lines: Vec<_> = text.lines().map(escape::terminal).collect();
        return printed(sink::result(&format!("\n{}\n", lines.join("\n"))));
    }
    run.events.emit(Event::Message { text });
    Ok(())
}

/// Says that no plan was saved, where the run ended before there was one: what the file holds is older.
pub fn say_unsaved(run: &Run, out: &Path) {
    let text = format!("No plan was saved to {}.", shell::quote(&out.to_string_lossy()));
    run.events.emit(Event::Message { text });
}

fn sentence(arguments: &PlanArguments, out: &Path, planned: &Planned) -> String {
    let out = out.to_string_lossy();
    let saved = format!("Saved the plan to {}", shell::quote(&out));
    if planned.plan.changes.is_empty() {
        return format!("{saved}. It holds no changes.");
    }
    let mut command = verify::command("apply", Some(&arguments.profile), &arguments.connection);
    command.extend(["--plan".to_owned(), out.into_owned()]);
    let flags = planned.about.inputs.widening().into_iter();
    let flags = flags.chain([("--allow-incomplete", !planned.plan.is_complete())]);
    command.extend(flags.filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned()));
    let (hours, command) = (LONGEST_AGE.as_hours(), shell::join(&command));
    format!("{saved}, good for {hours} hours. To apply it:\n  {command}")
}
