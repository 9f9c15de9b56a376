//! `ClusterRoles` and their bindings, which widctl reads and never writes.

use async_trait::async_trait;
use serde::Deserialize;

use super::client::ClusterClient;
use super::metadata::Metadata;
use super::role::{WireRef, WireRule, WireSubject};
use crate::observed::cluster_roles::{ClusterBinding, ClusterRoles};
use crate::ports::error::PortError;
use crate::ports::read::ClusterRoleRead;

const GROUP: &str = "rbac.authorization.k8s.io";

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
            requests.list_all("cluster role", (GROUP, "clusterroles"), |role: &WireRole, texts| {
                let rules = role.rules.iter().flatten().map(|rule| rule.read(texts)).collect();
                (texts.share(&role.metadata.name), rules)
            });
        let bindings = requests.list_all(
            "cluster role binding",
            (GROUP, "clusterrolebindings"),
            |binding: &WireBinding, texts| ClusterBinding {
                name: texts.share(&binding.metadata.name),
                role: texts.share(&binding.role_ref.name),
                subjects: binding.subjects.iter().flatten().map(|it| it.read(texts)).collect(),
            },
        );
        let (roles, bindings) = futures::try_join!(roles, bindings)?;
        Ok(ClusterRoles { rules: roles.into_iter().collect(), bindings })
    }
}
