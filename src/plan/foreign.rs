//! Foreign trust: whom identities of the estate let in although the profile does not name them. Nothing here is
//! ever changed or deleted; the policy says whether it is told, and whether such an identity gets anything more.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use wildmatch::WildMatch;

use crate::model::expression::{Operator, Term};
use crate::model::kinds::federated_credential::{
    CREDENTIALS_PER_IDENTITY, ClaimsExpression, IDENTITY_BINDING_ISSUER, IDENTITY_BINDING_NAME,
    LONGEST_CLAIM, LiveFederatedCredential,
};
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::{ClusterName, Issuer};
use crate::model::{expression, subject};
use crate::observed::read::{Read, Unread};
use crate::observed::state::IdentityBinding;
use crate::plan::draft::{Context, Draft, Withheld};
use crate::plan::kinds::federated_credential;
use crate::plan::link::{self, IssuerLink};
use crate::plan::ownership::Owner;
use crate::plan::refusals::credential as refusals;
use crate::plan::{notes, ownership};
use crate::profile::resolved::ForeignVerdict;

/// The claim that says whom a token is about.
const SUBJECT: &str = "sub";

/// Whom an identity lets in although the profile does not name them, or why nobody knows.
pub(crate) struct Foreign {
    /// In words, and the credential that does.
    pub(crate) credentials: Result<Vec<(String, Arc<LiveFederatedCredential>)>, Arc<str>>,
    /// The names of the identity bindings of it, by AKS cluster.
    pub(crate) bindings: BTreeMap<ClusterName, Result<Vec<Arc<str>>, Arc<str>>>,
}

/// Who gets in: the issuer, and whom of its tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Admitted<'a> {
    cluster: Option<&'a ClusterName>,
    issuer: &'a Issuer,
    whom: Whom<'a>,
}

/// Whom of an issuer's tokens a credential lets in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whom<'a> {
    /// The one whom they are about.
    Subject(&'a str),
    /// Whoever matches an expression.
    Expression(&'a ClaimsExpression),
    /// Whoever matches an expression that Azure did not show.
    Unread,
}

/// Whether trust on an identity is judged: where the estate owns it, or takes it over, and it is selected.
pub(crate) fn is_judged(context: &Context<'_>, identity: &IdentityKey) -> bool {
    let Some(live) = context.live_identity(identity) else {
        return false;
    };
    let wanted = context.desired.identities.get(identity);
    let adopts = context.inputs.adopt && wanted.is_some_and(|wanted| wanted.create);
    let owned = match ownership::owner_by_tags(&context.desired.estate, &live.tags) {
        Owner::Ours => true,
        Owner::Estate(_) => false,
        Owner::Nobody => adopts,
    };
    owned
        && match wanted {
            Some(wanted) => context.selection.has_identity(identity, &wanted.team),
            None => context.selection.has_leftover(context.team_of(identity).as_ref(), None),
        }
}

/// Gives nothing more to an identity of which nobody knows whom it lets in, where the policy asks for that.
pub(crate) fn withhold_unread(
    context: &Context<'_>,
    identity: &IdentityKey,
    why: &Arc<str>,
    draft: &mut Draft,
) {
    let refuses = context.desired.policy.foreign_trust == ForeignVerdict::Refuse;
    if refuses && is_judged(context, identity) {
        draft.withhold(identity, Withheld::Unknown(Arc::clone(why)));
    }
}

/// Whom one identity lets in, as a plan tells it; nothing of an identity that is not judged.
pub(crate) fn of_identity(context: &Context<'_>, identity: &IdentityKey) -> Option<Foreign> {
    if !is_judged(context, identity) {
        return None;
    }
    let bindings = bindings(context).map(|(cluster, bindings)| {
        let to_it = bindings.map(|all| {
            let to_it = all.iter().filter(|binding| binding.identity == *identity);
            to_it.map(|binding| Arc::clone(&binding.name)).collect()
        });
        (cluster.clone(), to_it.map_err(|unread| Arc::clone(&unread.why)))
    });
    let credentials = match context.observed.credentials.get(identity) {
        _ if context.desired.policy.foreign_trust == ForeignVerdict::Allow => Ok(Vec::new()),
        Some(Read::Facts(live)) => Ok(strangers(context, identity, live)),
        Some(Read::Unread(unread)) => Err(Arc::clone(&unread.why)),
        None => Err(link::unasked("its credentials were not read")),
    };
    Some(Foreign { credentials, bindings: bindings.collect() })
}

fn strangers(
    context: &Context<'_>,
    identity: &IdentityKey,
    live: &[Arc<LiveFederatedCredential>],
) -> Vec<(String, Arc<LiveFederatedCredential>)> {
    let foreigners = federated_credential::others(context, identity, live).foreigners.into_iter();
    let told = foreigners.filter(|live| {
        !is_of_bindings(context, identity, live) && is_foreign(context, identity, live)
    });
    told.map(|live| (admitted(context, &live), live)).collect()
}

/// Whether the policy calls it foreign.
fn is_foreign(
    context: &Context<'_>,
    identity: &IdentityKey,
    live: &LiveFederatedCredential,
) -> bool {
    context.desired.policy.foreign_trust != ForeignVerdict::Allow
        && !is_trusted(context, identity, live)
}

/// Tells of all foreign trust that was found, as the policy says.
pub(crate) fn tell(context: &Context<'_>, draft: &mut Draft) {
    let all = std::mem::take(&mut draft.foreigners);
    let (bound, mut foreigners): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(identity, live)| is_of_bindings(context, identity, live));
    draft.notes.extend(bound.iter().map(|(identity, _)| notes::bound_identity(identity)));
    tell_bindings(context, draft);
    foreigners.retain(|(identity, live)| is_foreign(context, identity, live));
    foreigners.sort_by(|(one, a), (other, b)| (one, &a.name).cmp(&(other, &b.name)));
    if context.desired.policy.foreign_trust == ForeignVerdict::Refuse {
        for group in foreigners.chunk_by(|one, other| one.0 == other.0) {
            refuse(context, group, draft);
        }
        return;
    }
    let mut admitted: BTreeMap<Admitted<'_>, BTreeMap<&IdentityKey, &LiveFederatedCredential>> =
        BTreeMap::new();
    for (identity, live) in &foreigners {
        let by_identity = admitted.entry(Admitted::new(context, live)).or_default();
        by_identity.entry(identity).or_insert(live);
    }
    for (who, by_identity) in admitted {
        let others: Vec<&str> = by_identity.keys().skip(1).map(|key| key.name()).collect();
        if let Some((identity, live)) = by_identity.first_key_value() {
            draft.notes.push(notes::foreign_trust(identity, &others, who, live));
        }
    }
}

