//! What a profile assumes to exist already.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::rehearsal::cluster::{REGION, cluster_key, cluster_spec};
use crate::model::arm_id::ArmId;
use crate::profile::resolved::{Cluster, Identity, Mode, Profile, Workload};
use crate::sandbox::{Assumption, World};

/// Adds what the profile assumes and says, one line each, what had to be added.
pub fn grow(world: &World, profile: &Profile) -> Vec<String> {
    let (assumptions, words) = of(profile);
    needed(words, &world.join(&assumptions).added)
}

/// The words for what had to be added.
pub(super) fn needed(words: Vec<String>, added: &[bool]) -> Vec<String> {
    folded(words.into_iter().zip(added).filter_map(|(words, added)| added.then_some(words)))
}

/// What the profile assumes, and the same in words.
pub(super) fn of(profile: &Profile) -> (Vec<Assumption>, Vec<String>) {
    let mut growth = Growth { profile, found: Vec::new() };
    growth.add_tenant();
    growth.add_subscriptions();
    growth.add_clusters();
    for identity in growth.identities() {
        growth.add_group_and_identity(identity);
    }
    for grant in growth.identities().flat_map(|identity| &identity.roles) {
        growth.add_group_of(&grant.scope);
    }
    for workload in profile.teams.iter().flat_map(|team| &team.workloads) {
        growth.add_namespace_and_account(workload);
    }
    growth.found.into_iter().unzip()
}

/// So many of one sentence are told, each for another name.
const MOST_ALIKE: usize = 10;
/// How many are told of those that are more.
const SHOWN_ALIKE: usize = 3;

/// Tells the first of many that say the same of different names, and how many more there are.
fn folded(added: impl IntoIterator<Item = String>) -> Vec<String> {
    let added: Vec<String> = added.into_iter().collect();
    let shape = |text: &str| text.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for text in &added {
        *alike.entry(shape(text)).or_default() += 1;
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let told = added.into_iter().filter_map(|text| {
        let shape = shape(&text);
        let (all, seen) = (alike[&shape], seen.entry(shape).or_default());
        *seen += 1;
        match *seen {
            _ if all <= MOST_ALIKE => Some(text),
            shown if shown < SHOWN_ALIKE => Some(text),
            SHOWN_ALIKE => Some(format!("{text}; the same of {} more", all - SHOWN_ALIKE)),
            _ => None,
        }
    });
    told.collect()
}

/// What is found in a profile.
struct Growth<'a> {
    profile: &'a Profile,
    found: Vec<(Assumption, String)>,
}

impl<'a> Growth<'a> {
    fn add(&mut self, assumption: Assumption, what: String) {
        self.found.push((assumption, what));
    }

    fn identities(&self) -> impl Iterator<Item = &'a Identity> + use<'a> {
        self.profile.teams.iter().flat_map(|team| &team.identities)
    }

    fn add_tenant(&mut self) {
        if let Some(tenant) = self.profile.tenant {
            self.add(Assumption::Tenant(tenant.to_string()), format!("the tenant is {tenant}"));
        }
    }

    fn add_subscriptions(&mut self) {
        for subscription in self.subscriptions() {
            let what = format!("subscription {subscription} exists");
            self.add(Assumption::Subscription(subscription), what);
        }
    }

    /// The subscriptions that the profile names anywhere.
    fn subscriptions(&self) -> BTreeSet<String> {
        let of_scopes =
            self.identities().flat_map(|identity| &identity.roles).map(|grant| &grant.scope);
        let of_clusters = self.profile.clusters.values().filter_map(Cluster::id);
        let ids = of_scopes.chain(of_clusters).filter_map(ArmId::subscription);
        let own = self.identities().map(|identity| identity.subscription);
        ids.chain(own).map(|subscription| subscription.to_string()).collect()
    }

    fn add_clusters(&mut self) {
        for (name, cluster) in &self.profile.clusters {
            let spec = Assumption::Cluster(cluster_spec(name, cluster));
            self.add(spec, format!("cluster `{name}` exists and is healthy"));
        }
    }

    /// Adds an identity's resource group, and the identity where somebody else is to have made it.
    fn add_group_and_identity(&mut self, identity: &Identity) {
        let Identity { subscription, resource_group, location, name, .. } = identity;
        let place = (&*subscription.to_string(), &**resource_group, location.as_str());
        let what = format!("resource group `{resource_group}` exists in {location}");
        self.add(group(place), what);
        if identity.create {
            return;
        }
        for name in names(self.profile, identity, name) {
            let what = format!("identity `{name}` exists, made by somebody else");
            let (subscription, resource_group, location) = place;
            let assumption = Assumption::Identity {
                subscription: subscription.to_owned(),
                resource_group: resource_group.to_owned(),
                name,
                location: location.to_owned(),
            };
            self.add(assumption, what);
        }
    }

    fn add_group_of(&mut self, scope: &ArmId) {
        let (Some(subscription), Some(name)) = (scope.subscription(), scope.resource_group())
        else {
            return;
        };
        let what = format!("resource group `{name}` exists, with what roles are given on");
        self.add(group((&subscription.to_string(), name, REGION)), what);
    }

    /// Adds the namespace and the service account of a workload, where its mode expects them.
    fn add_namespace_and_account(&mut self, workload: &Workload) {
        let Workload { namespace, service_account, mode, create_namespace, .. } = workload;
        let exists = match mode {
            Mode::TrustOnly => return,
            Mode::Manage => !create_namespace,
            Mode::Annotate => true,
        };
        for name in &workload.clusters {
            let Some(cluster) = self.profile.clusters.get(name) else {
                continue;
            };
            let cluster = cluster_key(name, cluster);
            if exists {
                let what = format!("namespace `{namespace}` exists on `{name}`");
                let (cluster, namespace) = (cluster.clone(), namespace.to_string());
                self.add(Assumption::Namespace { cluster, namespace }, what);
            }
            if *mode == Mode::Annotate {
                let what =
                    format!("ServiceAccount `{namespace}/{service_account}` exists on `{name}`");
                let (namespace, name) = (namespace.to_string(), service_account.to_string());
                self.add(Assumption::ServiceAccount { cluster, namespace, name }, what);
            }
        }
    }
}

/// A resource group of a subscription in a location.
fn group((subscription, name, location): (&str, &str, &str)) -> Assumption {
    Assumption::ResourceGroup {
        subscription: subscription.to_owned(),
        name: name.to_owned(),
        location: location.to_owned(),
    }
}

/// The identity's names in Azure: its own, or one per cluster that uses it.
fn names(profile: &Profile, identity: &Identity, name: &str) -> BTreeSet<String> {
    if !identity.per_cluster {
        return BTreeSet::from([name.to_owned()]);
    }
    let workloads = profile.teams.iter().flat_map(|team| &team.workloads);
    let using = workloads.filter(|workload| {
        workload.identity == name || workload.extra_identities.iter().any(|extra| extra == name)
    });
    using
        .flat_map(|workload| &workload.clusters)
        .map(|cluster| format!("{name}-{cluster}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn of_many_alike_three_are_told_and_the_rest_is_counted() {
        let groups = |count| (0..count).map(|number| format!("group `{number}` exists"));
        assert_eq!(folded(groups(10)).len(), 10);
        let told = folded(groups(200).chain(["cluster `weu` exists".to_owned()]));
        assert_eq!(told[2..], ["group `2` exists; the same of 197 more", "cluster `weu` exists"]);
    }
}
