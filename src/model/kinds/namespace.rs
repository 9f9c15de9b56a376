//! Kubernetes namespaces. They are created on request and never deleted.

use std::convert::Infallible;
use std::fmt;

use crate::model::awaited::IdentityOutputs;
use crate::model::kinds::Kind;
use crate::model::kinds::marks::{FieldOwner, LiveMarks, Marks, ObjectKey, marked};
use crate::model::text::{ClusterName, Namespace};

/// A namespace on a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NamespaceKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// The namespace.
    pub namespace: Namespace,
}

impl ObjectKey for NamespaceKey {
    fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    fn namespace(&self) -> Option<&str> {
        None
    }

    fn name(&self) -> &str {
        self.namespace.as_str()
    }
}

impl fmt::Display for NamespaceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/namespace/{}", self.cluster, self.namespace)
    }
}

/// What the plan wants of a namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedNamespace {
    /// The marks of ownership.
    pub marks: Marks,
}

/// A namespace as observed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveNamespace {
    /// Its marks.
    pub marks: LiveMarks,
    /// Whether it is being deleted; nothing can be created in it then.
    pub terminating: bool,
    /// Who wrote which of our fields.
    pub owners: Vec<FieldOwner>,
}

marked!(LiveNamespace: false);

/// The kind of namespaces.
#[derive(Debug)]
pub struct Namespaces;

impl Kind for Namespaces {
    const NAME: &'static str = "namespace";
    type Key = NamespaceKey;
    type Planned = PlannedNamespace;
    type Live = LiveNamespace;
    type Write = PlannedNamespace;
    // Others may have put anything there.
    type MayDelete = Infallible;
    type MayRelease = ();

    fn resolve(
        _: &NamespaceKey,
        planned: &PlannedNamespace,
        _: &IdentityOutputs,
    ) -> Option<PlannedNamespace> {
        Some(planned.clone())
    }
}
