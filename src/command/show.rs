//! Reads saved plans for people: offline, and without a profile.

use std::path::Path;

use jiff::Timestamp;

use crate::command::apply;
use crate::command::apply::Known;
use crate::command::failure::Failure;
use crate::plan::contents::Summary;
use crate::plan::file::{FileError, PlanFile};
use crate::ports::chain;

/// A saved plan as it is shown.
pub struct Saved<'a> {
    /// The file.
    pub path: &'a Path,
    /// What it holds, its rows counted anew.
    pub plan: PlanFile,
    /// Why `apply` refuses it now, as far as the file alone tells.
    pub unfit: Option<String>,
}

/// Reads a saved plan. Age and version are told, not refused: nothing is written from here.
pub fn read(path: &Path, now: Timestamp) -> Result<Saved<'_>, Failure> {
    let plan = apply::read_saved(path).map_err(|failure| {
        if let Failure::SavedPlan { error, .. } = &failure {
            unreadable(path, error)
        } else {
            failure
        }
    })?;
    let known = Known { now, profile: None, tenant: None };
    let unfit = apply::outdated(path, &plan, &known);
    let unfit = unfit.map(|failure| chain::reasons(&failure).join(": "));
    // Counts of a file that somebody has edited may say less than its rows.
    let summary = count([&plan]);
    Ok(Saved { path, plan: PlanFile { summary, ..plan }, unfit })
}

/// The counts of plans, all together.
pub fn count<'a>(plans: impl IntoIterator<Item = &'a PlanFile> + Clone) -> Summary {
    let actions = plans.clone().into_iter().flat_map(|plan| &plan.changes);
    let mut summary = Summary::of(actions.map(|row| row.action));
    for plan in plans {
        summary.kept = summary.kept.saturating_add(plan.kept.len());
        summary.unchanged = summary.unchanged.saturating_add(plan.summary.unchanged);
    }
    summary
}

fn unreadable(path: &Path, error: &FileError) -> Failure {
    let reasons = [vec![error.to_string()], chain::reasons(error)].concat().join(": ");
    let hint = match error {
        FileError::Format(_) => "show it with the widctl that made it, or plan again",
        FileError::Truncated(_)
        | FileError::Malformed(_)
        | FileError::WidctlVersion { .. }
        | FileError::Estate { .. }
        | FileError::Tenant { .. }
        | FileError::Filter(_)
        | FileError::TooOld { .. }
        | FileError::FromTheFuture { .. } => "give a file that `widctl plan --out` wrote",
    };
    let what = format!("`{}` cannot be shown: {reasons}", path.display());
    Failure::Input { what, hint: hint.to_owned() }
}
