//! Observes, compares, and holds the result for whoever shows or applies it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::command::condition::Condition;
use crate::command::connection::Connection;
use crate::command::failure::Failure;
use crate::command::write_file;
use crate::desired::derive;
use crate::desired::state::DesiredState;
use crate::event::EventSink;
use crate::gather;
use crate::gather::{Observation, Sources};
use crate::kubernetes::client::ClusterClient;
use crate::observed::state::ObservedState;
use crate::plan;
use crate::plan::contents::Plan;
use crate::plan::file::{About, PlanFile, Rows};
use crate::plan::inputs::PlanInputs;
use crate::plan::refusals::Refusal;
use crate::plan::release;
use crate::plan::release::Unreleasable;
use crate::plan::select;
use crate::plan::select::Unmatched;
use crate::ports::secrets;
use crate::profile::resolved::Profile;

/// A plan and all that is needed to show, save or apply it.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What it is about beside that.
    pub about: About,
    /// What was observed, and the connected clusters.
    pub observation: Observation<ClusterClient>,
    /// When the observation began, on tokio's clock.
    pub read_at: Instant,
}

/// What of a plan counts as pending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pending {
    /// Nothing: the caller did not ask.
    Nothing,
    /// Changes alone.
    Changes,
    /// Changes and kept leftovers.
    ChangesAndKept,
}

impl Pending {
    /// What counts for a caller who asked or not, and who passes over what is kept or not.
    pub fn asked(asked: bool, ignore_kept: bool) -> Self {
        match (asked, ignore_kept) {
            (false, _) => Self::Nothing,
            (true, true) => Self::Changes,
            (true, false) => Self::ChangesAndKept,
        }
    }
}

/// What a plan is about beside what exists.
pub fn about(
    profile: &Profile,
    connection: &Connection,
    inputs: PlanInputs,
    now: Timestamp,
) -> About {
    About {
        widctl_version: env!("CARGO_PKG_VERSION").to_owned(),
        estate: profile.estate.clone(),
        tenant: connection.signed_in.tenant,
        profile_sha256: profile.sha256.clone(),
        inputs,
        now,
    }
}

/// Checks that every filter matches something of the profile.
pub fn choose(profile: &Profile, inputs: &PlanInputs) -> Result<(), Unmatched> {
    if inputs.teams.is_empty() && inputs.clusters.is_empty() {
        return Ok(());
    }
    select::unmatched(&derive::derive(profile), inputs).map_or(Ok(()), Err)
}

/// Observes and plans. `require_all` fails where any target could not be read, at once where that is known.
pub async fn plan(
    profile: &Profile,
    connection: &Connection,
    about: About,
    require_all: bool,
    events: &Arc<dyn EventSink>,
) -> Result<Planned, Failure> {
    let desired: DesiredState = derive::derive(profile);
    let read_at = Instant::now();
    let observation = observe((&desired, true), connection, require_all, events).await?;
    let unread = unread(&observation.state);
    let plan = match (plan::plan(&desired, &observation.state, &about.inputs), unread) {
        (Err(refusals), unread) => {
            // Whoever may read nothing is told that, too: it decides the exit code.
            let unread = unread.filter(|unread| require_all || is_refusal(unread));
            return Err(Failure::Refused(refusals).beside(unread));
        }
        (Ok(plan), Some(unread)) if require_all => {
            return Err(match refused(&plan) {
                Some(refused) => refused.beside(Some(unread)),
                None => unread,
            });
        }
        (Ok(plan), _) => plan,
    };
    Ok(Planned { plan, about, observation, read_at })
}

/// Observes and plans the release of these addresses alone.
pub async fn release(
    profile: &Profile,
    connection: &Connection,
    about: About,
    addresses: &[String],
    require_all: bool,
    events: &Arc<dyn EventSink>,
) -> Result<Planned, Failure> {
    let desired: DesiredState = derive::derive(profile);
    let read_at = Instant::now();
    let observation = observe((&desired, true), connection, require_all, events).await?;
    if let Some(unread) = unread(&observation.state).filter(|_| require_all) {
        return Err(unread);
    }
    let plan = release::release(&desired, &observation.state, addresses).map_err(|why| {
        let failures = why.into_iter().map(|why| unreleasable(why, &observation.state)).collect();
        Failure::Several { ended: Condition::Done, failures }
    })?;
    Ok(Planned { plan, about, observation, read_at })
}

