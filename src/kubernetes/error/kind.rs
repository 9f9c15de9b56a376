//! Which kind of failure an answer means.

use kube::core::Status;

use super::{ClusterRequest, fields, refusal};
use crate::ports::error::PortErrorKind;

/// The kind of failure that an answer means.
pub(super) fn kind_of(asked: &ClusterRequest, status: u16, said: Option<&Status>) -> PortErrorKind {
    match status {
        401 => PortErrorKind::Unauthenticated,
        403 => refusal::of_forbidden(asked, said),
        404 if is_about_namespace(said) && asked.resource != "namespaces" => {
            PortErrorKind::ParentNotFound
        }
        404 => PortErrorKind::NotFound,
        409 => PortErrorKind::Conflict { managers: fields::managers(said) },
        400 | 422 if said.is_some_and(refusal::is_denial) => PortErrorKind::Forbidden,
        422 if is_bound_elsewhere(said) => PortErrorKind::Conflict { managers: Vec::new() },
        429 => PortErrorKind::Throttled,
        // Nobody follows it: the token is for the server that was asked.
        300..=399 => PortErrorKind::ForeignOrigin,
        // 499 is a proxy's, in front of an API server that took too long for it.
        408 | 499 | 500.. => PortErrorKind::ServiceFault,
        _ => PortErrorKind::Invalid,
    }
}

/// Whether an apply was bound to the uid of an object that somebody has made anew since: the API server
/// takes that for an attempt to change an immutable field.
fn is_bound_elsewhere(said: Option<&Status>) -> bool {
    said.and_then(|said| said.details.as_ref())
        .is_some_and(|details| details.causes.iter().any(|cause| cause.field == "metadata.uid"))
}

/// Whether the answer is about a namespace.
fn is_about_namespace(said: Option<&Status>) -> bool {
    said.and_then(|said| said.details.as_ref()).is_some_and(|details| details.kind == "namespaces")
}
