//! Carries a plan out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::apply::execute;
use crate::apply::execute::Options;
use crate::apply::outcome::Outcome;
use crate::apply::refresh::Refresh;
use crate::command::condition::{Condition, Signal, foremost};
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::plan::Planned;
use crate::command::profile_files::Given;
use crate::command::{plan, profile_files};
use crate::event::EventSink;
use crate::files;
use crate::model::guid::TenantId;
use crate::model::text::Estate;
use crate::plan::approval;
use crate::plan::approval::Approval;
use crate::plan::file::{About, FileError, PlanFile};
use crate::plan::inputs::PlanInputs;
use crate::ports::store::Stores;
use crate::profile::resolved::Profile;

/// How an apply runs.
pub struct ApplyOptions {
    /// The seed of the pauses' jitter: the same one pauses alike.
    pub seed: u64,
    /// Holds the signal that stops the run, once one came.
    pub stop: watch::Receiver<Option<Signal>>,
}

/// Reads an approved plan.
pub fn read_saved(path: &Path) -> Result<PlanFile, Failure> {
    let bytes = files::read(path, files::LARGEST_PLAN)
        .map_err(|source| Failure::file("read the saved plan", path, source))?;
    PlanFile::parse(&bytes).map_err(|error| Failure::SavedPlan { path: path.to_owned(), error })
}

/// Reads an approved plan and the profile. What is wrong with both is told together, but for a file that is
/// no plan, or not one of what was `given`: then the command line is wrong, and nothing else is looked at.
pub fn read(
    path: &Path,
    profile: Given<'_>,
    given: &PlanInputs,
    now: Timestamp,
) -> Result<(PlanFile, Profile), Failure> {
    let saved = read_saved(path).and_then(|saved| {
        agree(path, profile.path, &saved.inputs, given)?;
        Ok(saved)
    });
    let saved = match saved {
        Err(failure) if failure.condition() == Condition::Usage => return Err(failure),
        saved => saved,
    };
    match (saved, profile_files::load(profile)) {
        (Ok(saved), Ok(profile)) => {
            plan::choose(&profile, &saved.inputs).map_err(|unmatched| {
                let error = FileError::Filter(unmatched.what);
                Failure::SavedPlan { path: path.to_owned(), error }
            })?;
            Ok((saved, profile))
        }
        (Ok(saved), Err(failure)) => {
            Err(failure.beside(outdated(path, &saved, &Known { now, profile: None, tenant: None })))
        }
        (Err(failure), Ok(_)) => Err(failure),
        (Err(earlier), Err(failure)) => Err(failure.beside(Some(earlier))),
    }
}

/// Checks that whoever applies an approved plan asks for everything that widens it, and for nothing else. A
/// file is data that somebody may have edited; what deletes or takes over is asked for on a command line.
fn agree(
    path: &Path,
    profile: &Path,
    saved: &PlanInputs,
    given: &PlanInputs,
) -> Result<(), Failure> {
    let flags = |which: fn(bool, bool) -> bool| -> Vec<&str> {
        let pairs = saved.widening().into_iter().zip(given.widening());
        let which = pairs.filter(|((_, saved), (_, given))| which(*saved, *given));
        which.map(|((flag, _), _)| flag).collect()
    };
    let missing = flags(|saved, given| saved && !given);
    let surplus = flags(|saved, given| given && !saved);
    let (path, profile) = (path.display(), profile.display());
    let with = |command: String, flags: &[&str]| [&[command.as_str()], flags].concat().join(" ");
    let apply = format!("widctl apply {profile} --plan {path}");
    let apply = with(apply, &flags(|saved, _| saved));
    let (what, hint) = if !missing.is_empty() {
        let missing = missing.join("` and `");
        (
            format!(
                "the approved plan `{path}` was made with `{missing}`, and `apply` was run without"
            ),
            format!("if that is what was approved, run `{apply}`"),
        )
    } else if !surplus.is_empty() {
        let surplus = surplus.join("` and `");
        let plan = with(format!("widctl plan {profile} --out {path}"), &flags(|_, given| given));
        (
            format!(
                "`apply` was run with `{surplus}`, and the approved plan `{path}` was made without"
            ),
            format!("apply what was approved with `{apply}`, or plan for more with `{plan}`"),
        )
    } else {
        return Ok(());
    };
    Err(Failure::Usage { what, hint })
}

