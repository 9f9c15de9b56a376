//! Clusters: which of the two kinds each one is.

use std::collections::BTreeMap;

use crate::model::arm_id::ArmId;
use crate::model::rule::rules;
use crate::model::text::{ClusterName, Issuer};
use crate::profile::findings::{Finding, Findings};
use crate::profile::read::At;
use crate::profile::read::collections::Items;
use crate::profile::read::texts::ClusterKind;
use crate::profile::resolved::Cluster;
use crate::profile::schema::{ClusterTable, RootFile};
use crate::profile::source::{Span, quoted};

rules! {
    NO_CLUSTER_KIND = "WID-CLUSTER", Check;
        "a cluster is an AKS or Arc cluster, or pinned by context and issuer",
        "An AKS or Arc cluster is found by subscription, resource group and name, and its issuer is looked up. Any other cluster is reached by its kubeconfig context, and its issuer stands in the profile. A cluster cannot be both or neither.",
        "Write `resource_group` and `name` for AKS (`context` may replace the AKS credential call), `kind = \"arc\"` and `context` besides for Arc, or `context` and `issuer` for any other cluster.";
    ALSO_TRUST = "WID-ALSO-TRUST", Check;
        "an issuer that retires is another one than the cluster has, and stands once",
        "`also_trust` names issuers that the cluster had before, so that credentials for them stay until its pods have moved.",
        "Take the issuer out of `also_trust`.";
}

/// The ARM type of AKS clusters.
const AKS_TYPE: &str = "Microsoft.ContainerService/managedClusters";
/// The ARM type of clusters connected by Azure Arc.
const ARC_TYPE: &str = "Microsoft.Kubernetes/connectedClusters";

/// A complete cluster.
#[derive(Debug)]
pub(crate) struct MergedCluster<'a> {
    /// Its key.
    pub(crate) key: &'a At<ClusterName>,
    /// The cluster.
    pub(crate) resolved: Cluster,
    /// The issuers that it had before.
    pub(crate) also_trust: Vec<Issuer>,
}

/// The most issuers that retire at a time: an identity holds 20 credentials.
const MOST_RETIRING: usize = 10;

/// All clusters by their key; `None` for one that could not be completed.
pub(crate) fn merge<'a>(
    root: &'a RootFile,
    findings: &mut Findings,
) -> BTreeMap<ClusterName, Option<MergedCluster<'a>>> {
    let clusters = root.clusters.iter().flat_map(|clusters| &clusters.value.0);
    clusters
        .map(|(key, table)| {
            let resolved = if table.intact { resolve(root, key, table, findings) } else { None };
            let also_trust = retiring(table, findings);
            let merged = resolved.map(|resolved| MergedCluster { key, resolved, also_trust });
            (key.value.clone(), merged)
        })
        .collect()
}

/// The issuers that retire.
fn retiring(table: &ClusterTable, findings: &mut Findings) -> Vec<Issuer> {
    let mut seen: BTreeMap<&Issuer, Span> = BTreeMap::new();
    let own = table.issuer.as_ref().map(|own| (&own.value, own.at));
    let listed = table.also_trust.items();
    for issuer in listed {
        let text = quoted(issuer.as_str());
        if let Some((_, at)) = own.filter(|(own, _)| **own == issuer.value) {
            let message = format!("{text} is the issuer that the cluster has");
            findings.add(Finding::new(&ALSO_TRUST, issuer.at, message).related(at, "its issuer"));
        } else if let Some(first) = seen.insert(&issuer.value, issuer.at) {
            let finding = Finding::new(&ALSO_TRUST, issuer.at, format!("{text} stands twice"));
            findings.add(finding.related(first, "the first one"));
        }
    }
    if let Some(more) = listed.get(MOST_RETIRING) {
        let message = format!("a cluster has at most {MOST_RETIRING} issuers that retire");
        findings.add(Finding::new(&ALSO_TRUST, more.at, message));
    }
    listed.iter().map(|issuer| issuer.value.clone()).collect()
}

