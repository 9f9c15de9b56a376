//! Looks through namespaces for what makes pods, and has pods created for show.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::future::join_all;

use super::evidence::{Witness, Witnesses};
use super::facts::{facts, unread};
use super::{controllers, side_by_side};
use crate::event::{Event, EventSink};
use crate::model::kinds::service_account::ServiceAccounts;
use crate::model::text::{ClusterName, Namespace};
use crate::model::workload_kind::{KINDS, WorkloadKind, by_kind};
use crate::observed::evidence::{Evidence, Installations, Questions, Survey, Unlisted};
use crate::observed::pods::{OLD_TOKEN_FILE, RefusedCreation, Workload, WorkloadKey};
use crate::observed::read::{Read, Unread};
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::panic::caught;
use crate::ports::read::KindRead;
use crate::ports::workload::{ControllerRead, Surveyed, Within, WorkloadRead};

pub(super) fn service(cluster: &ClusterName) -> Service {
    Service::Cluster(cluster.to_string())
}

impl<C: Witness> Witnesses<'_, C> {
    /// Answers what is asked of pods and of what makes them. A cluster without a connection is asked nothing.
    pub(super) async fn pods(&self, questions: &Questions, sink: &dyn EventSink) -> Evidence {
        let Questions {
            issuers: _,
            surveys,
            dry_runs,
            tokens: _,
            reviews: _,
            accounts,
            config_maps,
            endpoints,
            templates,
            cluster_roles: _,
        } = questions;
        let surveys = side_by_side::run(surveys, side_by_side::CLUSTERS, async |(name, wanted)| {
            let survey = survey(self.clusters.get(name)?, name, wanted).await;
            sink.emit(Event::StepFinished { title: format!("pods of cluster {name}") });
            Some((name.clone(), survey))
        });
        let dry_runs = side_by_side::run(dry_runs, side_by_side::TOKENS, async |account| {
            let client = self.clusters.get(&account.cluster)?;
            let tried = client.dry_run(account);
            let tried = caught(service(&account.cluster), "try a pod", tried).await;
            sink.emit(Event::StepFinished { title: format!("dry run for {account}") });
            Some((account.clone(), facts(tried)))
        });
        let tried = side_by_side::run(templates, side_by_side::TOKENS, async |workload| {
            let client = self.clusters.get(&workload.cluster)?;
            let tried = client.dry_run_of(workload);
            let tried = caught(service(&workload.cluster), "try a template", tried).await;
            Some((workload.clone(), facts(tried)))
        });
        let accounts = side_by_side::run(accounts, side_by_side::TOKENS, async |key| {
            let client = self.clusters.get(&key.cluster)?;
            let found = KindRead::<ServiceAccounts>::find(client, key);
            let found = caught(service(&key.cluster), "read an account", found).await;
            let client_id = found.map(|live| live.and_then(|live| live.client_id));
            Some((key.clone(), facts(client_id)))
        });
        let config_maps = side_by_side::run(config_maps, side_by_side::TOKENS, async |key| {
            let client = self.clusters.get(&key.cluster)?;
            let found = client.has_text(key, OLD_TOKEN_FILE);
            let found = caught(service(&key.cluster), "read a ConfigMap", found).await;
            Some((key.clone(), facts(found)))
        });
        let endpoints = side_by_side::run(
            endpoints,
            side_by_side::CLUSTERS,
            async |(cluster, (namespace, name))| {
                let ready = self.clusters.get(cluster)?.is_ready(namespace, name);
                let ready = caught(service(cluster), "look behind a service", ready).await;
                Some((cluster.clone(), facts(ready)))
            },
        );
        let (surveys, dry_runs, templates, refused_creations, accounts, config_maps, endpoints) = futures::join!(
            surveys.filter_map(async |answer| answer).collect(),
            dry_runs.filter_map(async |answer| answer).collect(),
            tried.filter_map(async |answer| answer).collect(),
            self.refused_creations(templates),
            accounts.filter_map(async |answer| answer).collect(),
            config_maps.filter_map(async |answer| answer).collect(),
            endpoints.filter_map(async |answer| answer).collect(),
        );
        Evidence {
            surveys,
            dry_runs,
            accounts,
            config_maps,
            endpoints,
            templates,
            refused_creations,
            ..Evidence::default()
        }
    }

    /// Lists the events of refused pods in the namespaces of workloads.
    async fn refused_creations(
        &self,
        workloads: &BTreeSet<WorkloadKey>,
    ) -> BTreeMap<(ClusterName, Namespace), Read<Vec<RefusedCreation>>> {
        let inside = workloads.iter().map(|key| (key.cluster.clone(), key.namespace.clone()));
        let inside = inside.collect::<BTreeSet<_>>();
        let lists =
            side_by_side::run(inside, side_by_side::TOKENS, async |(cluster, namespace)| {
                let found = self.clusters.get(&cluster)?.refused_creations(&namespace);
                let found = caught(service(&cluster), "list the events", found).await;
                Some(((cluster, namespace), facts(found)))
            });
        lists.filter_map(async |answer| answer).collect().await
    }
}

