//! The event stream: one JSON object a line on stdout.

use std::io;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::apply::outcome::Outcome;
use crate::cli::sink;
use crate::command::condition::Condition;
use crate::command::failure::{Failure, REPLAN};
use crate::event::{Event, EventSink};
use crate::plan::approval::Difference;
use crate::ports::chain;
use crate::profile::ProfileError;
use crate::report::events;
use crate::report::json::Run;
use crate::report::missing::MissingRight;
use crate::report::refusal::RefusalRow;
use crate::report::rows::PlanRows;
use crate::report::verify_json::VerifyReport;
use crate::verify::results::Results;

/// Writes events as they come. The first line is the version, the last one a summary.
pub struct Ndjson {
    /// The summary that the stream will end with, as far as the run has come.
    last: Mutex<Option<String>>,
}

impl Ndjson {
    /// Starts the stream with its version line.
    pub fn start() -> io::Result<Self> {
        write(&events::version(env!("CARGO_PKG_VERSION"), now()))?;
        Ok(Self { last: Mutex::new(None) })
    }

    /// Writes a plan's changes and notes, and what the caller is likely not allowed to do.
    pub fn plan(&self, plan: &PlanRows<'_>, run: &Run) -> io::Result<()> {
        for row in plan.changes {
            write(&events::planned_change(row, now()))?;
        }
        for kept in plan.kept {
            write(&events::kept(kept, plan.release(kept).as_deref(), now()))?;
        }
        for unknown in plan.unknown {
            write(&events::unknown(unknown, now()))?;
        }
        for refused in plan.refused {
            write(&events::refusal(&RefusalRow::from(refused), now()))?;
        }
        for waiting in plan.waiting {
            write(&events::waiting(waiting, now()))?;
        }
        for note in plan.notes {
            write(&events::note(note, now()))?;
        }
        Self::missing(plan.missing)?;
        self.keep(events::plan_summary(plan, run, now()));
        Ok(())
    }

    /// Writes what the caller is likely not allowed to do.
    pub fn missing(missing: &[MissingRight]) -> io::Result<()> {
        let mut rows = missing.iter();
        rows.try_for_each(|row| write(&events::missing_right(row, now())))
    }

    /// Writes what was verified.
    pub fn verification(results: &Results, report: &VerifyReport<'_>) -> io::Result<()> {
        write(&events::verification(results, report, now()))
    }

    /// Takes what became of an apply as the summary.
    pub fn outcome(&self, outcome: &Outcome, unchanged: usize, run: &Run) {
        let summary = events::apply_summary(outcome, unchanged, run, now());
        self.keep(summary);
    }

    /// Ends the stream: what went wrong, then the summary.
    pub fn end(&self, ended: &Result<Condition, Failure>, run: &Run) -> io::Result<()> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Err(failure) = ended {
            // A plan has told what it refuses.
            let is_told = |part: &&Failure| last.is_some() && matches!(part, Failure::Refused(_));
            let parts = failure.parts().into_iter().filter(|part| !is_told(part));
            for line in parts.flat_map(failed) {
                write(&line)?;
            }
        }
        write(&last.unwrap_or_else(|| events::no_summary(run, now())))
    }

    fn keep(&self, summary: String) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(summary);
    }
}

impl EventSink for Ndjson {
    fn emit(&self, event: Event) {
        if let Some(line) = events::event(&event, now()) {
            // A stream whose reader went away has nobody to tell; the run itself goes on.
            let _ = write(&line);
        }
    }
}

fn failed(failure: &Failure) -> Vec<String> {
    if let Failure::Refused(refusals) = failure {
        let rows = refusals.iter().map(RefusalRow::from);
        return rows.map(|row| events::refusal(&row, now())).collect();
    }
    if let Failure::Profile(errors) = failure {
        let left_out = Some(errors.left_out()).filter(|left_out| *left_out > 0);
        let told = errors.iter().map(profile_error);
        return told.chain(left_out.map(left_out_errors)).collect();
    }
    if let Failure::Stale(differences) = failure {
        return differences.iter().map(unapproved).collect();
    }
    let (what, why) = (failure.to_string(), chain::reasons(failure).join("; "));
    let hint = failure.hint();
    let row = RefusalRow {
        code: "WID-RUN",
        guardrail: false,
        address: "",
        what: &what,
        why: &why,
        fix: hint.as_deref(),
    };
    vec![events::refusal(&row, now())]
}

fn profile_error(error: &ProfileError) -> String {
    let (line, column) = error.position();
    let row = RefusalRow {
        code: error.rule().code,
        guardrail: error.rule().kind.is_refusal(),
        address: &format!("{}:{line}:{column}", error.path()),
        what: &error.to_string(),
        why: "",
        fix: Some(error.hint()).filter(|hint| !hint.is_empty()),
    };
    events::refusal(&row, now())
}

/// How many errors are not in the stream.
fn left_out_errors(count: usize) -> String {
    let row = RefusalRow {
        code: "WID-RUN",
        guardrail: false,
        address: "",
        what: &format!("the profile has {count} more errors, which are not told"),
        why: "",
        fix: Some("correct the ones that are told first"),
    };
    events::refusal(&row, now())
}

fn unapproved(difference: &Difference) -> String {
    let (row, what) = match difference {
        Difference::Unapproved(wanted) | Difference::Changed { wanted, .. } => {
            (wanted, format!("the approved plan does not hold this {}", wanted.action))
        }
        Difference::Taken(approved) => {
            (approved, "somebody else has created what the approved plan creates".to_owned())
        }
    };
    let refusal = RefusalRow {
        code: "WID-PLAN-STALE",
        guardrail: false,
        address: &row.address,
        what: &what,
        why: &row.reason,
        fix: Some(REPLAN),
    };
    events::refusal(&refusal, now())
}

fn write(line: &str) -> io::Result<()> {
    sink::document(&format!("{line}\n"))
}

#[expect(clippy::disallowed_methods, reason = "the edge that hands the time in")]
fn now() -> Timestamp {
    Timestamp::now()
}
