//! `Microsoft.ContainerService/managedClusters/identityBindings`, in preview as of 2026.
//!
//! Writing is asynchronous in AKS; here it is done at once and the answer says `Succeeded`. The
//! credential that AKS makes on the identity is not imitated: its subject is not documented.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::call::Call;
use super::super::state::{Inner, folded};
use super::Path;
use super::error::{ArmError, ArmResult};
use super::page::page;

const KIND: &str = "Microsoft.ContainerService/managedClusters/identityBindings";

/// The bindings of a cluster.
pub(super) fn list(inner: &Inner, call: &Call, path: &Path) -> ArmResult {
    let entries = inner.seen_below(&format!("{}/", path.whole()));
    page(inner, call, (entries, Value::clone), "$skipToken")
}

/// One binding: read, made or deleted.
pub(super) fn one(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    let whole = path.whole();
    match call.method {
        Method::GET => super::shown(inner, &whole, || {
            let name = format!("{}/{}", call.segments[7], call.segments[9]);
            ArmError::resource_not_found(KIND, &name, &call.segments[3])
        }),
        Method::PUT => put(inner, call, path),
        Method::DELETE => {
            Ok(super::removed(inner, &whole, |_| Answer::empty(StatusCode::ACCEPTED)))
        }
        _ => Err(ArmError::method(call)),
    }
}

fn put(inner: &mut Inner, call: &Call, path: &Path) -> ArmResult {
    let body = ArmError::body_of(call)?;
    let wanted = body["properties"]["managedIdentity"]["resourceId"].as_str().unwrap_or_default();
    let Some(identity) = inner.resource(&folded(wanted)) else {
        return Err(ArmError::bad_request(format!(
            "The managed identity '{wanted}' was not found."
        )));
    };
    let Some(cluster) = inner.resource(&path.first(8)) else {
        let (name, group) = (&call.segments[7], &call.segments[3]);
        let kind = "Microsoft.ContainerService/managedClusters";
        return Err(ArmError::resource_not_found(kind, name, group));
    };
    let name = &call.segments[9];
    let ids = &identity["properties"];
    let client_id = ids["clientId"].as_str().unwrap_or_default();
    let issuer = format!("https://ib.oic.sandbox.invalid/{}/{client_id}", inner.state.tenant);
    let document = json!({
        "id": format!("{}/identityBindings/{name}", cluster["id"].as_str().unwrap_or_default()),
        "name": name,
        "type": KIND,
        "eTag": name,
        "properties": {
            "managedIdentity": {
                "resourceId": wanted,
                "objectId": ids["principalId"],
                "clientId": client_id,
                "tenantId": ids["tenantId"],
            },
            "oidcIssuer": { "oidcIssuerUrl": issuer },
            "provisioningState": "Succeeded",
        },
    });
    let whole = path.whole();
    let is_new = inner.resource(&whole).is_none();
    inner.put(&whole, document.clone());
    Ok(Answer::written(is_new, document))
}
