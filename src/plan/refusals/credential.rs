//! Refusals about federated credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::desired::state::Trust;
use crate::model::kinds::federated_credential::{
    CREDENTIALS_PER_IDENTITY, FederatedCredentialKey, LiveFederatedCredential,
};
use crate::model::kinds::identity::IdentityKey;
use crate::model::rule::rules;
use crate::model::text::{Audience, ClusterName, Issuer, Subject, TeamName};
use crate::model::{plural, shell, subject};
use crate::plan::draft::{Context, Draft};
use crate::plan::link::IssuerLink;
use crate::plan::refusals::Refusal;
use crate::plan::refusals::identity::{az, az_arguments};

rules! {
    LIMIT = "WID-CREDENTIAL-LIMIT", Obstacle;
        "an identity would hold more than 20 federated credentials",
        "Azure takes at most 20 on one identity, those of others counted",
        "`per_cluster = true`, several identities, or the removal of credentials that nobody needs";
    AUDIENCE = "WID-CREDENTIAL-AUDIENCE", Obstacle;
        "a credential of somebody else trusts the same account for another audience",
        "Azure takes a pair of issuer and subject once per identity, and changing the audience would break whoever uses it",
        "remove that credential, or write its audience into the profile";
    NAME_TAKEN = "WID-CREDENTIAL-NAME-TAKEN", Obstacle;
        "a credential that matches claims by an expression has the name of one that widctl wants",
        "widctl never writes such a credential and never overwrites one",
        "remove it by hand";
    DUPLICATE = "WID-TRUST-DUPLICATE", Obstacle;
        "two entries of the profile trust the same issuer and subject",
        "Azure takes a pair of issuer and subject once per identity",
        "remove one of the two";
    FOREIGN_TRUST = "WID-FOREIGN-TRUST-REFUSED", Guardrail;
        "an identity lets in whom the profile does not name",
        "anyone it lets in also gets what the identity is given, and `foreign_trust` of `[policy]` is `refuse`",
        "delete the credential, or list it in `trusted` of `[policy]`";
    OTHER_TEAM = "WID-TRUST-OTHER-TEAM", Guardrail;
        "a federation trusts an account of another team",
        "its issuer is a cluster of the profile, and only another team has workloads in the subject's namespace: they could act as this identity",
        "remove the federation; to share an identity on purpose, name it in the workload and set `shared_identities = true`";
}

/// What the checks look at: a wanted credential with its issuer.
pub(crate) trait WantedTrust {
    /// Its key.
    fn key(&self) -> &FederatedCredentialKey;
    /// Issuer and subject, where the issuer is known.
    fn pair(&self) -> Option<(&Issuer, &Subject)>;
    /// Whether it trusts an account of a cluster, not a federation.
    fn is_of_cluster(&self) -> bool;
    /// Whether it is selected.
    fn is_selected(&self) -> bool;
    /// Its team.
    fn team(&self) -> &TeamName;
}

/// One identity must not want one pair twice.
pub(crate) fn check_duplicates<W: WantedTrust>(draft: &mut Draft, wanted: &[W]) {
    let mut seen: BTreeMap<(&Issuer, &Subject), &W> = BTreeMap::new();
    for want in wanted {
        let Some(pair) = want.pair() else { continue };
        let Some(first) = seen.insert(pair, want) else {
            continue;
        };
        // Two clusters with one issuer are refused by a rule of their own.
        let clusters = first.is_of_cluster() && want.is_of_cluster();
        if !clusters && (first.is_selected() || want.is_selected()) {
            let what = format!(
                "it trusts `{}` of issuer `{}`, and so does {}",
                pair.1,
                pair.0,
                first.key()
            );
            let refusal = DUPLICATE.refuse(want.key(), what, None);
            draft.refuse(refusal, Some(want.team()), None, None);
            draft.refused_credentials.insert(want.key().clone());
        }
    }
}

/// A namespace of a cluster.
type Place<'a> = (&'a ClusterName, &'a str);

/// A federation must not trust accounts in a namespace where only other teams have workloads. Not
/// before now is it known which issuer an AKS cluster has.
pub(crate) fn check_other_teams(context: &Context<'_>, draft: &mut Draft) {
    let suspects = federations_of_clusters(context);
    if suspects.is_empty() {
        return;
    }
    let mut teams: BTreeMap<Place<'_>, BTreeSet<&TeamName>> = BTreeMap::new();
    let mut owners: BTreeMap<(&ClusterName, &Subject), &TeamName> = BTreeMap::new();
    for credential in context.desired.credentials.values() {
        if let Trust::Cluster { cluster, subject } = &credential.trust
            && let Some((namespace, _)) = subject::account(subject)
        {
            let there = teams.entry((cluster, namespace)).or_default();
            there.insert(&credential.team);
            owners.insert((cluster, subject), &credential.team);
        }
    }
    for (key, team, cluster, subject) in suspects {
        let owner = owners.get(&(cluster, subject)).copied();
        let place = subject::account(subject).map(|(namespace, _)| (cluster, namespace));
        let there = place.and_then(|place| teams.get(&place));
        let neighbour =
            there.filter(|teams| !teams.contains(team)).and_then(|teams| teams.first().copied());
        let other = owner.filter(|owner| *owner != team).or(neighbour);
        if let Some(other) = other
            && context.selection.has_row(team, None)
        {
            let what =
                format!("it trusts `{subject}` of cluster {cluster}, which is team {other}'s");
            draft.refuse(OTHER_TEAM.refuse(key, what, None), Some(team), None, None);
            draft.refused_credentials.insert(key.clone());
        }
    }
}

