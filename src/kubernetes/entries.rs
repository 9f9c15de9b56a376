//! A cluster and a user of a kubeconfig, read as client-go reads them.
//! <https://github.com/kubernetes/client-go/blob/master/tools/clientcmd/api/v1/types.go>

use std::fs;
use std::path::MAIN_SEPARATOR;

use kube::config::{AuthInfo, Cluster};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::clean;
use super::source::{Source, TOKEN_FLAG};
use crate::ports::error::PortError;
use crate::ports::place::Fault;

/// The fields in base64.
const IN_BASE64: [&str; 3] =
    ["certificate-authority-data", "client-certificate-data", "client-key-data"];
/// The fields that name files.
const PATHS: [&str; 4] = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];
/// The field that is pasted with white space around it.
const TOKEN: &str = "token";
/// The auth providers that need no program: client-go has no other than `oidc` since 1.26.
/// <https://github.com/kubernetes/client-go/tree/master/plugin/pkg/client/auth>
const PROVIDERS: [&str; 2] = ["azure", "oidc"];
/// The largest certificate, key or token that is read from a file, in bytes: a bundle of every authority of a
/// company fits in.
const FILE_LIMIT: u64 = 1024 * 1024;

/// What an entry says: an empty field is one that is not set, and white space in base64 and around a token means
/// nothing. YAML's `|` and `>` leave it in data that is wrapped over lines, which Go's decoder passes over
/// (<https://pkg.go.dev/encoding/base64#Encoding.Decode>) and kube's does not.
pub(super) fn read<T: Serialize + DeserializeOwned + Clone>(entry: &T) -> T {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(entry) else {
        return entry.clone();
    };
    for (name, value) in &mut fields {
        if let Value::String(text) = value {
            if IN_BASE64.contains(&name.as_str()) {
                text.retain(|character| !character.is_ascii_whitespace());
            } else if name == TOKEN {
                *text = text.trim().to_owned();
            } else if PATHS.contains(&name.as_str()) && text.ends_with(MAIN_SEPARATOR) {
                // kube has put the kubeconfig's folder before an empty path.
                text.clear();
            }
        }
    }
    fields.retain(|_, value| !value.is_null() && *value != "");
    serde_json::from_value(Value::Object(fields)).unwrap_or_else(|_| entry.clone())
}

/// Refuses entries that contradict themselves, as kubectl does, those without credentials, and files that might
/// never end. <https://github.com/kubernetes/client-go/blob/master/tools/clientcmd/validation.go>
pub(super) fn check(source: &Source, cluster: &Cluster, user: &AuthInfo) -> Result<(), PortError> {
    if let Some(what) = contradiction(cluster, user) {
        return Err(source.unusable(what, Fault::Contradiction));
    }
    // Over plain http, which is for loopback, kubectl sends none either: `kubectl proxy` takes requests so.
    let plain = cluster.server.as_ref().is_some_and(|server| server.starts_with("http:"));
    let others = user.auth_provider.is_some() || user.exec.is_some();
    if !has_token(user) && user.username.is_none() && !has_certificate(user) && !others && !plain {
        return Err(source.unusable(
            "it has no credentials in its user, and no anonymous request is sent",
            Fault::OfUser(TOKEN_FLAG),
        ));
    }
    if let Some(provider) = &user.auth_provider
        && !PROVIDERS.contains(&provider.name.as_str())
    {
        let name = clean(&provider.name);
        return Err(source.unusable(
            format!(
                "it has the auth provider `{name}` in its user, which kubectl does not have either"
            ),
            Fault::AuthProvider,
        ));
    }
    let files = [
        ("certificate-authority", &cluster.certificate_authority),
        ("client-certificate", &user.client_certificate),
        ("client-key", &user.client_key),
        ("tokenFile", &user.token_file),
    ];
    for (field, path) in files {
        // One that is missing is told by who reads it.
        let found = path.as_ref().and_then(|path| fs::metadata(path).ok());
        if found.is_some_and(|found| !found.is_file() || found.len() > FILE_LIMIT) {
            let megabytes = FILE_LIMIT / 1024 / 1024;
            return Err(source.unusable(
                format!("its `{field}` is not a regular file of at most {megabytes} MB"),
                Fault::IrregularPart,
            ));
        }
    }
    Ok(())
}

/// What in the entries excludes each other.
fn contradiction(cluster: &Cluster, user: &AuthInfo) -> Option<&'static str> {
    let authority =
        cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some();
    let details = user.impersonate_uid.is_some()
        || user.impersonate_groups.as_ref().is_some_and(|groups| !groups.is_empty())
        || user.impersonate_user_extra.as_ref().is_some_and(|extra| !extra.is_empty());
    let by_name = user.username.is_some() || user.password.is_some();
    let all = [
        (
            cluster.insecure_skip_tls_verify == Some(true) && authority,
            "it has `insecure-skip-tls-verify` and a certificate authority in its cluster",
        ),
        (by_name && has_token(user), "it has a token and a password in its user"),
        (
            user.password.is_some() && user.username.is_none(),
            "it has a `password` and no `username` in its user",
        ),
        (
            user.exec.is_some() && user.auth_provider.is_some(),
            "it has `exec` and `auth-provider` in its user",
        ),
        (
            details && user.impersonate.is_none(),
            "it has `as-uid`, `as-groups` or `as-user-extra` without `as` in its user",
        ),
    ];
    all.into_iter().find(|(holds, _)| *holds).map(|(_, what)| what)
}

fn has_token(user: &AuthInfo) -> bool {
    user.token.is_some() || user.token_file.is_some()
}

fn has_certificate(user: &AuthInfo) -> bool {
    user.client_certificate.is_some() || user.client_certificate_data.is_some()
}

/// Leaves what client-go signs in with: a token or a password goes before programs and providers, a client
/// certificate before programs, and a key alone counts for nothing.
/// <https://github.com/kubernetes/client-go/blob/master/plugin/pkg/client/auth/exec/exec.go>
pub(super) fn settle(user: &mut AuthInfo) {
    let certificate = has_certificate(user);
    let by_name = user.username.is_some();
    let fixed = by_name || has_token(user);
    if fixed {
        user.auth_provider = None;
    }
    if fixed || certificate {
        user.exec = None;
    }
    if by_name {
        user.password.get_or_insert_default();
    }
    if !certificate {
        user.client_key = None;
        user.client_key_data = None;
    }
}
