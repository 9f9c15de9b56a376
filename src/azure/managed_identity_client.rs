//! The generated client of the managed identity provider, over our pipeline. This is the only file that
//! knows `azure_mgmt_msi` and the old `azure_core` below it.
//!
//! The old `azure_core` prints the `Authorization` header when it logs, so it never holds a token: it gets
//! a placeholder, and the pipeline puts the real one in. Its retries are off.
//!
//! The api-version stays the one that the models were generated from, 2023-01-31: later ones add only
//! `isolationScope`, which a PUT without it would reset, and the schema of credentials is the same.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::http::{Method, Request};
use azure_core::time::OffsetDateTime;
use azure_core_legacy as old;
use azure_mgmt_msi::package_2023_01_31 as msi;
use azure_mgmt_msi::package_2023_01_31::models;
use futures::StreamExt;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::arm::Arm;
use super::arm::federated_credential::{API_VERSION, credential_id};
use super::error::{AzureRequest, Secrecy};
use super::{arm, error};
use crate::model::arm_id::ArmId;
use crate::model::guid::{ClientId, PrincipalId, SubscriptionId, TenantId};
use crate::model::kinds::federated_credential::{
    FederatedCredential, FederatedCredentialKey, LiveFederatedCredential,
};
use crate::model::kinds::identity::{IDENTITY_TYPE, Identity, IdentityKey, LiveIdentity, Tags};
use crate::model::location::Location;
use crate::model::text::{Audience, CredentialName, Issuer, Subject, is_resource_group_name};
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::read::Pages;
use crate::ports::store::Put;

/// Identities and credentials, through the generated client. Its lists are not used: they have no bound.
#[derive(Clone)]
pub(crate) struct ManagedIdentityClient {
    client: msi::Client,
    arm: Arm,
}

/// Stands where the generated client wants a credential.
#[derive(Debug)]
struct Placeholder;

#[async_trait]
impl old::auth::TokenCredential for Placeholder {
    async fn get_token(&self, _: &[&str]) -> old::Result<old::auth::AccessToken> {
        let never_looked_at = OffsetDateTime::UNIX_EPOCH;
        Ok(old::auth::AccessToken::new("placeholder", never_looked_at))
    }

    async fn clear_cache(&self) -> old::Result<()> {
        Ok(())
    }
}

/// Hands the old library's requests to our pipeline.
#[derive(Debug)]
struct PipelineTransport(Arm);

#[async_trait]
impl old::HttpClient for PipelineTransport {
    async fn execute_request(&self, request: &old::Request) -> old::Result<old::Response> {
        let mut sent = renewed(request)?;
        let operation = "";
        let answer = self.0.send(&mut sent, operation, Secrecy::Open).await.map_err(carry)?;
        let asked = AzureRequest::new(&sent, operation, Secrecy::Open);
        if !answer.body().is_empty() && sent.method() != Method::Delete {
            // The old library would not say what the body looks like.
            let _: IgnoredAny = arm::read(&asked, &answer).map_err(carry)?;
        }
        let (status, _, body) = answer.deconstruct();
        let status = old::StatusCode::try_from(u16::from(status)).map_err(unexpected)?;
        let bytes = bytes::Bytes::from(body);
        Ok(old::Response::new(
            status,
            HashMap::new().into(),
            Box::pin(old::BytesStream::new(bytes)),
        ))
    }
}

fn renewed(request: &old::Request) -> old::Result<Request> {
    let used = [
        (old::Method::Get, Method::Get),
        (old::Method::Put, Method::Put),
        (old::Method::Patch, Method::Patch),
        (old::Method::Delete, Method::Delete),
    ];
    let method = used
        .into_iter()
        .find_map(|(theirs, ours)| (theirs == *request.method()).then_some(ours))
        .ok_or_else(|| unexpected(format!("method {} is not used", request.method())))?;
    let old::Body::Bytes(body) = request.body() else {
        return Err(unexpected("streamed bodies are not used"));
    };
    let mut renewed = Request::new(request.url().clone(), method);
    for (name, value) in request.headers().iter() {
        renewed.insert_header(name.as_str().to_owned(), value.as_str().to_owned());
    }
    renewed.set_body(body.clone());
    Ok(renewed)
}

fn unexpected(problem: impl Display) -> old::Error {
    old::Error::message(old::error::ErrorKind::Other, problem.to_string())
}

/// Takes our error through the old library.
fn carry(error: PortError) -> old::Error {
    old::Error::new(old::error::ErrorKind::Other, error)
}

/// Takes our error out again; what the old library itself complains about is a body that lacks a field.
fn into_port(failure: old::Error, operation: &str) -> PortError {
    match failure.into_downcast::<PortError>() {
        Ok(mut error) => {
            if error.service == Service::Arm {
                operation.clone_into(&mut error.operation);
            }
            error
        }
        Err(failure) => malformed(operation, &failure),
    }
}

fn malformed(operation: &str, problem: &dyn Display) -> PortError {
    let mut error = PortError::new(PortErrorKind::Malformed, Service::Arm, operation);
    error.message = Some(error::text::clean(&problem.to_string()));
    error
}

