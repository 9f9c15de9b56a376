//! What a profile that is right may still have wrong: it is told, and the run goes on.

use crate::model::rule::{Rule, rules};
use crate::model::text::TOKEN_EXCHANGE_AUDIENCE;
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::collections::Items;
use crate::profile::read::federations::GITHUB_ISSUER;
use crate::profile::resolved::Mode;
use crate::profile::source::{Span, quoted};

rules! {
    ISSUER_SPELLING = "WID-ISSUER-SPELLING", Note;
        "a well-known issuer is written otherwise than its tokens have it",
        "Entra compares issuers byte for byte, so that a slash at the end or another case makes every sign-in fail (AADSTS700211).",
        "Write the issuer as the message says.";
    AUDIENCE_PROJECTED = "WID-AUDIENCE-PROJECTED", Note;
        "a workload's audience is not the one that the webhook projects by default",
        "The workload identity webhook projects `api://AzureADTokenExchange` unless it was started with another audience; Entra refuses a token of another audience than the credential's (AADSTS700212).",
        "Remove `audience`, unless the webhook was started with it or pods project a token of their own.";
    WIDE_GRANT = "WID-WIDE-GRANT", Note;
        "a grant of subjects may cover more than one owner",
        "A `*` before the end of the owner's name and id covers owners that anybody can register. `[\"*\"]` says on purpose that everybody behind the issuer is granted.",
        "Write the owner with its id, `repo:contoso@1234/{team}-*:*`.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] = &[spelled_issuers, projected_audiences, wide_grants];

/// Public issuers, as their discovery documents write them: at `/.well-known/openid-configuration` below each.
const WELL_KNOWN: &[&str] = &[
    GITHUB_ISSUER,
    "https://gitlab.com",
    "https://app.terraform.io",
    "https://accounts.google.com",
    "https://agent.buildkite.com",
];

/// One warning of several equal ones: the first, and how many others there are.
fn warn_once(
    rule: &'static Rule,
    mut found: Vec<(Span, String)>,
    why: &str,
    hint: &str,
    findings: &mut Findings,
) {
    found.sort();
    let others = match found.len().saturating_sub(1) {
        0 => String::new(),
        1 => " (and another one)".to_owned(),
        others => format!(" (and {others} others)"),
    };
    if let Some((at, what)) = found.into_iter().next() {
        findings.warn(Finding::new(rule, at, format!("{what}{others} {why}")).hint(hint));
    }
}

fn spelled_issuers(merged: &Merged<'_>, findings: &mut Findings) {
    let tables = merged.identity_tables().flat_map(|(_, table)| table.federation.items());
    let trusted = tables.filter_map(|federation| federation.issuer.get());
    let issuers: Vec<_> = trusted.chain(merged.policy.granted_issuers()).collect();
    for known in WELL_KNOWN {
        let otherwise = issuers.iter().filter(|issuer| {
            let text = issuer.as_str();
            text != *known && text.trim_end_matches('/').eq_ignore_ascii_case(known)
        });
        let found = otherwise.map(|issuer| (issuer.at, quoted(issuer.as_str()))).collect();
        let why = format!(
            "is not the issuer of tokens, which have `{known}`: a slash at the end and the case of letters count"
        );
        warn_once(&ISSUER_SPELLING, found, &why, &format!("issuer = \"{known}\""), findings);
    }
}

fn projected_audiences(merged: &Merged<'_>, findings: &mut Findings) {
    let other = merged.workloads().filter(|(_, workload)| {
        workload.resolved.mode != Mode::TrustOnly
            && workload.resolved.audience.as_str() != TOKEN_EXCHANGE_AUDIENCE
    });
    let found = other.map(|(_, workload)| {
        let what = format!(
            "the audience {} of {}",
            quoted(workload.resolved.audience.as_str()),
            quoted(workload.resolved.service_account.as_str())
        );
        (workload.name_at, what)
    });
    let why = format!(
        "is not `{TOKEN_EXCHANGE_AUDIENCE}`, which the webhook projects unless it was started with another one"
    );
    warn_once(&AUDIENCE_PROJECTED, found.collect(), &why, AUDIENCE_PROJECTED.fix, findings);
}

/// Whether a `*` stands before the end of the owner, the second part of a subject: `repo:contoso*`.
fn is_wide(glob: &str) -> bool {
    let Some((before, _)) = glob.split_once('*').filter(|_| glob != "*") else { return false };
    let whole = before.rsplit_once([':', '/']).map_or("", |(whole, _)| whole);
    whole.split([':', '/']).filter(|part| !part.is_empty()).count() < 2
}

fn wide_grants(merged: &Merged<'_>, findings: &mut Findings) {
    let wide = merged.policy.granted_subjects().filter(|glob| is_wide(&glob.0.0));
    let found = wide.map(|glob| (glob.at, quoted(&glob.0.0))).collect();
    let why =
        "may cover more than one owner: a `*` stands before the end of the owner's name and id";
    warn_once(&WIDE_GRANT, found, why, WIDE_GRANT.fix, findings);
}
