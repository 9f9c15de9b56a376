//! Federated credentials: matched per identity, never written twice for one pair of issuer and subject.

mod matching;
mod planner;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::naming;
use crate::desired::naming::Trusted;
use crate::desired::state::{DesiredCredential, DesiredState, Trust};
use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, FederatedCredentials, LiveFederatedCredential,
};
use crate::model::kinds::identity::IdentityKey;
use crate::model::right::Right;
use crate::model::subject;
use crate::model::text::{ClusterName, CredentialName, Issuer, Subject, TeamName};
use crate::observed::read::Read;
use crate::plan::action::Action;
use crate::plan::change::Change;
use crate::plan::draft::{Context, Draft};
use crate::plan::fields::{FieldRow, FieldValue, Side};
use crate::plan::kinds::PlannedKind;
use crate::plan::kinds::federated_credential::matching::{Matches, Wanted};
use crate::plan::kinds::federated_credential::planner::Planner;
use crate::plan::link::{IdentityLink, IssuerLink, IssuerSource};
use crate::plan::refusals::Refusal;
use crate::plan::refusals::credential::WantedTrust;
use crate::plan::relation::{Limit, Point, Relations, Removal, Wait};
use crate::plan::row::Place;
use crate::plan::{foreign, link, notes, rights};

impl PlannedKind for FederatedCredentials {
    const REMOVAL: Removal = Removal::Trust;

    fn fields<'a>(
        before: Side<'a, FederatedCredentialKey, LiveFederatedCredential>,
        after: Side<'a, FederatedCredentialKey, FederatedCredential>,
    ) -> Vec<FieldRow<'a>> {
        let was = before.map(|(_, live)| live);
        let wanted = after.map(|(_, planned)| planned);
        let audiences = was.map(|live| match live.audiences.as_slice() {
            [one] => FieldValue::from(one.as_str()),
            several => several
                .iter()
                .map(|audience| Cow::Borrowed(audience.as_str()))
                .collect::<Vec<_>>()
                .into(),
        });
        vec![
            FieldRow::azure(
                "name",
                before.map(|(key, _)| key.name.as_str()),
                after.map(|(key, _)| key.name.as_str()),
            ),
            FieldRow::azure(
                "issuer",
                was.map(|live| live.issuer.as_str()),
                wanted.map(|planned| planned.issuer.as_str()),
            ),
            FieldRow::azure(
                "subject",
                was.and_then(|live| live.subject.as_ref().map(Subject::as_str)),
                wanted.map(|planned| planned.subject.as_str()),
            ),
            FieldRow::azure(
                "audience",
                audiences.unwrap_or(FieldValue::Absent),
                wanted.map(|planned| planned.audience.as_str()),
            ),
        ]
    }

    fn place(key: &FederatedCredentialKey) -> Place<'_> {
        Place::Azure(key.identity.id().enclosing_group())
    }

    fn identity(change: &Change<Self>) -> Option<&IdentityKey> {
        Some(&change.key.identity)
    }

    /// An update takes away as much as it gives, and a replacement is the same trust under another name.
    fn widens(change: &Change<Self>) -> Option<&IdentityKey> {
        matches!(change.action, Action::Create { .. }).then_some(&change.key.identity)
    }

    fn limit(key: &FederatedCredentialKey) -> Limit {
        Limit::Identities(key.identity.id().subscription())
    }

    fn relations(change: &Change<Self>) -> Relations<'_> {
        let identity = &change.key.identity;
        let mut queues = vec![identity];
        if let Action::Replace { before_key, .. } = &change.action
            && before_key.identity != *identity
        {
            queues.push(&before_key.identity);
        }
        let account = change.action.after().and_then(|after| subject::account(&after.subject));
        let trust = change.cluster.as_ref().zip(account);
        let trust = trust.map(|(cluster, (namespace, name))| (cluster, namespace, name));
        Relations {
            offers: trust.map(Point::Trust).into_iter().collect(),
            waits: vec![(Point::Identity(identity), Wait::Inside)],
            queues,
        }
    }

    /// <https://learn.microsoft.com/azure/role-based-access-control/permissions/identity>
    fn rights(change: &Change<Self>, existing: &IdentityOutputs) -> Vec<Right> {
        const ACTIONS: [&str; 2] = [
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
            "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete",
        ];
        let identity = &change.key.identity;
        // What has a credential exists, whether it is desired or not.
        let exists =
            !matches!(change.action, Action::Create { .. }) || existing.contains_key(identity);
        let deleted = match &change.action {
            Action::Replace { before_key, .. } => &before_key.identity,
            Action::Create { .. }
            | Action::Update { .. }
            | Action::Adopt { .. }
            | Action::Release { .. }
            | Action::Delete { .. } => identity,
        };
        let written = rights::scope_of(identity, exists);
        rights::in_azure(&change.action, ACTIONS, written, deleted.id().clone())
    }

    /// Deletes come first, for their slots. No write takes a pair of issuer and subject that another frees.
    fn arrange(changes: &mut Vec<Change<Self>>) {
        changes.sort_by_key(|change| !matches!(change.action, Action::Delete { .. }));
    }
}

