//! Growing a world: what a profile assumes is added without asking the services.
//! Each function answers whether it had to add something.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arm::{identity, managed_cluster};
use super::kubernetes::seed;
use super::state::{Cluster, Inner, folded, id_of};
use super::world::World;

/// One thing that a profile assumes to exist already.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[cfg_attr(
    feature = "testing",
    expect(missing_docs, reason = "the fields are the parameters of the functions that add it")
)]
pub enum Assumption {
    /// The id of the one Entra tenant.
    Tenant(String),
    /// The id of a subscription.
    Subscription(String),
    /// A resource group.
    ResourceGroup { subscription: String, name: String, location: String },
    /// A cluster with a healthy webhook.
    Cluster(ClusterSpec),
    /// A namespace on the cluster with this key.
    Namespace { cluster: String, namespace: String },
    /// A service account on the cluster with this key.
    ServiceAccount { cluster: String, namespace: String, name: String },
    /// An identity that somebody else made.
    Identity { subscription: String, resource_group: String, name: String, location: String },
}

/// A cluster to add.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    /// The name that stands in its URL; one per cluster.
    pub key: String,
    /// Where it stands in Azure, for a cluster of AKS.
    pub aks: Option<AksCluster>,
    /// The issuer of a cluster that is not of AKS, byte for byte; made up where it is absent.
    pub issuer: Option<String>,
    /// The name of its kubeconfig context; the key where it is absent.
    pub context: Option<String>,
    /// Whether AKS hands out static credentials instead of asking for an Entra sign-in.
    pub local_accounts: bool,
}

/// Where a cluster of AKS stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AksCluster {
    /// The subscription's id.
    pub subscription: String,
    /// The resource group's name.
    pub resource_group: String,
    /// The cluster's name.
    pub name: String,
    /// The region, as `westeurope`.
    pub location: String,
    /// Whether it is a cluster of others that Azure Arc connects.
    pub is_arc: bool,
}

impl AksCluster {
    /// Its ARM type.
    pub(super) fn kind(&self) -> &'static str {
        if self.is_arc { managed_cluster::ARC_KIND } else { managed_cluster::KIND }
    }

    fn id(&self) -> String {
        let Self { subscription, resource_group, name, .. } = self;
        let kind = self.kind();
        format!(
            "/subscriptions/{subscription}/resourcegroups/{resource_group}/providers/{kind}/{name}"
        )
    }
}

impl World {
    /// Adds what is assumed.
    pub fn assume(&self, assumption: &Assumption) -> bool {
        match assumption {
            Assumption::Tenant(tenant) => self.grow_tenant(tenant),
            Assumption::Subscription(id) => self.grow_subscription(id),
            Assumption::ResourceGroup { subscription, name, location } => {
                self.grow_resource_group(subscription, name, location)
            }
            Assumption::Cluster(spec) => self.grow_cluster(spec.clone()),
            Assumption::Namespace { cluster, namespace } => self.grow_namespace(cluster, namespace),
            Assumption::ServiceAccount { cluster, namespace, name } => {
                self.grow_service_account(cluster, namespace, name)
            }
            Assumption::Identity { subscription, resource_group, name, location } => {
                self.grow_identity(subscription, resource_group, name, location)
            }
        }
    }

    /// Takes a tenant that the profile pins; only a world without identities and clusters can.
    pub fn grow_tenant(&self, tenant: &str) -> bool {
        self.grow(|inner| {
            let state = &mut inner.state;
            let is_new = state.resources.is_empty() && state.clusters.is_empty();
            let grows = is_new && state.tenant != tenant;
            if grows {
                tenant.clone_into(&mut state.tenant);
                inner.dirty = true;
            }
            grows
        })
    }

