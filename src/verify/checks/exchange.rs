//! The exchange at Entra.
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use crate::observed::evidence::{Access, Exchanged};
use crate::observed::read::Read;
use crate::verify::scene::{Case, Chain};
use crate::verify::verdict::Verdict;

/// What Entra says where it could not read an issuer's documents.
const ABOUT_DOCUMENTS: [u32; 5] = [50_166, 90_061, 900_610, 900_611, 900_612];
/// What Entra says where no credential of an identity lets the token in: which of them, its other credentials decide.
const NO_MATCH: [u32; 6] = [70_021, 70_025, 700_211, 700_212, 700_213, 7_002_138];
/// What Entra says for minutes of an identity that has just been made.
const NO_CLIENT: u32 = 700_016;

/// Whether a code says that an issuer's documents could not be read.
pub(in crate::verify) fn is_about_documents(code: u32) -> bool {
    ABOUT_DOCUMENTS.contains(&code)
}

/// Whether a code says that no credential of the identity lets the token in.
pub(in crate::verify) fn is_no_match(code: u32) -> bool {
    NO_MATCH.contains(&code)
}

/// Whether a refusal may pass by itself, where the credential is as it has to be.
pub(in crate::verify) fn may_pass(code: u32) -> bool {
    code == NO_CLIENT || is_no_match(code)
}

fn said<'a>(case: &Case<'a, Chain<'_>>) -> Option<&'a Read<Exchanged>> {
    case.scene.evidence.exchanges.get(&case.exchange_key()?)
}

pub(in crate::verify) fn exchanged(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "pods of the account get the same answer";
    const LATE: &str = "the credential that Azure shows has the token's issuer, subject and audience: what was written a moment ago takes up to minutes to reach all of Entra";
    if !case.scene.asking.exchanges {
        return Verdict::not_provable("not tried: `--no-exchange` was given");
    }
    let wanted = "an access token";
    match said(case) {
        Some(Read::Facts(Exchanged::Granted(_))) => Verdict::Pass,
        Some(Read::Facts(Exchanged::Refused { code: Some(code), why })) if may_pass(*code) => {
            let wait = ["--wait", "5m"].map(str::to_owned);
            let again = [case.scene.asking.verify.as_slice(), &wait].concat();
            Verdict::fail(wanted, &**why, LATE).repaired_by(Some(again))
        }
        Some(Read::Facts(Exchanged::Refused { code: Some(code), why }))
            if is_about_documents(*code) =>
        {
            Verdict::not_provable(format!(
                "Entra could not read the documents of the cluster's issuer, which WID-V-DISCOVERY is about: {why}"
            ))
        }
        Some(Read::Facts(Exchanged::Refused { why, .. })) => Verdict::fail(wanted, &**why, WHY),
        Some(Read::Unread(unread)) => Verdict::unread(&*unread.why),
        None => Verdict::unread("no exchange was tried"),
    }
}

pub(in crate::verify) fn identity(case: &Case<'_, Chain<'_>>) -> Verdict {
    const WHY: &str = "whatever the pod does is done as whom the access token names";
    let (Some(Read::Facts(Exchanged::Granted(access))), Ok(live)) = (said(case), case.identity())
    else {
        return Verdict::unread("there is no access token");
    };
    let Access { tenant, client, principal } = *access;
    let claims = [
        ("tid", tenant, live.tenant_id.guid()),
        ("appid", client, live.client_id.guid()),
        ("oid", principal, live.principal_id.guid()),
    ];
    for (claim, found, wanted) in claims {
        if found != Some(wanted) {
            let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
            let (wanted, found) = (format!("{claim} {wanted}"), format!("{claim} {found}"));
            return Verdict::fail(wanted, found, WHY);
        }
    }
    Verdict::Pass
}
