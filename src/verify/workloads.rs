//! Which of the objects that make pods are checked: those whose pods run as an account of the profile, and those that
//! ask for an identity as an account that has none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::state::DesiredState;
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{ClusterName, Namespace, ObjectName, TeamName};
use crate::model::workload_kind::by_kind;
use crate::observed::evidence::{BoundPod, ConfigMapKey, Evidence, Questions, Survey, Unlisted};
use crate::observed::pods::{Admitted, OLD_TOKEN_FILE, PodFacts, Variable, Workload, WorkloadKey};
use crate::observed::read::Read;
use crate::verify::scene::{Asking, Chain, chains};

/// What makes pods, as far as it is checked.
pub(super) struct Workloads<'a> {
    /// The objects that are checked.
    pub(super) used: Vec<Used<'a>>,
    /// What could not be listed, with the team whose namespace it is.
    pub(super) unlisted: Vec<(&'a ClusterName, Option<&'a TeamName>, &'a Unlisted)>,
    /// The objects that make pods.
    makers: BTreeMap<&'a WorkloadKey, &'a Workload>,
    /// Those of them that have pods.
    with_pods: BTreeSet<&'a WorkloadKey>,
    /// A running pod of each account.
    running: BTreeMap<ServiceAccountKey, BoundPod>,
    evidence: &'a Evidence,
    asking: &'a Asking,
    /// Each account of the profile and what it is in it.
    accounts: BTreeMap<ServiceAccountKey, Vec<Chain<'a>>>,
}

/// An object that is checked.
pub(super) struct Used<'a> {
    /// The team whose account or namespace it uses; none where nothing desired says so.
    pub(super) team: Option<&'a TeamName>,
    pub(super) workload: &'a Workload,
}

impl<'a> Workloads<'a> {
    pub(super) fn new(
        desired: &'a DesiredState,
        evidence: &'a Evidence,
        asking: &'a Asking,
        selected: &[Chain<'a>],
    ) -> Self {
        let mut accounts: BTreeMap<ServiceAccountKey, Vec<Chain<'a>>> = BTreeMap::new();
        for chain in chains(desired) {
            accounts.entry(chain.account.clone()).or_default().push(chain);
        }
        let annotated = selected.iter().filter(|chain| chain.is_annotated());
        let teams: BTreeMap<&ServiceAccountKey, &'a TeamName> =
            annotated.map(|chain| (&chain.account, &chain.wanted.team)).collect();
        let mut namespaces: BTreeMap<(&ClusterName, &Namespace), &'a TeamName> = BTreeMap::new();
        for (account, team) in &teams {
            namespaces.entry((&account.cluster, &account.namespace)).or_insert(team);
        }
        let mut workloads = Self {
            used: Vec::new(),
            unlisted: Vec::new(),
            makers: BTreeMap::new(),
            with_pods: BTreeSet::new(),
            running: BTreeMap::new(),
            evidence,
            asking,
            accounts,
        };
        if let Some(pod) = &asking.pod {
            workloads.run(pod);
        }
        for survey in evidence.surveys.values() {
            workloads.index(survey);
        }
        if let Some(pod) = &asking.pod {
            workloads.restrict(pod, selected.first().map(|chain| &chain.wanted.team));
            return workloads;
        }
        for (cluster, survey) in &evidence.surveys {
            let unread = survey.unread.iter().filter_map(|unlisted| {
                let team = namespaces.get(&(cluster, &unlisted.namespace))?;
                Some((cluster, Some(*team), unlisted))
            });
            workloads.unlisted.extend(unread);
        }
        for found in evidence.surveys.values().flat_map(|survey| &survey.found) {
            if found.is_over || workloads.is_made_by_checked(found) {
                continue;
            }
            let of_account = found.templates.iter().find_map(|pod| teams.get(&account(found, pod)));
            let asks = found.templates.iter().any(|pod| {
                pod.is_labelled() && !workloads.accounts.contains_key(&account(found, pod))
            });
            let of_namespace = namespaces.get(&(&found.key.cluster, &found.key.namespace));
            let team = of_account.or(of_namespace.filter(|_| asks)).copied();
            workloads.used.extend(team.map(|_| Used { team, workload: found }));
        }
        workloads
    }

    /// Checks a pod and what made it alone, also where they are over: that may be why. Of what could not be listed,
    /// what may have made it counts.
    fn restrict(&mut self, pod: &'a Workload, team: Option<&'a TeamName>) {
        let mut line: Vec<&Workload> = Vec::new();
        let mut next = Some(pod);
        // Whoever writes owners can make a circle of them.
        while let Some(found) = next.filter(|found| line.iter().all(|seen| seen.key != found.key)) {
            line.push(found);
            next = self.owner(found);
        }
        let makers: BTreeSet<&str> =
            line.iter().filter_map(|found| Some(&*found.controller.as_ref()?.kind)).collect();
        for (cluster, survey) in &self.evidence.surveys {
            let unread = survey.unread.iter().filter(|found| makers.contains(found.kind.kind));
            self.unlisted.extend(unread.map(|unlisted| (cluster, team, unlisted)));
        }
        line.retain(|found| !self.is_made_by_checked(found));
        self.used.extend(line.into_iter().map(|workload| Used { team, workload }));
    }

    /// Remembers a pod to which a token can be bound, unless another one of its account is known.
    fn run(&mut self, found: &Workload) {
        for pod in found.templates.iter().filter(|_| !found.is_over) {
            let bound = BoundPod { name: Arc::clone(&found.key.name), uid: Arc::clone(&found.uid) };
            self.running.entry(account(found, pod)).or_insert(bound);
        }
    }

    fn index(&mut self, survey: &'a Survey) {
        let (pods, makers): (Vec<_>, Vec<_>) =
            survey.found.iter().partition(|found| found.key.kind.is_pod());
        self.makers.extend(makers.into_iter().map(|found| (&found.key, found)));
        for found in pods.into_iter().filter(|found| !found.is_over) {
            let owner = self.owner(found).map(|owner| &owner.key);
            self.with_pods.extend(owner);
            self.run(found);
        }
    }

    /// Whether something makes the object that is checked itself: then nobody changes the object alone. Pods are
    /// checked for what they were given.
    fn is_made_by_checked(&self, found: &Workload) -> bool {
        !found.key.kind.is_pod() && self.owner(found).is_some()
    }

    /// What made an object, if it was found.
    pub(super) fn owner(&self, found: &Workload) -> Option<&'a Workload> {
        let controller = found.controller.as_ref()?;
        let kind = by_kind(&controller.kind)?;
        let name = Arc::clone(&controller.name);
        self.makers.get(&WorkloadKey { kind, name, ..found.key.clone() }).copied()
    }

