//! What the policy denies to everyone alike.

use wildmatch::WildMatch;

use crate::model::arm_id::{ArmId, ScopeLevel};
use crate::model::rule::rules;
use crate::model::text::is_same_name;
use crate::profile::checks::Check;
use crate::profile::findings::{Finding, Findings};
use crate::profile::merge::Merged;
use crate::profile::read::collections::Items;
use crate::profile::read::texts::DeniedScope;
use crate::profile::resolved::{Cluster, RoleChoice};
use crate::profile::roles;
use crate::profile::source::quoted;

rules! {
    DENIED_ROLE = "WID-DENIED-ROLE", Guardrail;
        "no identity gets a role that the policy denies",
        "`policy.denied_roles` lists roles that no workload should hold; a built-in role is recognised by its GUID however it is written.",
        "Grant a narrower role. Only the root file can change `policy.denied_roles`.";
    PRIVILEGED_ROLE = "WID-PRIVILEGED-ROLE", Guardrail;
        "no identity gets a role that can hand out access",
        "A role that may write `Microsoft.Authorization` or federated credentials, everything (`*`), or another action that docs/profile.md lists, lets a workload make itself or others more than they are. Custom roles are judged by the plan, which knows their actions.",
        "Grant a role for the data or the service that the workload needs. Only `denied_roles = []` in the root file lifts this.";
    DENIED_SCOPE = "WID-DENIED-SCOPE", Guardrail;
        "no role holds on a scope that the policy denies",
        "A role on a resource group or wider covers whatever is put there later. `policy.denied_scopes` lists the levels that are too wide; the tenant's root always is, and for a team in its own file whatever lies outside every subscription.",
        "Grant the role on the resource itself. Only the root file can change `policy.denied_scopes`.";
    DENIED_NAMESPACE = "WID-DENIED-NAMESPACE", Guardrail;
        "no workload runs in a namespace that the policy denies",
        "Namespaces of the system, and the one that everybody shares, give too many people the power to run as the workload's account.",
        "Use a namespace of the team's own. Only the root file can change `policy.denied_namespaces`.";
    CLUSTER_FEDERATION = "WID-CLUSTER-FEDERATION", Guardrail;
        "a federation is not a way around workloads",
        "A federation with the issuer of a cluster would trust a service account without the checks of namespaces and teams; and the issuer of AKS's identity bindings belongs to AKS.",
        "Write a `[[team.workload]]` for the service account.";
}

/// The checks of these rules.
pub(super) const CHECKS: &[Check] =
    &[denied_roles, privileged_roles, denied_scopes, denied_namespaces, cluster_federations];

/// Whether two choices of a role mean the same one.
fn same_role(a: &RoleChoice, b: &RoleChoice) -> bool {
    match (a, b) {
        (RoleChoice::Known(a), RoleChoice::Known(b)) => a == b,
        (RoleChoice::Custom(a), RoleChoice::Custom(b)) => is_same_name(a.as_str(), b.as_str()),
        (RoleChoice::Known(_), RoleChoice::Custom(_))
        | (RoleChoice::Custom(_), RoleChoice::Known(_)) => false,
    }
}

fn name_of(role: &RoleChoice) -> &str {
    match role {
        RoleChoice::Known(role) => role.name.as_str(),
        RoleChoice::Custom(name) => name.as_str(),
    }
}

fn denied_roles(merged: &Merged<'_>, findings: &mut Findings) {
    for (_, identity) in merged.identity_tables() {
        for role in identity.roles.items().iter().filter_map(|grant| grant.role.get()) {
            if merged.policy.denied_roles.iter().any(|denied| same_role(denied, &role.value)) {
                let message =
                    format!("the policy denies the role {}", quoted(name_of(&role.value)));
                findings.add(Finding::new(&DENIED_ROLE, role.at, message));
            }
        }
    }
}

fn privileged_roles(merged: &Merged<'_>, findings: &mut Findings) {
    let denied = &merged.policy.denied_roles;
    if denied.is_empty() {
        return;
    }
    for (_, identity) in merged.identity_tables() {
        for role in identity.roles.items().iter().filter_map(|grant| grant.role.get()) {
            let RoleChoice::Known(known) = &role.value else {
                continue;
            };
            let privileged = roles::by_guid(known.id).is_some_and(|role| role.privileged);
            if privileged && !denied.iter().any(|denied| same_role(denied, &role.value)) {
                let message =
                    format!("the role {} can hand out access", quoted(known.name.as_str()));
                findings.add(Finding::new(&PRIVILEGED_ROLE, role.at, message));
            }
        }
    }
}

