//! Clusters and their public issuers.

use crate::model::text::{ClusterName, Issuer};
use crate::observed::evidence::{Document, Exchanged, Issued, IssuerEvidence, Keys, Published};
use crate::observed::read::{Read, Unread};
use crate::plan::link::{IssuerLink, IssuerSource};
use crate::profile::resolved::Cluster;
use crate::verify::checks::exchange;
use crate::verify::scene::Case;
use crate::verify::verdict::Verdict;

/// How many keys of an issuer Entra keeps.
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
const MOST_KEYS: usize = 100;

const DOCUMENT: &str =
    "Entra reads this document, and the keys that it names, to check every token of the cluster";

pub(in crate::verify) fn reached(case: &Case<'_, ClusterName>) -> Verdict {
    let objects = match case.scene.objects(case.subject) {
        Ok(objects) => objects,
        Err(why) => return Verdict::unread(why),
    };
    let looked = objects.leftovers();
    // A refusal is an answer.
    let is_fault = |read: &Result<(), &Unread>| read.is_err_and(|unread| !unread.refused);
    match looked.first() {
        Some(Err(first)) if looked.iter().all(is_fault) => Verdict::unread(&*first.why),
        Some(_) | None => Verdict::Pass,
    }
}

pub(in crate::verify) fn issuer_enabled(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str = "Entra trusts the tokens of a cluster by its issuer alone";
    let Some(cluster) = case.scene.desired.clusters.get(case.subject) else {
        return Verdict::NotApplicable;
    };
    match (cluster, case.scene.links.issuers.get(case.subject)) {
        (Cluster::Pinned { .. }, _) => Verdict::NotApplicable,
        (_, None) => Verdict::unread("the cluster was not read in Azure"),
        (_, Some(IssuerLink::Unknown(why))) => Verdict::unread(why.to_string()),
        (_, Some(IssuerLink::Known { .. } | IssuerLink::Mismatch { .. })) => Verdict::Pass,
        (_, Some(IssuerLink::NoCluster)) => {
            Verdict::fail("the cluster exists in Azure", "there is none at this ARM id", WHY)
        }
        (_, Some(IssuerLink::Disabled)) => {
            Verdict::fail("an enabled issuer", "ARM shows none", WHY)
                .repaired_by(update(cluster, &["--enable-oidc-issuer"]))
        }
    }
}

/// The command that changes an AKS cluster.
pub(super) fn update(cluster: &Cluster, flags: &[&str]) -> Option<Vec<String>> {
    let Cluster::Aks { id, .. } = cluster else { return None };
    let subscription = id.subscription()?.to_string();
    let group = id.resource_group()?;
    let place = ["--subscription", &subscription, "--resource-group", group, "--name", id.name()];
    let words = ["az", "aks", "update"].iter().chain(flags).chain(&place);
    Some(words.map(|word| (*word).to_owned()).collect())
}

pub(in crate::verify) fn discovery(case: &Case<'_, ClusterName>) -> Verdict {
    let Some(issuer) = case.scene.issuer(case.subject) else {
        return Verdict::unread("no issuer of the cluster is known");
    };
    let wanted = format!("the document below {} for everybody", issuer.asked);
    match (&issuer.document, said_by_entra(case)) {
        (Read::Facts(Published::Found(_)), Some(Err(said))) => {
            let found = format!("read from here, but Entra says {said}");
            Verdict::fail(wanted, found, DOCUMENT)
        }
        (Read::Facts(Published::Found(_)), Some(Ok(())) | None) => Verdict::Pass,
        (Read::Facts(Published::Else { why, .. }), Some(Ok(()))) => not_from_here(why),
        (Read::Unread(unread), Some(Ok(()))) => not_from_here(&unread.why),
        (Read::Facts(Published::Else { status, why }), Some(Err(_)) | None) => {
            let refused = matches!(status, Some(401 | 403));
            let fix = if refused { publish(case) } else { None };
            Verdict::fail(wanted, &**why, DOCUMENT).repaired_by(fix)
        }
        (Read::Unread(unread), Some(Err(said))) => {
            let found = format!("{}; Entra says {said}", unread.why);
            Verdict::fail(wanted, found, DOCUMENT)
        }
        (Read::Unread(unread), None) => Verdict::unread(&*unread.why),
    }
}

/// This machine is in another network than Entra.
fn not_from_here(why: &str) -> Verdict {
    Verdict::not_provable(format!(
        "not read from here: {why}; Entra has taken a token of this cluster, so what it knows of the issuer is enough"
    ))
}

