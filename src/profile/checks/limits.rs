//! Limits of Azure, as far as the profile alone can tell.

use std::collections::BTreeMap;

use crate::model::kinds::federated_credential::CREDENTIALS_PER_IDENTITY;
use crate::model::kinds::identity::TAG_MANAGED_BY;
use crate::model::rule::rules;
use crate::model::text::fold;
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::merge::identities::MergedIdentity;
use crate::profile::source::{Span, quoted};

rules! {
    CREDENTIALS = "WID-CREDENTIALS", Check;
        "an identity has at most 20 federated credentials",
        "Azure takes 20 federated credentials on an identity: one for each workload on each cluster, one for each federation, and those that others made, which the plan counts.",
        "Set `per_cluster = true` for one identity per cluster, or spread the workloads over several identities.";
    PER_CLUSTER_NAME = "WID-PER-CLUSTER-NAME", Check;
        "the names of per-cluster identities have at most 128 characters",
        "An identity with `per_cluster = true` is named `<name>-<cluster>` on each cluster, and Azure takes 128 characters.",
        "Shorten the identity's name or the cluster's key.";
    PER_CLUSTER_UNUSED = "WID-PER-CLUSTER-UNUSED", Check;
        "an identity per cluster is used by a workload",
        "The clusters of an identity with `per_cluster = true` are those of its workloads; without any, there would be no identity at all.",
        "Name the identity in a workload, or remove `per_cluster`.";
    TAGS = "WID-TAGS", Check;
        "tags are ones that Azure takes, and widctl's own are left to it",
        "Azure takes 50 tags with names of 1 to 512 characters without `<>%&\\?/`, compared without regard to case, and values up to 256. widctl needs `managed-by`, `widctl-estate` and `widctl-team` for itself, and tags nothing that it did not create.",
        "Shorten, rename or remove the tag.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] = &[credentials, per_cluster_names, per_cluster_unused, tags];

/// The most tags of a resource, and the longest name and value.
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations>
const MOST_TAGS: usize = 50;
const LONGEST_TAG_NAME: usize = 512;
const LONGEST_TAG_VALUE: usize = 256;
/// The tags that widctl writes itself.
const OWN_TAGS: usize = 3;
/// The longest name of a managed identity.
const LONGEST_NAME: usize = 128;

fn credentials(merged: &Merged<'_>, findings: &mut Findings) {
    for (index, identity) in merged.identities() {
        let (trust, federations) = (merged.trust(index), identity.resolved.federations.len());
        let per_cluster = identity.resolved.per_cluster;
        let workloads = if per_cluster {
            trust.values().max().copied().unwrap_or_default()
        } else {
            trust.values().sum()
        };
        let count = workloads + federations;
        if count <= CREDENTIALS_PER_IDENTITY {
            continue;
        }
        let each = if per_cluster { " on one cluster" } else { "" };
        let message = format!(
            "identity {} would hold {count} federated credentials{each}, Azure takes {CREDENTIALS_PER_IDENTITY}: {workloads} of workloads, {federations} of federations",
            quoted(&identity.resolved.name),
        );
        let widest = trust.values().max().copied().unwrap_or_default() + federations;
        let hint = if !per_cluster && widest <= CREDENTIALS_PER_IDENTITY {
            format!(
                "set `per_cluster = true` on it: one identity for each of its {} clusters, the widest with {widest}; or spread the workloads over several identities",
                trust.len()
            )
        } else {
            "spread the workloads and federations over several identities of the team".into()
        };
        findings.add(Finding::new(&CREDENTIALS, identity.name_at, message).hint(hint));
    }
}

fn per_cluster_names(merged: &Merged<'_>, findings: &mut Findings) {
    for (index, identity) in
        merged.identities().filter(|(_, identity)| identity.resolved.per_cluster)
    {
        let longest = merged.trust(index).keys().max_by_key(|cluster| cluster.as_str().len());
        let Some(cluster) = longest else { continue };
        let name = format!("{}-{cluster}", identity.resolved.name);
        if name.len() > LONGEST_NAME {
            let message = format!(
                "the name `<name>-{cluster}` has {} characters, Azure takes {LONGEST_NAME}",
                name.len()
            );
            findings.add(Finding::new(&PER_CLUSTER_NAME, identity.name_at, message));
        }
    }
}

fn per_cluster_unused(merged: &Merged<'_>, findings: &mut Findings) {
    for (index, identity) in merged.identities() {
        // A workload that could not be completed may be the one that uses it.
        let team = &merged.teams[index.team];
        let complete =
            team.table.workload.as_ref().map_or(0, |list| list.len()) == team.workloads.len();
        if identity.resolved.per_cluster && merged.trust(index).is_empty() && complete {
            let message = format!(
                "identity {} is one per cluster, but no workload uses it",
                quoted(&identity.resolved.name)
            );
            findings.add(Finding::new(&PER_CLUSTER_UNUSED, identity.name_at, message));
        }
    }
}

fn tags(merged: &Merged<'_>, findings: &mut Findings) {
    for (_, identity) in merged.identities() {
        let Some(tags) = &identity.table.tags else {
            continue;
        };
        for (at, message) in wrong_tags(identity, tags.at) {
            findings.add(Finding::new(&TAGS, at, message));
        }
    }
}

fn wrong_tags(identity: &MergedIdentity<'_>, all: Span) -> Vec<(Span, String)> {
    let tags = identity.table.tags.as_ref().map_or(&[][..], |tags| &tags.value.0);
    let mut wrong = Vec::new();
    if !identity.resolved.create && !tags.is_empty() {
        wrong.push((all, "an identity with `create = false` is never tagged".to_owned()));
    }
    if tags.len() + OWN_TAGS > MOST_TAGS {
        let most = MOST_TAGS - OWN_TAGS;
        wrong.push((
            all,
            format!("{} tags, beside widctl's own there is room for {most}", tags.len()),
        ));
    }
    let mut seen = BTreeMap::new();
    for (name, value) in tags {
        let folded = fold(&name.0);
        let (name_length, value_length) = (name.0.chars().count(), value.0.chars().count());
        if folded == TAG_MANAGED_BY || folded.starts_with("widctl-") {
            wrong.push((name.at, format!("the tag {} is widctl's own", quoted(&name.0))));
        }
        if name_length == 0
            || name_length > LONGEST_TAG_NAME
            || name.0.contains(['<', '>', '%', '&', '\\', '?', '/'])
        {
            wrong.push((
                name.at,
                format!("{} is not a name that Azure takes for a tag", quoted(&name.0)),
            ));
        }
        if value_length > LONGEST_TAG_VALUE {
            wrong.push((
                value.at,
                format!("the value has {value_length} characters, Azure takes {LONGEST_TAG_VALUE}"),
            ));
        }
        if seen.insert(folded, name.at).is_some() {
            wrong.push((
                name.at,
                format!("the tag {} stands twice: Azure ignores case", quoted(&name.0)),
            ));
        }
    }
    wrong
}