/// A desired credential with its issuer.
struct Row<'a> {
    key: &'a FederatedCredentialKey,
    desired: &'a DesiredCredential,
    issuer: IssuerOf<'a>,
    subject: &'a Subject,
    cluster: Option<&'a ClusterName>,
    /// The issuers that its cluster had before.
    retiring: &'a [Issuer],
    selected: bool,
}

/// The issuer that a desired credential is to trust.
#[derive(Clone, Copy)]
enum IssuerOf<'a> {
    /// It is known.
    Sure(&'a Issuer),
    /// ARM alone says so, and may be wrong by a slash.
    Unconfirmed(&'a Issuer),
    /// It could not be read.
    Unknown(&'a Arc<str>),
    /// The cluster is refused, and its refusal says why.
    Refused,
}

/// The accounts whose trust is unknown, and why: annotating one without it would make it look ready.
pub(crate) type UnknownTrust<'a> = BTreeMap<(&'a ClusterName, &'a Subject), Arc<str>>;

/// What is known of the credentials that an identity has.
enum Existing<'a> {
    /// All of them.
    Live(&'a [Arc<LiveFederatedCredential>]),
    /// They could not be read.
    Unknown(Arc<str>),
    /// The identity is refused, and its refusal says why.
    Refused,
}

/// Plans all credentials, identity by identity.
pub(crate) fn plan<'a>(context: &'a Context<'a>, draft: &mut Draft) -> UnknownTrust<'a> {
    let mut unknown = UnknownTrust::new();
    let desired: Vec<_> = context.desired.credentials.iter().collect();
    let mut done = BTreeSet::new();
    for group in desired.chunk_by(|one, other| one.0.identity == other.0.identity) {
        let identity = &group[0].0.identity;
        let rows: Vec<Row<'a>> = group.iter().map(|pair| Row::new(context, *pair)).collect();
        done.insert(identity);
        match existing(context, identity) {
            Existing::Refused => {
                for row in &rows {
                    row.wait(draft);
                }
            }
            Existing::Unknown(why) => {
                foreign::withhold_unread(context, identity, &why, draft);
                for row in &rows {
                    row.report_unknown(draft, &why, &mut unknown);
                }
            }
            Existing::Live(live) => {
                let mut planner = Planner::new(context, identity, live);
                planner.plan(&rows, draft, &mut unknown);
            }
        }
    }
    tell_retiring(context, draft);
    for (identity, read) in &context.observed.credentials {
        if let Some(live) = read.facts()
            && !done.contains(identity)
        {
            let mut planner = Planner::new(context, identity, live);
            planner.find_foreigners(&[], &Matches::default(), draft);
            planner.leave(&[], draft);
        }
    }
    unknown
}

/// Tells what of issuers that retire is still there.
fn tell_retiring(context: &Context<'_>, draft: &mut Draft) {
    let kept = std::mem::take(&mut draft.retiring);
    let all_read = context.observed.credentials.values().all(|read| read.facts().is_some())
        && context.observed.identities.values().all(|read| read.facts().is_some());
    for (cluster, issuers) in &context.desired.retiring {
        if !context.selection.uses_cluster(cluster) {
            continue;
        }
        let own = IssuerOf::cluster(&context.links.issuers[cluster]).known();
        for issuer in issuers {
            let count = kept.get(&(cluster.clone(), issuer.clone())).copied().unwrap_or_default();
            if own == Some(issuer) {
                draft.notes.push(notes::retiring_current(cluster, issuer));
            } else if count > 0 || all_read {
                draft.notes.push(notes::retiring(cluster, issuer, count));
            }
        }
    }
}

/// The credentials of an identity that the profile means without naming them, and those that nobody means.
pub(crate) struct Others<'a> {
    /// By these it lets in whom the profile does not name.
    pub(crate) foreigners: Vec<Arc<LiveFederatedCredential>>,
    /// By these accounts of a cluster under an issuer that it had before.
    pub(crate) retiring: Vec<(Arc<LiveFederatedCredential>, &'a ClusterName)>,
    /// The names of those whose own name is taken, by that.
    pub(crate) moved: BTreeMap<&'a CredentialName, CredentialName>,
}

/// What an identity has beside what is wanted by its own name.
pub(crate) fn others<'a>(
    context: &'a Context<'_>,
    identity: &IdentityKey,
    live: &[Arc<LiveFederatedCredential>],
) -> Others<'a> {
    let first = FederatedCredentialKey { identity: identity.clone(), name: "".into() };
    let desired = context.desired.credentials.range(first..);
    let desired = desired.take_while(|(key, _)| key.identity == *identity);
    let rows: Vec<Row<'_>> = desired.map(|pair| Row::new(context, pair)).collect();
    let matches = planner::matches(context.desired, &rows, live);
    let foreigners = planner::foreigners(&context.desired.estate, live, &rows, &matches);
    let Matches { found, moved, retiring } = matches;
    let retiring = retiring
        .into_iter()
        .filter_map(|(at, row)| Some((Arc::clone(&live[at]), rows[row].cluster?)));
    let named = found.iter().enumerate().filter_map(|(row, found)| {
        let name = &live[found.pair()?].name;
        (*name != rows[row].key.name).then(|| (row, name.clone()))
    });
    let moved = named.chain(moved);
    Others {
        foreigners,
        retiring: retiring.collect(),
        moved: moved.map(|(row, name)| (&rows[row].key.name, name)).collect(),
    }
}

