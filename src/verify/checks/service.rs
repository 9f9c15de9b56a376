//! Calls of services, as a service has tokens reviewed.

use crate::model::text::Subject;
use crate::observed::evidence::{Issued, Review, TokenKey};
use crate::observed::read::Read;
use crate::verify::scene::Case;
use crate::verify::services::Call;
use crate::verify::verdict::Verdict;

/// A token of the caller for the service is the caller's; of another account it is that account's; and one for
/// another audience is nobody's.
pub(in crate::verify) fn called(case: &Case<'_, Call<'_>>) -> Verdict {
    match judged(case) {
        Ok(verdict) | Err(verdict) => verdict,
    }
}

fn judged(case: &Case<'_, Call<'_>>) -> Result<Verdict, Verdict> {
    let call = case.subject;
    let (caller, own) = (&call.caller.account, &call.service.account);
    expect(case, &call.token(caller), &caller.subject())?;
    let (stray, audience) = (call.stray_token(), &call.service.audience);
    let key = (stray.clone(), audience.clone());
    let review = match case.scene.evidence.reviews.get(&key) {
        Some(Read::Facts(review)) => review,
        Some(Read::Unread(unread)) => return Err(Verdict::unread(&*unread.why)),
        None => {
            issued(case, &stray)?;
            return Err(Verdict::unread("no token for another audience was reviewed"));
        }
    };
    if review.authenticated {
        return Ok(Verdict::fail(
            format!("a token for {} is not accepted for {audience}", stray.audience),
            "it is accepted",
            "whoever is given a token of the caller for something else could call the service with it",
        ));
    }
    // A service that calls itself has no other account to tell from its own.
    if own != caller {
        expect(case, &call.token(own), &own.subject())?;
    }
    Ok(Verdict::PassBy(format!(
        "{} is accepted for {audience}; its token for {} is not",
        caller.subject(),
        stray.audience
    )))
}

/// Whether a token was given, or the verdict of whoever needs it.
fn issued(case: &Case<'_, Call<'_>>, key: &TokenKey) -> Result<(), Verdict> {
    match case.scene.evidence.tokens.get(key).map(|token| &token.issued) {
        Some(Read::Facts(Issued::Token(_))) => Ok(()),
        Some(Read::Facts(Issued::NoAccount)) => Err(Verdict::fail(
            format!("a token of {} for {}", key.account, key.audience),
            "there is no such account",
            "nobody calls the service, or is told from its callers, as an account that does not exist",
        )),
        Some(Read::Facts(Issued::Rejected(why))) => Err(Verdict::not_provable(format!(
            "the API server gives no token of {} for {}: {why}",
            key.account, key.audience
        ))),
        Some(Read::Unread(unread)) => Err(Verdict::unread(&*unread.why)),
        None => Err(Verdict::unread("no token was asked for")),
    }
}

