//! [`ClusterRead`] of a cluster.

use async_trait::async_trait;

use super::client::ClusterClient;
use super::error::ClusterRequest;
use super::request::Requests;
use crate::model::kinds::each_kind;
use crate::model::text::Issuer;
use crate::oidc::discovery;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::read::{ClusterRead, Listed};

macro_rules! implement_cluster_read {
    (
        ()
        azure $azure:tt
        cluster { $($field:ident: $variant:ident($kind:ty),)+ }
    ) => {
        #[async_trait]
        impl ClusterRead for ClusterClient {
            async fn issuer(&self) -> Result<Issuer, PortError> {
                issuer(self.requests()).await
            }

            $(async fn $field(&self) -> Result<Listed<$kind>, PortError> {
                self.requests().list::<$kind>().await
            })+

            async fn webhook(&self) -> Result<bool, PortError> {
                self.requests().has_webhook().await
            }
        }
    };
}
each_kind!(implement_cluster_read);

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
