//! The commands that make the identity of the job, its trust and its rights in Azure, and tell its account of it.

use std::collections::BTreeSet;

use super::{InCluster, NAMESPACE, Run};
use crate::model::shell::quote;
use crate::model::text::token_exchange_audience;
use crate::profile::resolved::Cluster;
use crate::render::Document;

/// The identity's own name and group, as `az identity` takes them.
const IDENTITY: &str = "--name \"$id\" --resource-group \"$RESOURCE_GROUP\"";
/// The cluster's context.
const KUBECTL: &str = "kubectl --context \"$CONTEXT\"";

impl InCluster<'_> {
    /// The script, which can be run again.
    pub(super) fn bootstrap(&self) -> Document {
        let (title, cluster) = (self.title(), self.name);
        let show =
            |field: &str| format!("$(az identity show {IDENTITY} --query {field} --output tsv)");
        let mut lines = vec![
            "#!/bin/sh".to_owned(),
            format!("# The identity of widctl on cluster {cluster}. Run it signed in to Azure and to the cluster."),
            "# RESOURCE_GROUP: where the identity is made, apart from those of the teams. CONTEXT: the cluster's.".into(),
            "set -eu".into(),
            ": \"${RESOURCE_GROUP:?}\" \"${CONTEXT:?}\"".into(),
            format!("id={title}-{cluster}"),
            format!("az identity create {IDENTITY} --output none"),
            format!("client={}", show("clientId")),
            format!("principal={}", show("principalId")),
            format!("issuer={}", self.issuer()),
            format!(
                "az identity federated-credential create --name widctl --identity-name \"$id\" --resource-group \
                 \"$RESOURCE_GROUP\" --issuer \"$issuer\" --subject system:serviceaccount:{NAMESPACE}:{title} \
                 --audiences {} --output none",
                token_exchange_audience(&self.profile.cloud)
            ),
        ];
        lines.extend(self.roles().into_iter().map(|(role, scope)| {
            format!(
                "az role assignment create --assignee-object-id \"$principal\" --assignee-principal-type \
                 ServicePrincipal --role {} --scope {} --output none",
                quote(role),
                quote(&scope)
            )
        }));
        lines.extend(self.bindings());
        lines.push(format!(
            "{KUBECTL} --namespace {NAMESPACE} annotate serviceaccount {title} --overwrite \
             azure.workload.identity/client-id=\"$client\""
        ));
        Document {
            name: format!("{cluster}/bootstrap.sh"),
            text: lines.join("\n") + "\n",
            next: self.next(),
        }
    }

    fn next(&self) -> Vec<String> {
        let cluster = self.name;
        let run = format!(
            "once cronjob.yaml is applied: RESOURCE_GROUP=GROUP CONTEXT=CONTEXT sh FILE, for cluster {cluster}"
        );
        let mut identities = self.profile.teams.iter().flat_map(|team| &team.identities);
        let gives_roles = identities.any(|identity| !identity.roles.is_empty());
        let roles = "give the identity `Role Based Access Control Administrator` where the profile gives roles, with \
                     a condition on them";
        let roles = (self.job.run == Run::Sync && gives_roles).then(|| roles.to_owned());
        std::iter::once(run).chain(roles).collect()
    }

    fn issuer(&self) -> String {
        match self.cluster {
            Cluster::Pinned { issuer, .. } => quote(issuer.as_str()).into_owned(),
            Cluster::Aks { id, .. } | Cluster::Arc { id, .. } => {
                let of = "--query properties.oidcIssuerProfile.issuerUrl --output tsv";
                format!("$(az resource show --ids {} {of})", quote(id.as_str()))
            }
        }
    }

    /// The roles of the identity with their scopes, but those that give roles: they take a condition that people decide.
    fn roles(&self) -> BTreeSet<(&'static str, String)> {
        let read = self.profile.subscriptions.iter();
        let read = read.map(|id| ("Reader", format!("/subscriptions/{id}")));
        let mut roles: BTreeSet<_> = read.collect();
        if let Cluster::Aks { id, context: None, .. } = self.cluster {
            roles.insert(("Azure Kubernetes Service Cluster User Role", id.to_string()));
        }
        if self.job.run == Run::Sync {
            let identities = self.profile.teams.iter().flat_map(|team| &team.identities);
            roles.extend(identities.map(|identity| {
                let (subscription, group) = (identity.subscription, &identity.resource_group);
                let scope = format!("/subscriptions/{subscription}/resourceGroups/{group}");
                ("Managed Identity Contributor", scope)
            }));
        }
        roles
    }

    /// The bindings where Azure answers the cluster's credentials: the cluster knows the identity by its object id.
    /// <https://learn.microsoft.com/azure/aks/azure-ad-rbac>
    fn bindings(&self) -> Vec<String> {
        if self.is_own_account() {
            return Vec::new();
        }
        let title = self.title();
        let bind = |kind: &str, role: &str| {
            format!(
                "{KUBECTL} create {kind} {title} --{role}={title} --user=\"$principal\" --dry-run=client --output yaml \
                 | {KUBECTL} apply --server-side -f -"
            )
        };
        let mut bindings = vec![bind("clusterrolebinding", "clusterrole")];
        if self.job.run == Run::Sync {
            let of = |namespace| bind("rolebinding", &format!("namespace={namespace} --role"));
            bindings.extend(self.writes().into_keys().map(of));
        }
        bindings
    }
}
