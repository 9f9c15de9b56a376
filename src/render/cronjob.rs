//! `cronjob`: widctl inside of a cluster, on a schedule: what the API server is given, and the commands that make the
//! identity which it signs in with. Of what a cluster takes, it gets what the profile's objects there need and no more.

mod bootstrap;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Document, Given, Target, Unrendered, yaml};
use crate::model::kinds::rbac::PolicyRule;
use crate::model::text::{ClusterName, Namespace};
use crate::profile::resolved::{Cluster, Mode, Profile, Workload};

/// The target.
pub(super) const TARGET: Target = Target {
    name: "cronjob",
    title: "a CronJob that compares or repairs on a schedule, with its rights and its sign-in",
    render,
};

/// What the job does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Run {
    /// It compares: a job that fails tells of a difference.
    Check,
    /// It writes what differs.
    Sync,
}

/// How the job runs.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The image of widctl.
    pub image: Option<&'a str>,
    /// When, as a `CronJob` writes it.
    pub schedule: &'a str,
    /// What it does.
    pub run: Run,
}

/// The namespace of the jobs of all estates.
const NAMESPACE: &str = "widctl";
/// Where the pod has the profile.
const PROFILE: &str = "/profile";
/// Where the pod has its kubeconfig.
const KUBECONFIG: &str = "/kubeconfig";
/// Where a pod finds the token of its account and the authority of its API server.
/// <https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/#directly-accessing-the-rest-api>
const OWN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The most bytes of a `ConfigMap`.
/// <https://kubernetes.io/docs/concepts/configuration/configmap/#motivation>
const LARGEST: usize = 1024 * 1024;
/// The longest name of a `CronJob`.
/// <https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#writing-a-cronjob-spec>
const LONGEST: usize = 52;
/// The group of Roles and their bindings.
const RBAC: &str = "rbac.authorization.k8s.io";
/// The version of its API.
const RBAC_V1: &str = "rbac.authorization.k8s.io/v1";

/// The job of one cluster.
struct InCluster<'a> {
    profile: &'a Profile,
    name: &'a ClusterName,
    cluster: &'a Cluster,
    job: Job<'a>,
    image: &'a str,
}

fn render(given: &Given<'_>) -> Result<Vec<Document>, Unrendered> {
    if given.team.is_some() {
        let hint = "leave `--team` out: one job keeps what the whole profile says of its cluster";
        return Err(Unrendered::usage("a job is not of one team".to_owned(), hint));
    }
    let Some(image) = given.job.image else {
        let hint = "give `--image IMAGE`, by digest: docs/install.md names it";
        return Err(Unrendered::usage("the job needs an image of widctl".to_owned(), hint));
    };
    let profile = given.profile;
    if title(profile).len() > LONGEST {
        let what = format!("the job would be called `{}`", title(profile));
        let hint = format!(
            "give the profile a shorter `estate`: a CronJob's name has at most {LONGEST} characters"
        );
        return Err(Unrendered { what, hint, is_usage: false });
    }
    let size: usize = given.files.iter().map(|file| file.text.len()).sum();
    if size > LARGEST {
        return Err(Unrendered {
            what: format!("the profile has {size} bytes, and a ConfigMap at most {LARGEST}"),
            hint: "give each part an estate and a profile of its own: docs/estates.md".to_owned(),
            is_usage: false,
        });
    }
    let clusters = given.chosen(profile.clusters.keys()).flat_map(|name| {
        let cluster = &profile.clusters[name];
        let cluster = InCluster { profile, name, cluster, job: given.job, image };
        [cluster.manifest(given), cluster.bootstrap()]
    });
    Ok(clusters.collect())
}

