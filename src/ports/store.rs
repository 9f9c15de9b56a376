//! What can be written.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::model::kinds::{Kind, each_kind};
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

/// What a write came to.
#[derive(PartialEq, Eq, Debug)]
pub struct Put<L> {
    /// What the service says the resource is now.
    pub live: L,
    /// Whether it changed one that existed rather than made one.
    pub existed: bool,
}

/// Writes one kind of resource.
#[async_trait]
pub trait Store<K: Kind>: Send + Sync {
    /// Writes it.
    async fn put(
        &self,
        key: &K::Key,
        value: &K::Write,
        mode: WriteMode,
    ) -> Result<Put<K::Live>, PortError>;

    /// Reads it, before a write or after one whose answer was lost; `None` where it does not exist.
    async fn get(&self, key: &K::Key, written: &K::Write) -> Result<Option<K::Live>, PortError>;

    /// Whether what was read back is what was to be written.
    fn is_written(&self, live: &K::Live, written: &K::Write) -> bool;

    /// Deletes it; succeeds where it does not exist.
    async fn delete(
        &self,
        key: &K::Key,
        live: &K::Live,
        may: K::MayDelete,
    ) -> Result<(), PortError>;

    /// Stops managing it: removes the fields that widctl applied, nothing else.
    async fn release(
        &self,
        key: &K::Key,
        live: &K::Live,
        may: K::MayRelease,
    ) -> Result<(), PortError>;
}

/// A kind with a store of its own.
pub trait Stored: Kind + Sized {
    /// Where a resource is written, unless it is on a cluster that there is no connection to: then that cluster.
    fn store<'s, 'k>(
        stores: &'s Stores,
        key: &'k Self::Key,
    ) -> Result<&'s dyn Store<Self>, &'k ClusterName>;
}

macro_rules! declare_stores {
    (
        ()
        azure { $($azure:ident: $azure_variant:ident($azure_kind:ty),)+ }
        cluster { $($object:ident: $object_variant:ident($object_kind:ty),)+ }
    ) => {
        /// The stores of one cluster.
        #[derive(Clone)]
        pub struct ClusterStores {
            $(#[doc = concat!("Of [`", stringify!($object_kind), "`].")]
            pub $object: Arc<dyn Store<$object_kind>>,)+
        }

        /// All stores.
        #[derive(Clone)]
        pub struct Stores {
            $(#[doc = concat!("Of [`", stringify!($azure_kind), "`].")]
            pub $azure: Arc<dyn Store<$azure_kind>>,)+
            /// The clusters' stores.
            pub clusters: BTreeMap<ClusterName, ClusterStores>,
        }

        impl Stores {
            /// One store for all kinds of Azure, and those of the clusters.
            pub fn new<A>(azure: &Arc<A>, clusters: BTreeMap<ClusterName, ClusterStores>) -> Self
            where
                A: $(Store<$azure_kind> +)+ 'static,
            {
                Self { $($azure: Arc::clone(azure) as _,)+ clusters }
            }
        }

        $(impl Stored for $azure_kind {
            fn store<'s, 'k>(
                stores: &'s Stores,
                _: &'k Self::Key,
            ) -> Result<&'s dyn Store<Self>, &'k ClusterName> {
                Ok(&*stores.$azure)
            }
        })+

        $(impl Stored for $object_kind {
            fn store<'s, 'k>(
                stores: &'s Stores,
                key: &'k Self::Key,
            ) -> Result<&'s dyn Store<Self>, &'k ClusterName> {
                let cluster = stores.clusters.get(&key.cluster).ok_or(&key.cluster)?;
                Ok(&*cluster.$object)
            }
        })+
    };
}
each_kind!(declare_stores);
