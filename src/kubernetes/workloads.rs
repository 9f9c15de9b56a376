//! What makes pods on a cluster, read within bounds and reduced to what decides about identities.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use http::Uri;
use http::header::CONTENT_TYPE;
use kube::api::ListParams;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::ClusterClient;
use super::error::{ClusterRequest, clean};
use super::list::List;
use super::object::is_absence;
use super::pod_facts::{at, facts};
use super::request::Requests;
use super::texts::Texts;
use super::webhook;
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::pod::{LABEL_USE, PodName, USES_IDENTITY};
use crate::model::text::Namespace;
use crate::model::workload_kind::{WorkloadKind, pods};
use crate::observed::evidence::ConfigMapKey;
use crate::observed::pods::{Admitted, Controller, RefusedCreation, Workload, WorkloadKey};
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::workload::{Surveyed, Within, WorkloadRead};

/// Objects per page: a pod has far more values than what the estate itself writes.
pub(super) const PAGE: u32 = 200;
/// The webhook's Deployment, in the chart and in the AKS add-on alike.
const INSTALLATION: &str = "azure-wi-webhook-controller-manager";
/// What Helm writes on what it installs.
/// <https://github.com/helm/helm/blob/v3.18.0/pkg/action/validate.go>
const RELEASE: &str = "meta.helm.sh/release-name";
/// The namespace of a Deployment of the webhook, and the Helm release that it is of.
type Installation = (Arc<str>, Option<Arc<str>>);

/// The most pages of events: of one namespace, and of one reason alone.
const MOST_EVENT_PAGES: usize = 5;

/// What a dry run is asked for with.
const DRY_RUN: &str = "dryRun=All&fieldManager=widctl";
/// The smallest image that there is; a dry run pulls none.
const IMAGE: &str = "registry.k8s.io/pause:3.10";

/// Whether a request creates something for show alone.
pub(super) fn is_dry_run(uri: &Uri) -> bool {
    uri.query() == Some(DRY_RUN)
}

/// The API groups of a cluster on the wire.
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#unaggregated-discovery>
#[derive(Deserialize)]
struct Groups {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
}

/// The request for something of a kind.
pub(super) fn asked(
    operation: impl Into<String>,
    verb: &'static str,
    (group, resource): (&str, &str),
    namespace: Option<&str>,
) -> ClusterRequest {
    ClusterRequest {
        operation: operation.into(),
        verb,
        resource: resource.into(),
        group: group.into(),
        namespace: namespace.map(str::to_owned),
    }
}

/// The path of a kind in a namespace, or in all of them, and of an object of it.
pub(super) fn path(kind: &WorkloadKind, namespace: Option<&str>, name: Option<&str>) -> String {
    let root = if kind.group.is_empty() { "/api".into() } else { format!("/apis/{}", kind.group) };
    let mut path = format!("{root}/{}", kind.version);
    if let Some(namespace) = namespace {
        path = format!("{path}/namespaces/{namespace}");
    }
    path = format!("{path}/{}", kind.plural);
    name.map_or(path.clone(), |name| format!("{path}/{name}"))
}

impl Requests {
    /// Gets what is at a path that the API server has named itself.
    async fn get(&self, asked: &ClusterRequest, path: &str) -> Result<Value, PortError> {
        let request = http::Request::get(path).body(Vec::new());
        let request = request.map_err(|_| self.place.error(PortErrorKind::Invalid, asked))?;
        let answer = self.send(asked, request).await?;
        answer::parse(&answer).map_err(|error| self.malformed(asked, error))
    }

    /// Creates a pod for show.
    async fn admit(&self, namespace: &str, pod: &Value) -> Result<Admitted, PortError> {
        let operation = format!("try a pod in namespace `{namespace}` without creating it");
        let asked = asked(operation, "create", ("", "pods"), Some(namespace));
        let path = format!("{}?{DRY_RUN}", path(pods(), Some(namespace), None));
        let request = http::Request::post(path)
            .header(CONTENT_TYPE, "application/json")
            .body(pod.to_string().into_bytes());
        let request = request.map_err(|_| self.place.error(PortErrorKind::Invalid, &asked))?;
        match self.send(&asked, request).await {
            Ok(answer) => {
                let pod: Value =
                    answer::parse(&answer).map_err(|error| self.malformed(&asked, error))?;
                let facts = facts(&pod, &pods().templates[0]).pop();
                facts.map(Admitted::Pod).ok_or_else(|| self.unlikely(&asked, "it is no pod"))
            }
            Err(error) => refused(error),
        }
    }
}

