//! A plan while it is made: changes by kind, and everything there is to say.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use crate::desired::naming;
use crate::desired::state::{DesiredState, Trust};
use crate::model::kinds::federated_credential::{FederatedCredentialKey, LiveFederatedCredential};
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::subject;
use crate::model::text::{ClusterName, CredentialName, Issuer, Namespace, Subject, TeamName};
use crate::observed::read::Read;
use crate::observed::state::ObservedState;
use crate::plan::action::{Action, ActionName};
use crate::plan::change::{AnyChange, Change, Changes, Listed};
use crate::plan::contents::{Kept, KeptReason, Note, Plan, Refused, Unknown, Waiting};
use crate::plan::inputs::PlanInputs;
use crate::plan::link::Links;
use crate::plan::ownership;
use crate::plan::refusals::Refusal;
use crate::plan::relation::{Held, Point, Wait};
use crate::plan::release::Unreleasable;
use crate::plan::select::Selection;

/// What every kind plans with.
pub(crate) struct Context<'a> {
    /// What the profile wants.
    pub(crate) desired: &'a DesiredState,
    /// What exists.
    pub(crate) observed: &'a ObservedState,
    /// What the caller chose.
    pub(crate) inputs: &'a PlanInputs,
    /// Which rows are reported and written.
    pub(crate) selection: Selection<'a>,
    /// What observation adds to the desired state.
    pub(crate) links: Links<'a>,
    trusted: OnceCell<Trusted<'a>>,
}

/// The accounts that the profile trusts, in whatever mode. Only what is left over asks for them.
pub(crate) struct Trusted<'a> {
    accounts: BTreeSet<(&'a ClusterName, &'a Subject)>,
    namespaces: BTreeSet<(&'a ClusterName, &'a str)>,
}

impl<'a> Context<'a> {
    /// Links and selects.
    pub(crate) fn new(
        desired: &'a DesiredState,
        observed: &'a ObservedState,
        inputs: &'a PlanInputs,
    ) -> Self {
        Self {
            desired,
            observed,
            inputs,
            selection: Selection::new(desired, inputs),
            links: Links::new(desired, observed),
            trusted: OnceCell::new(),
        }
    }

    /// Where each cluster is.
    pub(crate) fn places(&self) -> BTreeMap<ClusterName, Arc<str>> {
        let clusters = self.desired.clusters.iter();
        clusters.map(|(name, cluster)| (name.clone(), cluster.place())).collect()
    }

    /// An identity that exists.
    pub(crate) fn live_identity(&self, identity: &IdentityKey) -> Option<&'a Arc<LiveIdentity>> {
        let subscription = identity.id().subscription()?;
        self.observed.identities.get(&subscription).and_then(Read::facts)?.get(identity)
    }

    /// The team that an identity is for: the profile's, else that of its tags.
    pub(crate) fn team_of(&self, identity: &IdentityKey) -> Option<TeamName> {
        let retired = self.desired.retired.identities.get(identity);
        match self.desired.identities.get(identity).or(retired) {
            Some(wanted) => Some(wanted.team.clone()),
            None => ownership::team_by_tags(&self.live_identity(identity)?.tags),
        }
    }

    /// The team that a credential of ours was for: the one that leaves and wanted it, else that of its identity.
    pub(crate) fn team_of_credential(
        &self,
        identity: &IdentityKey,
        name: &CredentialName,
    ) -> Option<TeamName> {
        let first = FederatedCredentialKey { identity: identity.clone(), name: "".into() };
        let of_identity = self.desired.retired.credentials.range(first..);
        let mut of_identity = of_identity.take_while(|(key, _)| key.identity == *identity);
        let left = of_identity.find(|(key, _)| naming::is_same_trust(&key.name, name));
        left.map(|(_, team)| team.clone()).or_else(|| self.team_of(identity))
    }

    /// Why something of a team is left over.
    pub(crate) fn why_left(&self, team: Option<&TeamName>) -> &'static str {
        let leaves = team.is_some_and(|team| self.desired.retired.teams.contains(team));
        if leaves { "its team leaves" } else { "it is not in the profile" }
    }

    /// The accounts that the profile trusts.
    pub(crate) fn trusted(&self) -> &Trusted<'a> {
        self.trusted.get_or_init(|| Trusted::new(self.desired))
    }
}

impl<'a> Trusted<'a> {
    fn new(desired: &'a DesiredState) -> Self {
        let credentials = desired.credentials.values();
        let accounts: BTreeSet<_> = credentials
            .filter_map(|credential| match &credential.trust {
                Trust::Cluster { cluster, subject } => Some((cluster, subject)),
                Trust::Federation { .. } => None,
            })
            .collect();
        let namespaces = accounts.iter().filter_map(|(cluster, subject)| {
            let (namespace, _) = subject::account(subject)?;
            Some((*cluster, namespace))
        });
        Self { namespaces: namespaces.collect(), accounts }
    }