    /// What the profile says of the account of a pod; nothing where it does not name it.
    pub(super) fn chains(&self, found: &Workload, pod: &PodFacts) -> &[Chain<'a>] {
        self.accounts.get(&account(found, pod)).map_or(&[], Vec::as_slice)
    }

    /// The identity that pods of an account get by the webhook.
    pub(super) fn default_chain(&self, found: &Workload, pod: &PodFacts) -> Option<&Chain<'a>> {
        self.chains(found, pod).iter().find(|chain| chain.is_annotated())
    }

    /// A running pod of an account, to which a token can be bound.
    pub(super) fn running(&self, account: &ServiceAccountKey) -> Option<&BoundPod> {
        self.running.get(account)
    }

    /// Whether an object has a pod.
    pub(super) fn has_pod(&self, found: &Workload) -> bool {
        self.with_pods.contains(&found.key)
    }

    /// Whether pods of a cluster find their token elsewhere than before version 1.6 of the webhook; nothing where no
    /// pod was tried.
    pub(super) fn has_new_path(&self, cluster: &ClusterName) -> Option<bool> {
        let mut tried = self.evidence.dry_runs.iter();
        tried.find_map(|(account, tried)| match tried {
            Read::Facts(Admitted::Pod(pod)) if account.cluster == *cluster => {
                Some(pod.value(Variable::TokenFile)? != OLD_TOKEN_FILE)
            }
            Read::Facts(_) | Read::Unread(_) => None,
        })
    }

    /// What has to be asked for about them.
    pub(super) fn questions(&self) -> Questions {
        let mut questions = Questions::default();
        for Used { workload, .. } in &self.used {
            let key = &workload.key;
            for pod in &workload.templates {
                let account = account(workload, pod);
                let is_strange = !self.accounts.contains_key(&account);
                let asks = pod.is_labelled() || self.asking.has_no_profile();
                if asks && is_strange {
                    questions.accounts.insert(account);
                }
                let is_new = self.has_new_path(&key.cluster) == Some(true);
                if is_new && self.default_chain(workload, pod).is_some() && !key.kind.is_pod() {
                    questions.config_maps.extend(config_maps(workload, pod));
                }
            }
            if workload.expects_pods && !workload.is_over && !self.has_pod(workload) {
                questions.templates.insert(key.clone());
            }
        }
        questions
    }
}

/// The account of a pod.
pub(super) fn account(found: &Workload, pod: &PodFacts) -> ServiceAccountKey {
    let name = ObjectName::new(Arc::clone(&pod.account));
    ServiceAccountKey::new(found.key.cluster.clone(), found.key.namespace.clone(), name)
}

/// The `ConfigMap`s that a template reads.
pub(super) fn config_maps(found: &Workload, pod: &PodFacts) -> BTreeSet<ConfigMapKey> {
    let named = pod.config_maps.iter().map(|name| ConfigMapKey {
        cluster: found.key.cluster.clone(),
        namespace: found.key.namespace.clone(),
        name: Arc::clone(name),
    });
    named.collect()
}
