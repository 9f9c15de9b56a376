//! What a run tells the pipeline when it ends: outputs for later steps and a summary for people. A run that cannot
//! tell it goes on and warns.

use std::fmt;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::apply::outcome::Outcome;
use crate::cli::diagnostic;
use crate::cli::pipeline::command::Command;
use crate::cli::pipeline::{Pipeline, file};
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::failure::Failure;
use crate::report::rows::PlanRows;
use crate::report::{escape, markdown, verify_markdown};
use crate::verify::results::Results;

/// The longest summary of a step, in bytes: GitHub takes nothing of a longer one. No limit of Azure Pipelines is
/// published; it gets no more. <https://docs.github.com/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits>
const LONGEST: usize = 1024 * 1024;
/// How much of it is kept for what is told beside a plan: an outcome, what was verified, a failure.
const BESIDE_PLAN: usize = 4 * markdown::LONGEST;
/// The least that a plan gets: enough for its notice of a cut.
const LEAST: usize = 2_000;

/// An output of a step. Numbers and paths alone: no text of a team or a server is a value of later steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: Value,
}

/// The value of an output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Yes or no.
    Truth(bool),
    /// How many.
    Count(usize),
    /// A file that the caller named, from the root.
    Path(PathBuf),
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truth(truth) => truth.fmt(formatter),
            Self::Count(count) => count.fmt(formatter),
            Self::Path(path) => path.display().fmt(formatter),
        }
    }
}

impl Output {
    /// A number.
    pub fn count(name: &'static str, count: usize) -> Self {
        Self { name, value: Value::Count(count) }
    }

    /// A file. Later steps may run in another folder, so that they get it from the root.
    pub fn path(name: &'static str, file: &Path) -> Self {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        Self { name, value: Value::Path(file) }
    }

    /// The output as GitHub's file of outputs has it, between lines that nobody can know beforehand.
    /// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions#multiline-strings>
    fn lines(&self) -> String {
        let (name, value, end) = (self.name, &self.value, Uuid::new_v4());
        format!("{name}<<widctl_{end}\n{value}\nwidctl_{end}\n")
    }
}

/// What a run tells the pipeline.
pub struct Told {
    pipeline: Pipeline,
    told: Mutex<Pieces>,
}

#[derive(Default)]
struct Pieces {
    outputs: Vec<Output>,
    plan: Option<String>,
    outcome: Option<String>,
    verified: Option<String>,
}

impl Told {
    /// Nothing yet.
    pub fn new(pipeline: Pipeline) -> Self {
        Self { pipeline, told: Mutex::default() }
    }

    fn pieces(&self) -> MutexGuard<'_, Pieces> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An output beside those of what was planned or verified.
    pub fn output(&self, output: Output) {
        self.pieces().outputs.push(output);
    }

    /// A plan, in place of one that was told before.
    pub fn plan(&self, rows: &PlanRows<'_>) {
        let room = LONGEST.saturating_sub(self.already() + BESIDE_PLAN).max(LEAST);
        let plan = markdown::plan_within(rows, room);
        let counts = &rows.summary;
        let changes = Value::Truth(!rows.changes.is_empty());
        let mut pieces = self.pieces();
        pieces.plan = Some(plan);
        pieces.outputs = vec![
            Output { name: "has_changes", value: changes },
            Output::count("adopts", counts.adopt),
            Output::count("adds", counts.create + counts.replace),
            Output::count("changes", counts.update),
            Output::count("destroys", counts.delete + counts.replace),
            Output::count("kept", rows.kept.len()),
            Output::count("refused", rows.refused.len()),
            Output::count("not_compared", rows.unknown.len()),
        ];
    }

    /// What became of an apply.
    pub fn outcome(&self, outcome: &Outcome, unchanged: usize) {
        self.pieces().outcome = Some(markdown::outcome(outcome, unchanged));
    }

    /// What was verified.
    pub fn verified(&self, results: &Results) {
        let tally = results.tally();
        let mut pieces = self.pieces();
        pieces.verified = Some(verify_markdown::text(results));
        pieces.outputs.extend([
            Output::count("passed", tally.pass),
            Output::count("failed", tally.fail),
            Output::count("warnings", tally.warn),
            Output::count("unknown", tally.unknown),
        ]);
    }

