//! `Microsoft.ContainerService/managedClusters` and its credential calls, and `Microsoft.Kubernetes/connectedClusters`.

use axum::http::{Method, StatusCode};
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::growth::AksCluster;
use super::super::kubernetes;
use super::super::kubernetes::kubeconfig;
use super::super::state::{Cluster, Inner};
use super::error::{ArmError, ArmResult};
use super::page::page;
use super::{Path, group};

pub(in crate::sandbox) const KIND: &str = "Microsoft.ContainerService/managedClusters";
pub(in crate::sandbox) const ARC_KIND: &str = "Microsoft.Kubernetes/connectedClusters";

/// The document of a healthy cluster with Entra sign-in, an issuer and the webhook add-on.
pub(in crate::sandbox) fn document(
    aks: &AksCluster,
    id: &str,
    tenant: &str,
    cluster: &Cluster,
) -> Value {
    if aks.is_arc {
        return json!({
            "id": id,
            "location": aks.location,
            "name": aks.name,
            "type": ARC_KIND,
            "properties": {
                "provisioningState": "Succeeded",
                "connectivityStatus": "Connected",
                "oidcIssuerProfile": { "enabled": true, "issuerUrl": cluster.issuer },
                "securityProfile": { "workloadIdentity": { "enabled": true } },
            },
        });
    }
    let entra = json!({ "managed": true, "enableAzureRBAC": true, "tenantID": tenant });
    json!({
        "id": id,
        "location": aks.location,
        "name": aks.name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "properties": {
            "provisioningState": "Succeeded",
            "powerState": { "code": "Running" },
            "kubernetesVersion": kubernetes::VERSION,
            "fqdn": format!("{}.hcp.{}.sandbox.invalid", aks.name, aks.location),
            "aadProfile": (!cluster.local_accounts).then_some(entra),
            "disableLocalAccounts": !cluster.local_accounts,
            "oidcIssuerProfile": { "enabled": true, "issuerURL": cluster.issuer },
            "securityProfile": { "workloadIdentity": { "enabled": true } },
        },
    })
}

/// The clusters of a subscription or of a resource group.
pub(super) fn list(inner: &Inner, call: &Call, path: &Path) -> ArmResult {
    page(inner, call, (super::of_type(inner, path), Value::clone), "$skipToken")
}

/// One cluster; the sandbox makes clusters by growth alone.
pub(super) fn one(inner: &Inner, call: &Call, path: &Path) -> ArmResult {
    group::only_get(call)?;
    super::shown(inner, &path.whole(), || not_found(call))
}

/// The POST calls of a cluster.
pub(super) fn act(inner: &mut Inner, call: &Call, path: &str, action: &str) -> ArmResult {
    if call.method != Method::POST {
        return Err(ArmError::method(call));
    }
    let Some(document) = inner.seen(path) else {
        return Err(not_found(call));
    };
    let local_accounts = document["properties"]["disableLocalAccounts"] != true;
    let found = inner.state.clusters.iter().find(|(_, c)| c.arm_path.as_deref() == Some(path));
    let Some((key, cluster)) = found else {
        return Err(not_found(call));
    };
    let name = document["name"].as_str().unwrap_or_default();
    let server = format!("{}/clusters/{key}", call.origin);
    let group = &call.segments[3];
    match action {
        "listclusterusercredential" => {
            let user = format!("clusterUser_{group}_{name}");
            let tenant = &inner.state.tenant;
            let text = if cluster.local_accounts {
                kubeconfig::with_token(name, &server, &user)
            } else {
                kubeconfig::with_kubelogin(name, &server, &user, tenant)
            };
            Ok(credential("clusterUser", &text))
        }
        "listclusteradmincredential" if local_accounts => {
            let user = format!("clusterAdmin_{group}_{name}");
            Ok(credential("clusterAdmin", &kubeconfig::with_token(name, &server, &user)))
        }
        "listclusteradmincredential" => Err(ArmError::bad_request(
            "Getting static credential is not allowed because this cluster is set to disable local accounts.",
        )),
        "rotateserviceaccountsigningkeys" => {
            let key = key.clone();
            if let Some(cluster) = inner.state.clusters.get_mut(&key) {
                cluster.key_rotations += 1;
                inner.dirty = true;
            }
            Ok(Answer::empty(StatusCode::ACCEPTED))
        }
        _ => Err(ArmError::unknown_type(call)),
    }
}

fn credential(name: &str, kubeconfig: &str) -> Answer {
    let value = BASE64.encode(kubeconfig.as_bytes());
    Answer::ok(json!({ "kubeconfigs": [{ "name": name, "value": value }] }))
}

fn not_found(call: &Call) -> ArmError {
    let kind =
        if call.segments[5].eq_ignore_ascii_case("Microsoft.Kubernetes") { ARC_KIND } else { KIND };
    ArmError::resource_not_found(kind, &call.segments[7], &call.segments[3])
}
