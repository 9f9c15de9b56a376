//! What helps: from what an adapter found out about a failure to one sentence of advice. Adapters classify,
//! this room advises, and [`catalogue`] is its table of what services answer.

pub mod catalogue;
pub mod roles;
pub mod template;

mod azure;
mod cluster;
mod connection;
mod general;
mod kubeconfig;

pub use cluster::granting;

use super::error::PortError;
use super::place::Place;

/// What the user can do about a failure, in one sentence.
pub fn advice(error: &PortError) -> String {
    let own = match error.place.as_deref() {
        Some(Place::Azure(place)) => azure::advice(error, place),
        Some(Place::Cluster(place)) => {
            cluster::advice(&error.kind, place, error.message.as_deref())
        }
        Some(Place::Connection(place)) => Some(connection::advice(place)),
        Some(Place::SignIn(method)) => Some(connection::sign_in(error, *method)),
        Some(Place::Kubeconfig(place)) => Some(kubeconfig::advice(place)),
        Some(Place::NoCluster { cluster, id }) => Some(kubeconfig::no_cluster(cluster, id)),
        Some(Place::Changed) => Some("plan again".into()),
        None => None,
    };
    own.unwrap_or_else(|| general::advice(&error.kind, &error.service))
}