/// Reads all kinds side by side: those that not every API server has only where it has their group.
async fn survey<C: WorkloadRead + ControllerRead>(
    client: &C,
    cluster: &ClusterName,
    namespaces: &BTreeSet<Namespace>,
) -> Survey {
    let built_in = KINDS.iter().filter(|kind| kind.is_built_in());
    let of = async |kind| of_kind(client, cluster, kind, namespaces).await;
    let built_in = join_all(built_in.map(of));
    let others = async {
        let others = KINDS.iter().filter(|kind| !kind.is_built_in());
        match caught(service(cluster), "list the API groups", client.groups()).await {
            Ok(groups) => {
                let here = others.filter(|kind| groups.contains(kind.group));
                let controllers = controllers::survey(client, cluster, &groups, namespaces);
                futures::join!(join_all(here.map(of)), controllers)
            }
            Err(error) => {
                let why = unread(&error);
                let others = others.map(|kind| OfKind::unread(kind, namespaces, Some(&why)));
                (others.collect(), controllers::unread_groups(namespaces, &why))
            }
        }
    };
    let (built_in, (others, controllers)) = futures::join!(built_in, others);
    let mut survey = Survey { controllers, ..Survey::default() };
    for OfKind { found, unread, installations } in built_in.into_iter().chain(others) {
        survey.found.extend(found);
        survey.unread.extend(unread);
        survey.installations = survey.installations.or(installations.map(Read::Facts));
    }
    if survey.installations.is_none() {
        let kind = by_kind("Deployment").expect("the table has it");
        let look = client.workloads(kind, Within::Installations);
        let look = caught(service(cluster), "look for the webhook's Deployments", look).await;
        survey.installations = Some(facts(look.map(|found| found.installations)));
    }
    survey
}

/// What was found of one kind.
#[derive(Default)]
struct OfKind {
    found: Vec<Workload>,
    unread: Vec<Unlisted>,
    installations: Option<Installations>,
}

/// Lists the whole cluster at once where several namespaces are wanted and that is allowed, else each for itself; what
/// came of each list, with the namespaces that were wanted of it.
pub(super) async fn in_namespaces<T>(
    namespaces: &BTreeSet<Namespace>,
    list: impl AsyncFn(Within<'_>) -> Result<T, PortError>,
) -> Vec<(BTreeSet<Namespace>, Result<T, PortError>)> {
    if namespaces.len() > 1 {
        match list(Within::Cluster(namespaces)).await {
            Err(error) if error.is_refusal() => {}
            all => return vec![(namespaces.clone(), all)],
        }
    }
    let each = namespaces.iter().map(async |namespace| {
        (BTreeSet::from([namespace.clone()]), list(Within::Namespace(namespace)).await)
    });
    join_all(each).await
}

async fn of_kind<C: WorkloadRead>(
    client: &C,
    cluster: &ClusterName,
    kind: &'static WorkloadKind,
    namespaces: &BTreeSet<Namespace>,
) -> OfKind {
    let list = async |within: Within<'_>| {
        let operation = format!("list the {}", kind.plural);
        caught(service(cluster), &operation, client.workloads(kind, within)).await
    };
    let mut of_kind = OfKind::default();
    for (asked, found) in in_namespaces(namespaces, list).await {
        if asked.len() > 1 && kind.plural == "deployments" {
            of_kind.installations = found.as_ref().ok().map(|all| all.installations.clone());
        }
        of_kind.take(kind, &asked, found);
    }
    of_kind
}

impl OfKind {
    fn take(
        &mut self,
        kind: &'static WorkloadKind,
        namespaces: &BTreeSet<Namespace>,
        found: Result<Surveyed, PortError>,
    ) {
        let error = match found {
            Ok(surveyed) => return self.found.extend(surveyed.found),
            Err(error) => error,
        };
        let is_absent = error.kind == PortErrorKind::NotFound;
        // What is defined by somebody else need not be there in this version.
        if is_absent && !kind.is_built_in() {
            return;
        }
        let why = (!is_absent).then(|| unread(&error));
        self.unread.extend(Self::unread(kind, namespaces, why.as_ref()).unread);
    }

    fn unread(
        kind: &'static WorkloadKind,
        namespaces: &BTreeSet<Namespace>,
        why: Option<&Unread>,
    ) -> Self {
        let unread = namespaces.iter().map(|namespace| Unlisted {
            kind,
            namespace: namespace.clone(),
            unread: why.cloned(),
        });
        Self { unread: unread.collect(), ..Self::default() }
    }
}
