//! Which credential is used: the one that is asked for, else the first that is there.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, AzureDeveloperCliCredential,
    AzureDeveloperCliCredentialOptions, ClientAssertion, ClientAssertionCredential,
    ClientAssertionCredentialOptions, ClientSecretCredential, ClientSecretCredentialOptions,
    Executor, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use tokio::sync::OnceCell;
use tracing::info;

use super::assertion::HostedToken;
use super::certificate::CertificateAssertion;
use super::library::{Reach, Source};
use super::method::Method;
use super::variables::CredentialVariables;
use super::{SignInOptions, Token, TokenSource, error, metadata};
use crate::azure::error::text::clean;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::Place;

/// Tries credentials until one gives a token, and stays with that one.
pub(super) struct Chain {
    reach: Reach,
    environment: CredentialVariables,
    tenant: Option<String>,
    only: Option<Method>,
    executor: Option<Arc<dyn Executor>>,
    chosen: OnceCell<Source>,
}

/// Why a credential gives nothing.
enum Passed {
    /// It is not there; the next one may be.
    Absent(String),
    /// It is there and fails.
    Failed(Box<PortError>),
}

impl From<PortError> for Passed {
    fn from(error: PortError) -> Self {
        Self::Failed(Box::new(error))
    }
}

impl Chain {
    pub(super) fn new(options: SignInOptions) -> Self {
        let reach = Reach::new(&options);
        let SignInOptions { tenant, environment, method, executor, .. } = options;
        let named = environment.get("AZURE_TENANT_ID").map(str::to_owned);
        Self {
            reach,
            tenant: named.or_else(|| tenant.map(|tenant| tenant.to_string())),
            environment,
            only: method,
            executor,
            chosen: OnceCell::new(),
        }
    }

    /// Goes through the credentials; gives the first that works, and its token.
    async fn choose(&self, scope: &str) -> Result<(Source, Token), PortError> {
        let mut tried = Vec::new();
        let mut code = None;
        for method in Method::ALL {
            if self.only.is_some_and(|only| only != method) {
                continue;
            }
            match self.attempt(method, scope).await {
                Ok(found) => {
                    info!("signs in with {method}");
                    return Ok(found);
                }
                Err(Passed::Absent(why)) => tried.push(format!("{method}: {why}")),
                Err(Passed::Failed(error)) => {
                    let is_last_word = self.only.is_some() || method.is_named_by_environment();
                    if is_last_word {
                        return Err(*error);
                    }
                    code = code.or(error.code);
                    let why = error.message.unwrap_or_else(|| "no answer".into());
                    tried.push(format!("{method}: {why}"));
                }
            }
            if let Some(why) = tried.last() {
                info!("does not sign in with {}", clean(why));
            }
        }
        let mut error = PortError::new(PortErrorKind::Unauthenticated, Service::Entra, "sign in");
        error.message = Some(format!("no credential works:\n{}", tried.join("\n")));
        error.code = code;
        error.place = Some(Box::new(Place::SignIn(None)));
        Err(error)
    }

    async fn attempt(&self, method: Method, scope: &str) -> Result<(Source, Token), Passed> {
        let source = match method {
            Method::Environment => self.named_application(),
            Method::WorkloadIdentity => self.workload_identity(),
            Method::GithubActions => self.github_actions(),
            Method::AzurePipelines => self.azure_pipelines(),
            Method::AzureCli => self.azure_cli(),
            Method::AzureDeveloperCli => self.azure_developer_cli(),
            Method::ManagedIdentity => self.managed_identity().await,
        }?;
        let token = source.token(scope).await.map_err(Passed::from)?;
        Ok((source, token))
    }

    /// A client secret, else a certificate.
    fn named_application(&self) -> Result<Source, Passed> {
        let method = Method::Environment;
        let client_id = self.required("AZURE_CLIENT_ID")?;
        if let Some(secret) = self.environment.secret("AZURE_CLIENT_SECRET") {
            let options =
                ClientSecretCredentialOptions { client_options: self.reach.client_options() };
            let tenant = self.tenant(method)?;
            return usable(
                ClientSecretCredential::new(tenant, client_id.to_owned(), secret, Some(options)),
                method,
            );
        }
        let Some(path) = self.environment.get("AZURE_CLIENT_CERTIFICATE_PATH") else {
            return Err(Passed::Absent(
                "neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set".into(),
            ));
        };
        if self.environment.get("AZURE_CLIENT_CERTIFICATE_PASSWORD").is_some() {
            return Err(unusable(
                method,
                "AZURE_CLIENT_CERTIFICATE_PASSWORD is set, but encrypted certificates are not supported; `openssl pkcs12 -nodes` makes a PEM file that is not".into(),
            ));
        }
        let tenant = self.tenant(method)?;
        let mut audience = self.reach.cloud.authority_host.clone();
        audience.set_path(&format!("/{tenant}/oauth2/v2.0/token"));
        let assertion = CertificateAssertion::read(Path::new(path), client_id, audience.into())
            .map_err(|problem| unusable(method, problem))?;
        self.asserted(tenant, client_id, assertion, method)
    }

