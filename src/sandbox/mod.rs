//! Local stand-ins of Azure Resource Manager, Entra's token endpoint and one Kubernetes API per
//! cluster, over HTTP.
//!
//! Everything they know is a [`World`]: documents by path, with the rules of the real services
//! applied when they are read and written. [`router`] is the one face: served on a socket for
//! people and their tools, driven in process by tests. It knows nothing of the rest of the crate,
//! so a client and its stand-in cannot be wrong together.
//!
//! | path | service |
//! |---|---|
//! | `/subscriptions/…`, `/providers/…`, `/tenants` | Azure Resource Manager |
//! | `/{tenant}/oauth2/v2.0/token` and the tenant's discovery documents | Entra |
//! | `/clusters/{key}/…` | the Kubernetes API of one cluster |
//! | `/oidc/{tenant}/{guid}/…` | a cluster's public issuer documents |
//! | `/sandbox/…` | how another run of widctl joins it |

mod answer;
mod arm;
mod call;
mod control;
mod entra;
mod error;
mod faults;
mod growth;
mod jwt;
mod keys;
mod kubernetes;
mod oidc;
mod route;
mod serve;
mod state;
mod state_file;
#[cfg(feature = "testing")]
mod testing;
mod throttle;
mod world;

pub use self::control::{Greeting, Joined};
pub use self::error::SandboxError;
pub use self::faults::Faults;
pub use self::growth::{AksCluster, Assumption, ClusterSpec};
pub use self::kubernetes::kubeconfig::kubeconfig;
pub use self::serve::serve;
pub use self::world::World;
#[cfg(feature = "testing")]
pub use self::{
    call::Api,
    faults::{Denied, Dropped, Effect, FaultRule, Latency, ScriptedAnswer, Throttling, Unverified},
    route::{ConnectionDropped, router},
    world::RequestRecord,
};

/// Client id of the principal that the sandbox knows from the start. Any secret that is not empty
/// and any well-formed assertion signs it in, so nothing here is worth stealing.
pub const PRINCIPAL_CLIENT_ID: &str = "5a0db0c5-0000-4000-8000-00000000c11e";

/// Object id of the principal of [`PRINCIPAL_CLIENT_ID`].
pub const PRINCIPAL_OBJECT_ID: &str = "5a0db0c5-0000-4000-8000-000000000b1d";

/// The bearer token that every cluster of the sandbox takes, as a kubeconfig of [`kubeconfig`]
/// holds it.
pub const STATIC_TOKEN: &str = "sandbox-static-token";
