//! Kubeconfigs: the user's own, and what ARM answers for one.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::http::HeaderMap;
use tempfile::TempDir;
use widctl::event::Silent;
use widctl::kubernetes::client::{ClusterClient, Connector};
use widctl::kubernetes::environment::Environment;
use widctl::kubernetes::token::{Bearer, ClusterToken};
use widctl::ports::error::PortError;
use widctl::ports::read::{ClusterRead, SignedIn};
use widctl::profile::SourceFile;

use super::engine::{Input, Target};
use super::harm;

/// The application of every AKS cluster with Entra.
/// <https://azure.github.io/kubelogin/concepts/aks.html>
const AKS: &str = "6dae42f8-4368-4678-94ff-3960e28e3630/.default";
/// What is in a file beside the kubeconfig.
const FILED: &str = "planted-Ws1-file";

const OWN: Target = Target { name: "own-kubeconfig", seeds, check: check_own, cases: 60 };
const OF_ARM: Target = Target { name: "arm-kubeconfig", seeds, check: check_of_arm, cases: 60 };

#[test]
fn a_damaged_kubeconfig_of_the_user_shows_no_secret() {
    OWN.run();
}

#[test]
fn a_kubeconfig_of_arm_runs_no_program_reads_no_file_and_gets_no_other_token() {
    OF_ARM.run();
}

fn seeds() -> Vec<Input> {
    let kubelogin = |id: &str| {
        format!(
            "exec: {{apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin, args: [get-token, --environment, AzurePublicCloud, --server-id, {id}, --tenant-id, t]}}"
        )
    };
    let users = [
        (String::new(), "token: planted-Kd5-password".to_owned()),
        (String::new(), kubelogin("6dae42f8-4368-4678-94ff-3960e28e3630")),
        (String::new(), kubelogin("00000003-0000-0000-c000-000000000000")),
        (String::new(), kubelogin("https://management.azure.com")),
        (String::new(), "exec: {apiVersion: client.authentication.k8s.io/v1, command: \"{home}/plugin\", args: [a]}".into()),
        (String::new(), "exec: {apiVersion: client.authentication.k8s.io/v1, command: \"{home}/kubelogin\", args: [get-token]}".into()),
        (String::new(), "tokenFile: \"{home}/filed\"".into()),
        (String::new(), "token: a\n    tokenFile: \"{home}/filed\"".into()),
        (String::new(), "client-certificate: \"{home}/missing\"\n    client-key: \"{home}/filed\"".into()),
        (String::new(), "auth-provider: {name: azure, config: {apiserver-id: 00000003-0000-0000-c000-000000000000, tenant-id: t}}".into()),
        (String::new(), "auth-provider: {name: gcp, config: {cmd-path: \"{home}/plugin\", cmd-args: a}}".into()),
        (String::new(), "username: a\n    password: planted-Kd5-password".into()),
        ("certificate-authority: \"{home}/missing\"".into(), "token: a".into()),
        ("insecure-skip-tls-verify: true".into(), kubelogin("6dae42f8-4368-4678-94ff-3960e28e3630")),
    ];
    let seed = |(cluster, user): (String, String)| {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: onprem\nclusters:\n- name: c\n  cluster:\n    server: {{server}}\n    {cluster}\ncontexts:\n- name: onprem\n  context: {{cluster: c, user: u}}\nusers:\n- name: u\n  user:\n    {user}\n"
        );
        vec![SourceFile { path: "config".into(), text: text.into_bytes() }]
    };
    users.into_iter().map(seed).collect()
}

/// Tokens that keep what they were asked for.
#[derive(Default)]
struct Tokens(Mutex<Vec<String>>);

#[async_trait]
impl ClusterToken for Tokens {
    async fn bearer(&self, scope: &str) -> Result<Bearer, PortError> {
        self.0.lock().unwrap().push(scope.to_owned());
        Ok(Bearer::new("token-of-entra").unwrap())
    }
}

/// A machine with programs and files that a kubeconfig might name.
struct Machine {
    home: TempDir,
    tokens: Arc<Tokens>,
    connector: Connector,
}