/// What Entra has said of the issuer with a token of this cluster: that it is good, or that it could not read it.
fn said_by_entra<'a>(case: &Case<'a, ClusterName>) -> Option<Result<(), &'a str>> {
    let mut said = None;
    for (key, exchanged) in &case.scene.evidence.exchanges {
        if key.token.account.cluster != *case.subject {
            continue;
        }
        match exchanged {
            Read::Facts(Exchanged::Granted(_)) => return Some(Ok(())),
            Read::Facts(Exchanged::Refused { code: Some(code), why })
                if exchange::is_about_documents(*code) =>
            {
                said = Some(Err(&**why));
            }
            Read::Facts(Exchanged::Refused { .. }) | Read::Unread(_) => {}
        }
    }
    said
}

/// The command that lets everybody read the documents of an API server that serves them itself.
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery>
fn publish(case: &Case<'_, ClusterName>) -> Option<Vec<String>> {
    let Some(Cluster::Pinned { context, .. }) = case.scene.desired.clusters.get(case.subject)
    else {
        return None;
    };
    let arguments = [
        "kubectl",
        "create",
        "clusterrolebinding",
        "service-account-issuer-discovery-for-everybody",
        "--clusterrole=system:service-account-issuer-discovery",
        "--group=system:unauthenticated",
        "--context",
        context,
    ];
    Some(arguments.map(str::to_owned).to_vec())
}

fn document(issuer: &IssuerEvidence) -> Option<&Document> {
    issuer.document.facts()?.found()
}

pub(in crate::verify) fn issuer(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str =
        "Entra compares the token's issuer, the document's and the credential's byte for byte";
    const SLASH: &str = "ARM's value differs by its last slash: whoever copies it from there makes credentials that let nobody in";
    let Some(evidence) = case.scene.issuer(case.subject) else { return Verdict::NotApplicable };
    let expected = &evidence.asked;
    if let Some(document) = document(evidence)
        && document.issuer != *expected
    {
        let found = document.issuer.as_str();
        return Verdict::fail(expected.as_str(), found, WHY);
    }
    let mut tokens = case.scene.evidence.tokens.iter();
    let by_token = tokens.find_map(|(key, token)| match token.issued.facts() {
        Some(Issued::Token(claims)) if key.account.cluster == *case.subject => Some(&claims.issuer),
        Some(_) | None => None,
    });
    if let Some(by_token) = by_token.filter(|issuer| *issuer != expected) {
        return Verdict::fail(expected.as_str(), by_token.as_str(), WHY);
    }
    match case.scene.links.issuers.get(case.subject) {
        Some(IssuerLink::Mismatch { arm, discovered }) => {
            Verdict::fail(arm.as_str(), discovered.as_str(), WHY)
        }
        Some(IssuerLink::Known { source: IssuerSource::PinnedAgainst(says), .. }) => {
            Verdict::fail(expected.as_str(), says.as_str(), WHY)
        }
        Some(IssuerLink::Known { source: IssuerSource::DiscoveredOverSlash, .. }) => {
            Verdict::warn(expected.as_str(), in_arm(case).unwrap_or("another in ARM"), SLASH)
        }
        Some(
            IssuerLink::Known { .. }
            | IssuerLink::Unknown(_)
            | IssuerLink::NoCluster
            | IssuerLink::Disabled,
        )
        | None => Verdict::Pass,
    }
}

/// The issuer as ARM gives it.
fn in_arm<'a>(case: &Case<'a, ClusterName>) -> Option<&'a str> {
    let managed = case.scene.observed.clusters.get(case.subject)?.managed.as_ref()?;
    managed.facts()?.as_ref()?.issuer.as_ref().map(Issuer::as_str)
}

pub(in crate::verify) fn keys(case: &Case<'_, ClusterName>) -> Verdict {
    const WHY: &str = "Entra checks the signature of every token with these keys";
    const FEW: &str =
        "Entra keeps the first 100 keys alone: a token that another one signed is refused";
    let wanted = "at least one RSA key for RS256";
    match case.scene.issuer(case.subject).and_then(|issuer| issuer.keys.as_ref()) {
        None => Verdict::unread("the keys were not read"),
        Some(Read::Unread(unread)) => match said_by_entra(case) {
            Some(Ok(())) => not_from_here(&unread.why),
            Some(Err(_)) | None => Verdict::unread(&*unread.why),
        },
        Some(Read::Facts(Published::Else { why, .. })) => match said_by_entra(case) {
            Some(Ok(())) => not_from_here(why),
            Some(Err(_)) | None => Verdict::fail(wanted, &**why, WHY),
        },
        Some(Read::Facts(Published::Found(Keys { usable, all }))) => match usable.len() {
            0 => Verdict::fail(wanted, format!("{all} keys, none of them for RS256"), WHY),
            _ if *all > MOST_KEYS => {
                Verdict::warn(format!("at most {MOST_KEYS} keys"), format!("{all} keys"), FEW)
            }
            _ => Verdict::Pass,
        },
    }
}
