//! RBAC rules that an orchestrator's account needs. Namespaced always.

use crate::model::kinds::rbac::PolicyRule;
use crate::profile::resolved::Preset;

/// A rule as it stands in the table: API group, resources, verbs.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

/// What prefect-helm grants its worker, without the cluster-wide part.
/// <https://github.com/PrefectHQ/prefect-helm/blob/main/charts/prefect-worker/templates/role.yaml>
const PREFECT_WORKER: &[Row] = &[
    ("", &["events", "pods", "pods/log", "pods/status"], &["get", "list", "watch"]),
    ("batch", &["jobs"], &["create", "delete", "get", "list", "patch", "update", "watch"]),
];

/// What the executor reports its results with.
/// <https://argo-workflows.readthedocs.io/en/latest/workflow-rbac/>
const ARGO_EXECUTOR: &[Row] = &[("argoproj.io", &["workflowtaskresults"], &["create", "patch"])];

/// The rules of a preset. A Prefect flow run talks to the Prefect API alone, so it has none.
pub fn rules(preset: Preset) -> Vec<PolicyRule> {
    let rows = match preset {
        Preset::PrefectWorker => PREFECT_WORKER,
        Preset::PrefectFlow => &[],
        Preset::ArgoExecutor => ARGO_EXECUTOR,
    };
    rows.iter().map(rule).collect()
}

fn rule((group, resources, verbs): &Row) -> PolicyRule {
    PolicyRule {
        api_groups: vec![(*group).into()],
        resources: resources.iter().map(|&resource| resource.into()).collect(),
        resource_names: Vec::new(),
        verbs: verbs.iter().map(|&verb| verb.into()).collect(),
    }
}
