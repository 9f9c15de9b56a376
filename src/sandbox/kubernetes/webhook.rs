//! What a pod is given when it is created, as the published identity webhook does it: a token of its account for
//! Entra, and the variables that the Azure SDKs look for
//! (<https://github.com/Azure/azure-workload-identity/blob/v1.6.0/pkg/webhook/webhook.go>).

use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use ring::digest;
use serde_json::{Value, json};

use super::super::state::{Cluster, Inner};
use super::status::Status;
use super::target::Target;
use super::{Asked, object};

/// The name of the webhook in its configuration.
pub(super) const NAME: &str = "mutation.azure-workload-identity.io";
/// Where configurations stand in a cluster.
pub(super) const CONFIGURATIONS: &str =
    "admissionregistration.k8s.io/mutatingwebhookconfigurations//";

/// The label of a pod that asks for an identity.
const USE: &str = "azure.workload.identity/use";
const CLIENT_ID: &str = "azure.workload.identity/client-id";
const TENANT_ID: &str = "azure.workload.identity/tenant-id";
const EXPIRATION: &str = "azure.workload.identity/service-account-token-expiration";
const SKIP_CONTAINERS: &str = "azure.workload.identity/skip-containers";
const PROXY_SIDECAR: &str = "azure.workload.identity/inject-proxy-sidecar";

const AUDIENCE: &str = "api://AzureADTokenExchange";
const AUTHORITY: &str = "https://login.microsoftonline.com/";
const MOUNT: &str = "/var/run/secrets/azure/wi";
const FILE: &str = "token/azure-identity-token";
/// The start of the volume's name; a hash of the pod's name fills it up to 63 characters.
const VOLUME: &str = "azure-workload-identity-reserved-";

/// Gives a pod that is being created its account, and what the webhook gives it where it asks for that.
pub(super) fn admit(
    inner: &Inner,
    asked: &Asked<'_>,
    target: &Target<'_>,
    pod: &mut Value,
) -> Result<(), Status> {
    let namespace = target.namespace.unwrap_or_default();
    let account = pod["spec"]["serviceAccountName"].as_str();
    let account = account.filter(|name| !name.is_empty());
    let account = account.unwrap_or("default").to_owned();
    let path = format!("/serviceaccounts/{namespace}/{account}");
    let Some(found) = object::find(inner, asked.cluster, &path) else {
        let why = format!(
            "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
        );
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Status::forbidden(target.row, name, &why));
    };
    pod["spec"]["serviceAccountName"] = Value::from(account);
    let cluster = inner.state.clusters.get(asked.cluster);
    let Some(webhook) = cluster.and_then(registered) else { return Ok(()) };
    if pod["metadata"]["labels"][USE] != "true" {
        return Ok(());
    }
    let service = &webhook["clientConfig"]["service"];
    if !service.is_null() && !cluster.is_some_and(|cluster| is_ready(cluster, service)) {
        return Err(uncalled(service));
    }
    if pod["metadata"]["annotations"].get(PROXY_SIDECAR).is_some() {
        asked.warn(format!(
            "the sandbox injects no proxy sidecar: {PROXY_SIDECAR} does nothing here"
        ));
    }
    let expiration = expiration(pod, found).map_err(|why| denied(&why))?;
    let given = given(inner, found);
    inject(pod, &given, expiration);
    Ok(())
}

/// The webhook in the configurations of a cluster.
fn registered(cluster: &Cluster) -> Option<&Value> {
    let from = CONFIGURATIONS.to_owned()..;
    let configurations =
        cluster.objects.range(from).take_while(|(path, _)| path.starts_with(CONFIGURATIONS));
    let mut webhooks = configurations
        .flat_map(|(_, configuration)| configuration["webhooks"].as_array().into_iter().flatten());
    webhooks.find(|webhook| webhook["name"] == NAME)
}

/// Whether something ready is behind a service.
fn is_ready(cluster: &Cluster, service: &Value) -> bool {
    let place = service["namespace"].as_str().unwrap_or_default();
    let all = format!("discovery.k8s.io/endpointslices/{place}/");
    let slices =
        cluster.objects.range(all.clone()..).take_while(|(path, _)| path.starts_with(&all));
    let mut endpoints = slices
        .filter(|(_, slice)| {
            slice["metadata"]["labels"]["kubernetes.io/service-name"] == service["name"]
        })
        .flat_map(|(_, slice)| slice["endpoints"].as_array().into_iter().flatten());
    endpoints.any(|endpoint| endpoint["conditions"]["ready"] != false)
}

