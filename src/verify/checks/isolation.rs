//! Who else gets in: by credentials and bindings of others, and by rights to make tokens.

use crate::desired::state::Trust;
use crate::model::kinds::identity::{IdentityKey, LiveIdentity};
use crate::model::kinds::rbac::{PolicyRule, RoleSubject};
use crate::model::subject;
use crate::model::text::ClusterName;
use crate::observed::cluster_roles::ClusterBinding;
use crate::observed::evidence::Exchanged;
use crate::observed::read::Read;
use crate::plan::refusals::credential::remove_arguments;
use crate::profile::resolved::ForeignVerdict;
use crate::verify::checks::exchange;
use crate::verify::probe::{Probe, Probed};
use crate::verify::scene::{Case, Scene, identity};
use crate::verify::verdict::Verdict;

/// How many are named of those who get in.
const MOST_NAMED: usize = 5;
/// Everybody, whatever begins with `system:`.
/// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>
const EVERYBODY: [&str; 4] = [
    "system:anonymous",
    "system:authenticated",
    "system:serviceaccounts",
    "system:unauthenticated",
];
/// What may use an identity through an identity binding of AKS.
/// <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>
const BINDING_GROUP: &str = "cid.wi.aks.azure.com";

pub(in crate::verify) fn token_hubs(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str =
        "whoever gets a token of any account can exchange it for the identity of that account";
    let roles = match case.scene.evidence.cluster_roles.get(case.subject) {
        Some(Read::Facts(roles)) => roles,
        Some(Read::Unread(unread)) => {
            let why = &unread.why;
            return Verdict::unread(format!(
                "it needs the right to list clusterroles and clusterrolebindings: {why}"
            ));
        }
        None => return Verdict::unread("its ClusterRoles were not read"),
    };
    let accounts = case.scene.chains.iter().filter(|chain| chain.cluster == case.subject);
    let accounts: Vec<&str> = accounts.map(|chain| chain.account.name.as_str()).collect();
    let makes_tokens = |rule: &PolicyRule| {
        let mut names = rule.resource_names.iter();
        rule.allows("create", "", "serviceaccounts/token")
            && (rule.resource_names.is_empty() || names.any(|name| accounts.contains(&&**name)))
    };
    let is_admin = |subject: &RoleSubject| {
        let mut bindings =
            roles.bindings.iter().filter(|binding| &*binding.role == "cluster-admin");
        bindings.any(|binding| binding.subjects.contains(subject))
    };
    let holders = roles.holders(makes_tokens).into_iter().filter(|(subject, _)| {
        is_everybody(subject) || !(subject.name.starts_with("system:") || is_admin(subject))
    });
    let holders: Vec<String> = holders.map(|(subject, binding)| held(subject, binding)).collect();
    if holders.is_empty() {
        return Verdict::Pass;
    }
    Verdict::warn("nobody but the system and cluster-admins", named(&holders), WHY)
}

/// A pair of an issuer that the cluster had before lets in whoever holds the signing keys of that time.
pub(in crate::verify) fn retiring(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str = "whoever holds the signing keys of the cluster as it was gets in by them";
    let (scene, cluster) = (case.scene, case.subject);
    let own = scene.expected_issuer(cluster);
    let issuers = scene.desired.retiring(cluster).iter().filter(|issuer| Some(*issuer) != own);
    let issuers: Vec<_> = issuers.collect();
    if issuers.is_empty() {
        return Verdict::NotApplicable;
    }
    let mut found = Vec::new();
    for identity in &scene.identities {
        let live = match scene.observed.credentials.get(*identity) {
            Some(Read::Facts(live)) => live,
            Some(Read::Unread(unread)) => return Verdict::unread(&*unread.why),
            None => continue,
        };
        let kept = live.iter().filter(|live| issuers.contains(&&live.issuer));
        found.extend(kept.map(|live| {
            let who = live.subject.as_ref().map_or("an expression", |subject| subject.as_str());
            format!("{who} of `{}` on {identity} by credential `{}`", live.issuer, live.name)
        }));
    }
    if found.is_empty() {
        return Verdict::Pass;
    }
    Verdict::warn("no credential trusts an issuer in `also_trust`", named(&found), WHY)
}

