//! `argo`: patches of what makes workflows, and settings of the controller.
//! <https://argo-workflows.readthedocs.io/en/latest/workflow-controller-configmap/>
//!
//! The executor's own account, `spec.executor.serviceAccountName`, is not set: the controller mounts its token from a
//! Secret. <https://github.com/argoproj/argo-workflows/blob/v4.0.5/workflow/controller/serviceaccount.go>

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::presets::{fill, set, workloads};
use super::{Document, Given, Target, Unrendered, pretty};
use crate::model::pod::{LABEL_USE, USES_IDENTITY};
use crate::model::text::ClusterName;
use crate::model::workload_kind::by_kind;
use crate::presets::Preset;
use crate::profile::resolved::Profile;

/// The preset of the accounts of workflows.
const EXECUTOR: &str = "argo-executor";
/// Where the preset has the defaults of workflows.
const SETTINGS: &str = "ConfigMap workflow-controller-configmap";

/// Which workflows the controller takes.
/// <https://argo-workflows.readthedocs.io/en/latest/workflow-restrictions/>
const RESTRICTIONS: &str = "workflowRestrictions";
/// For a controller of the published manifests.
const PATCH: &str = "where manifests installed it: kubectl --context CONTEXT --namespace argo patch configmap workflow-controller-configmap --type merge --patch-file FILE";
/// For a controller of the Helm chart. <https://github.com/argoproj/argo-helm/tree/main/charts/argo-workflows>
const UPGRADE: &str = "where the Helm chart did: helm --kube-context CONTEXT --namespace argo upgrade RELEASE argo/argo-workflows --reset-then-reuse-values --values FILE";

/// The target.
pub(super) const TARGET: Target = Target {
    name: "argo",
    title: "patches of WorkflowTemplates and CronWorkflows, and of the controller's settings",
    render,
};

/// An account of workflows, and where it is.
struct Account<'a> {
    preset: &'a Preset,
    namespace: &'a str,
    name: &'a str,
    clusters: BTreeSet<&'a ClusterName>,
}

fn render(given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
    let mut accounts: BTreeMap<(&str, &str), Account<'_>> = BTreeMap::new();
    let mut controllers: BTreeMap<&ClusterName, &Preset> = BTreeMap::new();
    for (preset, workload) in workloads(given, &[EXECUTOR], "its workflows")? {
        let (namespace, name) = (workload.namespace.as_str(), workload.service_account.as_str());
        let new = || Account { preset, namespace, name, clusters: BTreeSet::new() };
        let account = accounts.entry((namespace, name)).or_insert_with(new);
        account.clusters.extend(given.chosen(&workload.clusters));
        controllers.extend(given.chosen(&workload.clusters).map(|cluster| (cluster, preset)));
    }
    let mut documents: Vec<Document> = accounts.values().flat_map(Account::patches).collect();
    for (cluster, preset) in controllers {
        documents.extend(controller(given.profile, cluster, preset));
    }
    Ok(documents)
}

impl Account<'_> {
    /// A merge patch for each kind that makes workflows: what else it has stays.
    fn patches(&self) -> Vec<Document> {
        let mut documents = Vec::new();
        for place in self.preset.places() {
            let Some(kind) = by_kind(place.kind) else { continue };
            let mut patch = Value::Null;
            set(&mut patch, &place.account, self.name.into());
            if let Some(labels) = &place.label {
                set(&mut patch, labels, json!({ LABEL_USE: USES_IDENTITY }));
            }
            let Self { namespace, name, clusters, .. } = self;
            let object = kind.kubectl("NAME");
            let command = |cluster: &&ClusterName| {
                format!(
                    "on cluster {cluster}: kubectl --context CONTEXT --namespace {namespace} patch {object} --type merge --patch-file FILE"
                )
            };
            documents.push(Document {
                name: format!("{namespace}.{name}.{}.json", kind.name),
                text: pretty(&patch),
                next: clusters.iter().map(command).collect(),
            });
        }
        documents
    }
}

/// What is set for all workflows of a cluster's controller, each setting for both ways to install it: the controller
/// reads one key or many, and refuses both in one `ConfigMap`.
/// <https://github.com/argoproj/argo-workflows/blob/v4.0.5/config/controller.go>
fn controller(profile: &Profile, cluster: &ClusterName, preset: &Preset) -> Vec<Document> {
    let all = profile.teams.iter().flat_map(|team| &team.workloads);
    let here = all.filter(|other| other.is_of(EXECUTOR) && other.clusters.contains(cluster));
    let names: BTreeSet<&str> = here.map(|other| other.service_account.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let account = if let [only] = names[..] { Some(only) } else { None };
    let mut settings = json!({ RESTRICTIONS: { "templateReferencing": "Strict" } });
    fill(&mut settings, preset, SETTINGS, account);
    let differing = account.is_none().then(|| {
        format!(
            "it sets no account: those of workflows on cluster {cluster} differ: {}",
            names.join(", ")
        )
    });
    let mut documents = Vec::new();
    for (key, value) in settings.as_object().into_iter().flatten() {
        let mut document = |form: &str, command: &str, content: &Value| {
            let mut next = vec![format!("on cluster {cluster}, {command}")];
            next.extend(differing.clone().filter(|_| key != RESTRICTIONS));
            let name = format!("{cluster}.{key}.{form}.json");
            documents.push(Document { name, text: pretty(content), next });
        };
        document("configmap", PATCH, &json!({ "data": { key: value.to_string() } }));
        document("values", UPGRADE, &json!({ "controller": { key: value } }));
    }
    documents
}