/// What a refusal says of the pod; what says nothing of it stays an error.
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/errors/statuserror.go>
fn refused(error: PortError) -> Result<Admitted, PortError> {
    let Some(message) = error.message.as_deref() else { return Err(error) };
    let why: Arc<str> = message.into();
    let named = |before: &str, after: &str| {
        message.contains(&format!("{before} \"{}\"{after}", webhook::NAME))
    };
    if named("failed calling webhook", "") {
        return Ok(Admitted::Uncalled(why));
    }
    if named("admission webhook", " denied the request") {
        return Ok(Admitted::Denied(why));
    }
    let is_of_others = message.contains("failed calling webhook");
    match error.kind {
        PortErrorKind::Forbidden | PortErrorKind::Invalid => Ok(Admitted::Refused(why)),
        PortErrorKind::ServiceFault if is_of_others => Ok(Admitted::Refused(why)),
        PortErrorKind::ServiceFault
        | PortErrorKind::Unauthenticated
        | PortErrorKind::Refused { .. }
        | PortErrorKind::NotFound
        | PortErrorKind::ParentNotFound
        | PortErrorKind::PrincipalNotFound
        | PortErrorKind::RoleAssignmentExists
        | PortErrorKind::PairTaken
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Conflict { .. }
        | PortErrorKind::Throttled
        | PortErrorKind::Unreachable
        | PortErrorKind::AnswerLost
        | PortErrorKind::TimedOut
        | PortErrorKind::Malformed
        | PortErrorKind::ForeignOrigin
        | PortErrorKind::Bug => Err(error),
    }
}

/// A pod that Pod Security and quotas have nothing against.
/// <https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted>
fn smallest_pod(account: &str) -> Value {
    let amount = json!({ "cpu": "10m", "memory": "16Mi" });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "generateName": "widctl-verify-", "labels": { LABEL_USE: USES_IDENTITY } },
        "spec": {
            "serviceAccountName": account,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532,
                "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "main",
                "image": IMAGE,
                "resources": { "requests": amount, "limits": amount },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
}

#[async_trait]
impl WorkloadRead for ClusterClient {
    async fn groups(&self) -> Result<BTreeSet<Arc<str>>, PortError> {
        let asked = asked("list the API groups", "get", ("", "/apis"), None);
        let requests = self.requests();
        let found = requests.get(&asked, "/apis").await?;
        let found: Groups =
            serde_json::from_value(found).map_err(|error| requests.malformed(&asked, error))?;
        Ok(found.groups.into_iter().map(|group| clean(&group.name).into()).collect())
    }

    async fn workloads(
        &self,
        kind: &'static WorkloadKind,
        within: Within<'_>,
    ) -> Result<Surveyed, PortError> {
        let requests = self.requests();
        let none = BTreeSet::new();
        let mut options = ListParams::default().limit(PAGE);
        let (namespace, kept) = match within {
            Within::Namespace(namespace) => (Some(namespace.as_str()), None),
            Within::Cluster(kept) => (None, Some(kept)),
            Within::Installations => {
                options = options.fields(&format!("metadata.name={INSTALLATION}"));
                (None, Some(&none))
            }
        };
        let operation = match namespace {
            Some(namespace) => format!("list the {} in namespace `{namespace}`", kind.plural),
            None => format!("list the {}", kind.plural),
        };
        let asked = asked(operation, "list", (kind.group, kind.plural), namespace);
        let path = path(kind, namespace, None);
        let list = List { asked: &asked, path, options, most_pages: None };
        let take = |object: &Value, _: &mut Texts| Ok(self.take(kind, kept, object));
        let (taken, _) = requests.listed(&list, take).await?;
        let mut surveyed = Surveyed::default();
        for (found, installation) in taken {
            surveyed.found.extend(found);
            surveyed.installations.extend(installation);
        }
        Ok(surveyed)
    }

