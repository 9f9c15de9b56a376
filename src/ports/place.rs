//! What advice is made of: what was asked, of what, where and by which credentials, and what the answer says
//! beside its status, code and message.

use std::time::Duration;

use super::tls::Handshake;
use crate::model::guid::TenantId;
use crate::model::text::ClusterName;

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
    /// A kubeconfig that makes no connection.
    Kubeconfig(KubeconfigPlace),
    /// An AKS cluster that Azure does not have.
    NoCluster {
        /// The cluster, by its key in the profile.
        cluster: ClusterName,
        /// The ARM id that the profile gives it.
        id: String,
    },
    /// Our own look before a write, or at its answer: it is not what the plan saw.
    Changed,
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
    /// The object's name makes no path, so nothing was asked.
    Unaskable,
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
    /// The port, where the host is this machine.
    pub own_port: Option<u16>,
    /// The proxy on the way.
    pub proxy: Option<String>,
    /// Whether the cloud's file names authorities of its own.
    pub has_ca_file: bool,
    /// Why the handshake failed, if it came to one.
    pub handshake: Option<Handshake>,
}

/// A kubeconfig that makes no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KubeconfigPlace {
    /// The cluster, by its key in the profile.
    pub cluster: ClusterName,
    /// Whose the kubeconfig is.
    pub origin: Origin,
    /// Why it makes none.
    pub fault: Fault,
}

/// Whose a kubeconfig is: only what is the user's own can be edited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A context of the machine's kubeconfig.
    Context {
        /// Its name.
        context: String,
        /// The name of the entry in `clusters` that it refers to.
        cluster: String,
        /// The name of the entry in `users` that it refers to.
        user: String,
    },
    /// What Azure answered to `listClusterUserCredential`.
    Aks,
}

/// Why a kubeconfig makes no connection, by what fixes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing names the context to use.
    Unnamed,
    /// There is no file.
    NoFile,
    /// There is nothing in it.
    Empty,
    /// The context is not among those that it has.
    NoContext(Vec<String>),
    /// It is no regular file.
    Irregular,
    /// It is larger than what is read.
    TooLarge,
    /// It is not what a kubeconfig looks like.
    Unparsed,
    /// It cannot be opened.
    Unreadable,
    /// Its files have other kinds or versions.
    Mismatched,
    /// Something that it must have is missing or wrong.
    Incomplete,
    /// The entry of the cluster lacks what these flags of kubectl set, or has it wrong.
    OfCluster(&'static str),
    /// The same of the entry of the user.
    OfUser(&'static str),
    /// The same of the context.
    OfContext(&'static str),
    /// Its entries exclude each other.
    Contradiction,
    /// It has an auth provider that is none any more.
    AuthProvider,
    /// What it names is no regular file of a believable size.
    IrregularPart,
    /// Its file of a token gives none.
    TokenFile,
    /// There are credentials in its server's URL.
    CredentialsInUrl,
    /// The environment's proxy has no address of one.
    ProxyOfEnvironment,
    /// The proxy asks for a sign-in that is not to be had.
    ProxySignIn,
    /// It asks for more than Azure's answer may bring.
    Refused,
    /// The audience that it asks for is not the one that the profile allows.
    OtherAudience,
    /// It asks for a token that is for something else than API servers.
    ForeignAudience {
        /// The audience that it asks for.
        asked: String,
        /// The audience of API servers.
        usual: &'static str,
    },
    /// The program that its user signs in with does not start.
    NotStarted {
        /// The program.
        program: String,
        /// What the kubeconfig says of how to get it.
        install_hint: Option<String>,
    },
    /// Its user's sign-in fails.
    SignIn,
}