/// What the API server says where nothing is behind the webhook's service.
fn uncalled(service: &Value) -> Status {
    let text = |name: &str| service[name].as_str().unwrap_or_default().to_owned();
    let (name, namespace) = (text("name"), text("namespace"));
    let why = format!(
        "Internal error occurred: failed calling webhook \"{NAME}\": failed to call webhook: Post \"https://{name}.{namespace}.svc:443/mutate-v1-pod?timeout=10s\": no endpoints available for service \"{name}\""
    );
    Status::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", why)
}

/// How long the token lasts, in seconds: as the pod says, else as the account does.
fn expiration(pod: &Value, account: &Value) -> Result<i64, String> {
    let said = |object: &Value| {
        let said = object["metadata"]["annotations"][EXPIRATION].as_str();
        said.filter(|said| !said.is_empty()).map(str::to_owned)
    };
    let Some(said) = said(pod).or_else(|| said(account)) else {
        return Ok(3600);
    };
    let seconds = said.parse().ok();
    seconds.filter(|seconds| (3600..=86_400).contains(seconds)).ok_or_else(|| {
        format!("token expiration {said} not valid. Expected value to be between 3600 and 86400")
    })
}

fn denied(why: &str) -> Status {
    let message = format!("admission webhook \"{NAME}\" denied the request: {why}");
    Status::new(StatusCode::BAD_REQUEST, "", message)
}

/// The variables of a container; those without a value are left out, so that a program may choose itself.
fn given(inner: &Inner, account: &Value) -> Vec<(&'static str, String)> {
    let annotation = |name: &str| account["metadata"]["annotations"][name].as_str();
    let tenant = annotation(TENANT_ID).unwrap_or(&inner.state.tenant);
    let mut given = vec![
        ("AZURE_CLIENT_ID", annotation(CLIENT_ID).unwrap_or_default().to_owned()),
        ("AZURE_TENANT_ID", tenant.to_owned()),
        ("AZURE_FEDERATED_TOKEN_FILE", format!("{MOUNT}/{FILE}")),
        ("AZURE_AUTHORITY_HOST", AUTHORITY.to_owned()),
    ];
    given.retain(|(_, value)| !value.is_empty());
    given
}

fn inject(pod: &mut Value, given: &[(&str, String)], expiration: i64) {
    let name = pod["metadata"]["name"].as_str().unwrap_or_default();
    let hash = HEXLOWER.encode(digest::digest(&digest::SHA256, name.as_bytes()).as_ref());
    let volume = format!("{VOLUME}{}", &hash[..63 - VOLUME.len()]);
    let skipped = pod["metadata"]["annotations"][SKIP_CONTAINERS].as_str();
    let skipped: Vec<String> = skipped
        .into_iter()
        .flat_map(|names| names.split(';'))
        .map(|name| name.trim().to_owned())
        .collect();
    for kind in ["initContainers", "containers"] {
        let containers = pod["spec"].get_mut(kind).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or_default();
            if skipped.iter().any(|skipped| skipped == name) {
                continue;
            }
            for (name, value) in given {
                add(container, "env", false, json!({ "name": name, "value": value }));
            }
            let mount = json!({ "name": volume, "readOnly": true, "mountPath": MOUNT });
            add(container, "volumeMounts", true, mount);
        }
    }
    let token = json!({ "audience": AUDIENCE, "expirationSeconds": expiration, "path": FILE });
    let projected = json!({ "sources": [{ "serviceAccountToken": token }] });
    let volume = json!({ "name": volume, "projected": projected });
    add(&mut pod["spec"], "volumes", true, volume);
}

/// Adds an item to a list of named ones; one of that name is replaced or stays.
fn add(holder: &mut Value, list: &str, replaces: bool, item: Value) {
    let list = holder.as_object_mut().map(|fields| fields.entry(list).or_insert_with(|| json!([])));
    let Some(list) = list.and_then(Value::as_array_mut) else {
        return;
    };
    match list.iter_mut().find(|other| other["name"] == item["name"]) {
        Some(other) if replaces => *other = item,
        Some(_) => {}
        None => list.push(item),
    }
}