/// Tells which identities the bindings of AKS clusters open to them, and of which clusters nobody knows that.
fn tell_bindings(context: &Context<'_>, draft: &mut Draft) {
    for (cluster, bindings) in bindings(context) {
        match bindings {
            Ok(bindings) => {
                let judged =
                    bindings.iter().filter(|binding| is_judged(context, &binding.identity));
                draft.notes.extend(judged.map(|binding| notes::identity_binding(cluster, binding)));
            }
            Err(unread) => draft.notes.push(notes::bindings_unread(cluster, &unread.why)),
        }
    }
}

/// The identity bindings of each AKS cluster, or why nobody knows them; not those that nobody is told of.
fn bindings<'a>(
    context: &Context<'a>,
) -> impl Iterator<Item = (&'a ClusterName, Result<&'a [IdentityBinding], &'a Unread>)> {
    let read = context.observed.identity_bindings.iter();
    let told = read.filter(|(cluster, read)| read.facts().is_some() || is_told(context, cluster));
    told.map(|(cluster, read)| match read {
        Read::Facts(bindings) => (cluster, Ok(bindings.as_slice())),
        Read::Unread(unread) => (cluster, Err(unread)),
    })
}

/// Whether unread bindings of a cluster are told: it exists as far as is known, and it is selected.
fn is_told(context: &Context<'_>, cluster: &ClusterName) -> bool {
    let observed = context.observed.clusters.get(cluster);
    let managed = observed.and_then(|observed| observed.managed.as_ref()?.facts()?.as_ref());
    let selected = !context.selection.is_filtered() || context.selection.uses_cluster(cluster);
    managed.is_some() && selected
}

fn refuse(
    context: &Context<'_>,
    foreigners: &[(IdentityKey, Arc<LiveFederatedCredential>)],
    draft: &mut Draft,
) {
    let Some((identity, first)) = foreigners.first() else {
        return;
    };
    let named = foreigners
        .iter()
        .take(CREDENTIALS_PER_IDENTITY)
        .map(|(_, live)| format!("{} by credential `{}`", Admitted::new(context, live), live.name));
    let mut named: Vec<String> = named.collect();
    if let Some(more @ 1..) = foreigners.len().checked_sub(CREDENTIALS_PER_IDENTITY) {
        named.push(format!("and by {more} more"));
    }
    let refusal = refusals::foreign_trust(identity, &named, first);
    draft.withhold(identity, Withheld::Refused(refusal.address.clone()));
    draft.refuse(refusal, context.team_of(identity).as_ref(), None, None);
}

/// Whether AKS made it for identity bindings of this identity: its name alone is anybody's.
fn is_of_bindings(
    context: &Context<'_>,
    identity: &IdentityKey,
    live: &LiveFederatedCredential,
) -> bool {
    let path = live.issuer.as_str().strip_prefix(IDENTITY_BINDING_ISSUER);
    let is_about = |path: &str| {
        context.live_identity(identity).is_some_and(|live| {
            path.trim_end_matches('/') == format!("{}/{}", live.tenant_id, live.client_id)
        })
    };
    live.name.as_str() == IDENTITY_BINDING_NAME && path.is_some_and(is_about)
}

