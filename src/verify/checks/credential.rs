//! The federated credential that lets an account in. What differs is found by comparing fields: Entra's codes name one
//! field of another credential as readily as of this one.

use crate::model::kinds::federated_credential::{FederatedCredentialKey, LiveFederatedCredential};
use crate::model::text::{Audience, Issuer, Subject};
use crate::observed::read::Read;
use crate::verify::repair;
use crate::verify::scene::{Case, Chain, Federation, identity};
use crate::verify::verdict::Verdict;

const EQUAL: &str = "Entra compares it byte for byte, case and trailing slash included";

/// The credential that is meant for an account.
enum Candidate<'a> {
    /// One with a subject.
    Plain(&'a LiveFederatedCredential),
    /// There is none, but an expression that the account may match.
    Expression(&'a LiveFederatedCredential),
    /// There is none.
    None,
}

/// Whether a credential takes tokens about this subject, of this issuer and for this audience.
pub(super) fn serves(
    live: &LiveFederatedCredential,
    issuer: Option<&Issuer>,
    audience: &Audience,
    subject: &str,
) -> bool {
    Some(&live.issuer) == issuer
        && live.audiences.contains(audience)
        && live.subject.as_ref().map(Subject::as_str) == Some(subject)
}

/// The one with the name that the profile gives it, else one of equal subject but for case, else one of equal issuer,
/// audience and namespace. One that serves as it is comes first, and one that another account of the profile has
/// never counts: without a profile nobody knows which those are, so that the account has to be named.
fn candidate<'a>(case: &Case<'a, Chain<'_>>) -> Result<Candidate<'a>, Verdict> {
    let chain = case.subject;
    let identity = &chain.key.identity;
    let live = match case.scene.observed.credentials.get(identity) {
        Some(Read::Facts(live)) => live,
        Some(Read::Unread(unread)) => return Err(Verdict::unread(&*unread.why)),
        None => {
            case.identity()?;
            return Err(Verdict::unread(format!("the credentials of {identity} were not read")));
        }
    };
    let issuer = case.scene.expected_issuer(chain.cluster);
    let is_others = |live: &LiveFederatedCredential| {
        let key = FederatedCredentialKey { identity: identity.clone(), name: live.name.clone() };
        key != *chain.key && case.scene.desired.credentials.contains_key(&key)
    };
    let candidates = || live.iter().map(|live| &**live).filter(|live| !is_others(live));
    let has_audience =
        |live: &LiveFederatedCredential| live.audiences.contains(&chain.wanted.audience);
    let has_issuer = |live: &LiveFederatedCredential| Some(&live.issuer) == issuer;
    let subject = |live: &'a LiveFederatedCredential| live.subject.as_ref().map(Subject::as_str);
    let wanted = chain.subject.as_str();
    let namespace = wanted.rsplit_once(':').map_or(wanted, |(namespace, _)| namespace);
    let is_beside =
        |text: &str| text.rsplit_once(':').is_some_and(|(inside, _)| inside == namespace);
    let found = candidates()
        .find(|live| serves(live, issuer, &chain.wanted.audience, wanted))
        .or_else(|| candidates().find(|live| live.name == chain.key.name && live.subject.is_some()))
        .or_else(|| {
            candidates()
                .find(|live| subject(live).is_some_and(|text| text.eq_ignore_ascii_case(wanted)))
        })
        .or_else(|| {
            candidates().find(|live| {
                !case.scene.asking.has_no_profile()
                    && has_issuer(live)
                    && has_audience(live)
                    && subject(live).is_some_and(is_beside)
            })
        });
    let expression = || candidates().find(|live| live.subject.is_none() && has_issuer(live));
    Ok(match (found, expression()) {
        (Some(found), _) => Candidate::Plain(found),
        (None, Some(expression)) => Candidate::Expression(expression),
        (None, None) => Candidate::None,
    })
}

pub(in crate::verify) fn exists(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str =
        "Entra takes a token for an identity that has a credential for it, and no other";
    const BROAD: &str = "the exchange alone shows whether the expression lets the account in, and whom else it lets in";
    let chain = case.subject;
    let wanted = format!("a credential on {} for {}", chain.key.identity, chain.subject);
    let repair = repair::credential(case);
    match candidate(case) {
        Ok(Candidate::Plain(_)) => Verdict::Pass,
        Ok(Candidate::Expression(live)) => {
            let text = live
                .expression
                .as_ref()
                .map_or("one that Azure did not show", |expression| &expression.text);
            let found = format!("credential `{}` with the expression {text}", live.name);
            Verdict::warn(wanted, found, BROAD).repaired_by(repair)
        }
        Ok(Candidate::None) => Verdict::fail(wanted, "there is none", WHY).repaired_by(repair),
        Err(verdict) => verdict,
    }
}

/// Compares a field of the candidate.
fn compare(
    case: &Case<'_, Chain<'_>>,
    wanted: Option<&str>,
    found: impl Fn(&LiveFederatedCredential) -> Vec<&str>,
) -> Verdict {
    let live = match candidate(case) {
        Ok(Candidate::Plain(live)) => live,
        Ok(Candidate::Expression(_) | Candidate::None) => return Verdict::NotApplicable,
        Err(verdict) => return verdict,
    };
    let Some(wanted) = wanted else {
        return Verdict::unread("the cluster's issuer is not known");
    };
    let found = found(live);
    if found == [wanted] {
        return Verdict::Pass;
    }
    // widctl changes what bears the name that it gives, and makes its own beside another's of another subject.
    let is_ours = live.name == case.subject.key.name;
    let other_subject = live.subject.as_ref() != Some(case.subject.subject);
    let is_repaired = is_ours || other_subject || case.scene.asking.has_no_profile();
    let repair = if is_repaired { repair::credential(case) } else { None };
    Verdict::fail(wanted, found.join(", "), EQUAL).repaired_by(repair)
}

pub(in crate::verify) fn issuer(case: &Case<'_, Chain<'_>>) -> Verdict {
    let wanted = case.scene.expected_issuer(case.subject.cluster).map(AsRef::as_ref);
    compare(case, wanted, |live| vec![live.issuer.as_str()])
}

pub(in crate::verify) fn subject(case: &Case<'_, Chain<'_>>) -> Verdict {
    let wanted = Some(case.subject.subject.as_str());
    compare(case, wanted, |live| live.subject.iter().map(Subject::as_str).collect())
}

pub(in crate::verify) fn audience(case: &Case<'_, Chain<'_>>) -> Verdict {
    let wanted = Some(case.subject.wanted.audience.as_str());
    compare(case, wanted, |live| live.audiences.iter().map(Audience::as_str).collect())
}

/// The credential of a pipeline is compared, and that is all: nobody else has tokens of it.
pub(in crate::verify) fn federated(case: &Case<'_, Federation<'_>>) -> Verdict {
    const WHY: &str =
        "Entra takes the pipeline's token by a credential that is equal byte for byte";
    let Federation { key, wanted, issuer, subject } = case.subject;
    if let Err(verdict) = identity(case.scene, &key.identity) {
        return verdict;
    }
    let live = match case.scene.observed.credentials.get(&key.identity) {
        Some(Read::Facts(live)) => live,
        Some(Read::Unread(unread)) => return Verdict::unread(&*unread.why),
        None => return Verdict::unread("the identity's credentials were not read"),
    };
    let fields = [issuer.as_str(), subject.as_str(), wanted.audience.as_str()];
    if live.iter().any(|live| serves(live, Some(issuer), &wanted.audience, subject.as_str())) {
        return Verdict::Pass;
    }
    let repair = Some(case.scene.asking.sync.clone());
    let Some(live) = live.iter().find(|live| live.name == key.name) else {
        let all =
            format!("a credential for {} of {} with audience {}", fields[1], fields[0], fields[2]);
        return Verdict::fail(all, "there is none", WHY).repaired_by(repair);
    };
    let audiences = live.audiences.iter().map(Audience::as_str).collect::<Vec<_>>().join(", ");
    let found = [
        live.issuer.as_str(),
        live.subject.as_ref().map_or("an expression", Subject::as_str),
        &audiences,
    ];
    let mut pairs = fields.into_iter().zip(found);
    let (wanted, found) = pairs.find(|(wanted, found)| wanted != found).unwrap_or_default();
    Verdict::fail(wanted, found, WHY).repaired_by(repair)
}

pub(in crate::verify) fn federated_exchange(_: &Case<'_, Federation<'_>>) -> Verdict {
    Verdict::not_provable("only the pipeline has a token to exchange")
}