fn existing<'a>(context: &'a Context<'a>, identity: &IdentityKey) -> Existing<'a> {
    match &context.links.identities[identity] {
        IdentityLink::Unknown(why) => Existing::Unknown(Arc::clone(why)),
        IdentityLink::Missing | IdentityLink::NoResourceGroup => Existing::Refused,
        IdentityLink::New => Existing::Live(&[]),
        IdentityLink::Live(_) => match context.observed.credentials.get(identity) {
            None => Existing::Unknown(link::unasked("the credentials of its identity")),
            Some(Read::Unread(unread)) => Existing::Unknown(Arc::clone(&unread.why)),
            Some(Read::Facts(live)) => Existing::Live(live),
        },
    }
}

impl<'a> Row<'a> {
    fn new(
        context: &'a Context<'_>,
        (key, desired): (&'a FederatedCredentialKey, &'a DesiredCredential),
    ) -> Self {
        let (issuer, subject, cluster) = match &desired.trust {
            Trust::Federation { issuer, subject } => (IssuerOf::Sure(issuer), subject, None),
            Trust::Cluster { cluster, subject } => {
                let link = &context.links.issuers[cluster];
                (IssuerOf::cluster(link), subject, Some(cluster))
            }
        };
        Self {
            key,
            desired,
            issuer,
            subject,
            cluster,
            retiring: cluster.map_or(&[], |cluster| context.desired.retiring(cluster)),
            selected: context.selection.has_row(&desired.team, cluster),
        }
    }

