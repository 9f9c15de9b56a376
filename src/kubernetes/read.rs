//! [`ClusterRead`] of a cluster.

use async_trait::async_trait;

use super::client::ClusterClient;
use super::error::ClusterRequest;
use crate::model::kinds::namespace::{LiveNamespace, NamespaceKey, Namespaces};
use crate::model::kinds::rbac::{
    LiveRole, LiveRoleBinding, RoleBindingKey, RoleBindings, RoleKey, Roles,
};
use crate::model::kinds::service_account::{
    LiveServiceAccount, ServiceAccountKey, ServiceAccounts,
};
use crate::model::text::Issuer;
use crate::oidc::discovery;
use crate::ports::error::{PortError, PortErrorKind};
use crate::ports::read::ClusterRead;

#[async_trait]
impl ClusterRead for ClusterClient {
    /// <https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery>
    async fn issuer(&self) -> Result<Issuer, PortError> {
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
        let requests = self.requests();
        let answer = requests.send(&asked, request).await?;
        discovery::issuer_of(&answer).map_err(|error| {
            let mut malformed = requests.place.error(PortErrorKind::Malformed, &asked);
            malformed.source = Some(Box::new(error));
            malformed
        })
    }

    async fn namespaces(&self) -> Result<Vec<(NamespaceKey, LiveNamespace)>, PortError> {
        self.requests().list::<Namespaces>().await
    }

    async fn service_accounts(
        &self,
    ) -> Result<Vec<(ServiceAccountKey, LiveServiceAccount)>, PortError> {
        self.requests().list::<ServiceAccounts>().await
    }

    async fn roles(&self) -> Result<Vec<(RoleKey, LiveRole)>, PortError> {
        self.requests().list::<Roles>().await
    }

    async fn role_bindings(&self) -> Result<Vec<(RoleBindingKey, LiveRoleBinding)>, PortError> {
        self.requests().list::<RoleBindings>().await
    }

    async fn webhook(&self) -> Result<bool, PortError> {
        self.requests().has_webhook().await
    }
}
