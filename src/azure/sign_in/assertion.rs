//! Assertions that a pipeline's host gives out: GitHub Actions and Azure Pipelines.

use std::fmt;

use async_trait::async_trait;
use azure_core::credentials::Secret;
use azure_core::error::ErrorKind;
use azure_core::http::headers::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH};
use azure_core::http::{
    ClientMethodOptions, Context, Method, Pipeline, PipelineSendOptions, Request,
};
use azure_identity::ClientAssertion;
use serde_json::Value;
use url::Url;

use super::library::Reach;
use super::variables::CredentialVariables;
use crate::model::host::is_loopback;
use crate::ports::{answer as within, secrets};

/// The version of the Azure Pipelines call.
/// <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>
const PIPELINES_VERSION: &str = "7.1";

/// Asks the pipeline's host for a token about the job.
pub(super) struct HostedToken {
    host: &'static str,
    method: Method,
    url: Url,
    bearer: Secret,
    /// Where the token stands in the answer.
    field: &'static str,
    pipeline: Pipeline,
}

impl HostedToken {
    /// <https://docs.github.com/actions/reference/security/oidc>
    pub(super) fn of_github(
        environment: &CredentialVariables,
        reach: &Reach,
    ) -> Result<Self, String> {
        let mut url = endpoint(environment, "ACTIONS_ID_TOKEN_REQUEST_URL")?;
        url.query_pairs_mut().append_pair("audience", reach.cloud.token_exchange_audience());
        Ok(Self {
            host: "GitHub Actions",
            method: Method::Get,
            url,
            bearer: required(environment, "ACTIONS_ID_TOKEN_REQUEST_TOKEN")?,
            field: "value",
            pipeline: reach.pipeline(),
        })
    }

    /// <https://learn.microsoft.com/azure/devops/pipelines/library/connect-to-azure>
    pub(super) fn of_pipelines(
        environment: &CredentialVariables,
        reach: &Reach,
    ) -> Result<Self, String> {
        let connection = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID";
        let mut url = endpoint(environment, "SYSTEM_OIDCREQUESTURI")?;
        url.query_pairs_mut().append_pair("api-version", PIPELINES_VERSION).append_pair(
            "serviceConnectionId",
            environment.get(connection).ok_or_else(|| format!("{connection} is not set"))?,
        );
        Ok(Self {
            host: "Azure Pipelines",
            method: Method::Post,
            url,
            bearer: required(environment, "SYSTEM_ACCESSTOKEN")?,
            field: "oidcToken",
            pipeline: reach.pipeline(),
        })
    }
}

fn required(environment: &CredentialVariables, name: &str) -> Result<Secret, String> {
    environment.secret(name).ok_or_else(|| format!("{name} is not set"))
}

fn endpoint(environment: &CredentialVariables, name: &str) -> Result<Url, String> {
    let text = environment.get(name).ok_or_else(|| format!("{name} is not set"))?;
    Url::parse(text)
        .ok()
        .filter(|url| url.scheme() == "https" || is_loopback(url))
        .ok_or_else(|| format!("{name} is not an https URL"))
}

impl fmt::Debug for HostedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HostedToken").field("host", &self.host).finish_non_exhaustive()
    }
}

#[async_trait]
impl ClientAssertion for HostedToken {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let mut request = Request::new(self.url.clone(), self.method);
        request.insert_header(AUTHORIZATION, format!("Bearer {}", self.bearer.secret()));
        request.insert_header(ACCEPT, "application/json");
        // Without it Azure DevOps answers a dead token with a page to sign in at.
        request.insert_header("x-tfs-fedauthredirect", "Suppress");
        if self.method == Method::Post {
            request.insert_header(CONTENT_LENGTH, "0");
        }
        let unchecked = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let answer = self.pipeline.send(&Context::new(), &mut request, Some(unchecked)).await?;
        let refused = |problem: String| {
            let message = format!("{} {problem}", self.host);
            azure_core::Error::with_message(ErrorKind::Credential, message)
        };
        if !answer.status().is_success() {
            let status = u16::from(answer.status());
            return Err(refused(format!("answered {status} when asked for the job's token")));
        }
        let body: Value = within::parse(answer.body())
            .map_err(|_| refused("did not answer JSON when asked for the job's token".into()))?;
        match body.get(self.field).and_then(Value::as_str) {
            Some(token) if !token.is_empty() => {
                secrets::learn(token);
                Ok(token.to_owned())
            }
            _ => Err(refused(format!("gave no `{}` for the job", self.field))),
        }
    }
}
