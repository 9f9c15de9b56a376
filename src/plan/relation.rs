//! What changes have to do with each other, as far as their keys and values tell it: what one makes and another
//! waits for, and which limits of the services they share.

use crate::model::guid::SubscriptionId;
use crate::model::kinds::identity::IdentityKey;
use crate::model::kinds::namespaced::NamespacedKey;
use crate::model::text::{ClusterName, Namespace};

/// An object in a namespace: its cluster, namespace and name.
pub type Object<'a> = (&'a ClusterName, &'a str, &'a str);

/// Something that one change makes, alters or takes away, and that another waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Point<'a> {
    /// An identity.
    Identity(&'a IdentityKey),
    /// The roles that an identity has.
    Assignments(&'a IdentityKey),
    /// The trust in an account.
    Trust(Object<'a>),
    /// A namespace.
    Namespace(&'a ClusterName, &'a Namespace),
    /// A Role.
    Role(Object<'a>),
    /// The end of bindings to a Role.
    Unbound(Object<'a>),
    /// Bindings that name an account.
    Bindings(Object<'a>),
}

/// A point that a refusal withholds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Held {
    /// An identity.
    Identity(IdentityKey),
    /// The trust in an account.
    Trust(ClusterName, String, String),
    /// A namespace.
    Namespace(ClusterName, Namespace),
    /// A Role.
    Role(ClusterName, String, String),
}

impl Held {
    /// The same, unless the point is one that nothing needs, but merely comes after.
    pub(crate) fn of(point: Point<'_>) -> Option<Self> {
        match point {
            Point::Identity(key) => Some(Self::Identity(key.clone())),
            Point::Namespace(cluster, namespace) => {
                Some(Self::Namespace(cluster.clone(), namespace.clone()))
            }
            Point::Trust((cluster, namespace, name)) => {
                Some(Self::Trust(cluster.clone(), namespace.to_owned(), name.to_owned()))
            }
            Point::Role((cluster, namespace, name)) => {
                Some(Self::Role(cluster.clone(), namespace.to_owned(), name.to_owned()))
            }
            Point::Assignments(_) | Point::Unbound(_) | Point::Bindings(_) => None,
        }
    }
}

/// How a change waits for a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// It lives in it: it needs the change that makes the point, and follows one that merely alters it.
    Inside,
    /// It refers to it: the same, but services that do not know the point yet do not refuse it.
    Reference,
    /// It is harmful without: it needs the change, whatever that does to the point.
    Need,
    /// It comes after, whatever the end of the other.
    Order,
}

/// What is taken away when something is deleted or released, in the order in which a team's goes: first nobody gets in
/// any more, then nothing is allowed, then what asked for it goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Removal {
    /// A trust.
    Trust,
    /// A role in Azure.
    Rights,
    /// A binding to a Role.
    Bindings,
    /// A Role.
    Rules,
    /// An account.
    Accounts,
    /// The marks of what is never deleted.
    Marks,
}

/// What a change has to do with others.
#[derive(Default, Debug)]
pub struct Relations<'a> {
    /// What it makes, alters or takes away.
    pub offers: Vec<Point<'a>>,
    /// What it waits for.
    pub waits: Vec<(Point<'a>, Wait)>,
    /// The identities whose credentials it writes: strictly one write after another, deletes first, because Azure
    /// answers 409 to two at a time.
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
    pub queues: Vec<&'a IdentityKey>,
}

/// A limit of a service that writes count against.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Limit {
    /// Writes of identities and credentials in a subscription.
    Identities(Option<SubscriptionId>),
    /// Writes of role assignments in a subscription.
    Assignments(Option<SubscriptionId>),
    /// Everything in a cluster: each has an API server of its own.
    Cluster(ClusterName),
}

/// The object that a key names.
pub(crate) fn object<K>(key: &NamespacedKey<K>) -> Object<'_> {
    (&key.cluster, key.namespace.as_str(), key.name.as_str())
}

/// The namespace that an object lives in.
pub(crate) fn namespace_of<K>(key: &NamespacedKey<K>) -> Point<'_> {
    Point::Namespace(&key.cluster, &key.namespace)
}
