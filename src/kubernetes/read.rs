//! [`ClusterRead`] of a cluster, and [`KindRead`] of its kinds.

use async_trait::async_trait;

use super::client::ClusterClient;
use super::error::ClusterRequest;
use super::kind::ClusterKind;
use super::object::Objects;
use super::request::Requests;
use crate::model::text::Issuer;
use crate::observed::webhook::Webhook;
use crate::oidc::discovery;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::read::{ClusterRead, KindRead, Listed, Look};

#[async_trait]
impl<K: ClusterKind> KindRead<K> for ClusterClient {
    async fn list(&self, look: Look<'_>) -> Result<Listed<K>, PortError> {
        self.requests().list(look).await
    }

    async fn find(&self, key: &K::Key) -> Result<Option<K::Live>, PortError> {
        Objects::<K>::new(self.requests().clone()).find(key).await
    }
}

#[async_trait]
impl ClusterRead for ClusterClient {
    async fn issuer(&self) -> Result<Issuer, PortError> {
        issuer(self.requests()).await
    }

    async fn webhook(&self) -> Result<Option<Webhook>, PortError> {
        self.requests().webhook().await
    }
}

/// The issuer of the API server's own discovery document.
/// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery>
async fn issuer(requests: &Requests) -> Result<Issuer, PortError> {
    let asked = ClusterRequest {
        operation: "read the discovery document".into(),
        verb: "get",
        resource: discovery::PATH.into(),
        group: String::new(),
        namespace: None,
    };
    let request = http::Request::get(discovery::PATH)
        .body(Vec::new())
        .expect("the path is a constant that makes a request");
    let answer = requests.send(&asked, request).await?;
    discovery::issuer_of(&answer).map_err(|error| {
        let mut malformed = requests.place.error(PortErrorKind::Malformed, &asked);
        malformed.source = Some(Box::new(error));
        malformed
    })
}