    /// Adds what counts as having been there all along: everybody sees it, and its principal is known.
    pub(super) fn grow<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        self.with(|inner| {
            let faults = std::mem::take(&mut inner.faults);
            let done = work(inner);
            inner.faults = faults;
            done
        })
    }

    /// Adds a subscription.
    pub fn grow_subscription(&self, subscription: &str) -> bool {
        self.grow(|inner| grow_subscription(inner, subscription))
    }

    /// Adds a resource group and what it stands in.
    pub fn grow_resource_group(&self, subscription: &str, name: &str, location: &str) -> bool {
        self.grow(|inner| grow_resource_group(inner, subscription, name, location))
    }

    /// Adds a cluster with a healthy webhook, and for AKS its document in Azure.
    pub fn grow_cluster(&self, spec: ClusterSpec) -> bool {
        self.grow(|inner| grow_cluster(inner, spec))
    }

    /// Adds a namespace; false too if there is no such cluster.
    pub fn grow_namespace(&self, cluster: &str, namespace: &str) -> bool {
        self.grow(|inner| seed::namespace(inner, cluster, namespace))
    }

    /// Adds a service account, and its namespace where that is missing.
    pub fn grow_service_account(&self, cluster: &str, namespace: &str, name: &str) -> bool {
        self.grow(|inner| {
            seed::namespace(inner, cluster, namespace);
            seed::service_account(inner, cluster, namespace, name)
        })
    }

    /// Adds an identity that somebody else is taken to have made, with what it stands in.
    pub fn grow_identity(
        &self,
        subscription: &str,
        resource_group: &str,
        name: &str,
        location: &str,
    ) -> bool {
        self.grow(|inner| {
            grow_resource_group(inner, subscription, resource_group, location);
            let group = format!("/subscriptions/{subscription}/resourcegroups/{resource_group}");
            let id = format!(
                "{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
            );
            if inner.resource(&folded(&id)).is_some() {
                return false;
            }
            identity::create(inner, &id, name, &json!({ "location": location }));
            true
        })
    }
}

fn grow_subscription(inner: &mut Inner, subscription: &str) -> bool {
    let id = format!("/subscriptions/{subscription}");
    add(inner, &id, |inner| {
        json!({
            "id": id,
            "authorizationSource": "RoleBased",
            "subscriptionId": subscription,
            "tenantId": inner.state.tenant,
            "displayName": "sandbox",
            "state": "Enabled",
        })
    })
}

fn grow_resource_group(inner: &mut Inner, subscription: &str, name: &str, location: &str) -> bool {
    grow_subscription(inner, subscription);
    let id = format!("/subscriptions/{subscription}/resourceGroups/{name}");
    add(inner, &id, |_| {
        json!({
            "id": id,
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            "properties": { "provisioningState": "Succeeded" },
        })
    })
}

fn add(inner: &mut Inner, id: &str, document: impl FnOnce(&Inner) -> Value) -> bool {
    let path = folded(id);
    if inner.resource(&path).is_some() {
        return false;
    }
    let document = document(inner);
    inner.put(&path, document);
    true
}

fn grow_cluster(inner: &mut Inner, spec: ClusterSpec) -> bool {
    if inner.state.clusters.contains_key(&spec.key) {
        return false;
    }
    let name = spec.aks.as_ref().map_or_else(|| spec.key.clone(), AksCluster::id);
    let guid = id_of(&format!("cluster/{}", folded(&name))).to_string();
    let location = spec.aks.as_ref().map_or("local", |aks| aks.location.as_str());
    let tenant = &inner.state.tenant;
    let made_up = format!("https://{location}.oic.sandbox.invalid/{tenant}/{guid}/");
    let cluster = Cluster {
        arm_path: spec.aks.as_ref().map(|aks| folded(&aks.id())),
        guid,
        issuer: spec.issuer.unwrap_or(made_up),
        context: spec.context,
        local_accounts: spec.local_accounts,
        key_rotations: 0,
        revision: 0,
        objects: BTreeMap::new(),
    };
    if let Some(aks) = &spec.aks {
        grow_resource_group(inner, &aks.subscription, &aks.resource_group, &aks.location);
        let document = managed_cluster::document(aks, &aks.id(), &inner.state.tenant, &cluster);
        inner.put(&folded(&aks.id()), document);
    }
    inner.state.clusters.insert(spec.key.clone(), cluster);
    inner.dirty = true;
    seed::cluster(inner, &spec.key);
    true
}
