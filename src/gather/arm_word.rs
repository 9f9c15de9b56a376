//! What ARM says of each cluster, for whoever waits for that and for nothing else of Azure.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::model::text::{ClusterName, Issuer};
use crate::observed::state::ManagedCluster;
use crate::profile::resolved::Cluster;

/// The issuers that ARM names. A cluster that ARM does not know is not in it.
#[derive(Default)]
pub(super) struct ArmWord(BTreeMap<ClusterName, watch::Sender<Option<Answer>>>);

/// The issuer of a cluster; `None` where ARM names none, or could not be read.
type Answer = Option<Issuer>;

impl ArmWord {
    /// Nothing is said yet of those of the clusters that are in Azure.
    pub(super) fn of<'a>(clusters: impl Iterator<Item = (&'a ClusterName, &'a Cluster)>) -> Self {
        let in_azure = clusters.filter(|(_, cluster)| cluster.id().is_some());
        Self(in_azure.map(|(name, _)| (name.clone(), watch::Sender::new(None))).collect())
    }

    /// ARM has answered.
    pub(super) fn tell(&self, name: &ClusterName, managed: Option<&Option<ManagedCluster>>) {
        let issuer = managed.and_then(Option::as_ref).and_then(|managed| managed.issuer.clone());
        if let Some(sender) = self.0.get(name) {
            sender.send_replace(Some(issuer));
        }
    }

    /// Waits for ARM's answer about a cluster; `None` at once where ARM does not know it.
    pub(super) async fn issuer(&self, name: &ClusterName) -> Option<Issuer> {
        let mut told = self.0.get(name)?.subscribe();
        let answer = told.wait_for(Option::is_some).await.ok()?;
        answer.clone().flatten()
    }
}
