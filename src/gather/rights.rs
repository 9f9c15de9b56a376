//! Asks the services which rights the caller has, side by side and bounded in time.
//!
//! What holds at a resource group holds below it, and what holds in all namespaces in each of them. So where
//! several are needed the wider question comes first, and only what it leaves open is asked one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::side_by_side;
use crate::model::arm_id::ArmId;
use crate::model::right::{ArmRight, ClusterRight, Right};
use crate::model::text::ClusterName;
use crate::observed::read::Read;
use crate::observed::state::Permission;
use crate::ports::error::{PortError, Service};
use crate::ports::panic::caught;
use crate::ports::right::{ArmRights, ClusterRights};

/// What was found out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checked {
    /// The rights that the caller does not seem to have.
    pub denied: BTreeSet<Right>,
    /// Those of which nothing could be found out, and why.
    pub unchecked: BTreeMap<Right, Arc<str>>,
}

/// An answer, or why there is none.
type Answer<T> = Result<T, Arc<str>>;

/// The most time that all questions may take together.
pub const LIMIT: Duration = Duration::from_secs(10);

/// The operation, for errors.
pub(super) const ASK: &str = "see what the caller may do";

/// Whom to ask, and until when.
pub struct Authorities<'a> {
    /// Azure.
    pub arm: &'a dyn ArmRights,
    /// What was answered already.
    pub known: &'a BTreeMap<ArmId, Read<Vec<Permission>>>,
    /// The connected clusters.
    pub clusters: BTreeMap<ClusterName, &'a dyn ClusterRights>,
    /// How many questions to Azure, and how many to each cluster, wait at once.
    pub side_by_side: usize,
    /// When to give up, on tokio's clock.
    pub until: Instant,
}

impl<'a> Authorities<'a> {
    /// These, for as long as all questions may take.
    pub fn new(
        arm: &'a dyn ArmRights,
        known: &'a BTreeMap<ArmId, Read<Vec<Permission>>>,
        clusters: BTreeMap<ClusterName, &'a dyn ClusterRights>,
        side_by_side: usize,
    ) -> Self {
        Self {
            arm,
            known,
            clusters,
            side_by_side: side_by_side.max(1),
            until: Instant::now() + LIMIT,
        }
    }

    /// Asks for all rights. It never fails: what nobody answers in time is unchecked.
    pub async fn check(&self, needed: impl IntoIterator<Item = &Right>) -> Checked {
        let (mut in_azure, mut on_clusters) = (Vec::new(), Vec::new());
        for right in needed {
            match right {
                Right::Arm(right) => in_azure.push(right),
                Right::Cluster(right) => on_clusters.push(right),
            }
        }
        let (azure, clusters) =
            futures::join!(self.in_azure(&in_azure), self.on_clusters(&on_clusters));
        let mut checked = Checked::default();
        for (right, answer) in azure.into_iter().chain(clusters) {
            match answer {
                Ok(true) => {}
                Ok(false) => {
                    checked.denied.insert(right);
                }
                Err(why) => {
                    checked.unchecked.insert(right, why);
                }
            }
        }
        checked
    }

    async fn in_azure(&self, needed: &[&ArmRight]) -> Vec<(Right, Answer<bool>)> {
        let mut families: BTreeMap<ArmId, BTreeSet<&ArmId>> = BTreeMap::new();
        for right in needed {
            let family = families.entry(right.scope.enclosing_group()).or_default();
            family.insert(&right.scope);
        }
        let known = self.known.iter().map(|(scope, read)| (scope.clone(), answered(read)));
        let mut answers: BTreeMap<ArmId, Answer<Vec<Permission>>> = known.collect();
        families.retain(|group, _| !answers.contains_key(group));
        let first = families.into_iter().filter_map(|(group, scopes)| {
            if scopes.len() > 1 { Some(group) } else { scopes.into_iter().next().cloned() }
        });
        answers.extend(self.permissions(first.collect()).await);
        let holds_above = |answers: &BTreeMap<ArmId, Answer<Vec<Permission>>>, right: &ArmRight| {
            let above = answers.get(&right.scope.enclosing_group());
            above.is_some_and(|answer| answer.as_ref().is_ok_and(|found| allow(found, right)))
        };
        let open = needed
            .iter()
            .filter(|right| !holds_above(&answers, right) && !answers.contains_key(&right.scope));
        let open: BTreeSet<ArmId> = open.map(|right| right.scope.clone()).collect();
        answers.extend(self.permissions(open).await);
        let answer = |right: &ArmRight| match answers.get(&right.scope) {
            _ if holds_above(&answers, right) => Ok(true),
            Some(Ok(found)) => Ok(allow(found, right)),
            Some(Err(why)) => Err(Arc::clone(why)),
            None => Err("it was not asked".into()),
        };
        needed.iter().map(|&right| (Right::Arm(right.clone()), answer(right))).collect()
    }