/// Whether a subject is everybody, or an account under another spelling, and no part of the system.
fn is_everybody(subject: &RoleSubject) -> bool {
    EVERYBODY.contains(&&*subject.name)
        || subject.name.starts_with("system:serviceaccounts:")
        || subject.name.starts_with("system:serviceaccount:")
}

/// Who holds a right, and how.
fn held(subject: &RoleSubject, binding: &ClusterBinding) -> String {
    let RoleSubject { kind, namespace, name } = subject;
    let place = namespace.as_deref().map_or_else(String::new, |namespace| format!("{namespace}/"));
    let ClusterBinding { name: by, role, .. } = binding;
    format!("{kind} {place}{name} by ClusterRoleBinding {by} to ClusterRole {role}")
}

/// The first of them, and how many more there are.
pub(super) fn named(all: &[String]) -> String {
    let more = all.len().saturating_sub(MOST_NAMED);
    let more = (more > 0).then(|| format!("and {more} more"));
    all.iter().take(MOST_NAMED).cloned().chain(more).collect::<Vec<_>>().join("; ")
}

pub(in crate::verify) fn foreign_trust(case: &Case<'_, IdentityKey>) -> Verdict {
    const WHY: &str = "whoever gets in acts as the identity, with everything that it is given";
    let (scene, key) = (case.scene, case.subject);
    let live = match identity(scene, key) {
        Ok(live) => live,
        Err(unknown @ Verdict::Unknown { .. }) => return unknown,
        Err(
            Verdict::Fail(_)
            | Verdict::Warn(_)
            | Verdict::Pass
            | Verdict::PassBy(_)
            | Verdict::NotApplicable,
        ) => {
            return Verdict::NotApplicable;
        }
    };
    let Some(foreign) = scene.foreign(key) else { return Verdict::NotApplicable };
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    let strangers = foreign.credentials.as_deref().unwrap_or_default();
    let by = strangers.iter().map(|(who, by)| format!("{who} by credential `{}`", by.name));
    found.extend(by);
    unread.extend(foreign.credentials.as_ref().err().map(ToString::to_string));
    for (cluster, bindings) in &foreign.bindings {
        match bindings {
            Ok(names) => found.extend(names.iter().map(|name| {
                let whom = whom(scene, cluster, (key, live));
                format!("cluster {cluster} by identity binding `{name}`: {whom}")
            })),
            Err(why) => unread.push(format!("the identity bindings of cluster {cluster}: {why}")),
        }
    }
    // Azure lists no bindings of these.
    for cluster in scene.clusters.iter().filter(|name| !foreign.bindings.contains_key(**name)) {
        match users(scene, cluster, (key, live)) {
            Ok(users) => found.extend(users.iter().map(|user| {
                format!(
                    "{user} of cluster {cluster}, as soon as an identity binding opens it there"
                )
            })),
            Err(why) => unread.push(format!("the ClusterRoles of cluster {cluster}: {why}")),
        }
    }
    let judges_all = scene.desired.policy.foreign_trust != ForeignVerdict::Allow;
    match (found.is_empty(), unread.first()) {
        (false, _) => {
            let fix = strangers.first().map(|(_, credential)| remove_arguments(key, credential));
            let unread = unread.first().map(|why| format!("; and unknown: {why}"));
            let found = named(&found) + &unread.unwrap_or_default();
            Verdict::warn("nobody whom the profile does not name", found, WHY).repaired_by(fix)
        }
        (true, Some(why)) => Verdict::unread(why),
        (true, None) if judges_all => Verdict::Pass,
        (true, None) => Verdict::NotApplicable,
    }
}

/// Whom an identity binding of a cluster lets in, as far as it was read.
fn whom(
    scene: &Scene<'_>,
    cluster: &ClusterName,
    identity: (&IdentityKey, &LiveIdentity),
) -> String {
    match users(scene, cluster, identity) {
        Ok(users) if users.is_empty() => {
            "no ClusterRole names others, and whom the binding itself allows was not read"
                .to_owned()
        }
        Ok(users) => users.join(", "),
        Err(why) => format!("which accounts was not read: {why}"),
    }
}

