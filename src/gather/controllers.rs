//! Looks through namespaces for what controllers are given identities in, and for the accounts of these controllers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::join_all;

use super::facts::{facts, unread};
use super::survey::{in_namespaces, service};
use crate::model::controller_kind::{Caller, ControllerKind, KINDS};
use crate::model::text::{ClusterName, Namespace};
use crate::observed::controllers::Controllers;
use crate::observed::read::Unread;
use crate::ports::error::PortErrorKind;
use crate::ports::panic::caught;
use crate::ports::workload::{ControllerRead, Within};

/// Reads the kinds whose group the cluster has, and behind them the Deployments of the controllers that use them.
pub(super) async fn survey<C: ControllerRead>(
    client: &C,
    cluster: &ClusterName,
    groups: &BTreeSet<Arc<str>>,
    namespaces: &BTreeSet<Namespace>,
) -> Controllers {
    let here = KINDS.iter().filter(|kind| groups.contains(kind.group));
    let of = async |kind| of_kind(client, cluster, kind, namespaces).await;
    let mut controllers = Controllers::default();
    for Controllers { found, unread, operators: _ } in join_all(here.map(of)).await {
        controllers.found.extend(found);
        controllers.unread.extend(unread);
    }
    let operators = controllers.found.iter().filter_map(|object| match &object.key.kind.caller {
        Caller::Own(operator) => Some(operator.deployment),
        Caller::Pods | Caller::Named { .. } => None,
    });
    let operators: BTreeSet<&str> = operators.collect();
    let deployed = operators.into_iter().map(async |name| {
        let read = client.deployed_as(name);
        (name, facts(caught(service(cluster), "look for a controller's Deployment", read).await))
    });
    controllers.operators = join_all(deployed).await.into_iter().collect::<BTreeMap<_, _>>();
    controllers
}

async fn of_kind<C: ControllerRead>(
    client: &C,
    cluster: &ClusterName,
    kind: &'static ControllerKind,
    namespaces: &BTreeSet<Namespace>,
) -> Controllers {
    let list = async |namespace: Option<&Namespace>| {
        let operation = format!("list the {}", kind.plural);
        caught(service(cluster), &operation, client.controller_objects(kind, namespace)).await
    };
    let lists = if kind.is_namespaced {
        let within = async |within: Within<'_>| match within {
            Within::Namespace(namespace) => list(Some(namespace)).await,
            Within::Cluster(_) | Within::Installations => list(None).await,
        };
        in_namespaces(namespaces, within).await
    } else {
        vec![(BTreeSet::new(), list(None).await)]
    };
    let mut of_kind = Controllers::default();
    for (asked, found) in lists {
        match found {
            Ok(found) => of_kind.found.extend(found.into_iter().filter(|object| {
                object.key.namespace.as_ref().is_none_or(|namespace| asked.contains(namespace))
            })),
            // The group has another version alone, or none of this kind.
            Err(error) if error.kind == PortErrorKind::NotFound => {}
            Err(error) => of_kind.unread.extend(places(kind, &asked, &unread(&error))),
        }
    }
    of_kind
}

/// What is not known where the API groups are not.
pub(super) fn unread_groups(namespaces: &BTreeSet<Namespace>, why: &Unread) -> Controllers {
    let unread = KINDS.iter().flat_map(|kind| places(kind, namespaces, why));
    Controllers { unread: unread.collect(), ..Controllers::default() }
}

fn places(
    kind: &'static ControllerKind,
    namespaces: &BTreeSet<Namespace>,
    why: &Unread,
) -> Vec<(&'static ControllerKind, Option<Namespace>, Unread)> {
    if !kind.is_namespaced {
        return vec![(kind, None, why.clone())];
    }
    let each = namespaces.iter().cloned();
    each.map(|namespace| (kind, Some(namespace), why.clone())).collect()
}
