//! The kinds that the clusters know, one row each.

/// What the API server needs to know of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The API group; empty for the core group.
    pub(super) group: &'static str,
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
    pub(super) short_name: &'static str,
    pub(super) is_namespaced: bool,
    /// The fields beside `apiVersion`, `kind`, `metadata`; each is owned as a whole.
    pub(super) fields: &'static [&'static str],
}

impl Row {
    /// `group/version`, or the version alone for the core group.
    pub(super) fn api_version(&self) -> String {
        match self.group {
            "" => VERSION.to_owned(),
            group => format!("{group}/{VERSION}"),
        }
    }

    /// The path of the group and version, as `apis/apps/v1`.
    pub(super) fn base(&self) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        format!("{root}/{}", self.api_version())
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
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

/// The version of every group.
pub(super) const VERSION: &str = "v1";

macro_rules! kinds {
    ($($group:literal $plural:literal $kind:literal $short:literal $is_namespaced:literal $fields:expr;)*) => {
        /// Every kind.
        pub(super) const ROWS: &[Row] = &[$(Row {
            group: $group,
            plural: $plural,
            kind: $kind,
            short_name: $short,
            is_namespaced: $is_namespaced,
            fields: &$fields,
        },)*];
    };
}

// group, plural, kind, short name, whether it is namespaced, fields
kinds! {
    "" "namespaces" "Namespace" "ns" false ["spec", "status"];
    "" "serviceaccounts" "ServiceAccount" "sa" true ["secrets", "imagePullSecrets", "automountServiceAccountToken"];
    "" "configmaps" "ConfigMap" "cm" true ["data", "binaryData", "immutable"];
    "" "pods" "Pod" "po" true ["spec", "status"];
    "" "services" "Service" "svc" true ["spec", "status"];
    "rbac.authorization.k8s.io" "roles" "Role" "" true ["rules"];
    "rbac.authorization.k8s.io" "rolebindings" "RoleBinding" "" true ["roleRef", "subjects"];
    "rbac.authorization.k8s.io" "clusterroles" "ClusterRole" "" false ["rules", "aggregationRule"];
    "rbac.authorization.k8s.io" "clusterrolebindings" "ClusterRoleBinding" "" false ["roleRef", "subjects"];
    "apps" "deployments" "Deployment" "deploy" true ["spec", "status"];
    "apps" "statefulsets" "StatefulSet" "sts" true ["spec", "status"];
    "apps" "daemonsets" "DaemonSet" "ds" true ["spec", "status"];
    "batch" "jobs" "Job" "" true ["spec", "status"];
    "batch" "cronjobs" "CronJob" "cj" true ["spec", "status"];
    "discovery.k8s.io" "endpointslices" "EndpointSlice" "" true ["addressType", "endpoints", "ports"];
    "admissionregistration.k8s.io" "mutatingwebhookconfigurations" "MutatingWebhookConfiguration" "" false ["webhooks"];
}

/// The kind of a group and plural.
pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Row> {
    let is_wanted = |row: &&Row| (row.group, VERSION, row.plural) == (group, version, plural);
    ROWS.iter().find(is_wanted)
}