type OfCluster<'a> = (&'a FederatedCredentialKey, &'a TeamName, &'a ClusterName, &'a Subject);

/// The federations whose issuer is that of a cluster of the profile.
fn federations_of_clusters<'a>(context: &Context<'a>) -> Vec<OfCluster<'a>> {
    let mut clusters: BTreeMap<&Issuer, &ClusterName> = BTreeMap::new();
    for (name, link) in &context.links.issuers {
        if let IssuerLink::Known { issuer, .. } = link {
            clusters.insert(issuer, name);
        }
    }
    for (name, issuers) in &context.desired.retiring {
        for issuer in issuers {
            clusters.entry(issuer).or_insert(name);
        }
    }
    let all = context.desired.credentials.iter();
    all.filter_map(|(key, credential)| match &credential.trust {
        Trust::Federation { issuer, subject } => {
            let cluster = clusters.get(issuer).copied()?;
            Some((key, &credential.team, cluster, subject))
        }
        Trust::Cluster { .. } => None,
    })
    .collect()
}

/// `named` are credentials and whom they let in.
pub(crate) fn foreign_trust(
    identity: &IdentityKey,
    named: &[String],
    live: &LiveFederatedCredential,
) -> Refusal {
    let what = format!("it also lets in {}", named.join("; "));
    let mut refusal = FOREIGN_TRUST.refuse(identity, what, remove(identity, live));
    refusal.why = format!("{}; what is meant is listed in `trusted` there", refusal.why);
    refusal
}

/// What would be on an identity.
pub(crate) struct Full<'a> {
    /// How many credentials.
    pub(crate) count: usize,
    /// The names of those that are not widctl's.
    pub(crate) foreign: Vec<&'a str>,
    /// How many of ours `--prune` would remove.
    pub(crate) leftover: usize,
    /// The issuers of accounts that no cluster of the profile has, with how many trust each.
    pub(crate) gone: BTreeMap<&'a Issuer, usize>,
    /// The issuers of `also_trust`, with how many trust each.
    pub(crate) retiring: BTreeMap<&'a Issuer, usize>,
}

pub(crate) fn too_many(identity: &IdentityKey, full: &Full<'_>) -> Refusal {
    let Full { count, foreign, leftover, gone, retiring } = full;
    let mut what = format!(
        "it would hold {count}/{CREDENTIALS_PER_IDENTITY} federated credentials, {} of them not widctl's",
        foreign.len()
    );
    if !foreign.is_empty() {
        what.push_str(": ");
        what.push_str(&foreign.join(", "));
    }
    for (issuer, number) in gone {
        let _ = write!(
            what,
            "; {number} trust accounts of `{issuer}`, which no cluster of the profile has"
        );
    }
    for (issuer, number) in retiring {
        let _ =
            write!(what, "; {number} trust accounts of `{issuer}`, which retires (`also_trust`)");
    }
    let fix = if *leftover > 0 && count - leftover <= CREDENTIALS_PER_IDENTITY {
        format!(
            "--prune, which removes {} that the profile no longer has",
            plural::count(*leftover, "credential")
        )
    } else {
        let delete = az("identity federated-credential delete", "--identity-name", identity);
        format!("{}: {delete} --name <credential>", LIMIT.fix)
    };
    LIMIT.refuse(identity, what, fix)
}

pub(crate) fn other_audience(
    key: &FederatedCredentialKey,
    live: &LiveFederatedCredential,
    wanted: &Audience,
) -> Refusal {
    let audiences: Vec<&str> = live.audiences.iter().map(Audience::as_str).collect();
    AUDIENCE.refuse(
        key,
        format!(
            "credential `{}` trusts the same issuer and subject for `{}`, the profile wants `{wanted}`",
            live.name,
            audiences.join(", ")
        ),
        remove(&key.identity, live),
    )
}

pub(crate) fn name_taken(key: &FederatedCredentialKey, live: &LiveFederatedCredential) -> Refusal {
    let what = format!("credential `{}` matches claims by an expression", live.name);
    NAME_TAKEN.refuse(key, what, remove(&key.identity, live))
}

/// The command that deletes a credential.
pub(crate) fn remove(identity: &IdentityKey, live: &LiveFederatedCredential) -> String {
    shell::join(&remove_arguments(identity, live))
}

/// The same, argument by argument.
pub(crate) fn remove_arguments(
    identity: &IdentityKey,
    live: &LiveFederatedCredential,
) -> Vec<String> {
    let command = "identity federated-credential delete";
    let mut arguments = az_arguments(command, "--identity-name", identity);
    arguments.extend(["--name".to_owned(), live.name.to_string()]);
    arguments
}