/// Whether the policy lists it as meant.
pub(crate) fn is_trusted(
    context: &Context<'_>,
    identity: &IdentityKey,
    live: &LiveFederatedCredential,
) -> bool {
    let team = context.team_of(identity);
    let names = |glob: &Arc<str>| match (&team, glob.contains("{team}")) {
        (None, true) => false,
        (Some(team), true) => {
            WildMatch::new(&glob.replace("{team}", team.as_str())).matches(identity.name())
        }
        (_, false) => WildMatch::new(glob).matches(identity.name()),
    };
    context.desired.policy.trusted.iter().any(|trusted| {
        let meant = match (&live.subject, &live.expression) {
            (Some(subject), _) => subject::is_meant(&trusted.subject, subject.as_str()),
            (None, Some(expression)) => trusted.subject == expression.text,
            (None, None) => false,
        };
        trusted.issuer == live.issuer && meant && trusted.identities.iter().any(names)
    })
}

/// The cluster of the profile whose tokens an issuer signs.
pub(crate) fn cluster_of<'a>(context: &Context<'a>, issuer: &Issuer) -> Option<&'a ClusterName> {
    context.links.issuers.iter().find_map(|(name, link)| match link {
        IssuerLink::Known { issuer: known, .. } => (known == issuer).then_some(*name),
        IssuerLink::Unknown(_)
        | IssuerLink::NoCluster
        | IssuerLink::Disabled
        | IssuerLink::Mismatch { .. } => None,
    })
}

/// Whom a credential lets in, in words.
pub(crate) fn admitted(context: &Context<'_>, live: &LiveFederatedCredential) -> String {
    Admitted::new(context, live).to_string()
}

impl<'a> Admitted<'a> {
    fn new(context: &'a Context<'_>, live: &'a LiveFederatedCredential) -> Self {
        let cluster = cluster_of(context, &live.issuer);
        let whom = match (&live.subject, &live.expression) {
            (Some(subject), _) => Whom::Subject(subject.as_str()),
            (None, Some(expression)) => Whom::Expression(expression),
            (None, None) => Whom::Unread,
        };
        Self { cluster, issuer: &live.issuer, whom }
    }
}

impl<'a> Whom<'a> {
    /// What a token has to say; nothing where that is not known.
    fn terms(self) -> Vec<Term<'a>> {
        match self {
            Self::Subject(value) => {
                vec![Term { claim: SUBJECT, operator: Operator::Eq, value }]
            }
            Self::Expression(ClaimsExpression { text, language }) => {
                expression::terms(text, *language).unwrap_or_default()
            }
            Self::Unread => Vec::new(),
        }
    }
}

impl fmt::Display for Admitted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.whom.terms();
        let subject = terms.iter().position(|term| term.claim == SUBJECT);
        match subject.map(|at| &terms[at]) {
            Some(term) if term.operator == Operator::Matches => {
                write_pattern(formatter, term.value)?;
            }
            Some(term) => write_subject(formatter, term.value)?,
            None => formatter.write_str("anyone")?,
        }
        match self.cluster {
            Some(cluster) => write!(formatter, " of cluster {cluster}")?,
            None => write!(formatter, " of {}", cut(self.issuer.as_str()))?,
        }
        let others = terms.iter().enumerate().filter(|(at, _)| Some(*at) != subject);
        for (number, (_, term)) in others.enumerate() {
            let link = if number == 0 { "whose" } else { "and" };
            let like = if term.operator == Operator::Matches { "like " } else { "" };
            write!(formatter, " {link} `{}` is {like}`{}`", term.claim, cut(term.value))?;
        }
        match self.whom {
            Whom::Expression(expression) if terms.is_empty() => write!(
                formatter,
                " that matches the expression `{}`, which widctl cannot judge",
                cut(&expression.text)
            ),
            Whom::Unread => formatter.write_str(
                " that matches an expression, which could not be read: Azure shows it under preview versions of its interface alone",
            ),
            Whom::Subject(_) | Whom::Expression(_) => Ok(()),
        }
    }
}

fn write_subject(formatter: &mut fmt::Formatter<'_>, subject: &str) -> fmt::Result {
    match subject::parts(subject) {
        Some((namespace, name)) if !name.contains(':') => {
            write!(formatter, "account `{}` of namespace `{}`", cut(name), cut(namespace))
        }
        Some(_) | None => write!(formatter, "`{}`", cut(subject)),
    }
}

fn write_pattern(formatter: &mut fmt::Formatter<'_>, pattern: &str) -> fmt::Result {
    match subject::parts(pattern) {
        Some((namespace, "*")) if !namespace.contains(['*', '?']) => {
            write!(formatter, "every account of namespace `{}`", cut(namespace))
        }
        Some(_) | None => write!(formatter, "every subject like `{}`", cut(pattern)),
    }
}

/// At most as much as Azure takes of a claim: an answer may hold more.
fn cut(text: &str) -> &str {
    text.char_indices().nth(LONGEST_CLAIM).map_or(text, |(at, _)| &text[..at])
}
