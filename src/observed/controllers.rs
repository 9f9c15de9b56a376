//! Objects in which controllers are given an identity, reduced to whose it is and who asks with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::model::controller_kind::ControllerKind;
use crate::model::kinds::service_account::ServiceAccountKey;
use crate::model::text::{ClusterName, Namespace};
use crate::observed::read::{Read, Unread};

/// One object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ControllerObject {
    /// Which one.
    pub key: ControllerKey,
    /// The client ids that it has itself, none twice.
    pub client_ids: BTreeSet<Arc<str>>,
    /// Whether its client id is in another object, which is not read.
    pub is_elsewhere: bool,
    /// The account that it names, and the namespace where it says one.
    pub account: Option<(Option<Namespace>, Arc<str>)>,
}

/// Names an object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ControllerKey {
    /// The cluster.
    pub cluster: ClusterName,
    /// The kind.
    pub kind: &'static ControllerKind,
    /// The namespace, if its kind is in namespaces.
    pub namespace: Option<Namespace>,
    /// The name.
    pub name: Arc<str>,
}

impl fmt::Display for ControllerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, kind, namespace, name } = self;
        write!(formatter, "{cluster}/{}/", kind.name)?;
        match namespace {
            Some(namespace) => write!(formatter, "{namespace}/{name}"),
            None => formatter.write_str(name),
        }
    }
}

/// The objects of controllers in some namespaces of one cluster, and in none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Controllers {
    /// What was found.
    pub found: Vec<ControllerObject>,
    /// What could not be listed: the kind, and the namespace where its objects are in one.
    pub unread: Vec<(&'static ControllerKind, Option<Namespace>, Unread)>,
    /// The accounts of the Deployments that have a controller's known name, by that name.
    pub operators: BTreeMap<&'static str, Read<BTreeSet<ServiceAccountKey>>>,
}
