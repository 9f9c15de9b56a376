//! Exec plugins: programs that a kubeconfig names to get a credential.
//! <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::clean;
use super::plugin_process;
use super::plugin_process::Unanswered;
use super::source::Source;
use super::token::{Bearer, ClusterToken};
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::place::Fault;

/// How long before its expiry a credential is got anew.
const EARLY: Duration = Duration::from_mins(1);

/// What a plugin answers.
#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<Timestamp>,
}

/// A credential that a plugin gave.
pub(super) enum Credential {
    /// A token, with when it has to be got anew.
    Token(Bearer, Option<Instant>),
    /// A client certificate and its key, both PEM.
    Certificate {
        /// The certificate.
        certificate: String,
        /// The key.
        key: String,
    },
}

/// A plugin of a kubeconfig. It is run here, not by kube: kube would wait for it without end on a thread
/// that cannot be stopped.
pub(super) struct ExecPlugin {
    config: ExecConfig,
    source: Source,
    limit: Duration,
    now: fn() -> Timestamp,
    kept: Mutex<Option<(Bearer, Option<Instant>)>>,
}

impl ExecPlugin {
    /// The plugin of a kubeconfig, bounded.
    pub(super) fn new(
        config: ExecConfig,
        source: Source,
        limit: Duration,
        now: fn() -> Timestamp,
    ) -> Self {
        Self { config, source, limit, now, kept: Mutex::new(None) }
    }

    /// Runs the plugin; a token is kept for the requests to come.
    pub(super) async fn credential(&self) -> Result<Credential, PortError> {
        let credential = self.run().await?;
        if let Credential::Token(token, until) = &credential {
            *self.kept.lock().await = Some((token.clone(), *until));
        }
        Ok(credential)
    }

    async fn run(&self) -> Result<Credential, PortError> {
        let answer = plugin_process::run(self.command()?, self.limit)
            .await
            .map_err(|why| self.unanswered(why))?;
        if answer.status.success() {
            return self.parse(&answer.stdout);
        }
        let ended = match answer.said {
            Some(said) => format!("{}: {said}", answer.status),
            None => answer.status.to_string(),
        };
        Err(self.failed(PortErrorKind::Unauthenticated, ended, Fault::SignIn))
    }

    fn unanswered(&self, why: Unanswered) -> PortError {
        match why {
            Unanswered::NotStarted(error) => {
                let fault = Fault::NotStarted {
                    program: clean(self.config.command.as_deref().unwrap_or_default()),
                    install_hint: self.config.install_hint.as_deref().map(clean),
                };
                let mut failed = self.failed(
                    PortErrorKind::Unauthenticated,
                    "it could not be started".into(),
                    fault,
                );
                failed.source = Some(Box::new(error));
                failed
            }
            Unanswered::TooSlow { said } => {
                let seconds = self.limit.as_secs_f32();
                let said = match said {
                    Some(said) => format!("; the last that it said is: {said}"),
                    None => ", and it said nothing; it may have asked for something".into(),
                };
                let message = format!("it was stopped after {seconds} s{said}");
                self.failed(PortErrorKind::TimedOut, message, Fault::SignIn)
            }
            Unanswered::TooLong => self.failed(
                PortErrorKind::Malformed,
                "it was stopped because it printed more than 1 MB".into(),
                Fault::SignIn,
            ),
            Unanswered::Broken(error) => {
                let message = "its output could not be read".into();
                let mut failed =
                    self.failed(PortErrorKind::Unauthenticated, message, Fault::SignIn);
                failed.source = Some(Box::new(error));
                failed
            }
        }
    }

    /// The command, which is told that there is no terminal.
    fn command(&self) -> Result<Command, PortError> {
        let ExecConfig { api_version, command, args, env, interactive_mode, cluster, .. } =
            &self.config;
        if *interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(self.failed(
                PortErrorKind::Unauthenticated,
                "it only works with a terminal (`interactiveMode: Always`)".into(),
                Fault::OfUser("--exec-interactive-mode IfAvailable"),
            ));
        }
        let program = command.as_deref().unwrap_or_default();
        let mut spec = json!({ "interactive": false });
        if let Some(cluster) = cluster {
            spec["cluster"] = json!(cluster);
        }
        let info = json!({
            "apiVersion": api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1"),
            "kind": "ExecCredential",
            "spec": spec,
        });
        let mut command = Command::new(program);
        command.args(args.iter().flatten()).env("KUBERNETES_EXEC_INFO", info.to_string());
        for variable in env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                command.env(name, value);
            }
        }
        Ok(command)
    }

    /// What the plugin printed. Nothing of it is kept in an error: it holds the credential.
    fn parse(&self, stdout: &[u8]) -> Result<Credential, PortError> {
        let unusable =
            |what: &str| self.failed(PortErrorKind::Malformed, what.into(), Fault::SignIn);
        let answer: ExecCredential =
            serde_json::from_slice(stdout).map_err(|_| unusable("it printed no ExecCredential"))?;
        let status = answer.status.ok_or_else(|| unusable("its ExecCredential has no status"))?;
        let until = status.expiration_timestamp.map(|expires| {
            let left = expires.duration_since((self.now)());
            let left = Duration::try_from(left).unwrap_or_default();
            Instant::now() + left.saturating_sub(EARLY)
        });
        match status {
            Status {
                client_certificate_data: Some(certificate),
                client_key_data: Some(key),
                ..
            } => Ok(Credential::Certificate { certificate, key }),
            Status { token: Some(token), .. } => {
                let token = Bearer::new(&token)
                    .map_err(|_| unusable("its token has a character that no header takes"))?;
                Ok(Credential::Token(token, until))
            }
            _ => Err(unusable("its ExecCredential has neither a token nor a certificate")),
        }
    }

    fn failed(&self, kind: PortErrorKind, message: String, fault: Fault) -> PortError {
        let program = self.config.command.as_deref().unwrap_or_default();
        let what = format!("the exec plugin `{}` of {}", clean(program), self.source.name);
        self.source.failed(kind, what, message, fault)
    }
}

#[async_trait]
impl ClusterToken for ExecPlugin {
    async fn bearer(&self, _: &str) -> Result<Bearer, PortError> {
        let mut kept = self.kept.lock().await;
        if let Some((token, until)) = &*kept
            && until.is_none_or(|until| Instant::now() < until)
        {
            return Ok(token.clone());
        }
        match self.run().await? {
            Credential::Token(token, until) => {
                *kept = Some((token.clone(), until));
                Ok(token)
            }
            Credential::Certificate { .. } => Err(self.failed(
                PortErrorKind::Malformed,
                "it gave a token before, and now a certificate".into(),
                Fault::SignIn,
            )),
        }
    }
}
