//! The identities that controllers are told to ask for, in objects of theirs.

use std::collections::BTreeSet;

use crate::desired::state::Trust;
use crate::model::guid::ClientId;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::subject;
use crate::model::text::{Audience, ClusterName, Issuer, Subject};
use crate::observed::read::Read;
use crate::verify::checks::{account, credential, isolation};
use crate::verify::controllers::{Askers, Controlled, askers, client_ids, team_of};
use crate::verify::scene::{Case, Scene};
use crate::verify::verdict::Verdict;

pub(in crate::verify) fn client_id(case: &Case<'_, Controlled<'_>>) -> Verdict {
    let ids = match client_ids(case.scene, case.subject.object) {
        Ok(ids) => ids,
        Err(verdict) => return verdict,
    };
    let mut rest = Verdict::Pass;
    for id in ids {
        match of_id(case, &id) {
            Ok(()) => {}
            Err(verdict @ Verdict::Fail(_)) => return verdict,
            Err(verdict) => rest = verdict,
        }
    }
    rest
}

/// What is wrong with one client id.
fn of_id(case: &Case<'_, Controlled<'_>>, text: &str) -> Result<(), Verdict> {
    const FORM: &str = "the controller hands the text on, and Entra takes a GUID";
    const OTHERS: &str =
        "whoever may write in the namespace has the controller act as another team's identity";
    let Case { scene, subject: Controlled { object, home, .. } } = *case;
    let id = text.parse::<ClientId>().ok().filter(|_| account::is_guid(text));
    let Some(id) = id else { return Err(Verdict::fail("a client id, a GUID", text, FORM)) };
    // It may be that of an app registration, which nobody looks up.
    let Some(live) = scene.links.clients.get(&id) else {
        return Err(Verdict::not_provable(format!(
            "no managed identity that was read has the client id {text}; app registrations were not looked up"
        )));
    };
    let key = IdentityKey::from_id(live.id.clone());
    let Some(team) = team_of(scene, &key) else {
        return Err(Verdict::not_provable(format!(
            "{text} is the client id of {key}, which the profile does not name: whom it trusts was not compared"
        )));
    };
    if !home.teams.is_empty() && !home.teams.contains(team) && !home.identities.contains(&key) {
        let teams: Vec<&str> = home.teams.iter().map(|team| team.as_str()).collect();
        let wanted = format!("the client id of an identity of team {}", teams.join(" or "));
        let found = format!("{text}, the client id of {key} of team {team}");
        return Err(Verdict::fail(wanted, found, OTHERS));
    }
    let asking = askers(scene, object)?;
    trusted(scene, &object.key.cluster, (&key, live), asking)
}

/// Whether the identity has a credential that serves for those who ask.
fn trusted(
    scene: &Scene<'_>,
    cluster: &ClusterName,
    (key, live): (&IdentityKey, &LiveIdentity),
    Askers { accounts, all, assumption }: Askers,
) -> Result<(), Verdict> {
    const WHY: &str = "Entra gives a token of the identity to whom it trusts and to nobody else; add the account to the identity as a workload, with mode `trust-only` where somebody else owns the account";
    if accounts.is_empty() {
        return Err(Verdict::NotApplicable);
    }
    let credentials = match scene.observed.credentials.get(key) {
        Some(Read::Facts(live)) => live,
        Some(Read::Unread(unread)) => return Err(Verdict::unread(&*unread.why)),
        None => return Err(Verdict::unread(format!("the credentials of {key} were not read"))),
    };
    let Some(issuer) = scene.expected_issuer(cluster) else {
        return Err(Verdict::unread("the cluster's issuer is not known"));
    };
    let audiences = audiences(scene, cluster);
    let is_trusted = |subject: &Subject| {
        let mut pairs =
            credentials.iter().flat_map(|live| audiences.iter().map(move |to| (live, to)));
        pairs.any(|(live, to)| credential::serves(live, Some(issuer), to, subject.as_str()))
    };
    let subjects =
        accounts.iter().map(|asks| subject::of_service_account(&asks.namespace, &asks.name));
    let (trusted, refused): (Vec<Subject>, Vec<Subject>) = subjects.partition(is_trusted);
    if refused.is_empty() || !(all || trusted.is_empty()) {
        return Ok(());
    }
    let refused: Vec<&str> = refused.iter().map(Subject::as_str).collect();
    let mut open =
        credentials.iter().filter(|live| live.subject.is_none() && live.issuer == *issuer);
    if let Some(live) = open.next() {
        return Err(Verdict::not_provable(format!(
            "{key} trusts {} by an expression at most, that of credential `{}`, which was not compared",
            refused.join(" and "),
            live.name
        )));
    }
    let mut whom: Vec<String> =
        credentials.iter().map(|live| whom(live, issuer, &audiences)).collect();
    whom.sort();
    let whom = if whom.is_empty() { "nobody".to_owned() } else { isolation::named(&whom) };
    let assumption = assumption.map(|why| format!(" ({why})")).unwrap_or_default();
    let wanted = format!("a credential on {key} for {}", refused.join(" and "));
    let found = format!("{key}, whose client id is {}, trusts {whom}{assumption}", live.client_id);
    Err(Verdict::fail(wanted, found, WHY))
}

/// The audiences that tokens of the cluster have for the exchange.
fn audiences<'a>(scene: &'a Scene<'_>, cluster: &ClusterName) -> BTreeSet<&'a Audience> {
    let credentials = scene.desired.credentials.values();
    let here = credentials.filter(|wanted| match &wanted.trust {
        Trust::Cluster { cluster: on, .. } => on == cluster,
        Trust::Federation { .. } => false,
    });
    here.map(|wanted| &wanted.audience).collect()
}

/// Whom a credential trusts, with what keeps it from serving for the cluster.
fn whom(
    live: &LiveFederatedCredential,
    issuer: &Issuer,
    audiences: &BTreeSet<&Audience>,
) -> String {
    let expression = || live.expression.as_ref().map(|expression| &*expression.text);
    let mut whom = match live.subject.as_ref().map(Subject::as_str).or_else(expression) {
        Some(whom) => whom.to_owned(),
        None => "an expression that Azure did not show".to_owned(),
    };
    if live.issuer != *issuer {
        whom = format!("{whom} of issuer {}", live.issuer);
    }
    if !live.audiences.iter().any(|audience| audiences.contains(audience)) {
        let named: Vec<&str> = live.audiences.iter().map(Audience::as_str).collect();
        whom = format!("{whom} for audience {}", named.join(", "));
    }
    whom
}
