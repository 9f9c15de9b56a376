//! Plans and outcomes as JSON for other programs. Keys keep their order.

use std::borrow::Cow;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::apply::outcome::{Counts, Outcome};
use crate::event::Ended;
use crate::plan::action::ActionName;
use crate::plan::file::PlanFile;
use crate::report::missing::MissingRight;
use crate::report::verify_json::VerifyReport;

/// The format of outcomes. The minor number grows with additions.
pub const OUTCOME_FORMAT_VERSION: &str = "1.2";

/// What a run cost.
#[derive(Clone, PartialEq, Debug, Default, Serialize, JsonSchema)]
pub struct Run {
    /// How many requests were sent, repeated ones counted.
    pub requests: Requests,
    /// How often something was tried again after a pause.
    pub retries: u64,
    /// How long those pauses were, in seconds, all added; many run side by side.
    pub waited_seconds: f64,
    /// How long requests were held back to keep Azure's rates after it throttled, in seconds of the clock.
    pub paced_seconds: f64,
    /// How long the run took, in seconds.
    pub seconds: f64,
}

/// How many requests of each class were sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, JsonSchema)]
pub struct Requests {
    /// Reads of Azure Resource Manager.
    pub arm_reads: u64,
    /// Writes to Azure Resource Manager.
    pub arm_writes: u64,
    /// Reads of clusters.
    pub cluster_reads: u64,
    /// Writes to clusters.
    pub cluster_writes: u64,
    /// Requests for tokens.
    pub token_requests: u64,
}

/// What became of an apply, and what the run cost.
#[derive(Serialize)]
pub struct OutcomeReport<'a> {
    format_version: &'static str,
    complete: bool,
    interrupted: bool,
    changes: Vec<ChangeReport<'a>>,
    summary: SummaryReport,
    run: &'a Run,
    /// What [`with_verification`] sets.
    verification: Option<VerifyReport<'a>>,
}

#[derive(Serialize)]
struct ChangeReport<'a> {
    address: &'a str,
    team: Option<&'a str>,
    cluster: Option<&'a str>,
    action: ActionName,
    ended: &'static str,
    error: Option<ErrorReport<'a>>,
    seconds: f64,
}

#[derive(Serialize)]
struct ErrorReport<'a> {
    message: String,
    status: Option<u16>,
    code: Option<&'a str>,
    request_id: Option<&'a str>,
    correlation_id: Option<&'a str>,
    hint: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct SummaryReport {
    adopted: usize,
    added: usize,
    changed: usize,
    destroyed: usize,
    unchanged: usize,
    failed: usize,
    skipped: usize,
    unproven: usize,
    not_started: usize,
    not_compared: usize,
    refused: usize,
}

/// A saved plan, what the caller is likely not allowed to do, and what the run cost.
#[derive(Serialize)]
pub struct PlanReport<'a, C> {
    #[serde(flatten)]
    file: &'a PlanFile<C>,
    missing_rights: &'a [MissingRight],
    run: &'a Run,
    /// What [`with_verification`] sets.
    verification: Option<VerifyReport<'a>>,
}

/// The report of a plan.
pub fn plan<'a, C>(
    file: &'a PlanFile<C>,
    missing_rights: &'a [MissingRight],
    run: &'a Run,
) -> PlanReport<'a, C> {
    PlanReport { file, missing_rights, run, verification: None }
}

/// The report of an outcome.
pub fn outcome<'a>(outcome: &'a Outcome, unchanged: usize, run: &'a Run) -> OutcomeReport<'a> {
    let changes = outcome.changes.iter().map(|change| ChangeReport {
        address: &change.address,
        team: change.team.as_ref().map(AsRef::as_ref),
        cluster: change.cluster.as_ref().map(AsRef::as_ref),
        action: change.action,
        ended: ended(change.ended),
        error: change.error.as_ref().map(|error| {
            let port = error.port();
            ErrorReport {
                message: error.in_full(),
                status: port.and_then(|port| port.status),
                code: port.and_then(|port| port.code.as_deref()),
                request_id: port.and_then(|port| port.request_id.as_deref()),
                correlation_id: port.and_then(|port| port.correlation_id.as_deref()),
                hint: error.hint(),
            }
        }),
        seconds: seconds(change.duration),
    });
    OutcomeReport {
        format_version: OUTCOME_FORMAT_VERSION,
        complete: outcome.is_complete(),
        interrupted: outcome.interrupted,
        changes: changes.collect(),
        summary: summary(outcome.counts(), unchanged),
        run,
        verification: None,
    }
}

/// A plan or an outcome as JSON, with what was verified after it.
pub fn with_verification(document: &str, verified: &VerifyReport<'_>) -> String {
    let mut document: Value = serde_json::from_str(document).expect("it was written here");
    document["verification"] =
        serde_json::to_value(verified).expect("every key of a report is a string");
    pretty(&document)
}

/// How a change ended, as JSON spells it.
pub(super) fn ended(ended: Ended) -> &'static str {
    match ended {
        Ended::Done => "done",
        Ended::Failed => "failed",
        Ended::Skipped => "skipped",
        Ended::NotStarted => "not-started",
        Ended::Unproven => "unproven",
    }
}

/// A duration in seconds, to the millisecond.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

fn summary(counts: Counts, unchanged: usize) -> SummaryReport {
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
    } = counts;
    SummaryReport {
        adopted,
        added,
        changed,
        destroyed,
        unchanged,
        failed,
        skipped,
        unproven,
        not_started,
        not_compared,
        refused,
    }
}

/// A document for other programs.
pub fn pretty(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).expect("every key of a report is a string") + "\n"
}