/// Whether the API server says of a token what a service compares: the subject and the audience.
fn expect(case: &Case<'_, Call<'_>>, key: &TokenKey, subject: &Subject) -> Result<(), Verdict> {
    const WHY: &str = "a service lets in by the subject and the audience that a TokenReview names";
    issued(case, key)?;
    let token = case.scene.evidence.tokens.get(key);
    let Review { authenticated, user, audiences, why } =
        match token.and_then(|token| token.review.as_ref()) {
            Some(Read::Facts(review)) => review,
            Some(Read::Unread(unread)) => return Err(Verdict::unread(&*unread.why)),
            None => return Err(Verdict::unread("no token was reviewed")),
        };
    let wanted = format!("{subject} for {}", key.audience);
    if !authenticated {
        let said = why.as_deref().unwrap_or("the API server does not say why");
        return Err(Verdict::fail(wanted, format!("not accepted: {said}"), WHY));
    }
    if user.as_deref() == Some(subject.as_str()) && audiences.contains(&key.audience) {
        return Ok(());
    }
    let user = user.as_deref().unwrap_or("nobody");
    let audiences: Vec<&str> = audiences.iter().map(AsRef::as_ref).collect();
    Err(Verdict::fail(wanted, format!("{user} for {}", audiences.join(", ")), WHY))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use semver::Version;

    use super::called;
    use crate::desired::derive;
    use crate::model::text::Audience;
    use crate::observed::evidence::{Evidence, Issued, Review, TokenClaims, TokenEvidence};
    use crate::observed::read::{Read, Unread};
    use crate::observed::state::ObservedState;
    use crate::profile;
    use crate::profile::SourceFile;
    use crate::verify::scene::{Asking, Case, Scene};
    use crate::verify::verdict::Verdict;

    const PROFILE: &str = include_str!("../../../profiles/service-to-service.toml");
    const CALLER: &str = "system:serviceaccount:shop:frontend";
    const OWN: &str = "system:serviceaccount:data:prices";
    const AUDIENCE: &str = "prices.data";

    fn review(user: &str, audience: &str) -> Read<Review> {
        let audiences = vec![Audience::from(audience)];
        Read::Facts(Review { authenticated: true, user: Some(user.into()), audiences, why: None })
    }

    fn refused() -> Read<Review> {
        let why = Some("token audiences do not match".into());
        Read::Facts(Review { authenticated: false, user: None, audiences: Vec::new(), why })
    }

    /// What is said of a call where the API server says this of the caller's token, of the service's own, and of the
    /// caller's for another audience.
    fn judged(said: [Option<Read<Review>>; 3], issued: &Read<Issued>) -> Verdict {
        let file = SourceFile { path: "teams.toml".into(), text: PROFILE.into() };
        let loaded = profile::load(&[file], &BTreeMap::new(), &Version::new(0, 1, 0)).unwrap();
        let desired = derive::derive(&loaded);
        let (observed, asking) = (ObservedState::default(), Asking::default());
        let mut evidence = Evidence::default();
        let nothing = Evidence::default();
        let scene = Scene::new(&desired, &observed, &nothing, &asking);
        let call = &scene.calls[0];
        let [of_caller, own, stray] = said;
        for (token, review) in call.tokens().into_iter().zip([of_caller, own, None]) {
            let told =
                TokenEvidence { issued: issued.clone(), signature: None, review, bound_to: None };
            evidence.tokens.insert(token, told);
        }
        let key = (call.stray_token(), call.service.audience.clone());
        evidence.reviews.extend(stray.map(|review| (key, review)));
        let scene = Scene::new(&desired, &observed, &evidence, &asking);
        called(&Case { scene: &scene, subject: &scene.calls[0] })
    }

    fn token() -> Read<Issued> {
        Read::Facts(Issued::Token(TokenClaims {
            issuer: "i".into(),
            subject: CALLER.into(),
            audiences: Vec::new(),
            lifetime: 600,
        }))
    }

    #[test]
    fn a_call_is_proved_by_what_the_api_server_says_of_three_tokens() {
        let healthy =
            || [Some(review(CALLER, AUDIENCE)), Some(review(OWN, AUDIENCE)), Some(refused())];
        assert!(matches!(judged(healthy(), &token()), Verdict::PassBy(_)));
        for (number, wrong) in [
            (0, refused()),
            (0, review(OWN, AUDIENCE)),
            (0, review(CALLER, "other")),
            (1, review(CALLER, AUDIENCE)),
            (1, refused()),
            (2, review(CALLER, AUDIENCE)),
            // An API server that does not look at audiences names none.
            (2, review(CALLER, "other")),
        ] {
            let mut said = healthy();
            said[number] = Some(wrong.clone());
            let verdict = judged(said, &token());
            assert!(matches!(verdict, Verdict::Fail(_)), "{number} {wrong:?}: {verdict:?}");
        }
    }

    #[test]
    fn what_nobody_could_read_proves_nothing() {
        for number in 0..3 {
            for unread in
                [None, Some(Read::Unread(Unread { refused: true, why: "not allowed".into() }))]
            {
                let mut said =
                    [Some(review(CALLER, AUDIENCE)), Some(review(OWN, AUDIENCE)), Some(refused())];
                said[number] = unread;
                let verdict = judged(said, &token());
                assert!(matches!(verdict, Verdict::Unknown { .. }), "{number}: {verdict:?}");
            }
        }
        let none = || [None, None, None];
        assert!(matches!(judged(none(), &Read::Facts(Issued::NoAccount)), Verdict::Fail(_)));
        let rejected = Read::Facts(Issued::Rejected("bound to pods alone".into()));
        assert!(matches!(judged(none(), &rejected), Verdict::Unknown { .. }));
    }
}
