//! What advice is made of: what was asked, of what, where and by which credentials, and what the answer says
//! beside its status, code and message.

use std::time::Duration;

use super::tls::Handshake;
use crate::model::guid::TenantId;

/// Where an operation failed, as far as whoever asked knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A request to Azure Resource Manager that was answered.
    Azure(AzurePlace),
    /// A request to an API server.
    Cluster(ClusterPlace),
    /// A connection to Azure or Entra that was not made.
    Connection(ConnectionPlace),
    /// A sign-in with the method of this name, or with whichever works.
    SignIn(Option<&'static str>),
}

/// A request to Azure Resource Manager.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AzurePlace {
    /// The path of what was asked for, without the escapes of URLs.
    pub path: String,
    /// Whether it was to be deleted.
    pub deletes: bool,
    /// The object id of the caller, where the answer names it.
    pub caller: Option<String>,
    /// Whether the answer says that a condition on a role may have refused it.
    pub conditional: bool,
    /// Whether the answer asks for multi-factor authentication.
    pub wants_mfa: bool,
    /// What a new token must show, where the answer asks for one.
    pub claims: Option<String>,
    /// The tenant to sign in to, where the answer names it.
    pub tenant: Option<TenantId>,
    /// The policies that refused it.
    pub policies: Vec<Policy>,
}

/// A policy that refused something, as far as the answer names it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// What it demands, by the name that people know it by.
    pub definition: Option<String>,
    /// Where it was put into force.
    pub assignment: Option<String>,
    /// The ARM id of the assignment.
    pub assignment_id: Option<String>,
}

/// A request to an API server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClusterPlace {
    /// What its credentials were taken from, for people.
    pub credentials: String,
    /// The context of the machine's kubeconfig, where they are from there.
    pub context: Option<String>,
    /// Whether the credentials are a token of the sign-in to Azure.
    pub own_sign_in: bool,
    /// The RBAC verb that it needs.
    pub verb: String,
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource, `serviceaccounts`; for other paths the path.
    pub resource: String,
    /// The namespace; `None` for all of them and for cluster-wide kinds.
    pub namespace: Option<String>,
    /// What is known beside the kind of failure.
    pub symptom: Option<Symptom>,
}

/// What an API server's answer, or the lack of one, says that its status and reason do not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Symptom {
    /// The TLS handshake failed.
    Handshake(Handshake),
    /// There was no answer for so long.
    NoAnswerFor(Duration),
    /// No API server answers so.
    Strange,
    /// The namespace is being deleted.
    Terminating,
    /// The request was taken for one without credentials.
    Anonymous,
    /// An admission webhook could not be called.
    Webhook {
        /// Its name.
        name: String,
        /// The namespace and name of its service, where the answer names them.
        service: Option<(String, String)>,
    },
}

/// A connection that was not made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectionPlace {
    /// The host.
    pub host: String,
    /// The proxy on the way.
    pub proxy: Option<String>,
    /// Whether the cloud's file names authorities of its own.
    pub has_ca_file: bool,
    /// Why the handshake failed, if it came to one.
    pub handshake: Option<Handshake>,
}
