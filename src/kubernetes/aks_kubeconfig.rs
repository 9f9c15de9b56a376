//! What is taken of the kubeconfig that Azure answers. It comes from a server, not from the user: it gives an
//! address, certificates and credentials as data, and can run no program, name no file of this machine and
//! choose no way around the checks of the connection.

use kube::config::{AuthInfo, Cluster, Kubeconfig};
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::error::clean;
use super::kubeconfig::Selected;
use super::kubelogin::Asked;
use super::source::Source;
use crate::model::host::{Near, near};
use crate::model::text::ClusterName;
use crate::ports::error::PortError;
use crate::ports::place::{Fault, Origin};

/// The largest answer that is read, in bytes; that of AKS has about ten thousand.
const LIMIT: usize = 1024 * 1024;
/// The fields of the cluster that are taken, by their name in the file.
/// <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#Cluster>
const OF_CLUSTER: [&str; 3] = ["server", "certificate-authority-data", "tls-server-name"];
/// The fields of the user that are taken.
/// <https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#AuthInfo>
const OF_USER: [&str; 4] = ["client-certificate-data", "client-key-data", "token", "exec"];
/// Fields that mean nothing to a connection and are left out without a word.
const IDLE: [&str; 2] = ["extensions", "disable-compression"];

impl Selected {
    /// What is taken of the one context of the kubeconfig that AKS gave.
    pub(super) fn of_aks(
        cluster: &ClusterName,
        bytes: &[u8],
        local_cloud: bool,
    ) -> Result<Self, PortError> {
        let source = Source {
            cluster: cluster.clone(),
            name: "the kubeconfig that AKS gave".into(),
            origin: Origin::Aks,
        };
        if bytes.len() > LIMIT {
            let megabytes = LIMIT / 1024 / 1024;
            let message = format!("it is larger than {megabytes} MB");
            return Err(source.unusable(message, Fault::TooLarge));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| source.unusable("it is not text in UTF-8", Fault::Unparsed))?;
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| source.unreadable(error))?;
        let context = kubeconfig
            .current_context
            .clone()
            .ok_or_else(|| source.unusable("it names no context", Fault::Unnamed))?;
        Self::of(&kubeconfig, &context, source)?.taken(local_cloud)?.settled()
    }

    /// The same with nothing in it but what is taken; what else it asks for is refused by name.
    fn taken(self, local_cloud: bool) -> Result<Self, PortError> {
        let Self { source, cluster, user, .. } = &self;
        let mut refused = others("cluster", cluster, &OF_CLUSTER);
        refused.extend(others("user", user, &OF_USER));
        if let Some(exec) = &user.exec
            && Asked::by(user).is_none()
        {
            let program = clean(exec.command.as_deref().unwrap_or_default());
            refused.push(format!("`exec` of `{program}` in its user"));
        }
        let server = cluster.server.as_deref().and_then(|server| Url::parse(server).ok());
        if let Some(address) = server.as_ref().and_then(near)
            && !(local_cloud && address == Near::Loopback)
        {
            refused.push(format!("a server {}", words(address)));
        }
        if !refused.is_empty() {
            return Err(refusal(source, &refused));
        }
        let cluster = Cluster {
            server: cluster.server.clone(),
            certificate_authority_data: cluster.certificate_authority_data.clone(),
            tls_server_name: cluster.tls_server_name.clone(),
            ..Cluster::default()
        };
        let user = AuthInfo {
            client_certificate_data: user.client_certificate_data.clone(),
            client_key_data: user.client_key_data.clone(),
            token: user.token.clone(),
            exec: user.exec.clone(),
            ..AuthInfo::default()
        };
        Ok(Self { cluster, user, ..self })
    }
}

fn refusal(source: &Source, refused: &[String]) -> PortError {
    source.unusable(
            format!(
                "it has {}, which Azure's answer may not bring: only data and kubelogin's sign-in for AKS are taken of it",
                refused.join(", ")
            ),
            Fault::Refused,
        )
}

/// The fields that are set and not taken, in words.
fn others(place: &str, entry: &impl Serialize, taken: &[&str]) -> Vec<String> {
    let Ok(Value::Object(fields)) = serde_json::to_value(entry) else {
        return vec![format!("a `{place}` that cannot be understood")];
    };
    let asks = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::Array(_) | Value::Object(_) => true,
    };
    fields
        .iter()
        .filter(|(name, value)| asks(value) && !IDLE.contains(&name.as_str()))
        .filter(|(name, _)| !taken.contains(&name.as_str()))
        .map(|(name, _)| format!("`{}` in its {place}", clean(name)))
        .collect()
}

fn words(near: Near) -> &'static str {
    match near {
        Near::Loopback => "on this machine itself",
        Near::Link => "on a link-local address",
        Near::Nobody => "on an address that is no machine's",
    }
}