pub(super) async fn observe(
    (desired, leftovers): (&DesiredState, bool),
    connection: &Connection,
    require_all: bool,
    events: &Arc<dyn EventSink>,
) -> Result<Observation<ClusterClient>, Failure> {
    let azure = &*connection.azure;
    let sources = Sources {
        azure,
        side_by_side: azure.parallelism(),
        clusters: connection,
        issuers: &*connection.issuers,
        documents: &connection.documents,
        leftovers,
    };
    gather::observe(sources, desired, require_all, &**events)
        .await
        .map_err(|fault| incomplete(fault.why.to_string(), false))
}

fn unreleasable(why: Unreleasable, observed: &ObservedState) -> Failure {
    match why {
        Unreleasable::Never { what, hint } => Failure::Usage { what, hint },
        Unreleasable::Unread(why) => Failure::Incomplete {
            reason: why.to_string(),
            otherwise: "leave out what may be there",
            all_refused: all_refused(observed),
        },
    }
}

impl Planned {
    /// What is refused of single resources, as the failure of whoever wants all.
    pub fn refused(&self) -> Option<Failure> {
        refused(&self.plan)
    }

    /// A failure of a run of this plan, and what the plan refuses.
    pub fn with_refused(&self, failure: Failure) -> Failure {
        match self.refused() {
            Some(refused) => refused.beside(Some(failure)),
            None => failure,
        }
    }

    /// Whether every scope that was asked for refused the caller.
    pub fn is_all_refused(&self) -> bool {
        all_refused(&self.observation.state)
    }

    /// The plan as files and JSON hold it.
    pub fn file(&self) -> PlanFile<Rows<'_>> {
        PlanFile::of(&self.plan, self.about.clone())
    }

    /// Saves the plan for an approval.
    pub fn save(&self, path: &Path) -> Result<(), Failure> {
        let text = self.file().to_json();
        write_file::replace(path, secrets::strike(&text).as_bytes())
            .map_err(|source| Failure::file("save the plan in", path, source))
    }

    /// What a caller is told who only wanted to know.
    pub fn condition(&self, pending: Pending) -> Condition {
        if !self.plan.is_complete() {
            let refused = self.is_all_refused();
            return if refused { Condition::NotSignedIn } else { Condition::Failed };
        }
        let is_pending = match pending {
            Pending::Nothing => false,
            Pending::Changes => !self.plan.changes.is_empty(),
            Pending::ChangesAndKept => !self.plan.is_empty(),
        };
        if is_pending { Condition::Pending } else { Condition::Done }
    }
}

/// What a plan refuses of single resources.
fn refused(plan: &Plan) -> Option<Failure> {
    let refused: Vec<Refusal> = plan.refused.iter().map(Refusal::from).collect();
    (!refused.is_empty()).then_some(Failure::Refused(refused))
}

/// The failure of a run that needs all targets, where one could not be read.
fn unread(observed: &ObservedState) -> Option<Failure> {
    let unread: BTreeSet<&str> =
        observed.scopes().into_iter().filter_map(Result::err).map(|unread| &*unread.why).collect();
    if unread.is_empty() {
        return None;
    }
    let reason = unread.into_iter().collect::<Vec<_>>().join("\n");
    Some(incomplete(reason, all_refused(observed)))
}

fn incomplete(reason: String, all_refused: bool) -> Failure {
    let otherwise = if all_refused {
        "sign in as somebody who may read it"
    } else {
        "leave out `--require-all` to see the rest"
    };
    Failure::Incomplete { reason, otherwise, all_refused }
}

fn is_refusal(unread: &Failure) -> bool {
    unread.condition() == Condition::NotSignedIn
}

/// Whether every scope that was asked for refused the caller.
pub(super) fn all_refused(observed: &ObservedState) -> bool {
    let scopes = observed.scopes();
    !scopes.is_empty() && scopes.iter().all(|scope| scope.is_err_and(|unread| unread.refused))
}