/// Where an identity lives, proven to be safe in a path: the generated client does not encode.
struct Place {
    subscription: String,
    resource_group: String,
    name: String,
}

impl Place {
    fn of(key: &IdentityKey, operation: &str) -> Result<Self, PortError> {
        let (id, name) = (key.id(), key.name());
        let (Some(subscription), Some(resource_group)) = (id.subscription(), id.resource_group())
        else {
            let problem = format!("`{id}` is not the id of an identity");
            return Err(error::not_sent(operation, problem));
        };
        if !is_identity_name(name) {
            let problem = format!("`{name}` is not a name for an identity");
            return Err(error::not_sent(operation, problem));
        }
        if !is_resource_group_name(resource_group) {
            let problem = format!("`{resource_group}` is not a name for a resource group");
            return Err(error::not_sent(operation, problem));
        }
        Ok(Self {
            subscription: subscription.to_string(),
            resource_group: resource_group.to_owned(),
            name: name.to_owned(),
        })
    }
}

/// <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftmanagedidentity>
fn is_identity_name(name: &str) -> bool {
    (3..=128).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(is_name_character)
}

/// <https://learn.microsoft.com/azure/templates/microsoft.managedidentity/userassignedidentities/federatedidentitycredentials>
fn is_credential_name(name: &str) -> bool {
    (3..=120).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(is_name_character)
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_')
}

impl ManagedIdentityClient {
    /// The generated client over this pipeline.
    pub(crate) fn new(arm: &Arm) -> Result<Self, PortError> {
        let transport = Arc::new(PipelineTransport(arm.clone()));
        msi::Client::builder(Arc::new(Placeholder))
            .endpoint(arm.endpoint.clone())
            .scopes(&["unused"])
            .retry(old::RetryOptions::none())
            .transport(old::TransportOptions::new(transport))
            .build()
            .map(|client| Self { client, arm: arm.clone() })
            .map_err(|failure| into_port(failure, "set up the client"))
    }

    /// All identities of a subscription.
    pub(crate) fn identity_pages(&self, subscription: SubscriptionId) -> Pages<'_, LiveIdentity> {
        let operation = format!("list the identities of subscription {subscription}");
        let below = ["providers"].into_iter().chain(IDENTITY_TYPE.split('/'));
        let scope = ArmId::of_subscription(subscription);
        let url = self.arm.url(&scope, below, API_VERSION);
        let pages = self.arm.pages(url, operation.clone());
        let read = move |wire: models::Identity| {
            let live = into_identity(wire, &operation)?;
            // Left out it would read as if it did not exist, and be created over.
            let group = live.id.resource_group().unwrap_or_default();
            let asked = IdentityKey::new(subscription, group, live.id.name());
            arm::is_about(asked.id(), live.id.as_str(), &operation)?;
            Ok(live)
        };
        pages.map(move |page| page.and_then(|wires| wires.into_iter().map(&read).collect())).boxed()
    }

    /// One identity.
    pub(crate) async fn identity(
        &self,
        key: &IdentityKey,
    ) -> Result<Option<LiveIdentity>, PortError> {
        let operation = format!("read the identity {}", key.name());
        let place = Place::of(key, &operation)?;
        let wire = self
            .client
            .user_assigned_identities_client()
            .get(place.subscription, place.resource_group, place.name)
            .await
            .map_err(|failure| into_port(failure, &operation));
        arm::absent_as_none(wire)?.map(|wire| about(key, wire, &operation)).transpose()
    }

    /// Creates an identity; on one that exists it would replace all tags.
    pub(crate) async fn create_identity(
        &self,
        key: &IdentityKey,
        identity: &Identity,
    ) -> Result<Put<LiveIdentity>, PortError> {
        let operation = format!("create the identity {}", key.name());
        let place = Place::of(key, &operation)?;
        let mut tracked = models::TrackedResource::new(identity.location.as_str().to_owned());
        tracked.tags = Some(tags_to_wire(&identity.tags));
        let answer = self
            .client
            .user_assigned_identities_client()
            .create_or_update(
                place.subscription,
                place.resource_group,
                place.name,
                models::Identity::new(tracked),
            )
            .send()
            .await
            .map_err(|failure| into_port(failure, &operation))?;
        let existed = existed(answer.as_raw_response());
        let wire = answer.into_body().await.map_err(|failure| into_port(failure, &operation))?;
        Ok(Put { live: about(key, wire, &operation)?, existed })
    }

    /// Sets the tags of an identity, the whole set.
    pub(crate) async fn tag_identity(
        &self,
        key: &IdentityKey,
        tags: &Tags,
    ) -> Result<LiveIdentity, PortError> {
        let operation = format!("tag the identity {}", key.name());
        let place = Place::of(key, &operation)?;
        let update = models::IdentityUpdate {
            tags: Some(tags_to_wire(tags)),
            ..models::IdentityUpdate::new()
        };
        let wire = self
            .client
            .user_assigned_identities_client()
            .update(place.subscription, place.resource_group, place.name, update)
            .await
            .map_err(|failure| into_port(failure, &operation))?;
        about(key, wire, &operation)
    }

    /// Writes a credential.
    pub(crate) async fn put_credential(
        &self,
        key: &FederatedCredentialKey,
        credential: &FederatedCredential,
    ) -> Result<Put<LiveFederatedCredential>, PortError> {
        let operation = format!("write the federated credential {}", key.name);
        let place = Place::of(&key.identity, &operation)?;
        let properties = models::FederatedIdentityCredentialProperties::new(
            credential.issuer.as_str().to_owned(),
            credential.subject.as_str().to_owned(),
            vec![credential.audience.as_str().to_owned()],
        );
        let body = models::FederatedIdentityCredential {
            properties: Some(properties),
            ..models::FederatedIdentityCredential::new()
        };
        let answer = self
            .client
            .federated_identity_credentials_client()
            .create_or_update(
                place.subscription,
                place.resource_group,
                place.name,
                credential_name(key, &operation)?,
                body,
            )
            .send()
            .await
            .map_err(|failure| into_port(failure, &operation))?;
        let existed = existed(answer.as_raw_response());
        let wire = answer.into_body().await.map_err(|failure| into_port(failure, &operation))?;
        Ok(Put { live: into_credential(wire, key, &operation)?, existed })
    }

    /// Deletes a credential; succeeds where it, or its identity, does not exist.
    pub(crate) async fn delete_credential(
        &self,
        key: &FederatedCredentialKey,
    ) -> Result<(), PortError> {
        let operation = format!("delete the federated credential {}", key.name);
        let place = Place::of(&key.identity, &operation)?;
        let done = self
            .client
            .federated_identity_credentials_client()
            .delete(
                place.subscription,
                place.resource_group,
                place.name,
                credential_name(key, &operation)?,
            )
            .send()
            .await
            .map_err(|failure| into_port(failure, &operation));
        arm::absent_as_none(done).map(|_| ())
    }
}

