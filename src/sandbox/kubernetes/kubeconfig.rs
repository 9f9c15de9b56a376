//! Kubeconfig files: of a whole world for `kubectl`, and as the AKS credential calls hand them out.

use std::fmt::Write;

use url::Url;

use super::super::STATIC_TOKEN;
use super::super::world::World;

/// The application that AKS clusters with Entra sign-in ask tokens for, the same in every cloud
/// (<https://azure.github.io/kubelogin/concepts/aks.html>).
pub(super) const SERVER_APPLICATION: &str = "6dae42f8-4368-4678-94ff-3960e28e3630";

/// The application that signs people in to those clusters.
const CLIENT_APPLICATION: &str = "80faf920-1908-4b52-b5ef-a8e7bedfc67a";

/// The same for `kubectl`, which keeps a user's token to itself over plain http: there the token stands in
/// the server's address as well.
pub fn kubeconfig_for_kubectl(world: &World, base: &Url) -> String {
    let mut base = base.clone();
    if base.scheme() == "http" {
        // Cannot fail: an http address with a host takes both.
        let _ = base.set_username("sandbox");
        let _ = base.set_password(Some(STATIC_TOKEN));
    }
    kubeconfig(world, &base)
}

/// A kubeconfig with one context per cluster of the world, each with the static token.
///
/// `base` is the origin that the world is served at, as `http://127.0.0.1:4280`.
pub fn kubeconfig(world: &World, base: &Url) -> String {
    let origin = base.as_str().trim_end_matches('/');
    let named: Vec<(String, String)> = world.with(|inner| {
        let clusters = inner.state.clusters.iter();
        let named = clusters.map(|(key, cluster)| {
            let context = cluster.context.clone().unwrap_or_else(|| key.clone());
            (context, format!("{origin}/clusters/{key}"))
        });
        named.collect()
    });
    let mut text = String::from("apiVersion: v1\nkind: Config\npreferences: {}\n");
    let current = named.first().map_or("", |(context, _)| context.as_str());
    push(&mut text, format_args!("current-context: {}\nclusters:\n", quoted(current)));
    for (context, server) in &named {
        let (name, server) = (quoted(context), quoted(server));
        push(&mut text, format_args!("- name: {name}\n  cluster:\n    server: {server}\n"));
    }
    text.push_str("users:\n- name: sandbox\n  user:\n");
    push(&mut text, format_args!("    token: {}\ncontexts:\n", quoted(STATIC_TOKEN)));
    for (context, _) in &named {
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
