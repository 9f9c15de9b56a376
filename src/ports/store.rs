//! What can be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::kinds::Kind;
use crate::model::kinds::federated_credential::FederatedCredentials;
use crate::model::kinds::identity::Identities;
use crate::model::kinds::namespace::Namespaces;
use crate::model::kinds::rbac::{RoleBindings, Roles};
use crate::model::kinds::role_assignment::RoleAssignments;
use crate::model::kinds::service_account::ServiceAccounts;
use crate::model::text::ClusterName;
use crate::ports::error::PortError;

/// Whether something is made or changed, and with what right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteMode {
    /// It did not exist when the plan was made.
    Create,
    /// It exists; a field held by another manager is an error.
    Update,
    /// It exists; fields are taken from the manager that holds them.
    UpdateForced,
}

/// Writes one kind of resource.
#[async_trait]
pub trait Store<K: Kind>: Send + Sync {
    /// Writes it and answers what the service says it is now.
    async fn put(
        &self,
        key: &K::Key,
        value: &K::Write,
        mode: WriteMode,
    ) -> Result<K::Live, PortError>;

    /// Reads it back, after a write whose answer was lost; `None` where it does not exist.
    async fn get(&self, key: &K::Key, written: &K::Write) -> Result<Option<K::Live>, PortError>;

    /// Whether what was read back is what was to be written.
    fn is_written(&self, live: &K::Live, written: &K::Write) -> bool;

    /// Deletes it; succeeds where it does not exist.
    async fn delete(&self, key: &K::Key, live: &K::Live) -> Result<(), PortError>;

    /// Stops managing it: removes the fields that widctl applied, nothing else. Only Kubernetes
    /// objects can be released.
    async fn release(&self, key: &K::Key, live: &K::Live) -> Result<(), PortError>;
}

/// The stores of one cluster.
#[derive(Clone)]
pub struct ClusterStores {
    /// Namespaces.
    pub namespaces: Arc<dyn Store<Namespaces>>,
    /// Roles.
    pub roles: Arc<dyn Store<Roles>>,
    /// RoleBindings.
    pub role_bindings: Arc<dyn Store<RoleBindings>>,
    /// ServiceAccounts.
    pub service_accounts: Arc<dyn Store<ServiceAccounts>>,
}

/// All stores.
#[derive(Clone)]
pub struct Stores {
    /// Identities.
    pub identities: Arc<dyn Store<Identities>>,
    /// Federated credentials.
    pub credentials: Arc<dyn Store<FederatedCredentials>>,
    /// Role assignments.
    pub role_assignments: Arc<dyn Store<RoleAssignments>>,
    /// The clusters' stores.
    pub clusters: BTreeMap<ClusterName, ClusterStores>,
}
