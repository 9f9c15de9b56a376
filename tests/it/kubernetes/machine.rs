//! A machine for a test: its home directory, its kubeconfig, its tokens.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use tempfile::TempDir;
use widctl::event::EventSink;
use widctl::kubernetes::client::{ClusterClient, Connector};
use widctl::kubernetes::environment::Environment;
use widctl::kubernetes::token::{Bearer, ClusterToken};
use widctl::ports::error::PortError;
use widctl::ports::read::SignedIn;

use super::script::Kept;

/// Tokens that keep what they were asked for.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<Vec<String>>);

#[async_trait]
impl ClusterToken for Tokens {
    async fn bearer(&self, scope: &str) -> Result<Bearer, PortError> {
        self.0.lock().unwrap().push(scope.to_owned());
        Ok(Bearer::new("token-of-entra").unwrap())
    }
}

/// A machine with a home directory of its own.
pub(super) struct Machine {
    pub(super) home: TempDir,
    pub(super) tokens: Arc<Tokens>,
    pub(super) connector: Connector,
    pub(super) kept: Arc<Kept>,
}

impl Machine {
    /// A machine without a kubeconfig.
    pub(super) fn new() -> Self {
        let home = TempDir::new().unwrap();
        let tokens = Arc::new(Tokens::default());
        let kept = Arc::new(Kept::default());
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
            plugin_limit: Duration::from_secs(20),
            attempt_limit: Duration::from_mins(1),
            seed: 1,
            local_cloud: true,
            sink: Arc::clone(&kept) as Arc<dyn EventSink>,
        };
        Self { home, tokens, connector, kept }
    }

    /// A machine with this kubeconfig.
    pub(super) fn with(kubeconfig: &str) -> Self {
        let machine = Self::new();
        machine.write(".kube/config", kubeconfig);
        machine
    }

    /// Writes a file below the home directory.
    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Connects to `weu` by a context.
    pub(super) async fn connect(&self, context: &str) -> Result<ClusterClient, PortError> {
        self.connector.by_context(&"weu".into(), context, None).await
    }

    /// The error as a person sees it, with what lies below and its hint, the home directory replaced.
    pub(super) fn shown(&self, error: &PortError) -> String {
        let mut text = error.to_string();
        let mut below = std::error::Error::source(error);
        while let Some(source) = below {
            text = format!("{text}\n  {source}");
            below = source.source();
        }
        if error.place.is_some() {
            text = format!("{text}\nhint: {}", error.help());
        }
        text.replace(self.home.path().to_str().unwrap(), "~")
    }

    /// What Entra was asked for.
    pub(super) fn scopes(&self) -> Vec<String> {
        self.tokens.0.lock().unwrap().clone()
    }
}

/// A kubeconfig with one context, `onprem`, for a server and a user.
pub(super) fn kubeconfig(server: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\n\
         clusters:\n- name: c\n  cluster:\n    server: {server}\n\
         contexts:\n- name: onprem\n  context: {{cluster: c, user: u}}\n\
         users:\n- name: u\n  user:\n{}\n",
        user.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
    )
}

/// A server on loopback whose issuer is the `Authorization` header that it got.
pub(super) async fn echo() -> String {
    let answer = |headers: HeaderMap| async move {
        let got = headers.get(AUTHORIZATION).map(|value| String::from_utf8_lossy(value.as_bytes()));
        serde_json::json!({ "issuer": got.unwrap_or("none".into()) }).to_string()
    };
    serve(Router::new().fallback(answer)).await
}

/// A server on loopback that accepts no credentials.
pub(super) async fn refusing() -> String {
    serve(Router::new().fallback(|| async { StatusCode::UNAUTHORIZED })).await
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}