/// Whether a PUT changed a resource: where it made one it is answered with 201.
/// <https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#create--update--replace-processing-rules>
fn existed(answer: &old::Response) -> bool {
    answer.status() == old::StatusCode::Ok
}

fn credential_name(key: &FederatedCredentialKey, operation: &str) -> Result<String, PortError> {
    let name = key.name.as_str();
    if is_credential_name(name) {
        return Ok(name.to_owned());
    }
    let problem = format!("`{name}` is not a name for a federated credential");
    Err(error::not_sent(operation, problem))
}

fn tags_to_wire(tags: &Tags) -> Value {
    tags.iter()
        .map(|(name, value)| (name.to_string(), Value::from(value.as_ref())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The identity that was asked for.
fn about(
    key: &IdentityKey,
    wire: models::Identity,
    operation: &str,
) -> Result<LiveIdentity, PortError> {
    let live = into_identity(wire, operation)?;
    arm::is_about(key.id(), live.id.as_str(), operation)?;
    Ok(live)
}

fn into_identity(wire: models::Identity, operation: &str) -> Result<LiveIdentity, PortError> {
    let missing = |field: &str| malformed(operation, &format!("missing field `{field}`"));
    let tracked = wire.tracked_resource;
    let properties = wire.properties.ok_or_else(|| missing("properties"))?;
    let id = tracked.resource.id.ok_or_else(|| missing("id"))?;
    let guid = |field: &'static str, value: Option<String>| {
        let value = value.ok_or_else(|| missing(field))?;
        uuid::Uuid::try_parse(&value)
            .map_err(|problem| arm::unreadable(field, &value, &problem, operation))
    };
    let tags = match tracked.tags {
        Some(Value::Object(tags)) => tags
            .into_iter()
            .map(|(name, value)| (name.into(), value.as_str().unwrap_or_default().into()))
            .collect(),
        _ => Tags::new(),
    };
    Ok(LiveIdentity {
        id: arm::id(&id, operation)?,
        client_id: ClientId::new(guid("clientId", properties.client_id)?),
        principal_id: PrincipalId::new(guid("principalId", properties.principal_id)?),
        tenant_id: TenantId::new(guid("tenantId", properties.tenant_id)?),
        location: Location::new(tracked.location),
        tags,
    })
}

fn into_credential(
    wire: models::FederatedIdentityCredential,
    key: &FederatedCredentialKey,
    operation: &str,
) -> Result<LiveFederatedCredential, PortError> {
    let properties =
        wire.properties.ok_or_else(|| malformed(operation, &"missing field `properties`"))?;
    let answered = wire.proxy_resource.resource;
    let name = answered.name.map_or_else(|| key.name.clone(), CredentialName::new);
    let asked = credential_id(&key.identity, key.name.as_str(), operation)?;
    let named = credential_id(&key.identity, name.as_str(), operation)?;
    let answered = answered.id.unwrap_or_else(|| named.as_str().to_owned());
    arm::is_about(&asked, named.as_str(), operation)?;
    arm::is_about(&asked, &answered, operation)?;
    Ok(LiveFederatedCredential {
        name,
        issuer: Issuer::new(properties.issuer),
        subject: Some(Subject::new(properties.subject)),
        expression: None,
        audiences: properties.audiences.into_iter().map(Audience::new).collect(),
    })
}
