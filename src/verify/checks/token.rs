//! Tokens of accounts, as the API server gives them.

use crate::model::text::Audience;
use crate::observed::evidence::{Issued, Review, Signature, TokenClaims};
use crate::observed::read::Read;
use crate::verify::scene::{Case, Chain};
use crate::verify::verdict::Verdict;

/// The longest life of an assertion that Entra takes, in seconds.
/// <https://learn.microsoft.com/azure/aks/use-oidc-issuer>
const LONGEST: i64 = 24 * 60 * 60;

pub(in crate::verify) fn issued(case: &Case<'_, Chain<'_>>) -> Verdict {
    let bound_to = case.token().and_then(|token| token.bound_to.as_deref());
    match case.token().map(|token| &token.issued) {
        Some(Read::Facts(Issued::Token(_))) => Verdict::PassBy(match bound_to {
            Some(pod) => format!("a token bound to pod {pod}"),
            None => "a token bound to no pod".to_owned(),
        }),
        Some(Read::Facts(Issued::Rejected(why))) => Verdict::not_provable(format!(
            "the API server gives no token that is bound to no pod, and no pod of the account was found: {why}"
        )),
        Some(Read::Facts(Issued::NoAccount)) => Verdict::fail(
            "a token of the account",
            "the account is gone since it was read",
            "pods get no token without it",
        ),
        Some(Read::Unread(unread)) => Verdict::unread(&*unread.why),
        None => Verdict::unread("no token was asked for"),
    }
}

fn claimed<'a>(case: &Case<'a, Chain<'_>>) -> Option<&'a TokenClaims> {
    match case.token()?.issued.facts()? {
        Issued::Token(claims) => Some(claims),
        Issued::NoAccount | Issued::Rejected(_) => None,
    }
}

pub(in crate::verify) fn claims(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "Entra compares the claims with the credential";
    let Some(claims) = claimed(case) else { return Verdict::unread("there is no token") };
    let (subject, audience) = (case.subject.subject, &case.subject.wanted.audience);
    if claims.subject != *subject {
        return Verdict::fail(subject.as_str(), claims.subject.as_str(), WHY);
    }
    if claims.audiences != [audience.clone()] {
        return Verdict::fail(audience.as_str(), audiences(&claims.audiences), WHY);
    }
    if claims.lifetime > LONGEST {
        let (wanted, found) = (format!("at most {LONGEST} s"), format!("{} s", claims.lifetime));
        return Verdict::fail(wanted, found, "Entra takes no token that lasts longer");
    }
    Verdict::Pass
}

fn audiences(audiences: &[Audience]) -> String {
    audiences.iter().map(Audience::as_str).collect::<Vec<_>>().join(", ")
}

pub(in crate::verify) fn signature(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "Entra takes no token that the published keys do not verify";
    let wanted = "signed with RS256 by a published key";
    match case.token().and_then(|token| token.signature) {
        Some(Signature::Valid) => Verdict::Pass,
        Some(Signature::NoKey) => {
            Verdict::fail(wanted, "by a key whose name is not among the published ones", WHY)
        }
        Some(Signature::Invalid) => {
            Verdict::fail(wanted, "no published key verifies the signature", WHY)
        }
        None => Verdict::unread("there is no token, or no key to check it with"),
    }
}

pub(in crate::verify) fn review(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "an API server that does not take its own token has not signed it, or has changed its keys since";
    let (subject, audience) = (case.subject.subject, &case.subject.wanted.audience);
    let review = match case.token().and_then(|token| token.review.as_ref()) {
        Some(Read::Facts(review)) => review,
        Some(Read::Unread(unread)) => return Verdict::unread(&*unread.why),
        None => return Verdict::unread("no token was reviewed"),
    };
    let Review { authenticated, user, audiences, why } = review;
    let wanted = format!("a token of {subject} for {audience}");
    if !authenticated {
        let said = why.as_deref().unwrap_or("it does not say why");
        return Verdict::fail(wanted, format!("not taken: {said}"), WHY);
    }
    let is_right = user.as_deref() == Some(subject.as_str()) && audiences.contains(audience);
    if is_right {
        return Verdict::Pass;
    }
    let user = user.as_deref().unwrap_or("nobody");
    Verdict::fail(wanted, format!("a token of {user} for {}", self::audiences(audiences)), WHY)
}
