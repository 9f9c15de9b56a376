//! Kinds of objects in which controllers are given the client id of an identity, and whose token they ask for it with.

/// One kind.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ControllerKind {
    /// The API group.
    pub group: &'static str,
    /// The version that is read.
    pub version: &'static str,
    /// The plural, as in paths.
    pub plural: &'static str,
    /// The kind as manifests have it.
    pub kind: &'static str,
    /// The kind in addresses, `trigger-authentication`.
    pub name: &'static str,
    /// Whether its objects are in namespaces.
    pub is_namespaced: bool,
    /// The field that says that workload identity is used, and its value.
    pub uses: Option<(&'static str, &'static str)>,
    /// The fields that say that another way of signing in is used, where they are `true`.
    pub unless: &'static [&'static str],
    /// Where the client ids are. Behind `[]` stands each item of a list.
    pub client_ids: &'static str,
    /// Whose token is exchanged.
    pub caller: Caller,
}

/// Whose token a controller exchanges.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Caller {
    /// That of the account of each pod that mounts the object.
    Pods,
    /// That of the account that the object refers to, whose annotation has the client id.
    Named {
        /// The reference: `name`, and `namespace` where the object is in none.
        account: &'static str,
        /// What refers to the client id in another place instead.
        elsewhere: &'static str,
    },
    /// That of the controller's own account.
    Own(Operator),
}

/// A controller and where it usually is.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Operator {
    /// The name of its Deployment.
    pub deployment: &'static str,
    /// Its namespace.
    pub namespace: &'static str,
    /// Its account.
    pub account: &'static str,
}

/// <https://github.com/kedacore/charts/blob/main/keda/values.yaml>; the AKS add-on has the same names in `kube-system`.
const KEDA: Caller = Caller::Own(Operator {
    deployment: "keda-operator",
    namespace: "keda",
    account: "keda-operator",
});

/// <https://cert-manager.io/docs/configuration/acme/dns01/azuredns/#managed-identity-using-aad-workload-identity>
const CERT_MANAGER: Caller = Caller::Own(Operator {
    deployment: "cert-manager",
    namespace: "cert-manager",
    account: "cert-manager",
});

/// `identityId` is for its managed identities alone: of an account, the annotation is read, or a Secret.
/// <https://github.com/external-secrets/external-secrets/blob/main/providers/v1/azure/keyvault/keyvault.go>
const EXTERNAL_SECRETS: Caller = Caller::Named {
    account: "spec.provider.azurekv.serviceAccountRef",
    elsewhere: "spec.provider.azurekv.authSecretRef",
};

/// <https://keda.sh/docs/latest/authentication-providers/azure-ad-workload-identity>
const fn keda(
    plural: &'static str,
    kind: &'static str,
    name: &'static str,
    is_namespaced: bool,
) -> ControllerKind {
    ControllerKind {
        group: "keda.sh",
        version: "v1alpha1",
        plural,
        kind,
        name,
        is_namespaced,
        uses: Some(("spec.podIdentity.provider", "azure-workload")),
        unless: &[],
        client_ids: "spec.podIdentity.identityId",
        caller: KEDA,
    }
}

/// <https://cert-manager.io/docs/configuration/acme/dns01/azuredns>
const fn cert_manager(
    plural: &'static str,
    kind: &'static str,
    name: &'static str,
    is_namespaced: bool,
) -> ControllerKind {
    ControllerKind {
        group: "cert-manager.io",
        version: "v1",
        plural,
        kind,
        name,
        is_namespaced,
        uses: None,
        unless: &[],
        client_ids: "spec.acme.solvers[].dns01.azureDNS.managedIdentity.clientID",
        caller: CERT_MANAGER,
    }
}

/// <https://external-secrets.io/latest/provider/azure-key-vault>
const fn external_secrets(
    plural: &'static str,
    kind: &'static str,
    name: &'static str,
    is_namespaced: bool,
) -> ControllerKind {
    ControllerKind {
        group: "external-secrets.io",
        version: "v1",
        plural,
        kind,
        name,
        is_namespaced,
        uses: Some(("spec.provider.azurekv.authType", "WorkloadIdentity")),
        unless: &[],
        client_ids: "",
        caller: EXTERNAL_SECRETS,
    }
}

/// Every kind.
pub static KINDS: &[ControllerKind] = &[
    // https://azure.github.io/secrets-store-csi-driver-provider-azure/docs/configurations/identity-access-modes/workload-identity-mode/
    // https://github.com/Azure/secrets-store-csi-driver-provider-azure/blob/master/pkg/provider/types/parameters.go
    ControllerKind {
        group: "secrets-store.csi.x-k8s.io",
        version: "v1",
        plural: "secretproviderclasses",
        kind: "SecretProviderClass",
        name: "secret-provider-class",
        is_namespaced: true,
        uses: Some(("spec.provider", "azure")),
        unless: &["spec.parameters.usePodIdentity", "spec.parameters.useVMManagedIdentity"],
        client_ids: "spec.parameters.clientID",
        caller: Caller::Pods,
    },
    keda("triggerauthentications", "TriggerAuthentication", "trigger-authentication", true),
    keda(
        "clustertriggerauthentications",
        "ClusterTriggerAuthentication",
        "cluster-trigger-authentication",
        false,
    ),
    cert_manager("issuers", "Issuer", "issuer", true),
    cert_manager("clusterissuers", "ClusterIssuer", "cluster-issuer", false),
    external_secrets("secretstores", "SecretStore", "secret-store", true),
    external_secrets("clustersecretstores", "ClusterSecretStore", "cluster-secret-store", false),
];

#[cfg(test)]
mod tests {
    use super::KINDS;
    use crate::model::workload_kind;

    #[test]
    fn names_in_addresses_are_unique() {
        let of_workloads = workload_kind::KINDS.iter().map(|kind| kind.name);
        let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).chain(of_workloads).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
