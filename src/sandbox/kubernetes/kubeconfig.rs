//! Kubeconfig files: of a whole world for `kubectl`, and as the AKS credential calls hand them out.

use std::fmt::Write;

use url::Url;

use super::super::STATIC_TOKEN;

/// The application that AKS clusters with Entra sign-in ask tokens for, the same in every cloud
/// (<https://azure.github.io/kubelogin/concepts/aks.html>).
pub(super) const SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// The application that signs people in to those clusters.
const CLIENT_APPLICATION: &str = "80faf920-1908-4b52-b5ef-a8e7bedfc67a";

/// A kubeconfig with a context for each of these clusters, given by context and key.
///
/// `base` is the origin that the world is served at, as `http://127.0.0.1:4280`. The static token is in the
/// server's address as well: `kubectl` keeps a user's token to itself over plain http.
pub fn kubeconfig(clusters: &[(String, String)], base: &Url) -> String {
    let origin = base.as_str().trim_end_matches('/');
    let server = |key: &String| format!("{origin}/{STATIC_TOKEN}/clusters/{key}");
    let named: Vec<(&String, String)> =
        clusters.iter().map(|(context, key)| (context, server(key))).collect();
    let mut text = String::from("apiVersion: v1\nkind: Config\npreferences: {}\n");
    let current = named.first().map_or("", |(context, _)| context.as_str());
    push(&mut text, format_args!("current-context: {}\nclusters:\n", quoted(current)));
    for (context, server) in &named {
        let (name, server) = (quoted(context), quoted(server));
        push(&mut text, format_args!("- name: {name}\n  cluster:\n    server: {server}\n"));
    }
    text.push_str("users:\n- name: sandbox\n  user:\n");
    push(&mut text, format_args!("    token: {}\ncontexts:\n", quoted(STATIC_TOKEN)));
    for (context, _) in clusters {
        let name = quoted(context);
        push(
            &mut text,
            format_args!("- name: {name}\n  context:\n    cluster: {name}\n    user: sandbox\n"),
        );
    }
    text
}

/// A kubeconfig with a static token, as clusters with local accounts have it.
pub(in crate::sandbox) fn with_token(name: &str, server: &str, user: &str) -> String {
    single(name, server, user, &format!("    token: {}\n", quoted(STATIC_TOKEN)))
}

/// A kubeconfig without a secret that has kubelogin get a token from Entra.
pub(in crate::sandbox) fn with_kubelogin(
    name: &str,
    server: &str,
    user: &str,
    tenant: &str,
) -> String {
    let arguments = [
        "get-token",
        "--environment",
        "AzurePublicCloud",
        "--server-id",
        SERVER_APPLICATION,
        "--client-id",
        CLIENT_APPLICATION,
        "--tenant-id",
        tenant,
        "--login",
        "devicecode",
    ];
    let mut exec = String::from(
        "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubelogin\n      args:\n",
    );
    for argument in arguments {
        push(&mut exec, format_args!("      - {}\n", quoted(argument)));
    }
    exec.push_str("      env: null\n      provideClusterInfo: false\n");
    single(name, server, user, &exec)
}

fn single(name: &str, server: &str, user: &str, authentication: &str) -> String {
    let (name, server, user) = (quoted(name), quoted(server), quoted(user));
    format!(
        "apiVersion: v1\nkind: Config\npreferences: {{}}\ncurrent-context: {name}\n\
         clusters:\n- name: {name}\n  cluster:\n    server: {server}\n\
         contexts:\n- name: {name}\n  context:\n    cluster: {name}\n    user: {user}\n\
         users:\n- name: {user}\n  user:\n{authentication}"
    )
}

/// A text as YAML takes it: JSON's quoting is valid there.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn push(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("a String takes everything");
}
