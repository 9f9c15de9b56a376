//! Service accounts and their annotations.
//! <https://azure.github.io/azure-workload-identity/docs/topics/service-account-labels-and-annotations.html>

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::model::guid::{ClientId, TenantId};
use crate::model::kinds::service_account::{
    ANNOTATION_CLIENT_ID, ANNOTATION_TENANT_ID, ANNOTATION_TOKEN_EXPIRATION, LiveServiceAccount,
};
use crate::observed::evidence::Issued;
use crate::observed::read::Read;
use crate::verify::repair;
use crate::verify::scene::{Case, Chain, Holder};
use crate::verify::verdict::Verdict;

/// How long a projected token may last, in seconds.
const EXPIRATION: RangeInclusive<u32> = 3_600..=86_400;

/// What is possible although pods of the account are refused.
const REFUSED: &[&str] = &["WID-V-CLIENT-ID"];
/// What is possible although pods get a value that is none: they get it as it is.
const AS_IT_IS: &[&str] = &["WID-V-INJECTION"];

pub(in crate::verify) fn exists(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "pods that name the account do not start without it";
    let chain = case.subject;
    let missing = || {
        let (namespace, name) = (&chain.account.namespace, &chain.account.name);
        let wanted = format!("account `{name}` in namespace `{namespace}`");
        Verdict::fail(wanted, "there is none", WHY)
    };
    let found = match (chain.holder, live(case)) {
        (Holder::Default(_) | Holder::Extra, Ok(Some(_))) => return Verdict::Pass,
        (Holder::Default(_) | Holder::Extra, Err(why)) => return Verdict::unread(&*why),
        // What the profile only trusts was asked for its token alone.
        (Holder::TrustOnly, _) => match case.token().map(|token| &token.issued) {
            Some(Read::Facts(Issued::NoAccount)) => return missing(),
            Some(Read::Facts(Issued::Token(_) | Issued::Rejected(_))) => return Verdict::Pass,
            Some(Read::Unread(unread)) => return Verdict::unread(&*unread.why),
            None => return Verdict::unread("the account was not asked for"),
        },
        (_, Ok(None)) => missing(),
    };
    let made_here = matches!(chain.holder, Holder::Default(wanted) if !wanted.annotate_only);
    found.repaired_by(made_here.then(|| case.scene.asking.sync.clone()))
}

/// The account as it is; `None` where it does not exist, or why nobody knows.
pub(super) fn live<'a>(
    case: &Case<'a, Chain<'_>>,
) -> Result<Option<&'a Arc<LiveServiceAccount>>, Arc<str>> {
    let objects = case.scene.objects(case.subject.cluster)?;
    objects.service_accounts.find(&case.subject.account)
}

/// The account whose annotations name the identity, where the profile wants that.
fn annotated<'a>(case: &Case<'a, Chain<'_>>) -> Option<&'a LiveServiceAccount> {
    match case.subject.holder {
        Holder::Default(_) => live(case).ok().flatten().map(|live| &**live),
        Holder::Extra | Holder::TrustOnly => None,
    }
}

pub(in crate::verify) fn annotations(case: &Case<'_, Chain<'_>>) -> Verdict {
    const KEY: &str =
        "the webhook reads the keys that it knows, byte for byte, and passes over others";
    const VALUE: &str = "pods get the value as it is, or are refused";
    let Some(live) = annotated(case) else { return Verdict::NotApplicable };
    let values = [
        (ANNOTATION_CLIENT_ID, &live.client_id, "a GUID", is_guid as fn(&str) -> bool),
        (ANNOTATION_TENANT_ID, &live.tenant_id, "a GUID", is_guid),
        (ANNOTATION_TOKEN_EXPIRATION, &live.token_expiration, "3600 to 86400", is_expiration),
    ];
    for (key, value, wanted, is_valid) in &values {
        if let Some(value) = value.as_deref().filter(|value| !is_valid(value)) {
            let (wanted, found) = (format!("{key}: {wanted}"), format!("{key}: {value}"));
            let spares = if *key == ANNOTATION_TOKEN_EXPIRATION { REFUSED } else { AS_IT_IS };
            let fix = repair::annotation(case, key);
            return Verdict::fail(wanted, found, VALUE).repaired_by(fix).sparing(spares);
        }
    }
    if live.strays.is_empty() {
        return Verdict::Pass;
    }
    let found = live.strays.join(", ");
    // Only a profile writes all of them.
    let is_needed = |key: &str| key == ANNOTATION_CLIENT_ID || !case.scene.asking.has_no_profile();
    let absent = values.iter().filter(|(key, value, ..)| value.is_none() && is_needed(key));
    let absent: Vec<&str> = absent.map(|(key, ..)| *key).collect();
    let Some(first) = absent.first() else {
        let wanted = values.map(|(key, ..)| key).join(", ");
        return Verdict::warn(wanted, format!("also {found}"), KEY);
    };
    Verdict::fail(absent.join(", "), found, KEY)
        .repaired_by(repair::annotation(case, first))
        .sparing(AS_IT_IS)
}

pub(super) fn is_guid(text: &str) -> bool {
    // The webhook hands the text on, and Entra takes one form.
    text.parse::<ClientId>().is_ok_and(|guid| guid.to_string().eq_ignore_ascii_case(text))
}

fn is_expiration(text: &str) -> bool {
    text.parse().is_ok_and(|seconds| EXPIRATION.contains(&seconds))
}

pub(in crate::verify) fn client_id(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "the webhook gives pods this client id: they sign in as nobody else";
    let Some(account) = annotated(case) else { return Verdict::NotApplicable };
    let wanted = match case.identity() {
        Ok(live) => live.client_id,
        Err(verdict) => return verdict,
    };
    let named = format!("{wanted}, the client id of {}", case.subject.key.identity);
    let found = match account.client_id.as_deref().map(|text| (text, text.parse::<ClientId>())) {
        Some((_, Ok(found))) if found == wanted => return Verdict::Pass,
        Some((text, Ok(found))) => match case.scene.links.clients.get(&found) {
            Some(other) => format!("{text}, the client id of azure/identity/{}", other.id.name()),
            None => format!("{text}, of no identity that was read"),
        },
        Some((text, Err(_))) => text.to_owned(),
        None => format!("no annotation {ANNOTATION_CLIENT_ID}"),
    };
    Verdict::fail(named, found, WHY).repaired_by(repair::annotation(case, ANNOTATION_CLIENT_ID))
}

pub(in crate::verify) fn tenant_id(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "the webhook gives pods this tenant, where the identity's client id is known";
    const ABSENT: &str = "without it the webhook gives pods the tenant that it was installed with, which was not read";
    let Some(account) = annotated(case) else { return Verdict::NotApplicable };
    let wanted = match case.identity() {
        Ok(live) => live.tenant_id,
        Err(verdict) => return verdict,
    };
    let repair = repair::annotation(case, ANNOTATION_TENANT_ID);
    match account.tenant_id.as_deref() {
        Some(text) if text.parse::<TenantId>() == Ok(wanted) => Verdict::Pass,
        Some(text) => Verdict::fail(wanted.to_string(), text, WHY).repaired_by(repair),
        None => {
            let found = format!("no annotation {ANNOTATION_TENANT_ID}");
            Verdict::warn(wanted.to_string(), found, ABSENT).repaired_by(repair)
        }
    }
}