/// Who may use an identity through bindings of a cluster and is no account that the profile names for it.
fn users(
    scene: &Scene<'_>,
    cluster: &ClusterName,
    (key, live): (&IdentityKey, &LiveIdentity),
) -> Result<Vec<String>, String> {
    let roles = match scene.evidence.cluster_roles.get(cluster) {
        Some(Read::Facts(roles)) => roles,
        Some(Read::Unread(unread)) => return Err(unread.why.to_string()),
        None => return Err("not asked for".to_owned()),
    };
    let client = live.client_id.to_string();
    // Only what names the group: `*` is what cluster-admins have.
    let is_for_it = |rule: &PolicyRule| {
        rule.api_groups.iter().any(|group| &**group == BINDING_GROUP)
            && rule.allows("use-managed-identity", BINDING_GROUP, &client)
    };
    let is_meant = |subject: &RoleSubject| {
        let mut credentials = scene.desired.credentials.iter();
        credentials.any(|(wanted, credential)| {
            wanted.identity == *key
                && matches!(&credential.trust, Trust::Cluster { cluster: on, subject: account }
                    if on == cluster && subject::account(account) == account_of(subject))
        })
    };
    let holders = roles.holders(is_for_it).into_iter().filter(|(subject, _)| !is_meant(subject));
    Ok(holders.map(|(subject, binding)| held(subject, binding)).collect())
}

/// The namespace and name of a subject that is an account.
fn account_of(subject: &RoleSubject) -> Option<(&str, &str)> {
    match &subject.namespace {
        Some(namespace) => Some((namespace, &subject.name)),
        None => subject.name.strip_prefix("system:serviceaccount:")?.split_once(':'),
    }
}

pub(in crate::verify) fn probed(case: &Case<'_, Probed<'_>>) -> Verdict {
    const WHY: &str = "whoever runs as that account acts as the other team's identity";
    let Probed { team, probes } = case.subject;
    let (mut granted, mut unknown) = (Vec::new(), None);
    for probe in probes {
        match case.scene.evidence.probes.get(&probe.key) {
            Some(Read::Facts(Exchanged::Granted(_))) => granted.push(probe),
            Some(Read::Facts(Exchanged::Refused { code: Some(code), .. }))
                if exchange::is_no_match(*code) => {}
            Some(Read::Facts(Exchanged::Refused { why, .. })) => {
                unknown =
                    Some(format!("{}: Entra refused it for another reason: {why}", told(probe)));
            }
            Some(Read::Unread(unread)) => {
                unknown = Some(format!("{}: {}", told(probe), unread.why));
            }
            None => unknown = Some(format!("{}: it was not presented", told(probe))),
        }
    }
    match (granted.first(), unknown) {
        (Some(first), _) => {
            let wanted = format!("no token of other teams is one of {team}'s identities");
            let found: Vec<String> = granted
                .iter()
                .map(|probe| format!("{}, and Entra gave an access token", told(probe)))
                .collect();
            Verdict::fail(wanted, named(&found), WHY).repaired_by(opened_by(case.scene, first))
        }
        (None, Some(why)) => Verdict::unread(why),
        (None, None) => Verdict::Pass,
    }
}

/// What was presented for what.
fn told(probe: &Probe<'_>) -> String {
    let Probe { from, chain, identity, .. } = probe;
    format!("the token of {} of team {from} was presented for {identity}", chain.account)
}

/// The command that deletes the credential by which an account gets in, where one names it.
fn opened_by(scene: &Scene<'_>, probe: &Probe<'_>) -> Option<Vec<String>> {
    let issuer = scene.expected_issuer(probe.chain.cluster);
    let live = scene.observed.credentials.get(probe.identity)?.facts()?;
    let by = live.iter().find(|live| {
        Some(&live.issuer) == issuer && live.subject.as_ref() == Some(probe.chain.subject)
    })?;
    Some(remove_arguments(probe.identity, by))
}
