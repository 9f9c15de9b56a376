//! Which of our Entra tokens an API server gets. A kubeconfig asks for one by its kubelogin stanza; it may have
//! been sent by somebody, so it cannot choose whom the token is for.

use std::ffi::OsStr;
use std::path::Path;

use kube::config::AuthInfo;
use serde_json::Value;

use super::error::clean;
use super::source::Source;
use crate::ports::error::PortError;

/// The application of the API servers of AKS, the same in every cloud.
/// <https://azure.github.io/kubelogin/concepts/aks.html>
const AKS_SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// The audience of the token that a sign-in asks Entra for, if it is one that we can get ourselves: a
/// `kubelogin get-token --server-id …`, or the `azure` provider that was before it.
/// <https://azure.github.io/kubelogin/concepts/exec-plugin.html>
pub(super) fn asked_for(sign_in: &AuthInfo) -> Option<String> {
    if let Some(provider) = &sign_in.auth_provider
        && provider.name == "azure"
    {
        return provider.config.get("apiserver-id").cloned();
    }
    let exec = sign_in.exec.as_ref()?;
    let program = Path::new(exec.command.as_deref()?).file_stem();
    let args = exec.args.as_deref().unwrap_or_default();
    let kubelogin = program == Some(OsStr::new("kubelogin"));
    // A proof-of-possession token is bound to a key that only kubelogin has.
    if !kubelogin || args.iter().any(|arg| arg.starts_with("--pop-enabled")) {
        return None;
    }
    let mut args = args.iter();
    let server_id = args.find_map(|arg| arg.strip_prefix("--server-id"))?;
    match server_id.strip_prefix('=') {
        Some(server_id) => Some(server_id.to_owned()),
        None => args.next().cloned(),
    }
}

/// The scope to ask Entra for, if the audience may be asked for: that of AKS, or the one that the profile's root
/// file names for the cluster.
pub(super) fn scope(
    source: &Source,
    audience: &str,
    allowed: Option<&str>,
) -> Result<String, PortError> {
    let fits = match allowed {
        Some(allowed) => audience == allowed,
        None => audience.eq_ignore_ascii_case(AKS_SERVER_APPLICATION),
    };
    if fits {
        return Ok(format!("{audience}/.default"));
    }
    let (shown, cluster) = (clean(audience), &source.cluster);
    let asks = format!("its user asks for a token for `{shown}`");
    let (message, hint) = match allowed {
        Some(allowed) => (
            format!("{asks}, and `token_audience` in `[clusters.{cluster}]` of the profile is `{allowed}`"),
            "make the two equal, or remove `token_audience` where the server takes tokens for the AKS server \
             application"
                .to_owned(),
        ),
        None => (
            format!("{asks}, and API servers get tokens for the AKS server application alone"),
            format!(
                "{}; only where this server is meant to get a token for something else, write `token_audience = {}` in \
                 `[clusters.{cluster}]` of the root file",
                source.own(&format!("use `--server-id {AKS_SERVER_APPLICATION}`")),
                Value::from(shown)
            ),
        ),
    };
    Err(source.unusable(message, Some(hint)))
}
