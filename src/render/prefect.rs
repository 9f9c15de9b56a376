//! `prefect`: base job templates of work pools, a pool for each account of flow runs.

use std::collections::BTreeMap;

use super::prefect_template::{Pins, template};
use super::presets::none;
use super::{Document, Given, Target, Unrendered, pretty};
use crate::model::text::ClusterName;

/// The preset of the accounts of flow runs.
const FLOW: &str = "prefect-flow";
/// The preset of workers.
const WORKER: &str = "prefect-worker";

/// Whose Jobs the worker watches. Without it a worker asks for the whole cluster.
/// <https://docs.prefect.io/integrations/prefect-kubernetes/api-ref/prefect_kubernetes-settings>
const OBSERVED: &str = "PREFECT_INTEGRATIONS_KUBERNETES_OBSERVER_NAMESPACES";
/// What tells clusters apart. Without it prefect-kubernetes 0.5 reads the namespace `kube-system`.
/// <https://github.com/PrefectHQ/prefect/blob/main/src/integrations/prefect-kubernetes/prefect_kubernetes/worker.py>
const CLUSTER_UID: &str = "PREFECT_KUBERNETES_CLUSTER_UID";

/// The target.
pub(super) const TARGET: Target = Target {
    name: "prefect",
    title: "base job templates of work pools, as `prefect work-pool create` takes them",
    render,
};

/// The account of some flow runs.
pub(super) struct Flows<'a> {
    pub(super) namespace: &'a str,
    pub(super) account: &'a str,
    /// The account of the worker in the same namespace, where the team has one.
    pub(super) worker: Option<&'a str>,
    pub(super) clusters: Vec<&'a ClusterName>,
}

impl Flows<'_> {
    /// Namespaces have no dots, so that no two accounts have one name.
    pub(super) fn name(&self) -> String {
        format!("{}.{}", self.namespace, self.account)
    }

    /// What the work pool may be called.
    pub(super) fn pool(&self) -> String {
        format!("{}-{}", self.namespace, self.account)
    }

    /// The template of the work pool.
    pub(super) fn template(&self, given: &Given<'_>) -> Result<serde_json::Value, Unrendered> {
        template(given.base, Pins { namespace: self.namespace, account: self.account })
    }

    /// The variables of the environment that a worker with a namespaced Role needs.
    pub(super) fn worker_settings(&self, cluster: &ClusterName) -> [(&'static str, String); 2] {
        [(OBSERVED, self.namespace.to_owned()), (CLUSTER_UID, cluster.to_string())]
    }
}

fn render(given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
    let document = |flows: &Flows<'_>| {
        let template = flows.template(given)?;
        let pool = flows.pool();
        let mut next = vec![
            format!("prefect work-pool create {pool} --type kubernetes --base-job-template FILE"),
            format!("later: prefect work-pool update {pool} --base-job-template FILE"),
        ];
        for cluster in &flows.clusters {
            let settings = flows.worker_settings(cluster);
            let settings = settings.map(|(name, value)| format!("{name}={value}"));
            let worker =
                flows.worker.map_or("its worker".to_owned(), |name| format!("worker {name}"));
            next.push(format!("{worker} on cluster {cluster} needs {}", settings.join(" ")));
        }
        Ok(Document { name: format!("{}.json", flows.name()), text: pretty(&template), next })
    };
    flows(given)?.iter().map(document).collect()
}

/// The accounts of flow runs that are rendered.
pub(super) fn flows<'a>(given: &Given<'a>) -> Result<Vec<Flows<'a>>, Unrendered> {
    let mut found: BTreeMap<(&str, &str), Flows<'_>> = BTreeMap::new();
    for team in given.teams()? {
        for workload in team.workloads.iter().filter(|workload| workload.is_of(FLOW)) {
            let key = (workload.namespace.as_str(), workload.service_account.as_str());
            let (namespace, account) = key;
            let mut workers = team
                .workloads
                .iter()
                .filter(|other| other.is_of(WORKER) && other.namespace == workload.namespace);
            let worker = workers.next().map(|worker| worker.service_account.as_str());
            let new = || Flows { namespace, account, worker, clusters: Vec::new() };
            let clusters: Vec<_> = given.chosen(&workload.clusters).collect();
            if !clusters.is_empty() {
                found.entry(key).or_insert_with(new).clusters.extend(clusters);
            }
        }
    }
    if found.is_empty() {
        return Err(none(given, &[FLOW], "its flow runs"));
    }
    Ok(found.into_values().collect())
}