impl Machine {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        for program in ["plugin", "kubelogin"] {
            let path = home.path().join(program);
            let marker = home.path().join("ran");
            fs::write(&path, format!("#!/bin/sh\ntouch {}\n", marker.display())).unwrap();
            executable(&path);
        }
        fs::write(home.path().join("filed"), FILED).unwrap();
        let tokens = Arc::new(Tokens::default());
        let environment = Environment {
            kubeconfig: None,
            home: Some(home.path().to_owned()),
            https_proxy: None,
            no_proxy: None,
            now: || "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        let connector = Connector {
            environment,
            token: Arc::clone(&tokens) as Arc<dyn ClusterToken>,
            signed_in: SignedIn {
                tenant: "5a0db0c5-0000-4000-8000-0000000007e2".parse().unwrap(),
                object_id: None,
                principal: "ada".into(),
                method: "azure-cli".into(),
            },
            told: Mutex::default(),
            plugin_limit: Duration::from_secs(2),
            attempt_limit: Duration::from_secs(2),
            seed: 1,
            local_cloud: true,
            sink: Arc::new(Silent),
        };
        Self { home, tokens, connector }
    }

    /// The kubeconfig with this machine's paths and that server.
    fn text(&self, files: &[SourceFile], server: &str) -> Vec<u8> {
        let text = files.first().map_or(&[][..], |file| &file.text);
        let Ok(text) = std::str::from_utf8(text) else {
            return text.to_vec();
        };
        let home = self.home.path().to_string_lossy();
        text.replace("{home}", &home).replace("{server}", server).into_bytes()
    }
}

/// What no error may hold: secrets, and what is in a file beside the kubeconfig.
fn told(error: PortError) -> Result<(), String> {
    let secrets = harm::SECRETS.iter().map(|(_, value)| *value);
    let secrets: Vec<&str> = secrets.chain([FILED]).collect();
    harm::of_error(error, &secrets)
}

#[cfg(unix)]
fn executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn executable(_: &std::path::Path) {}

/// A server on loopback whose issuer is the `Authorization` header that it got.
async fn echo() -> String {
    let answer = |headers: HeaderMap| async move {
        let got = headers.get("authorization").map(|value| value.to_str().unwrap());
        serde_json::json!({ "issuer": got.unwrap_or("none") }).to_string()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    format!("http://{address}")
}

/// What a server hears from a client, where it is certain that the client asks this server and no other.
async fn heard(client: &ClusterClient, text: &[u8], server: &str) -> String {
    let text = String::from_utf8_lossy(text);
    let elsewhere = text.replace(server, "");
    let loopback = text.contains(&format!("server: {server}\n"));
    if !loopback
        || elsewhere.contains("://")
        || elsewhere.contains("proxy")
        || elsewhere.contains("server:")
    {
        return String::new();
    }
    let answer = tokio::time::timeout(Duration::from_secs(3), client.issuer()).await;
    answer.map_or_else(
        |_| String::new(),
        |issuer| issuer.map_or_else(|_| String::new(), |issuer| issuer.as_str().to_owned()),
    )
}

fn in_runtime(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(work)
}

fn check_own(files: &[SourceFile]) -> Result<(), String> {
    let machine = Machine::new();
    in_runtime(async {
        let text = machine.text(files, "https://127.0.0.1:1");
        fs::create_dir_all(machine.home.path().join(".kube")).unwrap();
        fs::write(machine.home.path().join(".kube/config"), text).unwrap();
        match machine.connector.by_context(&"weu".into(), "onprem", None).await {
            Ok(_) => Ok(()),
            Err(error) => told(error),
        }
    })
}

fn check_of_arm(files: &[SourceFile]) -> Result<(), String> {
    let machine = Machine::new();
    in_runtime(async {
        let server = echo().await;
        let text = machine.text(files, &server);
        match machine.connector.by_kubeconfig(&"weu".into(), &text, None).await {
            Ok(client) if heard(&client, &text, &server).await.contains(FILED) => {
                return Err("a kubeconfig of ARM had a file sent to its server".into());
            }
            Ok(_) => {}
            Err(error) if harm::all_of(&error).contains("os error 2") => {
                return Err(format!("a kubeconfig of ARM had a file read: {error}"));
            }
            Err(error) => told(error)?,
        }
        if machine.home.path().join("ran").exists() {
            return Err("a kubeconfig of ARM had a program run".into());
        }
        let asked = machine.tokens.0.lock().unwrap();
        match asked.iter().find(|scope| *scope != AKS) {
            Some(scope) => {
                Err(format!("a kubeconfig of ARM got a token for something else: {scope}"))
            }
            None => Ok(()),
        }
    })
}
