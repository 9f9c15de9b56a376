//! Refusals about clusters, their issuers and the tenant, and the remarks that come with them.

use std::collections::BTreeMap;

use crate::model::arm_id::ArmId;
use crate::model::guid::TenantId;
use crate::model::rule::rules;
use crate::model::shell;
use crate::model::text::{ClusterName, Issuer};
use crate::observed::read::Read;
use crate::observed::state::ObservedCluster;
use crate::plan::draft::{Context, Draft};
use crate::plan::link::{IssuerLink, IssuerSource};
use crate::plan::notes;
use crate::plan::refusals::Refusal;
use crate::profile::resolved::Cluster;

rules! {
    MISSING = "WID-CLUSTER-MISSING", Obstacle;
        "an AKS cluster of the profile does not exist",
        "its issuer comes from there, and no credential can be written without one",
        "correct the cluster's subscription, resource group or name";
    ISSUER_DISABLED = "WID-ISSUER-DISABLED", Obstacle;
        "a cluster's OIDC issuer is not enabled",
        "Entra can only trust tokens of a cluster that publishes its issuer; widctl never changes a cluster",
        "az aks update --enable-oidc-issuer (it restarts the API server and cannot be undone)";
    ISSUER_MISMATCH = "WID-ISSUER-MISMATCH", Obstacle;
        "ARM and a cluster's discovery document name different issuers",
        "one of them belongs to another cluster, and trusting it would let that cluster's accounts in",
        "check that the context, or the answer of a proxy, is that of this cluster";
    ISSUER_SHARED = "WID-ISSUER-SHARED", Obstacle;
        "two clusters of the profile have one issuer",
        "an account of one could act as the same account of the other: they have one issuer and subject",
        "remove one of the two clusters, or correct its resource group, name, or pinned issuer";
    TENANT = "WID-TENANT-MISMATCH", Obstacle;
        "the sign-in is to another tenant than the profile pins",
        "everything would be looked up and created in the wrong directory",
        "sign in to the profile's tenant, or correct `tenant`";
}

/// What helps where the resource group has no AKS cluster of the name.
const ARC_INSTEAD: &str = "correct its subscription, resource group or name; a cluster that Azure Arc connects has `kind = \"arc\"` and a `context`, any other `context` and `issuer`";

/// Checks the tenant, and every cluster that a selected row needs.
pub(crate) fn check(context: &Context<'_>, draft: &mut Draft) {
    if let (Some(pinned), Some(observed)) = (context.desired.tenant, context.observed.tenant)
        && pinned != observed
    {
        draft.refusals.push(other_tenant(pinned, observed));
    }
    for (name, cluster) in &context.desired.clusters {
        if context.selection.uses_cluster(name) {
            check_issuer(draft, name, cluster, &context.links.issuers[name]);
            check_webhook(draft, name, cluster, context.observed.clusters.get(name));
        }
    }
    check_shared(context, draft);
}

fn check_issuer(draft: &mut Draft, name: &ClusterName, cluster: &Cluster, link: &IssuerLink) {
    match link {
        IssuerLink::Unknown(_) => {}
        IssuerLink::NoCluster => draft.refusals.push(missing(name, cluster)),
        IssuerLink::Disabled => draft.refusals.push(disabled(name, cluster)),
        IssuerLink::Mismatch { arm, discovered } => {
            draft.refusals.push(ISSUER_MISMATCH.refuse(
                name,
                format!("ARM says `{arm}`, the discovery document says `{discovered}`"),
                matches!(cluster, Cluster::Arc { .. }).then(|| {
                    format!(
                        "check that the context is that of this cluster, and that its API server runs with `--service-account-issuer={arm}`"
                    )
                }),
            ));
        }
        IssuerLink::Known { issuer, source } => match source {
            IssuerSource::DiscoveredOverSlash => {
                draft.notes.push(notes::issuer_slash(name, issuer));
            }
            IssuerSource::PinnedAgainst(says) => {
                draft.notes.push(notes::issuer_pinned(name, issuer, says));
            }
            IssuerSource::Discovered | IssuerSource::ArmAlone | IssuerSource::Pinned => {}
        },
    }
}

fn check_webhook(
    draft: &mut Draft,
    name: &ClusterName,
    cluster: &Cluster,
    observed: Option<&ObservedCluster>,
) {
    let Some(observed) = observed else { return };
    let objects = observed.objects.as_ref().and_then(Read::facts);
    let webhook = objects.and_then(|objects| objects.webhook.facts());
    let managed = observed.managed.as_ref().and_then(Read::facts);
    let addon = managed.and_then(Option::as_ref).map(|managed| managed.workload_identity);
    let missing = match webhook {
        Some(webhook) => webhook.is_none(),
        None => addon == Some(false),
    };
    if missing {
        let addon = addon.unwrap_or_default();
        draft.notes.push(notes::webhook_missing(name, cluster, addon));
    }
}

fn check_shared(context: &Context<'_>, draft: &mut Draft) {
    let mut named: BTreeMap<&Issuer, Vec<&ClusterName>> = BTreeMap::new();
    for (name, link) in &context.links.issuers {
        if let IssuerLink::Known { issuer, .. } = link {
            named.entry(issuer).or_default().push(name);
        }
    }
    for (issuer, names) in named.into_iter().filter(|(_, names)| names.len() > 1) {
        if names.iter().any(|name| context.selection.uses_cluster(name)) {
            let list: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            draft.refusals.push(ISSUER_SHARED.refuse(
                names[0],
                format!("clusters {} all have the issuer `{issuer}`", list.join(", ")),
                None,
            ));
        }
    }
}

fn other_tenant(pinned: TenantId, observed: TenantId) -> Refusal {
    TENANT.refuse(
        format!("tenant {pinned}"),
        format!("the profile pins tenant {pinned}, the sign-in is to {observed}"),
        format!("az login --tenant {pinned}"),
    )
}

fn missing(name: &ClusterName, cluster: &Cluster) -> Refusal {
    let id = cluster.id().map(ArmId::as_str).unwrap_or_default();
    let what = format!("there is no cluster `{id}`");
    let fix = matches!(cluster, Cluster::Aks { .. }).then_some(ARC_INSTEAD);
    MISSING.refuse(name, what, fix.map(str::to_owned))
}

fn disabled(name: &ClusterName, cluster: &Cluster) -> Refusal {
    let fix = az_update(cluster, "--enable-oidc-issuer");
    ISSUER_DISABLED.refuse(name, "its OIDC issuer is not enabled", fix)
}

/// The command that changes a cluster in Azure.
/// <https://learn.microsoft.com/azure/azure-arc/kubernetes/workload-identity>
pub(crate) fn az_update(cluster: &Cluster, flags: &str) -> Option<String> {
    let (id, command) = match cluster {
        Cluster::Aks { id, .. } => (id, "aks"),
        Cluster::Arc { id, .. } => (id, "connectedk8s"),
        Cluster::Pinned { .. } => return None,
    };
    let subscription = id.subscription().map(|id| id.to_string());
    Some(format!(
        "az {command} update --subscription {} --resource-group {} --name {} {flags}",
        subscription.unwrap_or_default(),
        shell::quote(id.resource_group().unwrap_or_default()),
        shell::quote(id.name())
    ))
}