    async fn on_clusters(&self, needed: &[&ClusterRight]) -> Vec<(Right, Answer<bool>)> {
        let mut families: BTreeMap<ClusterRight, Vec<&ClusterRight>> = BTreeMap::new();
        for right in needed {
            families.entry(everywhere(right)).or_default().push(right);
        }
        let first = families.into_iter().filter_map(|(wide, rights)| {
            if rights.len() > 1 { Some(wide) } else { rights.into_iter().next().cloned() }
        });
        let mut answers = self.reviews(first.collect()).await;
        // A cluster that does not answer the wider question is not asked the others.
        let open = needed.iter().filter(|right| {
            let refused = answers.get(&everywhere(right)) == Some(&Ok(false));
            refused && !answers.contains_key(right)
        });
        let open: BTreeSet<ClusterRight> = open.map(|&right| right.clone()).collect();
        answers.extend(self.reviews(open).await);
        let answer = |right: &ClusterRight| {
            let found = answers.get(right);
            let found = found.or_else(|| answers.get(&everywhere(right)));
            found.cloned().unwrap_or_else(|| Err("it was not asked".into()))
        };
        needed.iter().map(|&right| (Right::Cluster(right.clone()), answer(right))).collect()
    }

    async fn permissions(
        &self,
        scopes: BTreeSet<ArmId>,
    ) -> BTreeMap<ArmId, Answer<Vec<Permission>>> {
        let ask = |scope| async move {
            let answer = self.in_time(Service::Arm, self.arm.permissions(&scope)).await;
            (scope, answer)
        };
        side_by_side::run(scopes, self.side_by_side, ask).collect().await
    }

    async fn reviews(
        &self,
        rights: BTreeSet<ClusterRight>,
    ) -> BTreeMap<ClusterRight, Answer<bool>> {
        let mut clusters: BTreeMap<ClusterName, Vec<ClusterRight>> = BTreeMap::new();
        for right in rights {
            let of_cluster = clusters.entry(right.cluster.clone()).or_default();
            of_cluster.push(right);
        }
        let reviews = clusters.into_values().map(|rights| self.reviews_of(rights));
        join_all(reviews).await.into_iter().flatten().collect()
    }

    /// The reviews of one cluster.
    async fn reviews_of(&self, rights: Vec<ClusterRight>) -> Vec<(ClusterRight, Answer<bool>)> {
        let ask = |right: ClusterRight| async move {
            let answer = match self.clusters.get(&right.cluster) {
                Some(cluster) => {
                    let service = Service::Cluster(right.cluster.to_string());
                    self.in_time(service, cluster.may(&right)).await
                }
                None => Err("the cluster is not connected".into()),
            };
            (right, answer)
        };
        side_by_side::run(rights, self.side_by_side, ask).collect().await
    }

    /// The answer of a read, unless the time is over; then it is not even sent.
    async fn in_time<T>(
        &self,
        service: Service,
        read: impl Future<Output = Result<T, PortError>>,
    ) -> Answer<T> {
        if Instant::now() >= self.until {
            return Err("no time was left".into());
        }
        let read = caught(service, ASK, read);
        match timeout_at(self.until, read).await {
            Ok(answer) => answer.map_err(|error| error.to_string().into()),
            Err(_) => Err("there was no answer in time".into()),
        }
    }
}

fn answered(read: &Read<Vec<Permission>>) -> Answer<Vec<Permission>> {
    match read {
        Read::Facts(found) => Ok(found.clone()),
        Read::Unread(unread) => Err(unread.why.clone()),
    }
}

/// The same right in all namespaces.
fn everywhere(right: &ClusterRight) -> ClusterRight {
    ClusterRight { namespace: None, ..right.clone() }
}

fn allow(permissions: &[Permission], right: &ArmRight) -> bool {
    permissions.iter().any(|permission| permission.allows(right.action))
}

#[cfg(test)]
mod tests;