impl InCluster<'_> {
    /// What everything of the job is called.
    fn title(&self) -> String {
        title(self.profile)
    }

    /// Whether the pod reaches the API server as its own account. Otherwise Azure answers the credentials of the
    /// identity that it signs in as.
    fn is_own_account(&self) -> bool {
        self.cluster.context().is_some()
    }

    fn manifest(&self, given: &Given<'_>) -> Document {
        let mut objects = vec![json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": NAMESPACE,
                // https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
                "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
            },
        })];
        objects.push(self.named("v1", "ServiceAccount", json!({})));
        objects.extend(self.rights());
        let keys = given.files.iter().enumerate().map(|(number, file)| {
            (format!("{number}.toml"), String::from_utf8_lossy(&file.text).into_owned().into())
        });
        let mut data: Map<String, Value> = keys.collect();
        data.extend(
            self.cluster.context().map(|name| ("kubeconfig".into(), kubeconfig(name).into())),
        );
        objects.push(self.named("v1", "ConfigMap", json!({ "data": data })));
        objects.push(self.cron_job(given));
        let apply = "kubectl --context CONTEXT apply --server-side -f FILE";
        let next = vec![format!("{apply}, on cluster {}", self.name)];
        Document { name: format!("{}/cronjob.yaml", self.name), text: yaml::file(&objects), next }
    }

    /// An object of the job in its namespace.
    fn named(&self, version: &str, kind: &str, rest: Value) -> Value {
        let metadata = json!({ "name": self.title(), "namespace": NAMESPACE });
        object(version, kind, &metadata, rest)
    }

    /// What reads the whole cluster, and where the job writes a Role for each namespace.
    fn rights(&self) -> Vec<Value> {
        let title = self.title();
        let mut objects = vec![object(
            RBAC_V1,
            "ClusterRole",
            &json!({ "name": title }),
            json!({ "rules": reads() }),
        )];
        if self.is_own_account() {
            objects.push(self.binding(
                "ClusterRoleBinding",
                "ClusterRole",
                &json!({ "name": title }),
            ));
        }
        if self.job.run == Run::Check {
            return objects;
        }
        for (namespace, rules) in self.writes() {
            let metadata = json!({ "name": title, "namespace": namespace });
            let rules = json!({ "rules": rules });
            objects.push(object(RBAC_V1, "Role", &metadata, rules));
            if self.is_own_account() {
                objects.push(self.binding("RoleBinding", "Role", &metadata));
            }
        }
        objects
    }

    fn binding(&self, kind: &str, role: &str, metadata: &Value) -> Value {
        let title = self.title();
        let rest = json!({
            "roleRef": { "apiGroup": RBAC, "kind": role, "name": title },
            "subjects": [{ "kind": "ServiceAccount", "name": title, "namespace": NAMESPACE }],
        });
        object(RBAC_V1, kind, metadata, rest)
    }

    /// The rules of the job in each namespace that it writes to. Whoever writes a Role needs every right in it.
    /// <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping>
    fn writes(&self) -> BTreeMap<&Namespace, Vec<Value>> {
        let mut found: BTreeMap<&Namespace, BTreeSet<PolicyRule>> = BTreeMap::new();
        for workload in self.workloads().filter(|workload| workload.mode != Mode::TrustOnly) {
            let rules = found.entry(&workload.namespace).or_default();
            rules.extend(workload.role_rules());
        }
        let rules = found.into_iter().map(|(namespace, granted)| {
            let mut rules = vec![rule(&[""], &["serviceaccounts"], &["get", "create", "patch"])];
            if !granted.is_empty() {
                // A binding to another Role is deleted and made anew.
                let verbs = ["get", "create", "patch", "delete"];
                rules.push(rule(&[RBAC], &["roles", "rolebindings"], &verbs));
            }
            rules.extend(granted.iter().map(|granted| {
                let mut rule =
                    json!({ "apiGroups": granted.api_groups, "resources": granted.resources });
                if !granted.resource_names.is_empty() {
                    rule["resourceNames"] = json!(granted.resource_names);
                }
                rule["verbs"] = json!(granted.verbs);
                rule
            }));
            (namespace, rules)
        });
        rules.collect()
    }

    fn workloads(&self) -> impl Iterator<Item = &Workload> {
        let workloads = self.profile.teams.iter().flat_map(|team| &team.workloads);
        workloads.filter(|workload| workload.clusters.contains(self.name))
    }

    fn arguments(&self) -> Vec<String> {
        let run = match self.job.run {
            Run::Check => "--check",
            Run::Sync => "--auto-approve",
        };
        let mut arguments = vec!["sync", PROFILE, run, "--no-input", "--auth", "workload-identity"];
        if self.profile.clusters.len() > 1 {
            arguments.extend(["--cluster", self.name.as_str()]);
        }
        arguments.into_iter().map(str::to_owned).collect()
    }

    fn cron_job(&self, given: &Given<'_>) -> Value {
        let labels = json!({ "azure.workload.identity/use": "true" });
        // A job that found a difference has failed, and is not tried again before the next one.
        let job = json!({
            "backoffLimit": 0, "activeDeadlineSeconds": 3_600,
            "template": { "metadata": { "labels": labels }, "spec": self.pod(given) },
        });
        let spec = json!({ "spec": {
            "schedule": self.job.schedule, "concurrencyPolicy": "Forbid",
            "jobTemplate": { "spec": job },
        } });
        self.named("batch/v1", "CronJob", spec)
    }

    fn pod(&self, given: &Given<'_>) -> Value {
        let title = self.title();
        let items = given.files.iter().enumerate().map(|(number, file)| {
            let path = inside(&file.path, given.files.len());
            json!({ "key": format!("{number}.toml"), "path": path })
        });
        let items: Vec<Value> = items.collect();
        let volume = |name: &str, items: &[Value]| json!({ "name": name, "configMap": { "name": title, "items": items } });
        let mount =
            |name: &str, path: &str| json!({ "name": name, "mountPath": path, "readOnly": true });
        let mut volumes = vec![volume("profile", &items)];
        let mut mounts = vec![mount("profile", PROFILE)];
        let mut variables = Vec::new();
        if self.is_own_account() {
            volumes.push(volume("kubeconfig", &[json!({ "key": "kubeconfig", "path": "config" })]));
            mounts.push(mount("kubeconfig", KUBECONFIG));
            variables
                .push(json!({ "name": "KUBECONFIG", "value": format!("{KUBECONFIG}/config") }));
        }
        let container = json!({
            "name": "widctl", "image": self.image, "args": self.arguments(), "env": variables,
            // The values of the profile's `variables`, for those that have some.
            "envFrom": [{ "configMapRef": { "name": format!("{title}-variables"), "optional": true } }],
            "volumeMounts": mounts,
            "resources": {
                "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "512Mi" },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": { "drop": ["ALL"] },
            },
        });
        json!({
            "serviceAccountName": title,
            "automountServiceAccountToken": self.is_own_account(),
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [container],
            "volumes": volumes,
        })
    }
}

