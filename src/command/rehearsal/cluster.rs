//! A profile's clusters as the sandbox has them.

use crate::model::text::{ClusterName, fold};
use crate::profile::resolved::Cluster;
use crate::sandbox::{AksCluster, ClusterSpec};

/// The region of clusters and resource groups whose profile names none.
pub(super) const REGION: &str = "westeurope";

/// The name of a cluster inside the sandbox; two profiles may call different clusters the same.
pub fn cluster_key(name: &ClusterName, cluster: &Cluster) -> String {
    match cluster {
        Cluster::Aks { id, .. } | Cluster::Arc { id, .. } => {
            fold(&format!("{}-{}", id.resource_group().unwrap_or_default(), id.name()))
        }
        Cluster::Pinned { context, .. } => {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            let context: String = context.chars().map(plain).collect();
            format!("{name}-{context}").to_lowercase()
        }
    }
}

/// A cluster as the sandbox makes it.
pub(super) fn cluster_spec(name: &ClusterName, cluster: &Cluster) -> ClusterSpec {
    let key = cluster_key(name, cluster);
    match cluster {
        Cluster::Aks { id, .. } | Cluster::Arc { id, .. } => ClusterSpec {
            key,
            aks: Some(AksCluster {
                subscription: id.subscription().map(|id| id.to_string()).unwrap_or_default(),
                resource_group: id.resource_group().unwrap_or_default().to_owned(),
                name: id.name().to_owned(),
                location: REGION.to_owned(),
                is_arc: matches!(cluster, Cluster::Arc { .. }),
            }),
            issuer: None,
            context: Some(cluster.context().unwrap_or(name.as_str()).to_owned()),
            local_accounts: false,
        },
        Cluster::Pinned { context, issuer, .. } => ClusterSpec {
            key,
            aks: None,
            issuer: Some(issuer.to_string()),
            context: Some(context.clone()),
            local_accounts: false,
        },
    }
}
