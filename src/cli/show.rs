//! `show`: saved plans as people and programs read them.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use jiff::Timestamp;

use crate::cli::args::Format;
use crate::cli::run::printed;
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::plan::Pending;
use crate::command::show;
use crate::command::show::Saved;
use crate::plan::contents::Summary;
use crate::report::rows::PlanRows;
use crate::report::show_json::ShownPlan;
use crate::report::{escape, markdown, screen, show_json, summary, wrap};

/// `show`.
#[derive(Args, Debug)]
pub struct ShowArguments {
    /// The saved plans, as `plan --out` wrote them
    #[arg(value_name = "PLAN_FILE", required = true, value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Exit with 2 when a plan has changes or kept leftovers
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// With --detailed-exitcode: kept leftovers do not count as pending
    #[arg(long, requires = "detailed_exitcode")]
    pub ignore_kept: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Print every change whole, with its ids, also on a terminal
    #[arg(long)]
    pub full: bool,
}

/// `show`. What cannot be shown is told after what can.
#[expect(clippy::disallowed_methods, reason = "the edge that reads the clock")]
pub fn show(arguments: &ShowArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let now = Timestamp::now();
    let (mut plans, mut failures) = (Vec::new(), Vec::new());
    for path in &arguments.files {
        match show::read(path, now) {
            Ok(saved) => plans.push(saved),
            Err(failure) => failures.push(failure),
        }
    }
    failures.extend(show::contested(&plans));
    let all = show::count(plans.iter().map(|saved| &saved.plan));
    let given = arguments.files.len();
    match arguments.format {
        Format::Json => printed(sink::document(&as_json(&plans, given, all)))?,
        Format::Text | Format::Markdown => {
            let one = |saved| match arguments.format {
                Format::Markdown => as_markdown(saved),
                Format::Text | Format::Json => as_text(saved, terminal, arguments.full),
            };
            let mut shown = plans.iter().map(one).collect::<Vec<_>>().join("\n");
            if given > 1 {
                let (count, sentence) = (plans.len(), summary::plan(&all));
                let all = format!("\nShown: {count} of {given} files. {sentence}\n");
                shown.push_str(&all);
            }
            printed(sink::result(&shown))?;
        }
    }
    let pending = Pending::asked(arguments.detailed_exitcode, arguments.ignore_kept);
    let mut rows = plans.iter().map(|saved| PlanRows::of_file(&saved.plan));
    let is_pending = rows.any(|rows| match pending {
        Pending::Nothing => false,
        Pending::Changes => !rows.changes.is_empty() || !rows.is_complete(),
        Pending::ChangesAndKept => !rows.is_empty(),
    });
    let ended = if is_pending { Condition::Pending } else { Condition::Done };
    if failures.is_empty() { Ok(ended) } else { Err(Failure::Several { ended, failures }) }
}

/// Where a plan is from, as its file says.
fn origin(saved: &Saved<'_>) -> String {
    let plan = &saved.plan;
    let flags = plan.inputs.widening().into_iter().filter(|(_, given)| *given);
    let flags: Vec<&str> = flags.map(|(flag, _)| flag).collect();
    let with = if flags.is_empty() { String::new() } else { format!(", with {}", flags.join(" ")) };
    let (estate, tenant, made) = (&plan.estate, plan.tenant, plan.created_at);
    let version = &plan.widctl_version;
    format!("estate {estate}, tenant {tenant}, made at {made} by widctl {version}{with}")
}

/// Why an apply refuses the file, as a sentence.
fn refusal(saved: &Saved<'_>) -> Option<String> {
    saved.unfit.as_ref().map(|why| format!("`widctl apply` refuses this file: {why}."))
}

fn as_text(saved: &Saved<'_>, terminal: Terminal, full: bool) -> String {
    let path = saved.path.to_string_lossy();
    let head = format!("{path}: {}", origin(saved));
    let head: Vec<String> = [Some(head), refusal(saved)].into_iter().flatten().collect();
    let style = terminal.style_out();
    let head = head.iter().map(|line| wrap::line(&escape::terminal(line), 0, style) + "\n");
    let head: String = head.collect();
    let rows = PlanRows::of_file(&saved.plan);
    format!("{head}\n{}", screen::plan(&rows, style, terminal.detail(full)))
}

fn as_markdown(saved: &Saved<'_>) -> String {
    let path = escape::markdown_code(&saved.path.to_string_lossy());
    let lines: Vec<String> = [Some(origin(saved)), refusal(saved)].into_iter().flatten().collect();
    let lines: String = lines.iter().map(|line| escape::markdown(line) + "\n\n").collect();
    let plan = markdown::plan(&PlanRows::of_file(&saved.plan));
    format!("# {path}\n\n{lines}{plan}")
}

fn as_json(plans: &[Saved<'_>], given: usize, all: Summary) -> String {
    let shown = plans.iter().map(|Saved { path, plan, unfit }| ShownPlan {
        file: path.to_string_lossy(),
        apply_refuses: unfit.as_deref(),
        plan,
    });
    show_json::text(shown.collect(), plans.len() == given, all)
}
