//! `ClusterRoles` and their bindings, which widctl reads and never writes.

use async_trait::async_trait;
use k8s_openapi::api::rbac::v1 as rbac;
use serde::Deserialize;

use super::client::ClusterClient;
use super::metadata::Metadata;
use super::role::WireRule;
use super::role_binding::{WireRef, WireSubject};
use crate::observed::cluster_roles::{ClusterBinding, ClusterRoles};
use crate::ports::error::PortError;
use crate::ports::read::ClusterRoleRead;

/// A `ClusterRole` on the wire.
#[derive(Deserialize)]
struct WireRole {
    metadata: Metadata,
    rules: Option<Vec<WireRule>>,
}

/// A `ClusterRoleBinding` on the wire. It can refer to nothing but a `ClusterRole`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBinding {
    metadata: Metadata,
    role_ref: WireRef,
    subjects: Option<Vec<WireSubject>>,
}

#[async_trait]
impl ClusterRoleRead for ClusterClient {
    async fn cluster_roles(&self) -> Result<ClusterRoles, PortError> {
        let requests = self.requests();
        let roles =
            requests.list_all::<rbac::ClusterRole, WireRole, _>("cluster role", |role, texts| {
                let rules = role.rules.iter().flatten().map(|rule| rule.read(texts)).collect();
                (texts.share(&role.metadata.name), rules)
            });
        let bindings = requests.list_all::<rbac::ClusterRoleBinding, WireBinding, _>(
            "cluster role binding",
            |binding, texts| ClusterBinding {
                name: texts.share(&binding.metadata.name),
                role: texts.share(&binding.role_ref.name),
                subjects: binding.subjects.iter().flatten().map(|it| it.read(texts)).collect(),
            },
        );
        let (roles, bindings) = futures::try_join!(roles, bindings)?;
        Ok(ClusterRoles { rules: roles.into_iter().collect(), bindings })
    }
}
