//! Refusals about federated credentials.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::desired::state::Trust;
use crate::model::kinds::federated_credential::CREDENTIALS_PER_IDENTITY;
use crate::model::kinds::federated_credential::FederatedCredentialKey;
use crate::model::kinds::federated_credential::LiveFederatedCredential;
use crate::model::kinds::identity::IdentityKey;
use crate::model::text::Audience;
use crate::model::text::ClusterName;
use crate::model::text::Issuer;
use crate::model::text::Subject;
use crate::model::text::TeamName;
use crate::plan::draft::Context;
use crate::plan::draft::Draft;
use crate::plan::link::IssuerLink;
use crate::plan::refusals::Refusal;
use crate::plan::refusals::Rule;
use crate::plan::refusals::identity::az;

/// An identity would hold too many credentials.
pub(crate) const LIMIT: Rule = Rule {
    code: "WID-CREDENTIAL-LIMIT",
    guardrail: false,
    title: "an identity would hold more than 20 federated credentials",
    cause: "Azure takes at most 20 on one identity, those of others counted",
    fix: "`per_cluster = true`, several identities, `--prune`, or the removal of credentials that nobody needs",
};

/// A foreign credential trusts the same pair for another audience.
pub(crate) const AUDIENCE: Rule = Rule {
    code: "WID-CREDENTIAL-AUDIENCE",
    guardrail: false,
    title: "a credential of somebody else trusts the same account for another audience",
    cause: "Azure takes a pair of issuer and subject once per identity, and changing the audience would break whoever uses it",
    fix: "remove that credential, or write its audience into the profile",
};

/// A name of ours is held by something that widctl never touches.
pub(crate) const NAME_TAKEN: Rule = Rule {
    code: "WID-CREDENTIAL-NAME-TAKEN",
    guardrail: false,
    title: "a credential that matches claims by an expression has the name of one that widctl wants",
    cause: "widctl does not understand such a credential and never overwrites one",
    fix: "remove it by hand",
};

/// One identity would trust one pair twice.
pub(crate) const DUPLICATE: Rule = Rule {
    code: "WID-TRUST-DUPLICATE",
    guardrail: false,
    title: "two entries of the profile are one trust",
    cause: "Azure takes a pair of issuer and subject once per identity",
    fix: "remove one of the two",
};

/// A federation would let another team's accounts in.
pub(crate) const OTHER_TEAM: Rule = Rule {
    code: "WID-TRUST-OTHER-TEAM",
    guardrail: true,
    title: "a federation trusts an account of another team",
    cause: "its issuer is that of a cluster of the profile, and its subject another team's workload, who could then act as this identity",
    fix: "remove the federation; to share an identity on purpose, name it in the workload and set `shared_identities = true`",
};

/// What the checks look at: a wanted credential with its issuer.
pub(crate) trait WantedTrust {
    /// Its key.
    fn key(&self) -> &FederatedCredentialKey;
    /// Issuer and subject, where the issuer is known.
    fn pair(&self) -> Option<(&Issuer, &Subject)>;
    /// Whether it is selected.
    fn is_selected(&self) -> bool;
}

/// One identity must not want one pair twice.
pub(crate) fn check_duplicates<W: WantedTrust>(draft: &mut Draft, wanted: &[W]) {
    let mut seen: BTreeMap<(&Issuer, &Subject), &W> = BTreeMap::new();
    for want in wanted {
        let Some(pair) = want.pair() else { continue };
        let Some(first) = seen.insert(pair, want) else {
            continue;
        };
        if first.is_selected() || want.is_selected() {
            let what = format!(
                "it trusts `{}` of issuer `{}`, and so does {}",
                pair.1,
                pair.0,
                first.key()
            );
            draft
                .refusals
                .push(DUPLICATE.refuse(want.key(), what, None));
        }
    }
}

/// A federation must not trust what is another team's workload on a cluster of the profile. Only now
/// is it known which issuer an AKS cluster has.
pub(crate) fn check_other_teams(context: &Context<'_>, draft: &mut Draft) {
    let clusters: BTreeMap<&Issuer, &ClusterName> = context
        .links
        .issuers
        .iter()
        .filter_map(|(name, link)| match link {
            IssuerLink::Known { issuer, .. } => Some((issuer, *name)),
            IssuerLink::Unknown(_)
            | IssuerLink::NoCluster
            | IssuerLink::Disabled
            | IssuerLink::Mismatch { .. } => None,
        })
        .collect();
    let federations = context
        .desired
        .credentials
        .iter()
        .filter_map(|(key, credential)| match &credential.trust {
            Trust::Federation { issuer, subject } => {
                let cluster = *clusters.get(issuer)?;
                Some((key, &credential.team, (cluster, subject)))
            }
            Trust::Cluster { .. } => None,
        });
    let suspects: Vec<_> = federations.collect();
    let looked_for: BTreeSet<(&ClusterName, &Subject)> =
        suspects.iter().map(|(_, _, account)| *account).collect();
    let mut teams: BTreeMap<(&ClusterName, &Subject), &TeamName> = BTreeMap::new();
    for credential in context.desired.credentials.values() {
        if suspects.is_empty() {
            return;
        }
        if let Trust::Cluster { cluster, subject } = &credential.trust
            && looked_for.contains(&(cluster, subject))
        {
            teams.insert((cluster, subject), &credential.team);
        }
    }
    for (key, team, account) in suspects {
        if let Some(owner) = teams.get(&account).filter(|owner| **owner != team)
            && context.selection.has_row(team, None)
        {
            let (cluster, subject) = account;
            let what =
                format!("it trusts `{subject}` of cluster {cluster}, a workload of team {owner}");
            draft.refusals.push(OTHER_TEAM.refuse(key, what, None));
        }
    }
}

pub(crate) fn too_many(identity: &IdentityKey, count: usize, foreign: &[&str]) -> Refusal {
    let mut what = format!(
        "it would hold {count}/{CREDENTIALS_PER_IDENTITY} federated credentials, {} of them not widctl's",
        foreign.len()
    );
    if !foreign.is_empty() {
        what.push_str(": ");
        what.push_str(&foreign.join(", "));
    }
    LIMIT.refuse(identity, what, LIMIT.fix.to_owned())
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
        remove(key, live),
    )
}

pub(crate) fn name_taken(key: &FederatedCredentialKey, live: &LiveFederatedCredential) -> Refusal {
    let what = format!("credential `{}` matches claims by an expression", live.name);
    NAME_TAKEN.refuse(key, what, remove(key, live))
}

fn remove(key: &FederatedCredentialKey, live: &LiveFederatedCredential) -> String {
    let identity = az("identity federated-credential delete", &key.identity)
        .replace("--name", "--identity-name");
    format!("{identity} --name {}", live.name)
}