    /// Whether this account is trusted.
    pub(crate) fn has_account(&self, cluster: &ClusterName, subject: &Subject) -> bool {
        self.accounts.contains(&(cluster, subject))
    }

    /// Whether an account in this namespace is trusted.
    pub(crate) fn has_namespace(&self, cluster: &ClusterName, namespace: &Namespace) -> bool {
        self.namespaces.contains(&(cluster, namespace.as_str()))
    }
}

/// Why an identity gets nothing more.
#[derive(Clone)]
pub(crate) enum Withheld {
    /// It is refused, by its address.
    Refused(String),
    /// Whom it lets in could not be read.
    Unknown(Arc<str>),
}

/// The plan so far.
#[derive(Default)]
pub(crate) struct Draft {
    changes: Changes,
    /// Owned things that are left.
    pub(crate) kept: Vec<Kept>,
    /// The releases of those of them that can be released.
    pub(crate) releases: Changes,
    /// Why others of them, by their addresses, are not.
    pub(crate) unreleasable: BTreeMap<String, Unreleasable>,
    /// Rows that could not be compared.
    pub(crate) unknown: Vec<Unknown>,
    /// Remarks.
    pub(crate) notes: Vec<Note>,
    /// Why there is no plan: what is refused is about the whole estate.
    pub(crate) refusals: Vec<Refusal>,
    /// What is refused about one resource each.
    refused: Vec<(Refusal, Option<TeamName>, Option<ClusterName>)>,
    /// What waits for these.
    waiting: Vec<Waiting>,
    /// What they withhold, with the address of each.
    held: BTreeMap<Held, String>,
    /// What identities get no more, and why.
    withheld: BTreeMap<IdentityKey, Withheld>,
    /// Whom identities of the estate let in although the profile does not name them.
    pub(crate) foreigners: Vec<(IdentityKey, Arc<LiveFederatedCredential>)>,
    /// The credentials among them.
    pub(crate) refused_credentials: BTreeSet<FederatedCredentialKey>,
    /// How many credentials are kept for issuers that retire, by cluster and issuer.
    pub(crate) retiring: BTreeMap<(ClusterName, Issuer), usize>,
    /// Rows that match the profile.
    pub(crate) unchanged: usize,
    /// Identities of the profile that exist without the estate's tags.
    pub(crate) strangers: BTreeSet<IdentityKey>,
}

impl Draft {
    /// A row that could not be compared.
    pub(crate) fn unknown(
        &mut self,
        address: impl Display,
        team: &TeamName,
        cluster: Option<&ClusterName>,
        why: &Arc<str>,
    ) {
        self.unknown.push(Unknown {
            address: address.to_string(),
            team: Some(team.clone()),
            cluster: cluster.cloned(),
            why: Arc::clone(why),
        });
    }

    /// Something owned that is left as it is.
    pub(crate) fn keep(
        &mut self,
        address: impl Display,
        team: Option<&TeamName>,
        cluster: Option<&ClusterName>,
        reason: KeptReason,
    ) {
        self.kept.push(Kept {
            address: address.to_string(),
            team: team.cloned(),
            cluster: cluster.cloned(),
            reason,
            by_hand: None,
            releasable: false,
        });
    }

    /// Something owned that only people delete, with this command.
    pub(crate) fn keep_for_people(
        &mut self,
        address: impl Display,
        team: Option<&TeamName>,
        cluster: Option<&ClusterName>,
        command: String,
    ) {
        self.keep(address, team, cluster, KeptReason::NeverDeleted);
        if let Some(kept) = self.kept.last_mut() {
            kept.by_hand = Some(command);
        }
    }

    /// What was just kept can be released instead.
    pub(crate) fn or_release<K: Listed>(
        &mut self,
        key: &K::Key,
        before: &Arc<K::Live>,
        may: K::MayRelease,
        effects: Vec<String>,
    ) {
        let Some(kept) = self.kept.last_mut() else {
            return;
        };
        kept.releasable = true;
        let (team, cluster) = (kept.team.clone(), kept.cluster.clone());
        let action = Action::Release { before: Arc::clone(before), may };
        let reason = "its release was asked for".to_owned();
        let change = Change { key: key.clone(), team, cluster, action, reason, effects };
        K::of(&mut self.releases).push(change);
    }

    /// Something owned cannot be released.
    pub(crate) fn never_release(&mut self, address: impl Display, why: &str, hint: String) {
        let what = format!("`{address}` cannot be released: {why}");
        self.unreleasable.insert(address.to_string(), Unreleasable::Never { what, hint });
    }