    fn report_unknown(&self, draft: &mut Draft, why: &Arc<str>, unknown: &mut UnknownTrust<'a>) {
        unknown.extend(self.cluster.map(|cluster| ((cluster, self.subject), Arc::clone(why))));
        if self.selected {
            draft.unknown(self.key, &self.desired.team, self.cluster, why);
        }
    }

    /// Whether the credential may be the wanted one, for all that is known of the wanted one's issuer.
    fn may_want(&self, live: &LiveFederatedCredential) -> bool {
        self.issuer.known().is_none() && live.subject.as_ref() == Some(self.subject)
    }

    /// The account that it trusts.
    fn offers(&self) -> Option<Point<'a>> {
        let (namespace, name) = subject::account(self.subject)?;
        Some(Point::Trust((self.cluster?, namespace, name)))
    }

    fn refuse(&self, refusal: Refusal, draft: &mut Draft) {
        draft.refuse(refusal, Some(&self.desired.team), self.cluster, self.offers());
    }

    fn wait(&self, draft: &mut Draft) {
        if self.selected {
            draft.hold(self.offers(), &self.key.to_string());
            let identity = &self.key.identity;
            draft.wait(self.key, Some(&self.desired.team), self.cluster, identity);
        }
    }

    fn wanted(&self) -> Wanted<'a> {
        Wanted {
            name: &self.key.name,
            issuer: self.issuer.known(),
            unconfirmed: matches!(self.issuer, IssuerOf::Unconfirmed(_)),
            subject: self.subject,
            retiring: self.retiring,
        }
    }

    /// Its name where a credential that has to stay bears its own.
    fn second_name(&self, desired: &DesiredState) -> CredentialName {
        let (own, subject) = (&self.key.name, self.subject);
        let Some(issuer) = self.issuer.known() else { return own.clone() };
        let text = self.cluster.map(|cluster| desired.cluster_text(cluster));
        let trusted = match text {
            Some(cluster) => Trusted::Issued { cluster, subject, issuer },
            None => Trusted::Pair { own, issuer, subject },
        };
        naming::second_name(&desired.estate, trusted, own)
    }

    fn planned(&self, issuer: &Issuer) -> FederatedCredential {
        FederatedCredential {
            issuer: issuer.clone(),
            subject: self.subject.clone(),
            audience: self.desired.audience.clone(),
        }
    }

    fn change(
        &self,
        name: &CredentialName,
        action: Action<FederatedCredentials>,
        (reason, effects): (&str, Vec<String>),
    ) -> Change<FederatedCredentials> {
        Change {
            key: FederatedCredentialKey { identity: self.key.identity.clone(), name: name.clone() },
            team: Some(self.desired.team.clone()),
            cluster: self.cluster.cloned(),
            action,
            reason: reason.to_owned(),
            effects,
        }
    }
}

impl<'a> IssuerOf<'a> {
    fn cluster(link: &'a IssuerLink) -> Self {
        match link {
            IssuerLink::Known { issuer, source } => match source {
                IssuerSource::ArmAlone => Self::Unconfirmed(issuer),
                IssuerSource::Discovered
                | IssuerSource::DiscoveredOverSlash
                | IssuerSource::Pinned
                | IssuerSource::PinnedAgainst(_) => Self::Sure(issuer),
            },
            IssuerLink::Unknown(why) => Self::Unknown(why),
            IssuerLink::NoCluster | IssuerLink::Disabled | IssuerLink::Mismatch { .. } => {
                Self::Refused
            }
        }
    }

    fn known(self) -> Option<&'a Issuer> {
        match self {
            Self::Sure(issuer) | Self::Unconfirmed(issuer) => Some(issuer),
            Self::Unknown(_) | Self::Refused => None,
        }
    }
}

impl WantedTrust for Row<'_> {
    fn key(&self) -> &FederatedCredentialKey {
        self.key
    }

    fn pair(&self) -> Option<(&Issuer, &Subject)> {
        Some((self.issuer.known()?, self.subject))
    }

    fn is_of_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    fn is_selected(&self) -> bool {
        self.selected
    }

    fn team(&self) -> &TeamName {
        &self.desired.team
    }
}
