//! What only tests do with a world: look into it, and change it behind the services' backs.

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::arm::role_definition;
use super::oidc::Published;
use super::state::{Clock, State, folded};
use super::world::{RequestRecord, World};

impl World {
    /// A world that is never written to a file.
    pub fn in_memory() -> Self {
        Self::new(State::default(), None)
    }

    /// Sets the world's time, for answers that are the same on every run.
    pub fn set_time(&self, now: Timestamp) {
        self.with(|inner| inner.clock = Clock { base: now, start: Instant::now() });
    }

    /// The requests answered so far, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.locked_requests().iter().cloned().collect()
    }

    /// Forgets the requests answered so far.
    pub fn forget_requests(&self) {
        self.locked_requests().clear();
    }

    /// The ARM document at a path, as it is; what readers see may lag behind.
    pub fn resource(&self, path: &str) -> Option<Value> {
        self.with(|inner| inner.resource(&folded(path)).cloned())
    }

    /// The paths of all ARM documents that begin so, in lower case.
    pub fn resource_paths(&self, beginning: &str) -> Vec<String> {
        self.with(|inner| {
            let paths = inner.state.resources.range(beginning.to_owned()..).map(|(path, _)| path);
            paths.take_while(|path| path.starts_with(beginning)).cloned().collect()
        })
    }

    /// The object of a cluster at `group/plural/namespace/name`.
    pub fn object(&self, cluster: &str, path: &str) -> Option<Value> {
        self.with(|inner| {
            let cluster = inner.state.clusters.get(cluster)?;
            cluster.objects.get(path).cloned()
        })
    }

    /// Changes an ARM document behind the services' back; false if there is none at that path.
    pub fn edit_resource(&self, path: &str, edit: impl FnOnce(&mut Value)) -> bool {
        self.with(|inner| {
            let path = folded(path);
            let Some(mut document) = inner.resource(&path).cloned() else {
                return false;
            };
            edit(&mut document);
            inner.put(&path, document);
            true
        })
    }

    /// Puts an ARM document behind the services' back, or takes it away; what was there before.
    pub fn put_resource(&self, path: &str, document: Option<Value>) -> Option<Value> {
        self.with(|inner| {
            let path = folded(path);
            let before = inner.remove(&path);
            if let Some(document) = document {
                inner.put(&path, document);
            }
            before
        })
    }

    /// Puts an object of a cluster behind the services' back, or takes it away; what was there before.
    pub fn put_object(&self, cluster: &str, path: &str, object: Option<Value>) -> Option<Value> {
        self.with(|inner| {
            let objects = &mut inner.state.clusters.get_mut(cluster)?.objects;
            match object {
                Some(object) => objects.insert(path.to_owned(), object),
                None => objects.remove(path),
            }
        })
    }

    /// Sets what an issuer shows everybody: the issuer that its document names with its keys, or nothing. It need not
    /// be one of a cluster of this world.
    pub fn publish(&self, issuer: &str, shown: Option<(&str, Value)>) {
        let shown = shown.map(|(issuer, keys)| Published { issuer: issuer.to_owned(), keys });
        self.with(|inner| inner.published.insert(issuer.to_owned(), shown));
    }

    /// What an issuer shows everybody is its cluster's again.
    pub fn unpublish(&self, issuer: &str) {
        self.with(|inner| inner.published.remove(issuer));
    }

    /// Adds a custom role with an id and the actions it allows.
    pub fn grow_role_definition(
        &self,
        scope: &str,
        id: &str,
        name: &str,
        actions: &[&str],
    ) -> bool {
        self.grow(|inner| role_definition::grow(inner, scope, id, name, actions))
    }

    /// Gives a cluster another issuer, as if it had been made anew; for AKS in Azure too.
    pub fn set_issuer(&self, cluster: &str, issuer: &str) -> bool {
        self.with(|inner| {
            let Some(found) = inner.state.clusters.get_mut(cluster) else {
                return false;
            };
            issuer.clone_into(&mut found.issuer);
            inner.dirty = true;
            let Some(path) = found.arm_path.clone() else {
                return true;
            };
            if let Some(mut document) = inner.resource(&path).cloned() {
                document["properties"]["oidcIssuerProfile"]["issuerURL"] = json!(issuer);
                inner.put(&path, document);
            }
            true
        })
    }
}
