//! What a team in its own file may claim: only what the root file grants it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::rule::{Rule, rules};
use crate::model::text::{Issuer, is_same_name};
use crate::profile::checks::{Check, rbac};
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::claims::{Claim, Granted, Verdict};
use crate::profile::merge::{IdentityIndex, Merged, MergedTeam};
use crate::profile::read::At;
use crate::profile::read::collections::Items;
use crate::profile::source::{Span, quoted};

rules! {
    GRANT_NAMESPACE = "WID-GRANT-NAMESPACE", Grant;
        "a team in its own file uses the namespaces that it was granted",
        "A team's own file can be merged on review of that file alone because it can claim only what the root file grants it.",
        "Use a granted namespace, or have the root file grant this one.";
    GRANT_IDENTITY = "WID-GRANT-IDENTITY", Grant;
        "a team in its own file uses the identities that it was granted",
        "Existing identities (`create = false`) and those of other teams count too, and so does each name that an identity per cluster takes: whoever may claim an identity's name may become it.",
        "Use a granted name, or have the root file grant this one.";
    GRANT_SCOPE = "WID-GRANT-SCOPE", Grant;
        "a team in its own file takes roles on the scopes that it was granted",
        "No scope is granted by default: the root file says which resources a team may give its identities access to.",
        "Have the root file grant the scope, or state the team in the root file.";
    GRANT_SUBJECT = "WID-GRANT-SUBJECT", Grant;
        "a team in its own file trusts the foreign subjects that it was granted",
        "No foreign subject is granted by default: whoever a trusted token is about can become the identity, and behind a public issuer that may be anybody.",
        "Have the root file grant the subject.";
    GRANT_PLACE = "WID-GRANT-PLACE", Grant;
        "a team in its own file leaves it to the root file where its identities live",
        "A subscription or resource group of its choice could make an identity where others hold power over it, or take over one that is there; a region may break rules about where data lives.",
        "Remove the key, or state the team in the root file.";
    GRANT_RULE = "WID-GRANT-RULE", Grant;
        "a team in its own file asks for no RBAC rule that reaches beyond its workload",
        "Wildcards and the rights that docs/profile.md lists let an account become others, or reach what is not its team's: secrets without names, tokens, running commands in other pods, `bind`, `escalate`, `impersonate`.",
        "Name the resources and verbs that are needed, or state the team in the root file.";
    GRANT_PRESET = "WID-GRANT-PRESET", Grant;
        "a team in its own file uses the presets that it was granted, where they hold denied rights",
        "Some systems need a right that a team cannot ask for itself; `widctl presets` says which presets hold one. Other presets need no grant.",
        "Have the root file grant the preset, or state the team in the root file.";
    GRANT_CALLER = "WID-GRANT-CALLER", Grant;
        "a team in its own file names callers of other teams that it was granted",
        "What a service's file names as callers is rendered for the other team's pods, and `verify` asks for tokens of them; so the root file says which teams may be called by whom.",
        "Have the root file grant the caller, or state the team in the root file.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] =
    &[namespaces, identities, scopes, subjects, places, rules, presets, callers];

/// Something that a team claims.
struct Claimed<'a> {
    text: &'a str,
    at: Span,
}

/// Reports the claims of one kind that nothing grants, each text once per team.
fn check<'m>(
    merged: &'m Merged<'_>,
    rule: &'static Rule,
    claim: Claim<'m>,
    findings: &mut Findings,
    claims: impl Fn(usize, &'m MergedTeam<'_>) -> Vec<(String, Span)>,
) {
    for (index, team) in merged.teams.iter().enumerate().filter(|(_, team)| !team.trusted) {
        check_team(merged, rule, claim, findings, (team, claims(index, team)));
    }
}

