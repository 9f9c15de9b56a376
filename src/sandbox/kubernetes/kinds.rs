//! The kinds that the clusters know, one row each.

/// What the API server needs to know of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The API group; empty for the core group.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) kind: &'static str,
    pub(super) short_name: &'static str,
    pub(super) is_namespaced: bool,
    /// The fields beside `apiVersion`, `kind`, `metadata`; each is owned as a whole.
    pub(super) fields: &'static [&'static str],
    /// Those of the fields that are maps whose keys are owned one by one.
    pub(super) maps: &'static [&'static str],
    /// The name that `kubectl get` knows several kinds by.
    pub(super) category: &'static str,
}

impl Row {
    /// The path of the group and version, as `apis/apps/v1`.
    pub(super) fn base(&self) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        format!("{root}/{}", self.api_version())
    }

    /// `group/version`, or the version alone for the core group.
    pub(super) fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The plural with its group, as messages name it.
    pub(super) fn qualified_plural(&self) -> String {
        with_group(self.plural, self.group)
    }

    /// Those of the fields that a write gives to the one who wrote. The status belongs to controllers, and
    /// what stands in the spec of a namespace to the server.
    pub(super) fn owned_fields(&self) -> impl Iterator<Item = &'static str> {
        let is_namespace = self.kind == "Namespace";
        let is_owned =
            move |field: &&str| *field != "status" && !(is_namespace && *field == "spec");
        self.fields.iter().copied().filter(is_owned)
    }

    /// The path of an object in a cluster's store, or of all in a namespace, or of all.
    pub(super) fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let all = format!("{}/{}/", self.group, self.plural);
        match (self.is_namespaced, namespace, name) {
            (true, Some(namespace), name) => format!("{all}{namespace}/{}", name.unwrap_or("")),
            (true, None, _) => all,
            (false, _, name) => format!("{all}/{}", name.unwrap_or("")),
        }
    }
}

/// A name with its group, as messages have it.
pub(super) fn with_group(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

const fn core(
    (plural, singular, kind): (&'static str, &'static str, &'static str),
    short_name: &'static str,
    is_namespaced: bool,
    fields: &'static [&'static str],
) -> Row {
    let maps: &[&str] = &[];
    Row {
        group: "",
        version: "v1",
        plural,
        singular,
        kind,
        short_name,
        is_namespaced,
        fields,
        maps,
        category: "",
    }
}

const fn grouped(
    group: &'static str,
    (plural, singular, kind): (&'static str, &'static str, &'static str),
    is_namespaced: bool,
    fields: &'static [&'static str],
) -> Row {
    let (version, short_name, maps): (_, _, &[&str]) = ("v1", "", &[]);
    Row {
        group,
        version,
        plural,
        singular,
        kind,
        short_name,
        is_namespaced,
        fields,
        maps,
        category: "",
    }
}

/// The same kind as one of those that `kubectl get all` shows.
const fn in_all(row: Row, short_name: &'static str) -> Row {
    Row {
        short_name,
        category: "all",
        ..row
    }
}

/// The same kind as one of those that extend the API.
const fn extending(row: Row) -> Row {
    Row {
        category: "api-extensions",
        ..row
    }
}

const WORKLOAD: &[&str] = &["spec", "status"];

/// Every kind.
pub(super) const ROWS: [Row; 20] = [
    core(
        ("namespaces", "namespace", "Namespace"),
        "ns",
        false,
        &["spec", "status"],
    ),
    core(
        ("serviceaccounts", "serviceaccount", "ServiceAccount"),
        "sa",
        true,
        &[
            "secrets",
            "imagePullSecrets",
            "automountServiceAccountToken",
        ],
    ),
    Row {
        maps: &["data", "binaryData"],
        ..core(
            ("configmaps", "configmap", "ConfigMap"),
            "cm",
            true,
            &["data", "binaryData", "immutable"],
        )
    },
    // `kubectl describe` asks for these three, whatever it describes.
    core(
        ("events", "event", "Event"),
        "ev",
        true,
        &[
            "involvedObject",
            "reason",
            "message",
            "source",
            "type",
            "count",
            "firstTimestamp",
            "lastTimestamp",
            "eventTime",
        ],
    ),
    core(
        ("limitranges", "limitrange", "LimitRange"),
        "limits",
        true,
        &["spec"],
    ),
    core(
        ("resourcequotas", "resourcequota", "ResourceQuota"),
        "quota",
        true,
        WORKLOAD,
    ),
    in_all(core(("pods", "pod", "Pod"), "", true, WORKLOAD), "po"),
    in_all(
        core(("services", "service", "Service"), "", true, WORKLOAD),
        "svc",
    ),
    grouped(RBAC, ("roles", "role", "Role"), true, &["rules"]),
    grouped(
        RBAC,
        ("rolebindings", "rolebinding", "RoleBinding"),
        true,
        &["roleRef", "subjects"],
    ),
    grouped(
        RBAC,
        ("clusterroles", "clusterrole", "ClusterRole"),
        false,
        &["rules", "aggregationRule"],
    ),
    grouped(
        RBAC,
        (
            "clusterrolebindings",
            "clusterrolebinding",
            "ClusterRoleBinding",
        ),
        false,
        &["roleRef", "subjects"],
    ),
    in_all(
        grouped(
            "apps",
            ("deployments", "deployment", "Deployment"),
            true,
            WORKLOAD,
        ),
        "deploy",
    ),
    in_all(
        grouped(
            "apps",
            ("statefulsets", "statefulset", "StatefulSet"),
            true,
            WORKLOAD,
        ),
        "sts",
    ),
    in_all(
        grouped(
            "apps",
            ("daemonsets", "daemonset", "DaemonSet"),
            true,
            WORKLOAD,
        ),
        "ds",
    ),
    in_all(
        grouped(
            "apps",
            ("replicasets", "replicaset", "ReplicaSet"),
            true,
            WORKLOAD,
        ),
        "rs",
    ),
    in_all(grouped("batch", ("jobs", "job", "Job"), true, WORKLOAD), ""),
    in_all(
        grouped("batch", ("cronjobs", "cronjob", "CronJob"), true, WORKLOAD),
        "cj",
    ),
    extending(grouped(
        "admissionregistration.k8s.io",
        (
            "mutatingwebhookconfigurations",
            "mutatingwebhookconfiguration",
            "MutatingWebhookConfiguration",
        ),
        false,
        &["webhooks"],
    )),
    extending(grouped(
        "admissionregistration.k8s.io",
        (
            "validatingwebhookconfigurations",
            "validatingwebhookconfiguration",
            "ValidatingWebhookConfiguration",
        ),
        false,
        &["webhooks"],
    )),
];

/// The kind of a group and plural.
pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Row> {
    static ALL: [Row; 20] = ROWS;
    ALL.iter()
        .find(|row| (row.group, row.version, row.plural) == (group, version, plural))
}
