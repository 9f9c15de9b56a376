//! `airflow`: values of Airflow's Helm chart, a file for each namespace that has a scheduler or pods of tasks.
//! <https://github.com/apache/airflow/blob/main/chart/values.yaml>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::presets::{fill, workloads};
use super::{Document, Given, Target, Unrendered, pretty};
use crate::model::text::{ClusterName, Namespace};
use crate::presets::Preset;

/// The presets of the accounts that the chart sets.
const PRESETS: [&str; 2] = ["airflow-scheduler", "airflow-worker"];
/// Where the presets say so.
const CHART: &str = "Helm chart airflow";

/// The target.
pub(super) const TARGET: Target = Target {
    name: "airflow",
    title: "values of Airflow's Helm chart: accounts and labels of scheduler and workers",
    render,
};

/// The accounts of each preset.
type Accounts<'a> = BTreeMap<&'a str, (&'a Preset, BTreeSet<&'a str>)>;

fn render(given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
    let mut releases: BTreeMap<(&ClusterName, &Namespace), Accounts<'_>> = BTreeMap::new();
    for (preset, workload) in workloads(given, &PRESETS, "its scheduler or its tasks")? {
        for cluster in given.chosen(&workload.clusters) {
            let accounts = releases.entry((cluster, &workload.namespace)).or_default();
            let (_, names) = accounts.entry(&preset.name).or_insert((preset, BTreeSet::new()));
            names.insert(workload.service_account.as_str());
        }
    }
    releases.iter().map(|(release, accounts)| document(*release, accounts)).collect()
}

fn document(
    (cluster, namespace): (&ClusterName, &Namespace),
    accounts: &Accounts<'_>,
) -> Result<Document, Unrendered> {
    let mut values = Value::Null;
    for (preset, names) in accounts.values() {
        if names.len() > 1 {
            let names: Vec<_> = names.iter().copied().collect();
            return Err(Unrendered::usage(
                format!(
                    "{} in namespace `{namespace}` have `preset = \"{}\"`, and the chart has room for one",
                    names.join(", "),
                    preset.name
                ),
                "keep the preset on the account that the chart sets; give the rules of the others as `[[team.workload.rule]]`",
            ));
        }
        fill(&mut values, preset, CHART, names.first().copied());
    }
    let next = format!(
        "on cluster {cluster}: helm --kube-context CONTEXT --namespace {namespace} upgrade RELEASE apache-airflow/airflow --reset-then-reuse-values --values FILE"
    );
    let name = format!("{cluster}.{namespace}.json");
    Ok(Document { name, text: pretty(&values), next: vec![next] })
}
