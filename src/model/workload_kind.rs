//! Kinds of objects that make pods, and where in each of them a pod's account and labels are set.

/// One kind.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WorkloadKind {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version that is read.
    pub version: &'static str,
    /// The plural, as in paths.
    pub plural: &'static str,
    /// The kind as manifests have it.
    pub kind: &'static str,
    /// The kind in addresses, `cron-job`.
    pub name: &'static str,
    /// Where it describes the pods that it makes.
    pub templates: &'static [Template],
    /// Whether the template of an object can be changed.
    pub is_mutable: bool,
}

/// Where an object describes pods. Paths have dots; behind `[]` stands each item of a list.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Template {
    /// Where all of the following is.
    pub base: &'static str,
    /// The labels that the pods get.
    pub labels: &'static str,
    /// Their annotations.
    pub annotations: &'static str,
    /// Their account.
    pub account: &'static str,
    /// Their specification; absent where the kind has another shape.
    pub spec: Option<&'static str>,
}

/// A `PodTemplateSpec` at this place.
const fn pod(base: &'static str) -> Template {
    Template {
        base,
        labels: "metadata.labels",
        annotations: "metadata.annotations",
        account: "spec.serviceAccountName",
        spec: Some("spec"),
    }
}

/// Argo's workflows: <https://argo-workflows.readthedocs.io/en/latest/fields/#workflowspec>.
const fn workflow(base: &'static str) -> Template {
    Template {
        base,
        labels: "podMetadata.labels",
        annotations: "podMetadata.annotations",
        account: "serviceAccountName",
        spec: None,
    }
}

/// Spark's driver and executors: <https://github.com/kubeflow/spark-operator/blob/master/docs/api-docs.md>.
const fn spark(base: &'static str) -> Template {
    Template {
        base,
        labels: "labels",
        annotations: "annotations",
        account: "serviceAccount",
        spec: None,
    }
}

macro_rules! kinds {
    ($($group:literal $version:literal $plural:literal $kind:literal $name:literal $is_mutable:literal $templates:expr;)*) => {
        /// Every kind; those of the API server itself first, pods before all.
        pub static KINDS: &[WorkloadKind] = &[$(WorkloadKind {
            group: $group,
            version: $version,
            plural: $plural,
            kind: $kind,
            name: $name,
            templates: &$templates,
            is_mutable: $is_mutable,
        },)*];
    };
}

// group, version, plural, kind, name in addresses, whether templates can be changed, templates
kinds! {
    "" "v1" "pods" "Pod" "pod" false [pod("")];
    "apps" "v1" "deployments" "Deployment" "deployment" true [pod("spec.template")];
    "apps" "v1" "statefulsets" "StatefulSet" "stateful-set" true [pod("spec.template")];
    "apps" "v1" "daemonsets" "DaemonSet" "daemon-set" true [pod("spec.template")];
    "batch" "v1" "jobs" "Job" "job" false [pod("spec.template")];
    "batch" "v1" "cronjobs" "CronJob" "cron-job" true [pod("spec.jobTemplate.spec.template")];
    "argoproj.io" "v1alpha1" "workflowtemplates" "WorkflowTemplate" "workflow-template" true [workflow("spec")];
    "argoproj.io" "v1alpha1" "cronworkflows" "CronWorkflow" "cron-workflow" true [workflow("spec.workflowSpec")];
    "sparkoperator.k8s.io" "v1beta2" "sparkapplications" "SparkApplication" "spark-application" true [spark("spec.driver"), spark("spec.executor")];
    "ray.io" "v1" "rayclusters" "RayCluster" "ray-cluster" true [pod("spec.headGroupSpec.template"), pod("spec.workerGroupSpecs[].template")];
    "actions.github.com" "v1alpha1" "autoscalingrunnersets" "AutoscalingRunnerSet" "autoscaling-runner-set" true [pod("spec.template")];
}

impl WorkloadKind {
    /// Whether every API server has it.
    pub fn is_built_in(&self) -> bool {
        matches!(self.group, "" | "apps" | "batch")
    }

    /// Whether it is the pod itself.
    pub fn is_pod(&self) -> bool {
        self.plural == "pods"
    }

    /// A merge patch that sets a label to `true` on the pods of its first template.
    /// <https://datatracker.ietf.org/doc/html/rfc7386>
    pub fn label_patch(&self, label: &str) -> String {
        let Some(Template { base, labels, .. }) = self.templates.first() else {
            return String::new();
        };
        let steps = base.split('.').chain(labels.split('.')).filter(|step| !step.is_empty());
        let steps: Vec<&str> = steps.collect();
        let inside = format!("{{\"{label}\":\"true\"}}");
        steps.iter().rev().fold(inside, |inside, step| format!("{{\"{step}\":{inside}}}"))
    }

    /// How kubectl takes an object of it: `deployment/api`, `sparkapplications.sparkoperator.k8s.io/etl`.
    pub fn kubectl(&self, name: &str) -> String {
        if self.is_built_in() {
            return format!("{}/{name}", self.kind.to_ascii_lowercase());
        }
        format!("{}.{}/{name}", self.plural, self.group)
    }
}

/// Pods.
pub fn pods() -> &'static WorkloadKind {
    &KINDS[0]
}

/// The kind that manifests call so.
pub fn by_kind(kind: &str) -> Option<&'static WorkloadKind> {
    KINDS.iter().find(|known| known.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::{KINDS, by_kind, pods};

    #[test]
    fn pods_come_first_and_names_are_unique() {
        assert!(pods().is_pod());
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KINDS.len());
    }

    #[test]
    fn a_patch_goes_down_to_the_label() {
        let patch = by_kind("Deployment").unwrap().label_patch("use");
        let expected = r#"{"spec":{"template":{"metadata":{"labels":{"use":"true"}}}}}"#;
        assert_eq!(patch, expected);
    }
}
