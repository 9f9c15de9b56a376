//! What all kinds inside a namespace of a cluster have in common.

use std::fmt;
use std::marker::PhantomData;

use crate::model::kinds::Kind;
use crate::model::kinds::marks::ObjectKey;
use crate::model::kinds::namespace::NamespaceKey;
use crate::model::text::{ClusterName, Namespace, ObjectName};

/// An object of the kind `K`, by its cluster, namespace and name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NamespacedKey<K> {
    /// The cluster.
    pub cluster: ClusterName,
    /// The namespace.
    pub namespace: Namespace,
    /// The object's name.
    pub name: ObjectName,
    kind: PhantomData<K>,
}

impl<K> NamespacedKey<K> {
    /// The key of the object of this name.
    pub fn new(
        cluster: impl Into<ClusterName>,
        namespace: impl Into<Namespace>,
        name: impl Into<ObjectName>,
    ) -> Self {
        Self {
            cluster: cluster.into(),
            namespace: namespace.into(),
            name: name.into(),
            kind: PhantomData,
        }
    }
}

/// What names an object on a cluster. Keys are in the order of their clusters.
pub trait OnCluster: ObjectKey + Ord + Clone {
    /// A key before all others of a cluster.
    fn first(cluster: &ClusterName) -> Self;
    /// The key of the namespace that the object is in; a namespace is in none.
    fn inside(&self) -> Option<NamespaceKey>;
}

impl<K: Kind> OnCluster for NamespacedKey<K>
where
    Self: Ord + Clone,
{
    fn first(cluster: &ClusterName) -> Self {
        Self::new(cluster.clone(), "", "")
    }

    fn inside(&self) -> Option<NamespaceKey> {
        let Self { cluster, namespace, .. } = self;
        Some(NamespaceKey { cluster: cluster.clone(), namespace: namespace.clone() })
    }
}

impl OnCluster for NamespaceKey {
    fn first(cluster: &ClusterName) -> Self {
        Self { cluster: cluster.clone(), namespace: "".into() }
    }

    fn inside(&self) -> Option<NamespaceKey> {
        None
    }
}

impl<K> ObjectKey for NamespacedKey<K> {
    fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    fn namespace(&self) -> Option<&str> {
        Some(self.namespace.as_str())
    }

    fn name(&self) -> &str {
        self.name.as_str()
    }
}

impl<K: Kind> fmt::Display for NamespacedKey<K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, namespace, name, kind: _ } = self;
        write!(formatter, "{cluster}/{}/{namespace}/{name}", K::NAME)
    }
}
