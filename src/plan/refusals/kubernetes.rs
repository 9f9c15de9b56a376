//! Refusals about Kubernetes objects.

use std::fmt::Display;

use crate::model::kinds::namespace::NamespaceKey;
use crate::model::kinds::rbac::RoleRef;
use crate::model::rule::rules;
use crate::model::shell;
use crate::plan::refusals::Refusal;
use crate::plan::refusals::identity::OTHER_ESTATE;
use crate::profile::resolved::Cluster;

rules! {
    NAMESPACE_MISSING = "WID-NAMESPACE-MISSING", Obstacle;
        "a namespace does not exist",
        "widctl creates namespaces only where the profile asks for it",
        "kubectl create namespace, or `create_namespace = true`";
    TERMINATING = "WID-NAMESPACE-TERMINATING", Obstacle;
        "a namespace is being deleted",
        "Kubernetes creates nothing in a namespace that is being deleted",
        "wait until it is gone and plan again";
    FIELD_HELD = "WID-FIELD-HELD", Obstacle;
        "another tool declares a field that widctl would change",
        "two tools that declare one field undo each other's work for ever",
        "remove the field from the other tool, or take it with --force-conflicts; `mode = \"annotate\"` leaves the rest of an account to it";
    NOT_OURS = "WID-NOT-OURS", Obstacle;
        "an object exists that widctl did not make, and differs",
        "nothing that is not provably the estate's is ever changed",
        "--adopt takes it over; for an account, `mode = \"annotate\"` only annotates it";
    OTHER_ROLE = "WID-ROLE-REF", Obstacle;
        "a RoleBinding that widctl did not create refers to another role",
        "what a RoleBinding refers to cannot be changed, and widctl deletes only what it created",
        "delete it by hand, then plan again";
}

pub(crate) fn namespace_missing(key: &NamespaceKey, cluster: &Cluster) -> Refusal {
    let context = match cluster {
        Cluster::Aks { context, .. } => context.as_deref(),
        Cluster::Pinned { context, .. } => Some(context.as_str()),
    };
    let context = context.map(|context| format!(" --context {context}"));
    NAMESPACE_MISSING.refuse(
        key,
        format!("namespace `{}` does not exist on cluster {}", key.namespace, key.cluster),
        format!(
            "kubectl{} create namespace {}, or create_namespace = true",
            context.unwrap_or_default(),
            key.namespace
        ),
    )
}

/// The command that deletes a namespace. Where the profile names no context, it is the one that the command itself
/// makes for the cluster, never whichever is current.
/// <https://learn.microsoft.com/cli/azure/aks#az-aks-get-credentials>
pub(crate) fn delete_namespace(key: &NamespaceKey, cluster: &Cluster) -> String {
    let (sign_in, context) = match cluster {
        Cluster::Aks { context: Some(context), .. } | Cluster::Pinned { context, .. } => {
            (String::new(), shell::quote(context))
        }
        Cluster::Aks { id, context: None, .. } => {
            let subscription = id.subscription().map(|id| id.to_string()).unwrap_or_default();
            let group = shell::quote(id.resource_group().unwrap_or_default());
            let name = shell::quote(id.name());
            let sign_in = format!(
                "az aks get-credentials --subscription {subscription} --resource-group {group} --name {name} --context {name} && "
            );
            (sign_in, name)
        }
    };
    let namespace = shell::quote(key.namespace.as_str());
    format!("{sign_in}kubectl --context {context} delete namespace {namespace}")
}

pub(crate) fn terminating(key: &NamespaceKey) -> Refusal {
    let what = format!("namespace `{}` is being deleted", key.namespace);
    TERMINATING.refuse(key, what, None)
}

pub(crate) fn other_estate(address: impl Display, estate: &str) -> Refusal {
    OTHER_ESTATE.refuse(address, format!("it belongs to estate `{estate}`"), None)
}

/// Fields that differ and that another tool declares, each with that tool's name.
pub(crate) fn held(address: impl Display, fields: &[(&str, &str)]) -> Refusal {
    let held: Vec<String> =
        fields.iter().map(|(field, manager)| format!("`{field}` is held by {manager}")).collect();
    let fix = "--force-conflicts takes it; the other tool should then stop declaring it";
    FIELD_HELD.refuse(address, held.join(", "), fix.to_owned())
}

pub(crate) fn not_ours(address: impl Display, fields: &[&str]) -> Refusal {
    let what = format!("it exists without widctl's marks and differs in {}", fields.join(", "));
    NOT_OURS.refuse(address, what, None)
}

pub(crate) fn other_role(address: impl Display, role: &RoleRef) -> Refusal {
    let what = format!("it refers to {} `{}`", role.kind, role.name);
    OTHER_ROLE.refuse(address, what, None)
}