/// What makes a scope too wide for a team, if something does.
fn too_wide(scope: &ArmId, denied: &[DeniedScope], trusted: bool) -> Option<&'static str> {
    let (level, what) = match scope.level() {
        ScopeLevel::Tenant => return Some("the tenant's root"),
        // Who lets its own teams have a management group lets them have these, which are no narrower.
        ScopeLevel::TenantResource => {
            let allowed = trusted && !denied.contains(&DeniedScope::ManagementGroup);
            return (!allowed).then_some("what lies in the tenant outside every subscription");
        }
        ScopeLevel::ManagementGroup => (DeniedScope::ManagementGroup, "a management group"),
        ScopeLevel::Subscription => (DeniedScope::Subscription, "a subscription"),
        ScopeLevel::SubscriptionResource => {
            (DeniedScope::Subscription, "what lies in a subscription outside its resource groups")
        }
        ScopeLevel::ResourceGroup => (DeniedScope::ResourceGroup, "a resource group"),
        ScopeLevel::Resource => return None,
    };
    denied.contains(&level).then_some(what)
}

fn denied_scopes(merged: &Merged<'_>, findings: &mut Findings) {
    for (team, identity) in merged.identity_tables() {
        let trusted = merged.teams[team].trusted;
        for scope in identity.roles.items().iter().filter_map(|grant| grant.scope.get()) {
            let denied = &merged.policy.denied_scopes;
            if let Some(level) = too_wide(&scope.value, denied, trusted) {
                let message = format!("the policy denies roles on {level}");
                findings.add(Finding::new(&DENIED_SCOPE, scope.at, message));
            }
        }
    }
}

fn denied_namespaces(merged: &Merged<'_>, findings: &mut Findings) {
    for team in &merged.teams {
        let denied = merged.policy.denied_namespaces.iter();
        let denied: Vec<WildMatch> = denied.map(|glob| glob.of_team(team.name.as_str())).collect();
        let mut last = None;
        for workload in &team.workloads {
            let namespace = workload.resolved.namespace.as_str();
            // A namespace that all of a team's workloads share is reported once.
            let seen = last.replace(workload.namespace_at) == Some(workload.namespace_at);
            if !seen && denied.iter().any(|glob| glob.matches(namespace)) {
                let message = format!("the policy denies the namespace {}", quoted(namespace));
                findings.add(Finding::new(&DENIED_NAMESPACE, workload.namespace_at, message));
            }
        }
    }
}

/// The host of the issuer of AKS's identity bindings.
/// <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>
const IDENTITY_BINDINGS: &str = "https://ib.oic.prod-aks.azure.com/";
/// What the issuers of AKS clusters have in common.
const AKS_ISSUERS: &str = ".oic.prod-aks.azure.com/";

fn cluster_federations(merged: &Merged<'_>, findings: &mut Findings) {
    for (team, identity) in merged.identity_tables() {
        for issuer in identity.federation.items().iter().filter_map(|table| table.issuer.get()) {
            let folded = issuer.as_str().to_ascii_lowercase();
            let of_cluster = merged.clusters.iter().find(|(_, cluster)| {
                let has = match &cluster.resolved {
                    Cluster::Pinned { issuer: pinned, .. } => pinned == &issuer.value,
                    Cluster::Aks { .. } | Cluster::Arc { .. } => false,
                };
                has || cluster.also_trust.contains(&issuer.value)
            });
            let why = if let Some((name, _)) = of_cluster {
                format!("this is the issuer of cluster {}", quoted(name.as_str()))
            } else if folded.starts_with(IDENTITY_BINDINGS) {
                "this is the issuer of AKS's identity bindings".to_owned()
            } else if folded.contains(AKS_ISSUERS) && !merged.teams[team].trusted {
                "this is the issuer of an AKS cluster, which only the root file may trust as a federation".to_owned()
            } else {
                continue;
            };
            findings.add(Finding::new(&CLUSTER_FEDERATION, issuer.at, why));
        }
    }
}