    /// Whether something owned can be released is unknown.
    pub(crate) fn maybe_release(&mut self, address: impl Display, unread: &Arc<str>) {
        let unread = Unreleasable::Unread(Arc::clone(unread));
        self.unreleasable.insert(address.to_string(), unread);
    }

    /// One resource is refused, and with it what needs the point that it offers.
    pub(crate) fn refuse(
        &mut self,
        refusal: Refusal,
        team: Option<&TeamName>,
        cluster: Option<&ClusterName>,
        offers: Option<Point<'_>>,
    ) {
        self.hold(offers, &refusal.address);
        self.refused.push((refusal, team.cloned(), cluster.cloned()));
    }

    /// A resource that needs something refused.
    pub(crate) fn wait(
        &mut self,
        address: impl Display,
        team: Option<&TeamName>,
        cluster: Option<&ClusterName>,
        waits_for: impl Display,
    ) {
        self.waiting.push(Waiting {
            address: address.to_string(),
            team: team.cloned(),
            cluster: cluster.cloned(),
            waits_for: waits_for.to_string(),
        });
    }

    /// Nothing more is given to an identity; the first reason stays.
    pub(crate) fn withhold(&mut self, identity: &IdentityKey, why: Withheld) {
        self.withheld.entry(identity.clone()).or_insert(why);
    }

    /// What offers a point is not written.
    pub(crate) fn hold(&mut self, point: Option<Point<'_>>, address: &str) {
        if let Some(held) = point.and_then(Held::of) {
            self.held.entry(held).or_insert_with(|| address.to_owned());
        }
    }

    /// The changes that need nothing refused; the others wait. What they depend on comes before them.
    fn held_back(&mut self, changes: Vec<AnyChange>) -> Vec<AnyChange> {
        if self.held.is_empty() && self.withheld.is_empty() {
            return changes;
        }
        let mut free = Vec::with_capacity(changes.len());
        for change in changes {
            let Some(cause) = self.cause(&change) else {
                free.push(change);
                continue;
            };
            let address = change.address();
            for point in change.relations().offers {
                self.hold(Some(point), &address);
            }
            let (team, cluster) = (change.team(), change.cluster());
            match cause {
                Withheld::Refused(cause) => self.wait(address, team, cluster, cause),
                Withheld::Unknown(why) => self.unknown.push(Unknown {
                    address,
                    team: team.cloned(),
                    cluster: cluster.cloned(),
                    why,
                }),
            }
        }
        free
    }

    /// Why a change is not written.
    fn cause(&self, change: &AnyChange) -> Option<Withheld> {
        let relations = change.relations();
        let mut needed = relations.waits.iter().filter(|(_, wait)| *wait != Wait::Order);
        let held = needed.find_map(|(point, _)| self.held.get(&Held::of(*point)?));
        let withheld = || self.withheld.get(change.widens()?).cloned();
        held.cloned().map(Withheld::Refused).or_else(withheld)
    }

    /// A change.
    pub(crate) fn push<K: Listed>(&mut self, change: Change<K>) {
        K::of(&mut self.changes).push(change);
    }

    /// Whether a team has a change, or something that is kept.
    pub(crate) fn has_rows_of(&self, team: &TeamName) -> bool {
        self.changes.has_team(team) || self.kept.iter().any(|kept| kept.team.as_ref() == Some(team))
    }

    /// How many changes of all kinds have one of these actions.
    pub(crate) fn count(&self, names: &[ActionName]) -> usize {
        self.changes.count(names)
    }

    /// The addresses of the changes of all kinds that have one of these actions.
    pub(crate) fn addresses(&self, names: &[ActionName]) -> Vec<String> {
        self.changes.addresses(names)
    }

    /// The plan, or why there is none.
    pub(crate) fn finish(mut self, context: &Context<'_>) -> Result<Plan, Vec<Refusal>> {
        if !self.refusals.is_empty() {
            self.refusals.extend(self.refused.into_iter().map(|(refusal, ..)| refusal));
            self.refusals.sort();
            self.refusals.dedup();
            return Err(self.refusals);
        }
        let changes = std::mem::take(&mut self.changes).in_order();
        let changes = self.held_back(changes);
        self.refused.sort();
        self.refused.dedup();
        self.waiting.sort();
        self.waiting.dedup();
        self.kept.sort();
        self.unknown.sort();
        self.notes.sort();
        self.notes.dedup();
        Ok(Plan {
            changes,
            kept: self.kept,
            unknown: self.unknown,
            refused: self.refused.into_iter().map(Refused::from).collect(),
            waiting: self.waiting,
            notes: self.notes,
            unchanged: self.unchanged,
            identities: context.links.outputs(),
            strangers: self.strangers,
            clusters: context.places(),
            compared: context.selection.compared(context.desired),
            ..Plan::default()
        })
    }
}