/// What the job of an estate is called, whose name may have letters that names of objects have not.
fn title(profile: &Profile) -> String {
    let estate = profile.estate.as_str().to_lowercase();
    format!("widctl-{}", estate.replace(|c: char| !c.is_ascii_alphanumeric(), "-"))
}

/// Where the pod has a file of the profile: below its folder, and one alone by its name.
fn inside(path: &str, files: usize) -> &str {
    if files == 1 { path.rsplit(['/', '\\']).next().unwrap_or(path) } else { path }
}

fn object(version: &str, kind: &str, metadata: &Value, rest: Value) -> Value {
    let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": metadata });
    if let (Value::Object(object), Value::Object(rest)) = (&mut object, rest) {
        object.extend(rest);
    }
    object
}

fn rule(groups: &[&str], resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": groups, "resources": resources, "verbs": verbs })
}

/// What a plan reads, as the README's table has it.
fn reads() -> Value {
    json!([
        rule(&[""], &["namespaces", "serviceaccounts"], &["get", "list"]),
        rule(&[RBAC], &["roles", "rolebindings"], &["get", "list"]),
        rule(
            &["admissionregistration.k8s.io"],
            &["mutatingwebhookconfigurations"],
            &["get"],
        ),
        { "nonResourceURLs": ["/.well-known/openid-configuration"], "verbs": ["get"] },
    ])
}

/// A kubeconfig by which the pod's own account reaches its own API server.
fn kubeconfig(context: &str) -> String {
    yaml::file([&json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{ "name": "own", "cluster": {
            "server": "https://kubernetes.default.svc", "certificate-authority": format!("{OWN}/ca.crt"),
        } }],
        "users": [{ "name": "own", "user": { "tokenFile": format!("{OWN}/token") } }],
        "contexts": [{ "name": context, "context": { "cluster": "own", "user": "own" } }],
    })])
}
