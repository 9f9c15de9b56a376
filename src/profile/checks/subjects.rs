//! Subjects of pipelines that name a repository or project without its id.

use crate::model::rule::rules;
use crate::model::subject;
use crate::model::subject::Named;
use crate::model::text::Issuer;
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::Parse;
use crate::profile::read::collections::Items;
use crate::profile::read::federations::ENTERPRISE_SERVER;
use crate::profile::read::names::{OwnerName, RepositoryName};
use crate::profile::source::quoted;

rules! {
    MUTABLE_SUBJECT = "WID-MUTABLE-SUBJECT", Guardrail;
        "a subject of GitHub or GitLab has ids, not only names",
        "Names change hands, ids never do: whoever registers a name that was given up sends the same subject. Repositories on GitHub that were created, renamed or transferred since 15 July 2026 send ids, so that a subject of names fails there (AADSTS700213).",
        "Write the subject with ids beside the one of names, apply, let the repository or project send ids, and remove the old one when jobs sign in.";
}

/// The checks of this rule.
pub(super) const CHECKS: &[Check] = &[names_without_ids];

/// Each is refused where the policy says so; otherwise one warning tells of all.
fn names_without_ids(merged: &Merged<'_>, findings: &mut Findings) {
    let tables = merged.identity_tables().flat_map(|(_, table)| table.federation.items());
    let mut named: Vec<_> = tables
        .filter_map(|federation| {
            let subject = federation.subject.get()?;
            let issuer = federation.issuer.get()?;
            Some((subject.at, subject, issuer, subject::named(subject)?))
        })
        .collect();
    named.sort_by_key(|(at, ..)| *at);
    let refused = merged.policy.require_immutable_subjects;
    let others = if refused { 0 } else { named.len().saturating_sub(1) };
    for (at, subject, issuer, what) in &named {
        let subject = quoted(subject.as_str());
        let relying = match others {
            0 => format!("{subject} relies"),
            1 => format!("{subject} and another subject rely"),
            others => format!("{subject} and {others} other subjects rely"),
        };
        let message = format!("{relying} on names without ids, and names change hands");
        let finding = Finding::new(&MUTABLE_SUBJECT, *at, message).hint(migration(issuer, *what));
        if refused {
            findings.add(finding);
        } else {
            return findings.warn(finding);
        }
    }
}

/// How a subject of ids takes the place of one of names, without a job that cannot sign in meanwhile.
/// <https://learn.microsoft.com/entra/workload-id/workload-identities-github-immutable-subjects>
fn migration(issuer: &Issuer, named: Named<'_>) -> String {
    match named {
        Named::Repository(_) if issuer.as_str().ends_with(ENTERPRISE_SERVER) => "a GitHub Enterprise Server sends no ids beside names: customise the subject's claims to `repository_id`, or another claim that is an id, and write that subject".to_owned(),
        Named::Repository(name) => {
            let name = plain(name).unwrap_or_else(|| "OWNER/REPOSITORY".to_owned());
            format!(
                "gh api repos/{name} --jq '.owner.id, .id' prints `owner_id` and `repository_id` for a second federation beside this one; \
                 apply; gh api --method PUT repos/{name}/actions/oidc/customization/sub -H X-GitHub-Api-Version:2026-03-10 -F use_default=true -F use_immutable_subject=true; \
                 remove this one when jobs sign in"
            )
        }
        Named::Project(_) => "write a second federation beside this one with the subject `project_id:ID:…`; apply; set the project's `ci_id_token_sub_claim_components` to `[\"project_id\", \"ref_type\", \"ref\"]`; remove this one when jobs sign in".to_owned(),
    }
}

/// Owner and repository for a command, without ids; none where they are no names on GitHub, so that nothing else
/// gets into the command.
fn plain(name: &str) -> Option<String> {
    let (owner, repository) = name.split_once('/')?;
    let without_id = |part: &str| part.split('@').next().unwrap_or(part).to_owned();
    let (owner, repository) = (without_id(owner), without_id(repository));
    OwnerName::parse(&owner).ok()?;
    RepositoryName::parse(&repository).ok()?;
    (!repository.starts_with("..")).then(|| format!("{owner}/{repository}"))
}
