//! Refusals about Kubernetes objects.

use std::fmt::Display;

use crate::model::arm_id::ArmId;
use crate::model::kinds::marks::{Declared, LABEL_MANAGED_BY};
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::kinds::rbac::RoleRef;
use crate::model::rule::rules;
use crate::model::shell;
use crate::plan::kinds::marked::Held;
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
        "two tools that declare one field keep undoing each other's work",
        "remove the field from the other tool, or take it with --force-conflicts; `mode = \"annotate\"` leaves the rest of an account to it";
    MANAGED_BY_OTHER = "WID-MANAGED-BY", Obstacle;
        "an object differs that another tool manages",
        "an object has one manager: --adopt never takes the label `app.kubernetes.io/managed-by` from another tool, as Helm, for one, refuses an object without its own",
        "`mode = \"annotate\"` leaves an account to the other tool; --adopt takes an object over once nothing manages it and the label is gone";
    NOT_OURS = "WID-NOT-OURS", Obstacle;
        "an object exists that widctl did not make, and differs",
        "nothing that is not provably the estate's is ever changed",
        "--adopt takes it over; for an account, `mode = \"annotate\"` only annotates it";
    DEFAULT_ACCOUNT = "WID-DEFAULT-ACCOUNT", Obstacle;
        "a workload uses the account `default`, which Kubernetes makes itself",
        "Kubernetes makes it in every namespace, at once, so widctl cannot create it, and what widctl did not make it changes only on request",
        "give the workload an account of its own, or --adopt takes this one over";
    OTHER_ROLE = "WID-ROLE-REF", Obstacle;
        "a RoleBinding that widctl did not create refers to another role",
        "what a RoleBinding refers to cannot be changed, and widctl deletes only what it created",
        "delete it by hand, then plan again";
}

pub(crate) fn namespace_missing(key: &NamespaceKey, cluster: &Cluster) -> Refusal {
    let command = kubectl(cluster, &format!("create namespace {}", key.namespace));
    NAMESPACE_MISSING.refuse(
        key,
        format!("namespace `{}` does not exist on cluster {}", key.namespace, key.cluster),
        format!("{command}, or create_namespace = true"),
    )
}

/// A command of kubectl for a cluster. Where the profile names no context, it is the one that the command itself
/// makes for the cluster, never whichever is current.
/// <https://learn.microsoft.com/cli/azure/aks#az-aks-get-credentials>
pub(crate) fn kubectl(cluster: &Cluster, command: &str) -> String {
    if let Some(context) = cluster.context() {
        return format!("kubectl --context {} {command}", shell::quote(context));
    }
    let id = cluster.id();
    let subscription = id.and_then(ArmId::subscription).map(|id| id.to_string());
    let group = shell::quote(id.and_then(ArmId::resource_group).unwrap_or_default());
    let name = shell::quote(id.map(ArmId::name).unwrap_or_default());
    format!(
        "az aks get-credentials --subscription {} --resource-group {group} --name {name} --context {name} && kubectl --context {name} {command}",
        subscription.unwrap_or_default()
    )
}

/// What restarts the pods of a namespace that a controller makes anew, as kubectl takes it.
/// <https://kubernetes.io/docs/reference/kubectl/generated/kubectl_rollout/kubectl_rollout_restart/>
pub(crate) fn restart(namespace: &str) -> String {
    format!("rollout restart deployment,statefulset,daemonset --namespace {namespace}")
}

pub(crate) fn terminating(key: &NamespaceKey) -> Refusal {
    let what = format!("namespace `{}` is being deleted", key.namespace);
    TERMINATING.refuse(key, what, None)
}

pub(crate) fn other_estate(address: impl Display, estate: &str) -> Refusal {
    OTHER_ESTATE.refuse(address, format!("it belongs to estate `{estate}`"), None)
}

pub(crate) fn annotated_for(address: impl Display, estate: &str) -> Refusal {
    OTHER_ESTATE.refuse(address, format!("it is annotated for estate `{estate}`"), None)
}

/// Fields that differ and that another tool declares, each with that tool's name.
pub(crate) fn held(address: impl Display, fields: &[Held<'_>], can_annotate: bool) -> Refusal {
    let held: Vec<String> =
        fields.iter().map(|held| format!("`{}` is held by {}", held.field, held.by)).collect();
    let tool = fields.iter().find_map(|held| held.by.tool);
    let drop = tool.map_or("remove it from the other tool", |tool| tool.drop);
    let is_mark = |held: &Held<'_>| held.is_mark;
    let way = match (can_annotate, fields.iter().any(is_mark), fields.iter().all(is_mark)) {
        (true, _, true) => "mode = \"annotate\" leaves the account to it".to_owned(),
        (true, true, false) => format!("mode = \"annotate\", and {drop}"),
        (true, false, false) | (false, ..) => drop.to_owned(),
    };
    FIELD_HELD.refuse(address, held.join(", "), format!("{way}, or --force-conflicts takes it"))
}

/// An object that names another manager and differs in these fields.
pub(crate) fn managed_by_other(
    address: impl Display,
    (manager, declared): (&str, Option<&Declared>),
    fields: &[&str],
    can_annotate: bool,
) -> Refusal {
    let by = declared.and_then(|declared| Some((declared.tool.name, declared.by.as_deref()?)));
    let by = by.map(|(tool, by)| format!(", of {tool} `{by}`")).unwrap_or_default();
    let what =
        format!("`{LABEL_MANAGED_BY}` is `{manager}`{by}, and it differs in {}", fields.join(", "));
    let free =
        format!("once `{manager}` no longer has it, remove the label, and --adopt takes it over");
    let fix =
        if can_annotate { format!("mode = \"annotate\" only annotates it; {free}") } else { free };
    MANAGED_BY_OTHER.refuse(address, what, fix)
}

/// An object without marks, or with marks of another object, that differs in these fields.
pub(crate) fn not_ours(address: impl Display, fields: &[&str], misplaced: bool) -> Refusal {
    let marks = if misplaced {
        "it has the estate's labels, but its `widctl.dev/created` does not name this object, and it"
    } else {
        "it exists without widctl's ownership labels and"
    };
    let what = format!("{marks} differs in {}", fields.join(", "));
    NOT_OURS.refuse(address, what, None)
}

pub(crate) fn default_account(address: impl Display) -> Refusal {
    let what = "the account `default` is not there yet, and Kubernetes makes it itself";
    DEFAULT_ACCOUNT.refuse(address, what, None)
}

pub(crate) fn other_role(address: impl Display, role: &RoleRef) -> Refusal {
    let what = format!("it refers to {} `{}`", role.kind, role.name);
    OTHER_ROLE.refuse(address, what, None)
}
