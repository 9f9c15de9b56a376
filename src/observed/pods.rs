//! Pods, what makes them, and what the webhook gives them. Of variables only those are kept that decide about the
//! identity, and values only of those that are no secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::pod::{PodName, USES_IDENTITY};
use crate::model::text::{ClusterName, Namespace};
use crate::model::workload_kind::WorkloadKind;

pub use crate::model::webhook::{BINDING_AUDIENCE, OLD_TOKEN_FILE, Variable};

/// A pod, or the template of one, as far as it decides about the identity.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PodFacts {
    /// Its account; `default` where it names none.
    pub account: Arc<str>,
    /// The value of [`crate::model::pod::LABEL_USE`].
    pub label: Option<Arc<str>>,
    /// Whether it has an annotation of that name instead, which nobody reads.
    pub label_is_annotation: bool,
    /// The containers that the webhook leaves alone.
    pub skipped: BTreeSet<Arc<str>>,
    /// Its containers, the ones that prepare it first.
    pub containers: Vec<Container>,
    /// The tokens of its account that it is given.
    pub tokens: Vec<ProjectedToken>,
    /// The `ConfigMap`s that it reads.
    pub config_maps: BTreeSet<Arc<str>>,
    /// Whether the Secrets Store CSI driver brings it secrets; it asks for the account's token itself.
    pub uses_secrets_store: bool,
    /// The classes of secrets that it is brought.
    pub secret_classes: BTreeSet<Arc<str>>,
}

/// A container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Container {
    /// Its name.
    pub name: Arc<str>,
    /// What is set, and to what; none for what is no text, or a secret.
    pub variables: BTreeMap<Variable, Option<Arc<str>>>,
    /// Whether its command, arguments or variables have [`OLD_TOKEN_FILE`] in them.
    pub names_old_token_file: bool,
}

/// A token of the account that is projected into a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProjectedToken {
    /// Whom it is for; the API server itself where nothing is said.
    pub audience: Option<Arc<str>>,
    /// Where the first container that mounts it finds it.
    pub file: Option<Arc<str>>,
}

impl PodFacts {
    /// Whether the webhook is called for it.
    pub fn is_labelled(&self) -> bool {
        self.label.as_deref() == Some(USES_IDENTITY)
    }

    /// What a variable is set to in the first container that has it.
    pub fn value(&self, variable: Variable) -> Option<&str> {
        self.containers.iter().find_map(|found| found.variables.get(&variable)?.as_deref())
    }

    /// All that a variable is set to in its containers.
    pub fn values(&self, variable: Variable) -> BTreeSet<&str> {
        let set =
            self.containers.iter().filter_map(|found| found.variables.get(&variable)?.as_deref());
        set.filter(|value| !value.is_empty()).collect()
    }

    /// The containers that the webhook gives its variables.
    pub fn injectable(&self) -> impl Iterator<Item = &Container> {
        self.containers.iter().filter(|found| !self.skipped.contains(&found.name))
    }

    /// The token that Azure SDKs would read: the one at the path of the variable.
    pub fn token(&self) -> Option<&ProjectedToken> {
        let file = self.value(Variable::TokenFile)?;
        self.tokens.iter().find(|token| token.file.as_deref() == Some(file))
    }
}

/// An object that makes pods, or a pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// Which one.
    pub key: WorkloadKey,
    /// Its UID.
    pub uid: Arc<str>,
    /// The value of [`crate::model::pod::LABEL_USE`] among its own labels.
    pub label: Option<Arc<str>>,
    /// What made it.
    pub controller: Option<Controller>,
    /// Whether it is over, or being deleted.
    pub is_over: bool,
    /// Whether it should have at least one pod now.
    pub expects_pods: bool,
    /// Its templates; a pod is its own.
    pub templates: Vec<PodFacts>,
}

/// Names an object that makes pods.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WorkloadKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// The kind.
    pub kind: &'static WorkloadKind,
    /// The namespace.
    pub namespace: Namespace,
    /// The name.
    pub name: Arc<str>,
}

impl WorkloadKey {
    /// Whether it is that of a pod.
    pub fn is_of(&self, pod: &PodName) -> bool {
        let is_same = self.namespace == *pod.namespace() && *self.name == *pod.name().as_str();
        is_same && self.kind.is_pod()
    }
}

impl std::fmt::Display for WorkloadKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cluster, kind, namespace, name } = self;
        write!(formatter, "{cluster}/{}/{namespace}/{name}", kind.name)
    }
}

/// What made an object. A `ReplicaSet` of a Deployment stands for the Deployment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Controller {
    /// Its kind as manifests have it.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// What came of a pod that is created for show: a dry run stores and starts nothing.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run>
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admitted {
    /// The pod as it would be.
    Pod(PodFacts),
    /// The identity webhook refuses it.
    Denied(Arc<str>),
    /// The API server could not call the identity webhook.
    Uncalled(Arc<str>),
    /// Something else refuses it: a policy, Pod Security, a quota.
    Refused(Arc<str>),
}

/// That a controller was refused a pod, by its event. API servers drop events after an hour.
/// <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedCreation {
    /// The kind of what makes the pod, as manifests have it.
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// What the API server said.
    pub message: Arc<str>,
    /// How often.
    pub count: usize,
    /// When last, as the event has it.
    pub last: Arc<str>,
}

impl RefusedCreation {
    /// Whether it is about a workload. A Deployment's pods are made by `ReplicaSet`s, named after it and the hash of
    /// its template.
    pub fn is_about(&self, workload: &WorkloadKey) -> bool {
        let hash = || self.name.strip_prefix(&*workload.name)?.strip_prefix('-');
        match (workload.kind.kind, &*self.kind) {
            ("Deployment", "ReplicaSet") => hash().is_some_and(|hash| !hash.contains('-')),
            (kind, of) => kind == of && self.name == workload.name,
        }
    }
}

impl Admitted {
    /// Whether the identity webhook has answered, where it is one that has to.
    pub fn webhook_answered(&self) -> bool {
        match self {
            Self::Pod(pod) => pod.value(Variable::TokenFile).is_some(),
            Self::Denied(_) => true,
            Self::Uncalled(_) | Self::Refused(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RefusedCreation, WorkloadKey};
    use crate::model::workload_kind::by_kind;

    #[test]
    fn an_event_of_a_replica_set_is_about_its_deployment_and_no_namesake() {
        let event = |kind: &str, name: &str| RefusedCreation {
            kind: kind.into(),
            name: name.into(),
            message: "".into(),
            count: 1,
            last: "".into(),
        };
        let workload = |kind| WorkloadKey {
            cluster: "k".into(),
            kind: by_kind(kind).unwrap(),
            namespace: "team-1".into(),
            name: "api".into(),
        };
        let deployment = workload("Deployment");
        assert!(event("ReplicaSet", "api-5d4f").is_about(&deployment));
        assert!(event("Job", "api").is_about(&workload("Job")));
        for (kind, name) in [
            ("ReplicaSet", "api"),
            ("ReplicaSet", "api-two-5d4f"),
            ("ReplicaSet", "apis-5d4f"),
            ("Job", "api"),
            ("StatefulSet", "api-5d4f"),
        ] {
            assert!(!event(kind, name).is_about(&deployment), "{kind} {name}");
        }
    }
}
