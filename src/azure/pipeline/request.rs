//! What kind of request it is.

use azure_core::http::{Method, Request};

use crate::event::RequestClass;
use crate::ports::error::Service;

/// The last segment of the call that gives out a kubeconfig: a POST that changes nothing.
pub(crate) const LIST_CLUSTER_USER_CREDENTIAL: &str = "listClusterUserCredential";
/// Where Azure Resource Graph is asked, by a POST as well.
pub(crate) const RESOURCE_GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources";

/// Whom a pipeline talks to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Arm,
    /// Entra, or whoever else takes part in getting a token.
    Entra,
}

impl Peer {
    /// Which counter a request belongs to.
    pub(crate) fn class(self, request: &Request) -> RequestClass {
        let path = request.url().path();
        let is_read = matches!(request.method(), Method::Get | Method::Head)
            || path.ends_with(LIST_CLUSTER_USER_CREDENTIAL)
            || path == RESOURCE_GRAPH;
        match self {
            Self::Entra => RequestClass::Token,
            Self::Arm if is_read => RequestClass::ArmRead,
            Self::Arm => RequestClass::ArmWrite,
        }
    }

    /// Whether a request can be sent again when nobody knows what became of it.
    pub(crate) fn can_repeat(self, request: &Request) -> bool {
        match self.class(request) {
            RequestClass::ArmRead | RequestClass::ClusterRead | RequestClass::Token => true,
            RequestClass::ArmWrite | RequestClass::ClusterWrite => false,
        }
    }

    pub(crate) fn service(self) -> Service {
        match self {
            Self::Arm => Service::Arm,
            Self::Entra => Service::Entra,
        }
    }
}