/// Reports what nothing grants of one team's claims.
fn check_team<'m>(
    merged: &'m Merged<'_>,
    rule: &'static Rule,
    claim: Claim<'m>,
    findings: &mut Findings,
    (team, claims): (&'m MergedTeam<'_>, Vec<(String, Span)>),
) {
    let mut first = BTreeMap::new();
    for (text, at) in claims {
        first.entry(text).or_insert(at);
    }
    let granted = Granted::new(&merged.policy, &merged.names, team.name.as_str(), claim);
    for (text, at) in &first {
        let owner = match granted.verdict(text) {
            Verdict::Granted => continue,
            Verdict::NotGranted => None,
            Verdict::Of(owner) => Some((owner, merged.names.place(owner))),
        };
        let claimed = Claimed { text, at: *at };
        findings.add(refusal(rule, claim, team, &claimed, owner));
    }
}

/// The refusal of a claim, which may be another team's by its longer name.
fn refusal(
    rule: &'static Rule,
    claim: Claim<'_>,
    team: &MergedTeam<'_>,
    claimed: &Claimed<'_>,
    owner: Option<(&str, Option<Span>)>,
) -> Finding {
    let name = team.name.as_str();
    let mut message = format!(
        "team {} is not granted the {} {}",
        quoted(name),
        claim.what(),
        quoted(claimed.text)
    );
    let mut hint = String::new();
    if let Claim::Subject(issuer) = claim {
        let _ = write!(message, " of issuer {}", quoted(issuer.as_str()));
    }
    if let Some((owner, _)) = owner {
        let _ = write!(message, ", which is team {}'s by its name", quoted(owner));
        hint.push_str("the longer of two names owns what both cover; choose another name, or ");
    }
    let _ = write!(
        hint,
        "the root file would have to say:\n[policy.grants.teams.{name}]\n{}",
        claim.grant(claimed.text)
    );
    let finding = Finding::new(rule, claimed.at, message).hint(hint);
    match owner {
        Some((_, Some(at))) => finding.related(at, "the other team"),
        Some((_, None)) | None => finding,
    }
}

fn namespaces(merged: &Merged<'_>, findings: &mut Findings) {
    check(merged, &GRANT_NAMESPACE, Claim::Namespace, findings, |_, team| {
        let workloads = team.workloads.iter();
        workloads
            .map(|workload| {
                (workload.resolved.namespace.as_str().to_owned(), workload.namespace_at)
            })
            .collect()
    });
}

fn identities(merged: &Merged<'_>, findings: &mut Findings) {
    check(merged, &GRANT_IDENTITY, Claim::Identity, findings, |index, team| {
        let mut claims = Vec::new();
        for (own, identity) in team.identities.iter().enumerate() {
            let own = IdentityIndex { team: index, identity: own };
            let name = &identity.resolved.name;
            if identity.resolved.per_cluster {
                let clusters = merged.trust(own).keys();
                claims.extend(
                    clusters.map(|cluster| (format!("{name}-{cluster}"), identity.name_at)),
                );
            } else {
                claims.push((name.clone(), identity.name_at));
            }
        }
        for workload in &team.workloads {
            let used = std::iter::once(&workload.identity).chain(&workload.extra_identities);
            for (used, at) in used.filter(|(used, _)| used.team != index) {
                claims.push((merged.identity(*used).resolved.name.clone(), *at));
            }
        }
        claims
    });
}

fn scopes(merged: &Merged<'_>, findings: &mut Findings) {
    check(merged, &GRANT_SCOPE, Claim::Scope, findings, |_, team| {
        let grants = team.table.identity.items().iter().flat_map(|identity| identity.roles.items());
        let scopes = grants.filter_map(|grant| grant.scope.get());
        scopes.map(|scope| (scope.as_str().to_owned(), scope.at)).collect()
    });
}