/// What is known of a run while it starts.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The time.
    pub now: Timestamp,
    /// The profile, once it was loaded.
    pub profile: Option<&'a Profile>,
    /// The tenant, once somebody signed in.
    pub tenant: Option<TenantId>,
}

/// Why an approved plan may not be applied here and now, as far as that is known.
pub fn outdated(path: &Path, file: &PlanFile, known: &Known<'_>) -> Option<Failure> {
    let estate = known.profile.map(|profile| profile.estate.clone());
    let about = About {
        widctl_version: env!("CARGO_PKG_VERSION").to_owned(),
        estate: estate.unwrap_or_else(|| Estate::from(file.estate.as_str())),
        tenant: known.tenant.unwrap_or(file.tenant),
        profile_sha256: file.profile_sha256.clone(),
        inputs: file.inputs.clone(),
        now: known.now,
    };
    let error = file.check(&about).err()?;
    Some(Failure::SavedPlan { path: path.to_owned(), error })
}

/// Whether the fresh plan wants nothing but what was approved; answers how much is done already.
pub fn approve(file: &PlanFile, planned: &Planned) -> Result<usize, Failure> {
    match approval::approve(file, &planned.plan) {
        Approval::Fits { already_done } => Ok(already_done),
        Approval::Differs(differences) => Err(planned.with_refused(Failure::Stale(differences))),
    }
}

/// Refuses to write an incomplete plan that nobody allowed.
pub fn writable(planned: &Planned, allow_incomplete: bool) -> Result<(), Failure> {
    if planned.plan.is_complete() || allow_incomplete {
        return Ok(());
    }
    if planned.plan.unknown.is_empty() {
        return planned.refused().map_or(Ok(()), Err);
    }
    let reasons: BTreeSet<&str> = planned.plan.unknown.iter().map(|row| &*row.why).collect();
    let incomplete = Failure::Incomplete {
        reason: reasons.into_iter().collect::<Vec<_>>().join("\n"),
        otherwise: "write the rest with `--allow-incomplete`",
        all_refused: planned.is_all_refused(),
    };
    Err(planned.with_refused(incomplete))
}

/// Writes the plan's changes.
pub async fn apply(
    planned: &Planned,
    connection: &Connection,
    options: &ApplyOptions,
    events: &Arc<dyn EventSink>,
) -> Outcome {
    let clusters = &planned.observation.clusters;
    let clusters = clusters.iter().map(|(name, client)| (name.clone(), client.stores()));
    let stores = Stores::new(&connection.azure, clusters.collect());
    let (interrupted, receiver) = watch::channel(false);
    let mut stop = options.stop.clone();
    let relay = tokio::spawn(async move {
        if stop.wait_for(Option::is_some).await.is_ok() {
            interrupted.send_replace(true);
        }
        // The channel stays open until the run is over, even if no signal ever comes.
        std::future::pending::<()>().await;
    });
    let run = Options {
        parallelism: connection.azure.parallelism(),
        seed: options.seed,
        interrupted: receiver,
        refresh: Some(Refresh { azure: &*connection.azure, read_at: planned.read_at }),
    };
    let known = planned.plan.identities.clone();
    let mut outcome =
        execute::execute(&planned.plan.changes, &stores, known, &run, &**events).await;
    relay.abort();
    outcome.not_compared = planned.plan.unknown.len();
    outcome.refused = planned.plan.refused.len() + planned.plan.waiting.len();
    outcome
}

/// What a caller is told after an apply.
pub fn condition(planned: &Planned, outcome: &Outcome, stop: Option<Signal>) -> Condition {
    let mut conditions = Vec::new();
    if let (true, Some(signal)) = (outcome.interrupted, stop) {
        conditions.push(Condition::Interrupted(signal));
    }
    if !outcome.is_complete() {
        conditions.push(if outcome.wrote_something() {
            Condition::PartlyApplied
        } else {
            Condition::Failed
        });
    }
    if !planned.plan.is_complete() {
        conditions.push(Condition::PartlyApplied);
    }
    if planned.plan.refused.iter().any(|refused| refused.guardrail) {
        conditions.push(Condition::GuardrailRefused);
    }
    foremost(conditions)
}
