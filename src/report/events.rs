//! What happens as a stream of JSON, one object a line. The first is [`version`], the last one of the
//! summaries. Field by field: `docs/events.md`.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::apply::outcome::{Counts, Outcome};
use crate::event::{Ended, Event};
use crate::plan::contents::{Kept, Note, Severity, Unknown, Waiting};
use crate::plan::row::ChangeRow;
use crate::report::json::{Run, ended, seconds};
use crate::report::missing::MissingRight;
use crate::report::refusal::RefusalRow;
use crate::report::rows::PlanRows;
use crate::report::verify_json::VerifyReport;
use crate::report::{escape, missing, summary, verify};
use crate::verify::results::{Results, Tally};

/// The format of the stream. The minor number grows with additions.
pub const EVENTS_FORMAT_VERSION: &str = "1.3";

/// Whether a line is good to know, a warning or an error.
#[derive(Clone, Copy)]
enum Level {
    Info,
    Warn,
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The first line: who speaks, and in which format.
pub fn version(widctl_version: &str, now: Timestamp) -> String {
    let message = format!("widctl {widctl_version}");
    let fields = json!({"widctl": widctl_version, "format_version": EVENTS_FORMAT_VERSION});
    line(Level::Info, &message, now, "version", fields)
}

/// One event; `None` for single requests and for what holds them back to keep a rate, which are only
/// counted, and for the beginning of steps.
pub fn event(event: &Event, now: Timestamp) -> Option<String> {
    let text = match event {
        Event::PhaseStarted { title, steps } => {
            let fields = json!({"title": title, "steps": steps});
            line(Level::Info, title, now, "phase_start", fields)
        }
        Event::StepFinished { title } => {
            let fields = json!({"title": title});
            line(Level::Info, title, now, "phase_progress", fields)
        }
        Event::PhaseFinished => line(Level::Info, "done", now, "phase_complete", json!({})),
        Event::RequestSent(_) | Event::StepStarted { .. } | Event::Paced { .. } => return None,
        Event::Waiting { why, pause } => {
            let seconds = seconds(*pause);
            let message = format!("waiting {seconds} s: {why}");
            let fields = json!({"why": why, "seconds": seconds});
            line(Level::Warn, &message, now, "waiting", fields)
        }
        Event::ChangeStarted { address, action } => {
            let message = format!("{address}: {action} begins");
            let fields = json!({"address": address, "action": action});
            line(Level::Info, &message, now, "apply_start", fields)
        }
        Event::ChangeEnded { address, action, ended: end, error, cause: _ } => {
            change_ended(address, action, *end, error.as_deref(), now)
        }
        Event::Message { text } => {
            let words: Vec<&str> = text.lines().map(str::trim).collect();
            line(Level::Info, &words.join(" "), now, "message", json!({}))
        }
    };
    Some(text)
}

fn change_ended(
    address: &str,
    action: &str,
    end: Ended,
    error: Option<&str>,
    now: Timestamp,
) -> String {
    let (level, kind) = match end {
        Ended::Done => (Level::Info, "apply_complete"),
        Ended::Failed | Ended::Unproven => (Level::Error, "apply_errored"),
        Ended::Skipped | Ended::NotStarted => (Level::Warn, "apply_skipped"),
    };
    let end = ended(end);
    let message = format!("{address}: {action} {}", end.replace('-', " "));
    let fields = json!({"address": address, "action": action, "ended": end, "error": error});
    line(level, &message, now, kind, fields)
}

/// A change of the plan.
pub fn planned_change(row: &ChangeRow, now: Timestamp) -> String {
    let message = format!("{}: plan to {}", row.address, row.action);
    let change = serde_json::to_value(row).expect("every key of a row is a string");
    line(Level::Info, &message, now, "planned_change", json!({"change": change}))
}

/// What was verified after a sync.
pub fn verification(results: &Results, report: &VerifyReport<'_>, now: Timestamp) -> String {
    let tally = results.tally();
    let level = match tally {
        Tally { fail: 1.., .. } => Level::Error,
        Tally { warn: 0, unknown: 0, .. } => Level::Info,
        _ => Level::Warn,
    };
    let report = serde_json::to_value(report).expect("every key of a report is a string");
    let fields = json!({"verification": report});
    line(level, &verify::sentence(tally), now, "verification", fields)
}

/// A remark of the planner.
pub fn note(note: &Note, now: Timestamp) -> String {
    let level = match note.severity {
        Severity::Note => Level::Info,
        Severity::Warning => Level::Warn,
    };
    let fields = json!({
        "severity": note.severity,
        "code": note.code,
        "summary": note.text,
        "detail": null,
        "address": note.address,
        "fix": note.fix,
    });
    line(level, &note.text, now, "diagnostic", fields)
}

/// Something that is owned, that the profile no longer has, and that is left; and the command that releases it.
pub fn kept(kept: &Kept, release: Option<&str>, now: Timestamp) -> String {
    let summary = kept.reason.to_string();
    let fields = json!({
        "severity": Severity::Note,
        "code": "WID-KEPT",
        "summary": summary,
        "detail": null,
        "address": kept.address,
        "fix": kept.by_hand,
        "release": release,
    });
    line(Level::Info, &summary, now, "diagnostic", fields)
}

/// Something that could not be compared.
pub fn unknown(unknown: &Unknown, now: Timestamp) -> String {
    let summary = "could not be compared";
    let fields = json!({
        "severity": Severity::Warning,
        "code": "WID-UNREAD",
        "summary": summary,
        "detail": &*unknown.why,
        "address": unknown.address,
        "fix": null,
    });
    line(Level::Warn, summary, now, "diagnostic", fields)
}

/// Something that needs what is refused.
pub fn waiting(waiting: &Waiting, now: Timestamp) -> String {
    let summary = format!("not written, because {} is not", waiting.waits_for);
    let fields = json!({
        "severity": Severity::Warning,
        "code": "WID-WAITING",
        "summary": summary,
        "detail": null,
        "address": waiting.address,
        "fix": null,
    });
    line(Level::Warn, &summary, now, "diagnostic", fields)
}

/// Something that the caller is likely not allowed to do.
pub fn missing_right(missing: &MissingRight, now: Timestamp) -> String {
    let (place, sentence) = (missing.place(), missing.sentence());
    let fields = json!({
        "severity": Severity::Warning,
        "code": missing::CODE,
        "summary": sentence,
        "detail": place,
        "address": missing.changes.first(),
        "fix": missing.fix,
        "missing_right": missing,
    });
    line(Level::Warn, &format!("{place}: {sentence}"), now, "diagnostic", fields)
}

/// A reason why nothing is planned.
pub fn refusal(refusal: &RefusalRow<'_>, now: Timestamp) -> String {
    let fields = json!({
        "severity": "error",
        "code": refusal.code,
        "summary": refusal.what,
        "detail": refusal.why,
        "address": refusal.address,
        "fix": refusal.fix,
    });
    line(Level::Error, refusal.what, now, "diagnostic", fields)
}

/// The last line of a plan.
pub fn plan_summary(plan: &PlanRows<'_>, run: &Run, now: Timestamp) -> String {
    let counts = &plan.summary;
    let changes = json!({
        "operation": "plan",
        "adopt": counts.adopt,
        "add": counts.create + counts.replace,
        "change": counts.update,
        "destroy": counts.delete + counts.replace,
        "kept": counts.kept,
        "unchanged": counts.unchanged,
        "refused": plan.refused.len(),
        "waiting": plan.waiting.len(),
        "not_compared": plan.unknown.len(),
    });
    let message = summary::sentence(plan);
    let fields = json!({
        "changes": changes,
        "compared": plan.compared,
        "scope_read": plan.scope_read,
        "run": run,
    });
    line(Level::Info, &message, now, "change_summary", fields)
}

/// The last line of a run that ended before it had a plan.
pub fn no_summary(run: &Run, now: Timestamp) -> String {
    let message = "Ended without a result: nothing was written.";
    line(Level::Info, message, now, "change_summary", json!({"changes": null, "run": run}))
}

/// The last line of an apply.
pub fn apply_summary(outcome: &Outcome, unchanged: usize, run: &Run, now: Timestamp) -> String {
    let Counts {
        adopted,
        added,
        changed,
        destroyed,
        failed,
        skipped,
        not_started,
        unproven,
        not_compared,
        refused,
    } = outcome.counts();
    let message = summary::outcome(outcome, unchanged);
    let changes = json!({
        "operation": "apply",
        "adopt": adopted,
        "add": added,
        "change": changed,
        "destroy": destroyed,
        "failed": failed,
        "skipped": skipped,
        "unproven": unproven,
        "not_started": not_started,
        "not_compared": not_compared,
        "refused": refused,
        "unchanged": unchanged,
    });
    let level = if outcome.is_complete() { Level::Info } else { Level::Error };
    line(level, &message, now, "change_summary", json!({"changes": changes, "run": run}))
}

/// A line: the skeleton that all share, then its own fields. It does not end in a line break.
fn line(level: Level, message: &str, now: Timestamp, kind: &str, fields: Value) -> String {
    let mut line = Map::new();
    line.insert("@level".to_owned(), level.as_str().into());
    line.insert("@message".to_owned(), escape::terminal(message).into());
    line.insert("@module".to_owned(), "widctl".into());
    line.insert("@timestamp".to_owned(), format!("{now:.3}").into());
    line.insert("type".to_owned(), kind.into());
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    Value::Object(line).to_string()
}