fn subjects(merged: &Merged<'_>, findings: &mut Findings) {
    for team in merged.teams.iter().filter(|team| !team.trusted) {
        let identities = team.table.identity.items().iter();
        let mut by_issuer: BTreeMap<&Issuer, Vec<(String, Span)>> = BTreeMap::new();
        for federation in identities.flat_map(|identity| identity.federation.items()) {
            if let (Some(issuer), Some(subject)) =
                (federation.issuer.get(), federation.subject.get())
            {
                let claims = by_issuer.entry(&issuer.value).or_default();
                claims.push((subject.as_str().to_owned(), subject.at));
            }
        }
        for (issuer, claims) in by_issuer {
            check_team(merged, &GRANT_SUBJECT, Claim::Subject(issuer), findings, (team, claims));
        }
    }
}

fn places(merged: &Merged<'_>, findings: &mut Findings) {
    let azure = merged.root.azure.as_ref().map(|azure| &azure.value);
    for team in merged.teams.iter().filter(|team| !team.trusted) {
        for table in team.table.identity.items() {
            let subscription = azure.and_then(|azure| azure.subscription.as_ref());
            let group = azure.and_then(|azure| azure.resource_group.as_ref());
            let location = azure.and_then(|azure| azure.location.as_ref());
            let other_group = |own: &&At<crate::profile::read::names::GroupName>| {
                !group.is_some_and(|group| is_same_name(&group.0, &own.0))
            };
            let chosen = [
                ("subscription", differing(table.subscription.as_ref(), subscription)),
                (
                    "resource_group",
                    table.resource_group.as_ref().filter(other_group).map(|own| own.at),
                ),
                ("location", differing(table.location.as_ref(), location)),
            ];
            for (key, at) in chosen {
                let Some(at) = at else { continue };
                let message = format!(
                    "team {} in its own file cannot choose the `{key}` of its identities",
                    quoted(team.name.as_str())
                );
                findings.add(Finding::new(&GRANT_PLACE, at, message));
            }
        }
    }
}

fn differing<T: PartialEq>(own: Option<&At<T>>, default: Option<&At<T>>) -> Option<Span> {
    let own = own?;
    (default.is_none_or(|default| default.value != own.value)).then_some(own.at)
}

fn rules(merged: &Merged<'_>, findings: &mut Findings) {
    for team in merged.teams.iter().filter(|team| !team.trusted) {
        let workloads = team.table.workload.items().iter();
        for rule in workloads.flat_map(|workload| workload.rule.items()) {
            for danger in rbac::dangers(rule) {
                let message = format!(
                    "team {} in its own file cannot ask for {}",
                    quoted(team.name.as_str()),
                    danger.what
                );
                let hint = format!("{}. {}", danger.why, GRANT_RULE.fix);
                findings.add(Finding::new(&GRANT_RULE, danger.at, message).hint(hint));
            }
        }
    }
}

fn presets(merged: &Merged<'_>, findings: &mut Findings) {
    for team in merged.teams.iter().filter(|team| !team.trusted) {
        let name = team.name.as_str();
        let workloads = team.table.workload.items().iter();
        for preset in workloads.filter_map(|workload| workload.preset.as_ref()) {
            let dangers = rbac::dangers_of_preset(preset.value, preset.at);
            let Some(danger) = dangers.first() else { continue };
            if merged.policy.grants_preset(name, preset.value) {
                continue;
            }
            let word = &preset.value.name;
            let message = format!(
                "team {} is not granted the preset {}, which holds {}",
                quoted(name),
                quoted(word),
                danger.what
            );
            let hint = format!(
                "{}; the root file would have to say:\n[policy.grants.teams.{name}]\npresets = [\"{word}\"]",
                danger.why
            );
            findings.add(Finding::new(&GRANT_PRESET, preset.at, message).hint(hint));
        }
    }
}

fn callers(merged: &Merged<'_>, findings: &mut Findings) {
    check(merged, &GRANT_CALLER, Claim::Caller, findings, |index, team| {
        let services = merged.services.iter().filter(|service| service.team == index);
        let callers = services
            .flat_map(|service| service.resolved.callers.iter().zip(&service.callers_at))
            .filter(|(caller, _)| caller.team != team.name.value);
        callers.map(|(caller, at)| (caller.to_string(), *at)).collect()
    });
}
