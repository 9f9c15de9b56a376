//! `prefect-operator`: a `PrefectWorkPool` for each account of flow runs and cluster.
//! <https://github.com/PrefectHQ/prefect-operator/blob/main/api/v1/prefectworkpool_types.go>

use serde_json::{Value, json};

use super::prefect::{Flows, flows};
use super::{Document, Given, Target, Unrendered, pretty};
use crate::model::text::ClusterName;

/// The target.
pub(super) const TARGET: Target = Target {
    name: "prefect-operator",
    title: "PrefectWorkPool objects of prefect-operator, with their template in them",
    render,
};

fn render(given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
    let url = given.prefect_api_url.ok_or_else(|| {
        Unrendered::usage(
            "a PrefectWorkPool says where its worker reaches the API of Prefect".to_owned(),
            "give `--prefect-api-url URL`, or set WIDCTL_PREFECT_API_URL",
        )
    })?;
    let mut documents = Vec::new();
    for flows in flows(given)? {
        let worker = flows.worker.ok_or_else(|| {
            Unrendered::usage(
                format!("namespace `{}` has no worker of the team", flows.namespace),
                "add a workload with `preset = \"prefect-worker\"` to the team",
            )
        })?;
        let template = flows.template(given)?;
        for cluster in &flows.clusters {
            let pool = pool(&flows, (cluster, worker), url, &template);
            let apply = format!("kubectl --context CONTEXT apply -f FILE, on cluster {cluster}");
            let name = format!("{cluster}.{}.json", flows.name());
            documents.push(Document { name, text: pretty(&pool), next: vec![apply] });
        }
    }
    Ok(documents)
}

fn pool(
    flows: &Flows<'_>,
    (cluster, worker): (&ClusterName, &str),
    url: &str,
    template: &Value,
) -> Value {
    let settings = flows.worker_settings(cluster);
    let settings: Vec<Value> =
        settings.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    json!({
        "apiVersion": "prefect.io/v1",
        "kind": "PrefectWorkPool",
        "metadata": { "name": flows.pool(), "namespace": flows.namespace },
        "spec": {
            "type": "kubernetes",
            "workers": 1,
            "server": { "remoteApiUrl": url },
            "serviceAccountName": worker,
            "settings": settings,
            "baseJobTemplate": { "value": template },
        },
    })
}