    async fn dry_run(&self, account: &ServiceAccountKey) -> Result<Admitted, PortError> {
        let pod = smallest_pod(account.name.as_str());
        self.requests().admit(account.namespace.as_str(), &pod).await
    }

    async fn dry_run_of(&self, workload: &WorkloadKey) -> Result<Admitted, PortError> {
        let WorkloadKey { cluster: _, kind, namespace, name } = workload;
        let namespace = namespace.as_str();
        let operation = format!("read the {} `{name}` in namespace `{namespace}`", kind.kind);
        let asked = asked(operation, "get", (kind.group, kind.plural), Some(namespace));
        let requests = self.requests();
        let found = requests.get(&asked, &path(kind, Some(namespace), Some(name))).await?;
        let template = kind.templates.first().map_or("", |template| template.base);
        let is_object = |value: &Value| value.is_object() || value.is_null();
        let is_template = |found: &&Value| found.is_object() && is_object(&found["metadata"]);
        let Some(template) = at(&found, template).into_iter().next().filter(is_template) else {
            return Err(requests.unlikely(&asked, "it has no template"));
        };
        let mut pod = template.clone();
        pod["apiVersion"] = "v1".into();
        pod["kind"] = "Pod".into();
        pod["metadata"]["generateName"] = format!("{name}-").into();
        requests.admit(namespace, &pod).await
    }

    async fn refused_creations(
        &self,
        namespace: &Namespace,
    ) -> Result<Vec<RefusedCreation>, PortError> {
        let namespace = namespace.as_str();
        let operation = format!("list the events in namespace `{namespace}`");
        let asked = asked(operation, "list", ("", "events"), Some(namespace));
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let options = ListParams::default().limit(PAGE).fields("reason=FailedCreate,type=Warning");
        let list = List { asked: &asked, path, options, most_pages: Some(MOST_EVENT_PAGES) };
        let take = |event: &Value, _: &mut Texts| Ok(refused_creation(event));
        let (found, _) = self.requests().listed(&list, take).await?;
        Ok(found)
    }

