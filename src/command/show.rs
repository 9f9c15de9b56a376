//! Reads saved plans for people: offline, and without a profile.

use std::collections::{BTreeMap, BTreeSet};
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

/// The estates that plans of different profiles are of. What each of these makes has the same marks, so that one takes it
/// from the other, and deletes it with `--prune`.
pub fn contested(plans: &[Saved<'_>]) -> Vec<Failure> {
    let mut estates: BTreeMap<_, Vec<&Saved<'_>>> = BTreeMap::new();
    for saved in plans {
        estates.entry((saved.plan.tenant, &saved.plan.estate)).or_default().push(saved);
    }
    let profiles = |plans: &[&Saved<'_>]| {
        plans.iter().map(|saved| saved.plan.profile_sha256.clone()).collect::<BTreeSet<_>>().len()
    };
    let contested = estates.into_iter().filter(|(_, plans)| profiles(plans) > 1);
    let failures = contested.map(|((_, estate), plans)| {
        let files: Vec<String> =
            plans.iter().map(|saved| format!("`{}`", saved.path.display())).collect();
        let (count, files) = (profiles(&plans), files.join(", "));
        Failure::Input {
            what: format!(
                "estate `{estate}` is that of {count} profiles ({files}): each takes what the other made for its own, \
                 and deletes it with `--prune`"
            ),
            hint: "give each profile an `estate` of its own, or plan one profile from one commit".into(),
        }
    });
    failures.collect()
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
