//! The kinds that the clusters know, one row each.

/// What the API server needs to know of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// The API group; empty for the core group.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
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
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The path of the group and version, as `apis/apps/v1`.
    pub(super) fn base(&self) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        format!("{root}/{}", self.api_version())
    }

    /// Whether an API server has it only where somebody has defined it: groups below `k8s.io`, and those without a dot,
    /// are Kubernetes' own (<https://github.com/kubernetes/enhancements/pull/1111>).
    pub(super) fn is_defined(&self) -> bool {
        self.group.contains('.') && !self.group.ends_with(".k8s.io")
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

macro_rules! kinds {
    ($($group:literal $version:literal $plural:literal $kind:literal $short:literal $is_namespaced:literal $fields:expr;)*) => {
        /// Every kind.
        pub(super) const ROWS: &[Row] = &[$(Row {
            group: $group,
            version: $version,
            plural: $plural,
            kind: $kind,
            short_name: $short,
            is_namespaced: $is_namespaced,
            fields: &$fields,
        },)*];
    };
}

// group, version, plural, kind, short name, whether it is namespaced, fields
kinds! {
    "" "v1" "namespaces" "Namespace" "ns" false ["spec", "status"];
    "" "v1" "serviceaccounts" "ServiceAccount" "sa" true ["secrets", "imagePullSecrets", "automountServiceAccountToken"];
    "" "v1" "configmaps" "ConfigMap" "cm" true ["data", "binaryData", "immutable"];
    "" "v1" "pods" "Pod" "po" true ["spec", "status"];
    "" "v1" "services" "Service" "svc" true ["spec", "status"];
    "rbac.authorization.k8s.io" "v1" "roles" "Role" "" true ["rules"];
    "rbac.authorization.k8s.io" "v1" "rolebindings" "RoleBinding" "" true ["roleRef", "subjects"];
    "rbac.authorization.k8s.io" "v1" "clusterroles" "ClusterRole" "" false ["rules", "aggregationRule"];
    "rbac.authorization.k8s.io" "v1" "clusterrolebindings" "ClusterRoleBinding" "" false ["roleRef", "subjects"];
    "apps" "v1" "deployments" "Deployment" "deploy" true ["spec", "status"];
    "apps" "v1" "statefulsets" "StatefulSet" "sts" true ["spec", "status"];
    "apps" "v1" "daemonsets" "DaemonSet" "ds" true ["spec", "status"];
    "batch" "v1" "jobs" "Job" "" true ["spec", "status"];
    "batch" "v1" "cronjobs" "CronJob" "cj" true ["spec", "status"];
    "discovery.k8s.io" "v1" "endpointslices" "EndpointSlice" "" true ["addressType", "endpoints", "ports"];
    "admissionregistration.k8s.io" "v1" "mutatingwebhookconfigurations" "MutatingWebhookConfiguration" "" false ["webhooks"];
    // A cluster has the groups of these as long as there is an object of one.
    "secrets-store.csi.x-k8s.io" "v1" "secretproviderclasses" "SecretProviderClass" "" true ["spec", "status"];
    "keda.sh" "v1alpha1" "triggerauthentications" "TriggerAuthentication" "" true ["spec", "status"];
    "keda.sh" "v1alpha1" "clustertriggerauthentications" "ClusterTriggerAuthentication" "" false ["spec", "status"];
    "cert-manager.io" "v1" "issuers" "Issuer" "" true ["spec", "status"];
    "cert-manager.io" "v1" "clusterissuers" "ClusterIssuer" "" false ["spec", "status"];
    "external-secrets.io" "v1" "secretstores" "SecretStore" "" true ["spec", "status"];
    "external-secrets.io" "v1" "clustersecretstores" "ClusterSecretStore" "" false ["spec", "status"];
}

/// The kind of a group and plural.
pub(super) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Row> {
    let is_wanted = |row: &&Row| (row.group, row.version, row.plural) == (group, version, plural);
    ROWS.iter().find(is_wanted)
}
