//! The credentials of one identity: what is done about each, what is left over, how many there will be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::naming;
use crate::desired::state::{DesiredState, Trust};
use crate::model::kinds::federated_credential::{
    CREDENTIALS_PER_IDENTITY, FederatedCredential, FederatedCredentialKey, LiveFederatedCredential,
};
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{CredentialName, Estate, Issuer};
use crate::model::{shell, subject};
use crate::plan::action::{Action, Force};
use crate::plan::change::Change;
use crate::plan::contents::KeptReason;
use crate::plan::draft::{Context, Draft};
use crate::plan::kinds::federated_credential::matching::{Match, Matches, Wanted};
use crate::plan::kinds::federated_credential::{IssuerOf, Row, UnknownTrust, matching};
use crate::plan::link::{IdentityLink, IssuerLink, differ_by_slash};
use crate::plan::ownership::Ours;
use crate::plan::refusals::credential as refusals;
use crate::plan::refusals::identity::az as az_of;
use crate::plan::relation::Point;
use crate::plan::{foreign, notes, ownership};

/// From this many credentials on people are warned.
const NEARLY_FULL: usize = 17;

/// Plans the credentials of one identity.
pub(super) struct Planner<'a> {
    context: &'a Context<'a>,
    identity: &'a IdentityKey,
    live: &'a [Arc<LiveFederatedCredential>],
    /// The existing ones that answer to a wanted one, or are overwritten.
    used: BTreeSet<usize>,
    /// How many there will be.
    count: usize,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        context: &'a Context<'a>,
        identity: &'a IdentityKey,
        live: &'a [Arc<LiveFederatedCredential>],
    ) -> Self {
        Self { context, identity, live, used: BTreeSet::new(), count: live.len() }
    }

    pub(super) fn plan(
        &mut self,
        rows: &[Row<'a>],
        draft: &mut Draft,
        unknown: &mut UnknownTrust<'a>,
    ) {
        refusals::check_duplicates(draft, rows);
        let matches = matches(self.context.desired, rows, self.live);
        self.used.extend(matches.found.iter().filter_map(|found| found.index()));
        self.used.extend(matches.retiring.keys());
        self.find_foreigners(rows, &matches, draft);
        for (at, row) in &matches.retiring {
            if let Some(cluster) = rows[*row].cluster {
                let of = (cluster.clone(), self.live[*at].issuer.clone());
                *draft.retiring.entry(of).or_default() += 1;
            }
        }
        for (index, (row, found)) in rows.iter().zip(&matches.found).enumerate() {
            let name = matches.moved.get(&index).unwrap_or(&row.key.name);
            match row.issuer {
                _ if draft.refused_credentials.contains(row.key) => {}
                IssuerOf::Unknown(why) => row.report_unknown(draft, why, unknown),
                IssuerOf::Sure(issuer) | IssuerOf::Unconfirmed(issuer) if row.selected => {
                    self.decide((row, name), row.planned(issuer), *found, draft);
                }
                IssuerOf::Sure(_) | IssuerOf::Unconfirmed(_) | IssuerOf::Refused => {}
            }
        }
        self.leave(rows, draft);
        if rows.iter().any(|row| row.selected) {
            self.check_limit(draft);
        }
    }

    fn decide(
        &mut self,
        (row, name): (&Row<'_>, &CredentialName),
        mut after: FederatedCredential,
        found: Match,
        draft: &mut Draft,
    ) {
        let live = self.live;
        match found {
            Match::None => {
                self.count += 1;
                draft.push(self.create(row, name, after));
            }
            Match::Name(at) if ownership::is_touchable(&live[at]) => {
                draft.push(update(row, &live[at], after));
            }
            Match::Name(at) => {
                row.refuse(refusals::name_taken(row.key, &live[at]), draft);
            }
            Match::Slash(at) => {
                after.issuer = live[at].issuer.clone();
                draft.notes.push(notes::issuer_left(row.key, &live[at].issuer));
                self.satisfy(row, after, &live[at], draft);
            }
            Match::Pair(at) => self.satisfy(row, after, &live[at], draft),
        }
    }

    /// What is done where the pair of issuer and subject exists.
    fn satisfy(
        &mut self,
        row: &Row<'_>,
        after: FederatedCredential,
        live: &'a Arc<LiveFederatedCredential>,
        draft: &mut Draft,
    ) {
        // The wanted name bears the estate as well, and comparing two names costs no hash.
        let ours = ownership::is_touchable(live)
            && (naming::is_same_trust(&live.name, &row.key.name)
                || naming::is_of_estate(&self.context.desired.estate, &live.name));
        let same = live.audiences.as_slice() == std::slice::from_ref(&after.audience);
        if ours && same {
            draft.unchanged += 1;
        } else if ours {
            draft.push(update(row, live, after));
        } else if !same {
            row.refuse(refusals::other_audience(row.key, live, &after.audience), draft);
        } else if let Some(change) = self.rename(row, &after, live) {
            draft.push(change);
        } else {
            draft.unchanged += 1;
            let renamed = !self.context.inputs.adopt && ownership::is_touchable(live);
            draft.notes.push(notes::foreign_credential(row.key, &live.name, renamed));
        }
    }

    fn create(
        &self,
        row: &Row<'_>,
        name: &CredentialName,
        after: FederatedCredential,
    ) -> Change<super::FederatedCredentials> {
        let reason = match self.context.links.identities[self.identity] {
            IdentityLink::New => "its identity is new",
            IdentityLink::Live(_)
            | IdentityLink::Missing
            | IdentityLink::NoResourceGroup
            | IdentityLink::Unknown(_) => "no credential of the identity trusts it",
        };
        let action = Action::Create { after: Arc::new(after) };
        row.change(name, action, (reason, Vec::new()))
    }

    /// The rename of a foreign credential that was asked for with `--adopt`, where its new name is free
    /// or ours to overwrite.
    fn rename(
        &mut self,
        row: &Row<'_>,
        after: &FederatedCredential,
        live: &'a Arc<LiveFederatedCredential>,
    ) -> Option<Change<super::FederatedCredentials>> {
        let before = Ours::adopted(self.context.inputs, after, live)?;
        let named =
            |live: &LiveFederatedCredential| naming::is_same_trust(&live.name, &row.key.name);
        let holders = (0..self.live.len()).filter(|&at| named(&self.live[at]));
        let holder = holders.min_by_key(|&at| &self.live[at].name);
        if let Some(at) = holder {
            if self.used.contains(&at) || !ownership::is_touchable(&self.live[at]) {
                return None;
            }
            self.used.insert(at);
            self.count -= 1;
        }
        let name = holder.map_or(&row.key.name, |at| &self.live[at].name);
        let action =
            Action::Replace { before_key: self.key(live), before, after: Arc::new(after.clone()) };
        let reason = "another credential holds this trust and --adopt was given: it is renamed";
        let effect = "between the delete and the create, tokens of this account are not exchanged";
        let overwritten = holder.and_then(|at| self.live[at].subject.as_ref()).map(|subject| {
            format!("tokens of {subject} are no longer exchanged: the credential of this name is overwritten")
        });
        let effects = std::iter::once(effect.to_owned()).chain(overwritten).collect();
        Some(row.change(name, action, (reason, effects)))
    }

    /// Whom the identity lets in although no wanted credential does.
    pub(super) fn find_foreigners(&self, rows: &[Row<'_>], matches: &Matches, draft: &mut Draft) {
        if foreign::is_judged(self.context, self.identity) {
            let of_identity = |live| (self.identity.clone(), live);
            let foreigners = foreigners(&self.context.desired.estate, self.live, rows, matches);
            draft.foreigners.extend(foreigners.into_iter().map(of_identity));
        }
    }

    /// What is left over: owned by its name, wanted by nobody.
    pub(super) fn leave(&mut self, rows: &[Row<'_>], draft: &mut Draft) {
        for (at, live) in self.live.iter().enumerate() {
            if self.used.contains(&at) || rows.iter().any(|row| row.may_want(live)) {
                continue;
            }
            let Some(before) = Ours::named(&self.context.desired.estate, live) else {
                continue;
            };
            let team = self.context.team_of_credential(self.identity, &live.name);
            if !self.context.selection.has_leftover(team.as_ref(), None) {
                continue;
            }
            let key = self.key(live);
            if !self.context.inputs.prune {
                let az = "identity federated-credential delete";
                let command = az_of(az, "--identity-name", self.identity);
                let command = format!("{command} --name {}", shell::quote(live.name.as_str()));
                draft.never_release(&key, "its name is what marks it as the estate's", command);
                draft.keep(key, team.as_ref(), None, KeptReason::NotPruned);
                continue;
            }
            self.count -= 1;
            let subject = live.subject.as_ref().map_or("", |subject| subject.as_str());
            let reason = self.context.why_left(team.as_ref()).to_owned();
            draft.push::<super::FederatedCredentials>(Change {
                key,
                team,
                cluster: None,
                action: Action::Delete { before },
                reason,
                effects: vec![format!("tokens of {subject} are no longer exchanged")],
            });
        }
    }

    fn check_limit(&self, draft: &mut Draft) {
        if self.count > CREDENTIALS_PER_IDENTITY {
            let refusal = refusals::too_many(self.identity, &self.full());
            let offers = Point::Identity(self.identity);
            draft.refuse(refusal, self.context.team_of(self.identity).as_ref(), None, Some(offers));
        } else if self.count >= NEARLY_FULL {
            draft.notes.push(notes::credential_slots(self.identity, self.count));
        }
    }

    /// What fills the identity.
    fn full(&self) -> refusals::Full<'a> {
        let is_ours = |live: &LiveFederatedCredential| {
            naming::is_of_estate(&self.context.desired.estate, &live.name)
        };
        let foreign = self.live.iter().filter(|live| !is_ours(live));
        let mut foreign: Vec<&str> = foreign.map(|live| live.name.as_str()).collect();
        foreign.sort_unstable();
        let left = self.live.iter().enumerate().filter(|(at, _)| !self.used.contains(at));
        let leftover = if self.context.inputs.prune {
            0
        } else {
            left.filter(|(_, live)| is_ours(live)).count()
        };
        let issuers = self.context.links.issuers.values().map(|link| match link {
            IssuerLink::Known { issuer, .. } => Some(issuer),
            IssuerLink::Unknown(_)
            | IssuerLink::NoCluster
            | IssuerLink::Disabled
            | IssuerLink::Mismatch { .. } => None,
        });
        let known: Option<BTreeSet<&Issuer>> = issuers.collect();
        let mut gone = BTreeMap::new();
        let of_account = |live: &&Arc<LiveFederatedCredential>| {
            live.subject.as_ref().and_then(subject::account).is_some()
        };
        let is_known = |issuer: &Issuer| known.as_ref().is_some_and(|known| known.contains(issuer));
        let old: BTreeSet<&Issuer> = self.context.desired.retiring.values().flatten().collect();
        let mut retiring = BTreeMap::new();
        for live in self.live.iter().filter(of_account) {
            let issuer = &live.issuer;
            if old.contains(issuer) && !is_known(issuer) {
                *retiring.entry(issuer).or_default() += 1;
            } else if known.is_some() && !is_known(issuer) {
                *gone.entry(issuer).or_default() += 1;
            }
        }
        refusals::Full { count: self.count, foreign, leftover, gone, retiring }
    }

    fn key(&self, live: &LiveFederatedCredential) -> FederatedCredentialKey {
        FederatedCredentialKey { identity: self.identity.clone(), name: live.name.clone() }
    }
}

/// What of an identity's credentials answers to what is wanted.
pub(super) fn matches(
    desired: &DesiredState,
    rows: &[Row<'_>],
    live: &[Arc<LiveFederatedCredential>],
) -> Matches {
    let wanted: Vec<Wanted<'_>> = rows.iter().map(Row::wanted).collect();
    matching::find(&wanted, live, |row| rows[row].second_name(desired))
}

/// Of what an identity has, what no wanted credential answers to and no name of the estate's marks.
pub(super) fn foreigners(
    estate: &Estate,
    live: &[Arc<LiveFederatedCredential>],
    rows: &[Row<'_>],
    matches: &Matches,
) -> Vec<Arc<LiveFederatedCredential>> {
    let pairs = matches.found.iter().filter_map(|found| found.pair());
    let wanted: BTreeSet<usize> = pairs.chain(matches.retiring.keys().copied()).collect();
    let foreigners = live.iter().enumerate().filter(|(at, live)| {
        let meant = wanted.contains(at) || rows.iter().any(|row| row.may_want(live));
        !meant && Ours::named(estate, live).is_none()
    });
    foreigners.map(|(_, live)| Arc::clone(live)).collect()
}

fn update(
    row: &Row<'_>,
    live: &Arc<LiveFederatedCredential>,
    after: FederatedCredential,
) -> Change<super::FederatedCredentials> {
    let moved = live.issuer != after.issuer;
    let same_subject = live.subject.as_ref() == Some(&after.subject);
    let reason = match &row.desired.trust {
        _ if same_subject && !moved => "its audience differs from the profile",
        Trust::Cluster { .. } if same_subject && differ_by_slash(&live.issuer, &after.issuer) => {
            "the cluster's issuer is spelled with a slash more or less"
        }
        Trust::Cluster { .. } if same_subject => {
            "the cluster's issuer changed (cluster recreated?)"
        }
        Trust::Cluster { .. } => "it was changed outside of widctl",
        Trust::Federation { .. } => "the federation differs from the profile",
    };
    let effect = moved.then(|| format!("tokens issued by {} are no longer exchanged", live.issuer));
    let action =
        Action::Update { before: Arc::clone(live), after: Arc::new(after), force: Force::No };
    row.change(&live.name, action, (reason, effect.into_iter().collect()))
}