    fn workload_identity(&self) -> Result<Source, Passed> {
        let method = Method::WorkloadIdentity;
        let path = self.required("AZURE_FEDERATED_TOKEN_FILE")?;
        let client_id = self.required("AZURE_CLIENT_ID")?;
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions {
                client_options: self.reach.client_options(),
            },
            client_id: Some(client_id.to_owned()),
            tenant_id: Some(self.tenant(method)?.to_owned()),
            token_file_path: Some(path.into()),
        };
        usable(WorkloadIdentityCredential::new(Some(options)), method)
    }

    fn github_actions(&self) -> Result<Source, Passed> {
        let method = Method::GithubActions;
        self.required("ACTIONS_ID_TOKEN_REQUEST_URL")?;
        // Without it the workflow signs in otherwise, with azure/login for one.
        let client_id = self.required("AZURE_CLIENT_ID")?;
        let assertion = HostedToken::of_github(&self.environment, &self.reach)
            .map_err(|problem| unusable(method, problem))?;
        self.asserted(self.tenant(method)?, client_id, assertion, method)
    }

    fn azure_pipelines(&self) -> Result<Source, Passed> {
        let method = Method::AzurePipelines;
        self.required("SYSTEM_OIDCREQUESTURI")?;
        self.required("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")?;
        let client_id = match self.environment.get("AZURESUBSCRIPTION_CLIENT_ID") {
            Some(client_id) => client_id,
            None => self.required("AZURE_CLIENT_ID")?,
        };
        let tenant = match self.environment.get("AZURESUBSCRIPTION_TENANT_ID") {
            Some(tenant) => tenant,
            None => self.tenant(method)?,
        };
        let assertion = HostedToken::of_pipelines(&self.environment, &self.reach)
            .map_err(|problem| unusable(method, problem))?;
        self.asserted(tenant, client_id, assertion, method)
    }

    fn azure_cli(&self) -> Result<Source, Passed> {
        let options = AzureCliCredentialOptions {
            tenant_id: self.tenant.clone(),
            executor: self.executor.clone(),
            ..AzureCliCredentialOptions::default()
        };
        usable(AzureCliCredential::new(Some(options)), Method::AzureCli)
    }

    fn azure_developer_cli(&self) -> Result<Source, Passed> {
        let options = AzureDeveloperCliCredentialOptions {
            tenant_id: self.tenant.clone(),
            executor: self.executor.clone(),
        };
        usable(AzureDeveloperCliCredential::new(Some(options)), Method::AzureDeveloperCli)
    }

    async fn managed_identity(&self) -> Result<Source, Passed> {
        if !metadata::is_there(&self.environment, &self.reach).await {
            return Err(Passed::Absent("this machine has none".into()));
        }
        metadata::source(&self.environment, &self.reach).map_err(Passed::from)
    }

    fn asserted(
        &self,
        tenant: &str,
        client_id: &str,
        assertion: impl ClientAssertion + 'static,
        method: Method,
    ) -> Result<Source, Passed> {
        let options =
            ClientAssertionCredentialOptions { client_options: self.reach.client_options() };
        let (tenant, client_id) = (tenant.to_owned(), client_id.to_owned());
        usable(ClientAssertionCredential::new(tenant, client_id, assertion, Some(options)), method)
    }

    /// A variable without which the credential is not there.
    fn required(&self, name: &str) -> Result<&str, Passed> {
        self.environment.get(name).ok_or_else(|| Passed::Absent(format!("{name} is not set")))
    }

    fn tenant(&self, method: Method) -> Result<&str, Passed> {
        self.tenant.as_deref().ok_or_else(|| {
            let problem = "AZURE_TENANT_ID is not set, and the profile pins no tenant";
            unusable(method, problem.into())
        })
    }
}

#[async_trait]
impl TokenSource for Chain {
    async fn token(&self, scope: &str) -> Result<Token, PortError> {
        let mut first = None;
        let chosen = self
            .chosen
            .get_or_try_init(async || {
                let (source, token) = self.choose(scope).await?;
                first = Some(token);
                Ok::<_, PortError>(source)
            })
            .await?;
        match first {
            Some(token) => Ok(token),
            None => chosen.token(scope).await,
        }
    }
}

fn usable<C: TokenCredential + 'static>(
    built: azure_core::Result<Arc<C>>,
    method: Method,
) -> Result<Source, Passed> {
    match built {
        Ok(credential) => Ok(Source::new(credential, method)),
        Err(failure) => Err(error::from_library(failure, method).into()),
    }
}

/// The credential is there, but cannot be used as it is.
fn unusable(method: Method, problem: String) -> Passed {
    let operation = format!("sign in with {method}");
    let mut error = PortError::new(PortErrorKind::Unauthenticated, Service::Entra, operation);
    error.message = Some(problem);
    error.into()
}