fn resolve(
    root: &RootFile,
    key: &At<ClusterName>,
    table: &At<ClusterTable>,
    findings: &mut Findings,
) -> Option<Cluster> {
    let ClusterTable {
        kind,
        subscription,
        resource_group,
        name,
        context,
        issuer,
        also_trust: _,
        token_audience,
        intact: _,
    } = &table.value;
    let token_audience = token_audience.as_ref().map(|audience| audience.0.to_string());
    let named = [kind.is_some(), subscription.is_some(), resource_group.is_some(), name.is_some()];
    let in_azure = named.contains(&true);
    let is_arc = kind.as_ref().is_some_and(|kind| kind.value == ClusterKind::Arc);
    let (title, arm_type) = if is_arc { ("Arc", ARC_TYPE) } else { ("AKS", AKS_TYPE) };
    let default = root.azure.as_ref().and_then(|azure| azure.subscription.as_ref());
    let subscription = subscription.as_ref().or(default);
    let problem = match (issuer, context) {
        (Some(issuer), _) if in_azure => {
            let message = format!(
                "cluster {} is named as an {title} cluster and has an issuer of its own",
                quoted(key.as_str())
            );
            let finding = Finding::new(&NO_CLUSTER_KIND, issuer.at, message);
            finding.hint(format!(
                "an {title} cluster's issuer is looked up: remove `issuer`, or what names the {title} cluster"
            ))
        }
        (Some(issuer), Some(context)) => {
            let context = context.0.to_string();
            return Some(Cluster::Pinned { context, issuer: issuer.value.clone(), token_audience });
        }
        (Some(issuer), None) => {
            let message = format!("cluster {} has an issuer but no context", quoted(key.as_str()));
            Finding::new(&NO_CLUSTER_KIND, issuer.at, message)
                .hint("add `context = \"…\"`, a context of the kubeconfig that reaches the cluster")
        }
        (None, context) => {
            if let (Some(group), Some(name), Some(subscription)) =
                (resource_group, name, subscription)
            {
                let id = ArmId::of_resource(subscription.value, &group.0, arm_type, &name.0);
                let context = context.as_ref().map(|context| context.0.to_string());
                match (is_arc, context) {
                    (false, context) => return Some(Cluster::Aks { id, context, token_audience }),
                    (true, Some(context)) => {
                        return Some(Cluster::Arc { id, context, token_audience });
                    }
                    (true, None) => {
                        let message =
                            format!("the Arc cluster {} has no `context`", quoted(key.as_str()));
                        findings.add(Finding::new(&NO_CLUSTER_KIND, key.at, message).hint(
                            "add `context = \"…\"`, a context of the kubeconfig that reaches the cluster",
                        ));
                        return None;
                    }
                }
            }
            if root.azure.as_ref().is_some_and(|azure| !azure.intact) || !root.intact {
                return None;
            }
            incomplete(
                key,
                in_azure.then_some(title),
                [
                    ("subscription", subscription.is_some()),
                    ("resource_group", resource_group.is_some()),
                    ("name", name.is_some()),
                ],
            )
        }
    };
    findings.add(problem);
    None
}

fn incomplete(key: &At<ClusterName>, title: Option<&str>, parts: [(&str, bool); 3]) -> Finding {
    let key_text = quoted(key.as_str());
    let Some(title) = title else {
        let message = format!("cluster {key_text} has neither an AKS name nor an issuer");
        return Finding::new(&NO_CLUSTER_KIND, key.at, message).hint(
            "an AKS cluster needs `resource_group` and `name`; any other needs `context` and `issuer`",
        );
    };
    let missing: Vec<String> =
        parts.iter().filter(|(_, given)| !given).map(|(part, _)| format!("`{part}`")).collect();
    let message = format!("the {title} cluster {key_text} has no {}", missing.join(" and no "));
    Finding::new(&NO_CLUSTER_KIND, key.at, message).hint(format!(
        "add {} to `[clusters.{key}]`; `subscription` may stand in `[azure]`",
        missing.join(" and "),
        key = key.as_str()
    ))
}
