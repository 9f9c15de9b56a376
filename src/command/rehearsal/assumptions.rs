//! Adds to a sandbox what a profile assumes to exist already.

use std::collections::{BTreeMap, BTreeSet};

use crate::command::rehearsal::cluster::{REGION, cluster_key, cluster_spec};
use crate::model::arm_id::ArmId;
use crate::profile::resolved::{Cluster, Identity, Mode, Profile, Workload};
use crate::sandbox::World;

/// Adds what the profile assumes and says, one line each, what had to be added.
pub fn grow(world: &World, profile: &Profile) -> Vec<String> {
    let mut growth = Growth { world, profile, added: Vec::new() };
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
    folded(growth.added)
}

/// So many of one sentence are told, each for another name.
const MOST_ALIKE: usize = 10;
/// How many are told of those that are more.
const SHOWN_ALIKE: usize = 3;

/// Tells the first of many that say the same of different names, and how many more there are.
fn folded(added: Vec<String>) -> Vec<String> {
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

/// A world that grows.
struct Growth<'a> {
    world: &'a World,
    profile: &'a Profile,
    /// What had to be added, in words.
    added: Vec<String>,
}

impl<'a> Growth<'a> {
    fn note(&mut self, grown: bool, what: String) {
        if grown {
            self.added.push(what);
        }
    }

    fn identities(&self) -> impl Iterator<Item = &'a Identity> + use<'a> {
        self.profile.teams.iter().flat_map(|team| &team.identities)
    }

    fn add_tenant(&mut self) {
        if let Some(tenant) = self.profile.tenant {
            let grown = self.world.grow_tenant(&tenant.to_string());
            self.note(grown, format!("the tenant is {tenant}"));
        }
    }

    fn add_subscriptions(&mut self) {
        for subscription in self.subscriptions() {
            let grown = self.world.grow_subscription(&subscription);
            self.note(grown, format!("subscription {subscription} exists"));
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
            let grown = self.world.grow_cluster(cluster_spec(name, cluster));
            self.note(grown, format!("cluster `{name}` exists and is healthy"));
        }
    }

    /// Adds an identity's resource group, and the identity where somebody else is to have made it.
    fn add_group_and_identity(&mut self, identity: &Identity) {
        let Identity { subscription, resource_group, location, name, .. } = identity;
        let subscription = subscription.to_string();
        let location = location.as_str();
        let grown = self.world.grow_resource_group(&subscription, resource_group, location);
        self.note(grown, format!("resource group `{resource_group}` exists in {location}"));
        if identity.create {
            return;
        }
        for name in names(self.profile, identity, name) {
            let grown = self.world.grow_identity(&subscription, resource_group, &name, location);
            self.note(grown, format!("identity `{name}` exists, made by somebody else"));
        }
    }

    fn add_group_of(&mut self, scope: &ArmId) {
        let (Some(subscription), Some(group)) = (scope.subscription(), scope.resource_group())
        else {
            return;
        };
        let grown = self.world.grow_resource_group(&subscription.to_string(), group, REGION);
        self.note(grown, format!("resource group `{group}` exists, with what roles are given on"));
    }

    /// Adds the namespace and the service account of a workload, where its mode expects them.
    fn add_namespace_and_account(&mut self, workload: &Workload) {
        let Workload { namespace, service_account, mode, create_namespace, .. } = workload;
        let (namespace, account) = (namespace.as_str(), service_account.as_str());
        let exists = match mode {
            Mode::TrustOnly => return,
            Mode::Manage => !create_namespace,
            Mode::Annotate => true,
        };
        for name in &workload.clusters {
            let Some(cluster) = self.profile.clusters.get(name) else {
                continue;
            };
            let key = cluster_key(name, cluster);
            if exists {
                let grown = self.world.grow_namespace(&key, namespace);
                self.note(grown, format!("namespace `{namespace}` exists on `{name}`"));
            }
            if *mode == Mode::Annotate {
                let grown = self.world.grow_service_account(&key, namespace, account);
                self.note(
                    grown,
                    format!("ServiceAccount `{namespace}/{account}` exists on `{name}`"),
                );
            }
        }
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
        let groups = |count| (0..count).map(|number| format!("group `{number}` exists")).collect();
        assert_eq!(folded(groups(10)).len(), 10);
        let mut many: Vec<String> = groups(200);
        many.push("cluster `weu` exists".to_owned());
        let told = folded(many);
        assert_eq!(told[2..], ["group `2` exists; the same of 197 more", "cluster `weu` exists"]);
    }
}