    /// Tells it all, and what ended the run.
    pub fn end(&self, failure: Option<&Failure>) {
        let Pieces { mut outputs, plan, outcome, verified } = std::mem::take(&mut *self.pieces());
        // A plan has the refusals of single resources.
        let is_told = |part: &&Failure| matches!(part, Failure::Refused(_)) && plan.is_some();
        let parts = failure.map(Failure::parts).unwrap_or_default();
        let refused = parts.iter().map(|part| refusals(part)).sum();
        if plan.is_none() && refused > 0 {
            outputs.push(Output::count("refused", refused));
        }
        let failure = failure.filter(|_| !parts.iter().all(is_told)).map(failed);
        let pages: Vec<String> = [failure, outcome, verified, plan].into_iter().flatten().collect();
        self.pipeline.set(&outputs);
        self.pipeline.summarize(&pages, self.already());
    }

    /// How much the summary of this step already has.
    fn already(&self) -> usize {
        let file = match self.pipeline {
            Pipeline::GitHub => file(SUMMARY),
            Pipeline::Azure => None,
        };
        let length = file.and_then(|file| file.metadata().ok()).map(|found| found.len());
        length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX))
    }
}

/// The variables that name GitHub's files of a step.
/// <https://docs.github.com/actions/reference/variables-reference>
const OUTPUT: &str = "GITHUB_OUTPUT";
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// How many refusals a failure is.
fn refusals(failure: &Failure) -> usize {
    if let Failure::Refused(refusals) = failure { refusals.len() } else { 0 }
}

/// A failure as Markdown: what stderr says of it.
fn failed(failure: &Failure) -> String {
    let text = diagnostic::render(failure, Terminal::plain());
    markdown::quoted("widctl ended without a result", &text)
}

impl Pipeline {
    /// Sets outputs of the step.
    fn set(self, outputs: &[Output]) {
        if outputs.is_empty() {
            return;
        }
        match self {
            Self::GitHub => {
                let Some(file) = file(OUTPUT) else { return };
                let lines: String = outputs.iter().map(Output::lines).collect();
                sink::append(&file, &lines).unwrap_or_else(|why| warn("outputs", &file, &why));
            }
            Self::Azure => {
                for output in outputs {
                    sink::command(&Command::Output(output.clone()), self);
                }
            }
        }
    }

    /// Shows pages as the summary of the step, below what it already has; those that do not fit are left out, and a line
    /// says so.
    fn summarize(self, pages: &[String], already: usize) {
        const CUT: &str = "> **Cut here.** The rest is in the log of this step.\n";
        let mut text = String::new();
        for page in pages {
            let page = sink::lines(page);
            if already + text.len() + page.len() + CUT.len() + 2 > LONGEST {
                text.push_str(CUT);
                break;
            }
            text.push_str(&page);
            text.push('\n');
        }
        if text.is_empty() || already + text.len() + 1 > LONGEST {
            return;
        }
        // A heading needs an empty line before it.
        let before = if already > 0 { "\n" } else { "" };
        self.show(&format!("{before}{text}"));
    }

    fn show(self, text: &str) {
        match self {
            Self::GitHub => {
                let Some(file) = file(SUMMARY) else { return };
                sink::append(&file, text).unwrap_or_else(|why| warn("summary", &file, &why));
            }
            Self::Azure => {
                // The agent empties it after the job, and reads the file when it likes.
                let folder = file("AGENT_TEMPDIRECTORY").unwrap_or_else(std::env::temp_dir);
                match kept(&folder, text) {
                    Ok(file) => sink::command(&Command::Summary(file), self),
                    Err(why) => warn("summary", &folder, &why),
                }
            }
        }
    }
}

/// A new file that stays; its name is the title of the summary.
fn kept(folder: &Path, text: &str) -> io::Result<PathBuf> {
    let mut file = tempfile::Builder::new().prefix("widctl-").suffix(".md").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    let (_, path) = file.keep().map_err(|error| error.error)?;
    std::path::absolute(path)
}

/// The pipeline knows less than it could; the run is what it is.
fn warn(what: &str, place: &Path, why: &io::Error) {
    let place = place.to_string_lossy();
    let (place, why) = (escape::terminal(&place), why.to_string());
    let why = escape::terminal(&why);
    sink::say(&format!(
        "warning: could not write the {what} of this step in `{place}`, and went on without\n  because {why}\n"
    ));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Output;

    #[test]
    fn no_path_ends_an_output_or_begins_another_one() {
        let hostile = "/a\nwidctl_0\nEOF\nadds=7\nplan.json";
        let [one, other] = [(); 2].map(|()| Output::path("plan_file", Path::new(hostile)).lines());
        let (first, rest) = one.split_once('\n').unwrap();
        let end = first.strip_prefix("plan_file<<").unwrap();
        assert_eq!(rest, format!("{hostile}\n{end}\n"));
        assert!(end.len() > 40 && !hostile.contains(end), "{end}");
        assert_ne!(one, other, "the delimiter is another one each time");
    }
}
