//! Our own client of ARM: one file per resource kind, its wire type beside its mapping.

pub(crate) mod federated_credential;
mod identity_binding;
mod list;
pub(crate) mod managed_cluster;
pub(crate) mod permissions;
pub(crate) mod resource_graph;
pub(crate) mod resource_group;
pub(crate) mod role_assignment;
pub(crate) mod role_definition;
pub(crate) mod subscription;

use azure_core::http::headers::{ACCEPT, CONTENT_TYPE};
use azure_core::http::{Context, Method, Pipeline, PipelineSendOptions, RawResponse, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use self::federated_credential::ListVersion;
use crate::azure::error;
use crate::azure::error::{AzureRequest, Secrecy};
use crate::model::arm_id::ArmId;
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind, Service};

/// Sends requests to ARM and reads its JSON.
#[derive(Clone, Debug)]
pub(crate) struct Arm {
    pub(crate) endpoint: Url,
    pub(crate) pipeline: Pipeline,
    /// The version under which credentials are listed.
    pub(crate) credential_list: ListVersion,
}

impl Arm {
    /// The URL of an id and what follows it; every segment is encoded.
    pub(crate) fn url<'a>(
        &'a self,
        id: &'a ArmId,
        below: impl IntoIterator<Item = &'a str>,
        api_version: &str,
    ) -> Url {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .expect("the endpoint is an origin")
            .pop_if_empty()
            .extend(id.as_str().split('/').filter(|segment| !segment.is_empty()))
            .extend(below);
        url.query_pairs_mut().append_pair("api-version", api_version);
        url
    }

    /// Gets one resource.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        url: Url,
        operation: &str,
    ) -> Result<T, PortError> {
        self.json(Request::new(url, Method::Get), operation).await
    }

    /// Gets one resource, `None` where it does not exist.
    pub(crate) async fn get_optional<T: DeserializeOwned>(
        &self,
        url: Url,
        operation: &str,
    ) -> Result<Option<T>, PortError> {
        absent_as_none(self.get(url, operation).await)
    }

    /// Reads one resource in the first of the api-versions that the cloud has.
    async fn get_in_any_version<T: DeserializeOwned>(
        &self,
        id: &ArmId,
        versions: &[&str],
        operation: &str,
    ) -> Result<Option<T>, PortError> {
        let (last, earlier) = versions.split_last().expect("there is a version");
        for version in earlier {
            match self.get_optional(self.url(id, [], version), operation).await {
                Err(error) if is_unknown_version(&error) => {}
                answer => return answer,
            }
        }
        self.get_optional(self.url(id, [], last), operation).await
    }

    /// Writes one resource and reads what it is now.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        url: Url,
        body: &impl Serialize,
        operation: &str,
    ) -> Result<T, PortError> {
        self.send_json(Method::Put, url, body, operation).await
    }

    async fn send_json<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: &impl Serialize,
        operation: &str,
    ) -> Result<T, PortError> {
        let mut request = Request::new(url, method);
        request.insert_header(CONTENT_TYPE, "application/json");
        request.set_json(body).map_err(|failure| {
            let asked = AzureRequest::new(&request, operation, Secrecy::Open);
            error::from_failure(failure, &asked)
        })?;
        self.json(request, operation).await
    }

    /// Deletes one resource; succeeds where it does not exist.
    pub(crate) async fn delete(&self, url: Url, operation: &str) -> Result<(), PortError> {
        let mut request = Request::new(url, Method::Delete);
        let done = self.send(&mut request, operation, Secrecy::Open).await;
        absent_as_none(done).map(|_| ())
    }

    async fn json<T: DeserializeOwned>(
        &self,
        mut request: Request,
        operation: &str,
    ) -> Result<T, PortError> {
        let answer = self.send(&mut request, operation, Secrecy::Open).await?;
        read(&AzureRequest::new(&request, operation, Secrecy::Open), &answer)
    }

    /// Sends a request; an answer that is not a success is an error.
    pub(crate) async fn send(
        &self,
        request: &mut Request,
        operation: &str,
        secrecy: Secrecy,
    ) -> Result<RawResponse, PortError> {
        request.insert_header(ACCEPT, "application/json");
        let unchecked = PipelineSendOptions { skip_checks: true, ..PipelineSendOptions::default() };
        let answer = self.pipeline.send(&Context::new(), request, Some(unchecked)).await.map_err(
            |failure| error::from_failure(failure, &AzureRequest::new(request, operation, secrecy)),
        )?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(error::from_answer(&AzureRequest::new(request, operation, secrecy), &answer))
    }
}

/// Reads JSON, or says what is wrong with it.
pub(crate) fn read<T: DeserializeOwned>(
    asked: &AzureRequest<'_>,
    answer: &RawResponse,
) -> Result<T, PortError> {
    answer::parse(answer.body())
        .map_err(|problem| error::malformed(asked, answer, &problem.to_string()))
}

/// Whether the cloud, or its region, does not have the api-version that was asked for.
/// <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors>
fn is_unknown_version(error: &PortError) -> bool {
    let codes = [
        "NoRegisteredProviderFound",
        "InvalidApiVersionParameter",
        "InvalidResourceType",
        "UnsupportedApiVersion",
    ];
    error.code.as_deref().is_some_and(|code| codes.contains(&code))
}

/// `None` where the resource does not exist. A missing subscription is no such case: nobody can tell what
/// exists in it.
pub(crate) fn absent_as_none<T>(result: Result<T, PortError>) -> Result<Option<T>, PortError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if error.status == Some(404)
                && error.code.as_deref() != Some("SubscriptionNotFound") =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// An id in an answer.
pub(crate) fn id(text: &str, operation: &str) -> Result<ArmId, PortError> {
    ArmId::parse(text).map_err(|problem| unreadable("id", text, &problem, operation))
}

/// Refuses an answer about something else than what was asked for: whatever comes of it would be done to the wrong
/// thing. Leaving it out instead would read as if nothing existed, and be written over.
pub(crate) fn is_about(asked: &ArmId, answered: &str, operation: &str) -> Result<(), PortError> {
    if id(answered, operation)? == *asked {
        return Ok(());
    }
    let problem = format!("it is not {asked}, which was asked for");
    Err(unreadable("id", answered, &problem, operation))
}

/// The error for a field of an answer that is there but makes no sense.
pub(crate) fn unreadable(
    field: &str,
    value: &str,
    problem: &dyn std::fmt::Display,
    operation: &str,
) -> PortError {
    let mut error = PortError::new(PortErrorKind::Malformed, Service::Arm, operation);
    error.message = Some(error::text::clean(&format!("field `{field}` is `{value}`: {problem}")));
    error
}
