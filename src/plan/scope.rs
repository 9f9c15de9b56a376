//! Where a plan looked for what the profile no longer has. None of it decides anything: a leftover that was not
//! looked for makes no plan incomplete.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desired::state::MOST_SUBSCRIPTIONS;
use crate::observed::read::{Read, Unread};
use crate::plan::action::Action;
use crate::plan::change::AnyChange;
use crate::plan::contents::{Note, Plan};
use crate::plan::draft::Context;
use crate::plan::notes;

/// Where what is left over was looked for, and where not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScopeRead {
    /// The subscriptions that the profile names and those that the caller sees besides.
    pub subscriptions: Places,
    /// The profile's clusters.
    pub clusters: Places,
    /// Why nobody knows which other subscriptions the caller sees; null where that is known.
    #[schemars(with = "Option<String>")]
    pub unlisted: Option<Arc<str>>,
}

/// Places that were read, and places that were not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Places {
    /// The ids of subscriptions, or the names of clusters, that were read whole.
    pub read: Vec<String>,
    /// The others.
    pub not_read: Vec<NotRead>,
}

/// A place that was not read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotRead {
    /// The subscription's id, or the cluster's name.
    pub name: String,
    /// What kept it from being read, in a word.
    pub reason: Reason,
    /// What happened, for people.
    #[schemars(with = "String")]
    pub why: Arc<str>,
}

/// What kept a place from being read.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The caller may not read it.
    Refused,
    /// It did not answer, or its answer could not be used.
    Failed,
    /// More subscriptions are visible than are read.
    Limit,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => formatter.write_str("not allowed"),
            Self::Failed => formatter.write_str("could not be read"),
            Self::Limit => write!(formatter, "beyond the first {MOST_SUBSCRIPTIONS}"),
        }
    }
}

impl Places {
    fn new<'a>(all: impl Iterator<Item = (String, Result<(), &'a Unread>)>) -> Self {
        let mut places = Self::default();
        for (name, read) in all {
            match read {
                Ok(()) => places.read.push(name),
                Err(Unread { refused, why }) => {
                    let reason = if *refused { Reason::Refused } else { Reason::Failed };
                    places.not_read.push(NotRead { name, reason, why: Arc::clone(why) });
                }
            }
        }
        places
    }
}

/// Adds to a plan where what is left over was looked for.
pub(crate) fn tell(context: &Context<'_>, plan: &mut Plan) {
    plan.names_nothing = context.desired.is_empty();
    plan.scope_read = scope_read(context);
    let lost: Vec<Note> = plan.changes.iter().filter_map(|change| lost(context, change)).collect();
    plan.notes.extend(lost);
    plan.notes.sort();
}

/// Where what is left over was looked for.
pub(crate) fn scope_read(context: &Context<'_>) -> ScopeRead {
    let observed = context.observed;
    let sought = observed.subscriptions.iter();
    let mut subscriptions =
        Places::new(sought.map(|(id, sought)| (id.to_string(), sought.read.outcome())));
    let beyond = observed.beyond.iter().map(|id| NotRead {
        name: id.to_string(),
        reason: Reason::Limit,
        why: format!(
            "at most {MOST_SUBSCRIPTIONS} subscriptions are read; name this one in `also_read` of `[azure]`"
        )
        .into(),
    });
    subscriptions.not_read.extend(beyond);
    let clusters = observed.clusters.iter().filter_map(|(name, cluster)| {
        let tried = observed.tried.get(name).map(Read::outcome);
        let mut scopes = tried.into_iter().chain(cluster.leftovers()).peekable();
        scopes.peek()?;
        Some((name.to_string(), scopes.collect()))
    });
    ScopeRead {
        subscriptions,
        clusters: Places::new(clusters),
        unlisted: observed.unlisted.as_ref().map(|unread| Arc::clone(&unread.why)),
    }
}

/// The warning about an account that is pruned and whose identity nobody has read: what trusts it is not pruned.
fn lost(context: &Context<'_>, change: &AnyChange) -> Option<Note> {
    let AnyChange::ServiceAccount(change) = change else {
        return None;
    };
    let live = match &change.action {
        Action::Release { before, .. } => before,
        Action::Delete { before } => before.live(),
        Action::Create { .. }
        | Action::Update { .. }
        | Action::Adopt { .. }
        | Action::Replace { .. } => return None,
    };
    let written = live.client_id.as_deref()?;
    let id = written.parse().ok();
    let is_known = id.is_some_and(|id| context.links.clients.contains_key(&id));
    (!is_known).then(|| notes::lost_identity(&change.key, written, id))
}