    async fn has_text(&self, config_map: &ConfigMapKey, text: &str) -> Result<bool, PortError> {
        let ConfigMapKey { cluster: _, namespace, name } = config_map;
        let namespace = namespace.as_str();
        let operation = format!("read the ConfigMap `{name}` in namespace `{namespace}`");
        let asked = asked(operation, "get", ("", "configmaps"), Some(namespace));
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{name}");
        match self.requests().get(&asked, &path).await {
            Ok(found) => {
                let values = found["data"].as_object().into_iter().flatten();
                Ok(values
                    .into_iter()
                    .any(|(_, value)| value.as_str().is_some_and(|value| value.contains(text))))
            }
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn is_ready(&self, namespace: &str, service: &str) -> Result<bool, PortError> {
        let group = "discovery.k8s.io";
        let operation = format!("list what is behind the service `{service}`");
        let asked = asked(operation, "list", (group, "endpointslices"), Some(namespace));
        let path = format!("/apis/{group}/v1/namespaces/{namespace}/endpointslices");
        let selector = format!("kubernetes.io/service-name={service}");
        let options = ListParams::default().limit(PAGE).labels(&selector);
        let list = List { asked: &asked, path, options, most_pages: None };
        // https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
        let take = |slice: &Value, _: &mut Texts| {
            let mut endpoints = at(slice, "endpoints[]").into_iter();
            Ok(endpoints.any(|found| found["conditions"]["ready"] != false))
        };
        let (ready, _) = self.requests().listed(&list, take).await?;
        Ok(ready.contains(&true))
    }
}

impl ClusterClient {
    /// One pod; `None` where it does not exist.
    pub async fn pod(&self, pod: &PodName) -> Result<Option<Workload>, PortError> {
        let (namespace, name) = (pod.namespace().as_str(), pod.name().as_str());
        let operation = format!("read the pod `{name}` in namespace `{namespace}`");
        let asked = asked(operation, "get", ("", "pods"), Some(namespace));
        let requests = self.requests();
        let found = match requests.get(&asked, &path(pods(), Some(namespace), Some(name))).await {
            Ok(found) => found,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !found["spec"]["containers"].is_array() {
            return Err(requests.unlikely(&asked, "it is no pod"));
        }
        match self.take(pods(), None, &found).0 {
            Some(found) if found.key.is_of(pod) => Ok(Some(found)),
            _ => {
                let what = "the answer is about another pod than was asked for";
                Err(requests.unlikely(&asked, what))
            }
        }
    }

    /// What is taken of an object: itself, where it is in one of the namespaces, and an installation of the webhook.
    fn take(
        &self,
        kind: &'static WorkloadKind,
        kept: Option<&BTreeSet<Namespace>>,
        object: &Value,
    ) -> (Option<Workload>, Option<Installation>) {
        let metadata = &object["metadata"];
        let text = |value: &Value| -> Arc<str> { clean(value.as_str().unwrap_or_default()).into() };
        let (place, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        let is_installation = kind.plural == "deployments" && &*name == INSTALLATION;
        let release = metadata["annotations"][RELEASE].as_str().map(|name| clean(name).into());
        let installation = is_installation.then(|| (Arc::clone(&place), release));
        let namespace = Namespace::new(place);
        if kept.is_some_and(|kept| !kept.contains(&namespace)) {
            return (None, installation);
        }
        let cluster = self.requests().place.cluster.clone();
        let label = metadata["labels"][LABEL_USE].as_str();
        let found = Workload {
            key: WorkloadKey { cluster, kind, namespace, name },
            uid: text(&metadata["uid"]),
            label: label.map(|label| clean(label).into()),
            controller: controller(metadata),
            is_over: is_over(kind, object),
            expects_pods: expects_pods(kind, object),
            templates: kind.templates.iter().flat_map(|place| facts(object, place)).collect(),
        };
        (Some(found), installation)
    }
}

/// What an event says. Its series, where there is one, has the count and the last time.
fn refused_creation(event: &Value) -> RefusedCreation {
    let text = |value: &Value| -> Arc<str> { clean(value.as_str().unwrap_or_default()).into() };
    let (about, series) = (&event["involvedObject"], &event["series"]);
    let count = series["count"].as_u64().or_else(|| event["count"].as_u64());
    let times = [&series["lastObservedTime"], &event["lastTimestamp"], &event["eventTime"]];
    RefusedCreation {
        kind: text(&about["kind"]),
        name: text(&about["name"]),
        message: text(&event["message"]),
        count: count.and_then(|count| usize::try_from(count).ok()).unwrap_or(1),
        last: text(times.into_iter().find(|time| time.is_string()).unwrap_or(&Value::Null)),
    }
}

/// What made an object. A `ReplicaSet` is named after its Deployment and the hash of the template.
/// <https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#pod-template-hash-label>
fn controller(metadata: &Value) -> Option<Controller> {
    let owners = metadata["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let (kind, name) = (owner["kind"].as_str()?, owner["name"].as_str()?);
    let hash = metadata["labels"]["pod-template-hash"].as_str();
    let deployment = hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
    let (kind, name) = match (kind, deployment) {
        ("ReplicaSet", Some(name)) => ("Deployment", name),
        own => (own.0, name),
    };
    Some(Controller { kind: clean(kind).into(), name: clean(name).into() })
}

/// Whether a pod or a Job has ended, or an object is being deleted.
fn is_over(kind: &WorkloadKind, object: &Value) -> bool {
    let status = &object["status"];
    let ended = |of: &Value| matches!(of.as_str(), Some("Succeeded" | "Failed" | "Complete"));
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut holds = conditions.filter(|condition| condition["status"] == "True");
    !object["metadata"]["deletionTimestamp"].is_null()
        || (kind.is_pod() && ended(&status["phase"]))
        || (kind.plural == "jobs" && holds.any(|condition| ended(&condition["type"])))
}

/// Whether there should be a pod of it now.
fn expects_pods(kind: &WorkloadKind, object: &Value) -> bool {
    let (spec, status) = (&object["spec"], &object["status"]);
    match kind.plural {
        "deployments" | "statefulsets" => spec["replicas"].as_u64() != Some(0),
        "daemonsets" => status["desiredNumberScheduled"].as_u64().unwrap_or_default() > 0,
        "jobs" => spec["suspend"] != true,
        _ => false,
    }
}
