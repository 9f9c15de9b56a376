//! The one error of the edges.

use std::error::Error;
use std::fmt;

use super::place::Place;
use super::remedy;

/// Which service an operation talked to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Service {
    /// Azure Resource Manager.
    Arm,
    /// Entra's token endpoint, or another source of credentials.
    Entra,
    /// The API server of this cluster, by its key in the profile.
    Cluster(String),
    /// An OIDC issuer's documents.
    Issuer,
    /// Something on this machine that a service cannot be reached without, as people call it:
    /// "the kubeconfig `/home/me/.kube/config`", "the exec plugin `aws`".
    Local(String),
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arm => formatter.write_str("Azure Resource Manager"),
            Self::Entra => formatter.write_str("Entra"),
            Self::Cluster(name) => write!(formatter, "cluster `{name}`"),
            Self::Issuer => formatter.write_str("the OIDC issuer"),
            Self::Local(name) => formatter.write_str(name),
        }
    }
}

/// What kind of failure it was, by status and code, never by message where a code exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortErrorKind {
    /// No valid sign-in (401, or no credential at all).
    Unauthenticated,
    /// The caller may not do this (403).
    Refused {
        /// The missing action or verb, where the answer names it.
        action: Option<String>,
        /// Where it is missing, where the answer names it.
        scope: Option<String>,
    },
    /// A policy, a lock or a condition forbids it to everyone alike.
    Forbidden,
    /// It does not exist.
    NotFound,
    /// The parent of what was to be written does not exist (yet).
    ParentNotFound,
    /// The principal of a role assignment is not in the directory (yet).
    PrincipalNotFound,
    /// An equal role assignment exists under another name.
    RoleAssignmentExists,
    /// A credential of the same identity has this issuer and subject already; or had them until a moment
    /// ago, which the service has not noticed everywhere.
    PairTaken,
    /// Somebody else writes credentials of the same identity right now.
    ConcurrentWrite,
    /// Another manager holds the field (server-side apply), or the object changed meanwhile.
    Conflict {
        /// The other managers, where the answer names them.
        managers: Vec<String>,
    },
    /// Too many requests (429).
    Throttled,
    /// The request was not acceptable (other 4xx).
    Invalid,
    /// The service failed (5xx, 408, 499).
    ServiceFault,
    /// No connection could be made: nothing was sent.
    Unreachable,
    /// The connection broke after the request was sent: what it did is unknown.
    AnswerLost,
    /// The whole operation took longer than allowed.
    TimedOut,
    /// The answer could not be understood: not JSON, truncated, a field missing.
    Malformed,
    /// The answer, or the profile, pointed to another origin; nothing was sent there.
    ForeignOrigin,
    /// widctl itself failed halfway, by a bug: what was sent by then is unknown.
    Bug,
}

/// A failed operation of an edge.
#[derive(Debug)]
pub struct PortError {
    /// What kind of failure.
    pub kind: PortErrorKind,
    /// Who failed.
    pub service: Service,
    /// What was tried, as an infinitive phrase: `list the federated credentials of id-data-eng`.
    pub operation: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The service's own error code, `AuthorizationFailed`.
    pub code: Option<String>,
    /// The service's message, cleaned of control characters; never of a request that carries secrets.
    pub message: Option<String>,
    /// The service's id of the request, for its support.
    pub request_id: Option<Box<str>>,
    /// Our id of the whole run, by which the activity log and the service's support find its requests.
    pub correlation_id: Option<String>,
    /// What advice needs to know: what was asked, of what, where and by which credentials.
    pub place: Option<Box<Place>>,
    /// What lies below.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// An error with nothing but its kind, service and operation.
    pub fn new(kind: PortErrorKind, service: Service, operation: impl Into<String>) -> Self {
        Self {
            kind,
            service,
            operation: operation.into(),
            status: None,
            code: None,
            message: None,
            request_id: None,
            correlation_id: None,
            place: None,
            source: None,
        }
    }

    /// What the user can do, in one sentence.
    pub fn help(&self) -> String {
        remedy::advice(self)
    }

    /// What the service did, after its name: `answered 403 AuthorizationFailed`.
    pub fn answer(&self) -> String {
        match (self.status, &self.code) {
            (Some(status), Some(code)) => format!("answered {status} {code}"),
            (Some(status), None) => format!("answered {status}"),
            (None, _) => silence(&self.kind).to_owned(),
        }
    }

    /// Whether the service said no to this caller (401 or 403).
    pub fn is_refusal(&self) -> bool {
        matches!(self.kind, PortErrorKind::Unauthenticated | PortErrorKind::Refused { .. })
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = self.answer();
        write!(formatter, "could not {}: {} {answer}", self.operation, self.service)?;
        if let Some(message) = &self.message {
            write!(formatter, ": {message}")?;
        }
        match (&self.request_id, &self.correlation_id) {
            (Some(request), Some(run)) => {
                write!(formatter, " (request {request}, correlation {run})")
            }
            (Some(request), None) => write!(formatter, " (request {request})"),
            (None, Some(run)) => write!(formatter, " (correlation {run})"),
            (None, None) => Ok(()),
        }
    }
}

/// What happened where no status came back.
fn silence(kind: &PortErrorKind) -> &'static str {
    match kind {
        PortErrorKind::Unreachable => "could not be reached",
        PortErrorKind::AnswerLost => "broke the connection before its answer was complete",
        PortErrorKind::TimedOut => "did not answer in time",
        PortErrorKind::Malformed => "gave an answer that could not be understood",
        PortErrorKind::ForeignOrigin => "named another origin, which was not followed",
        PortErrorKind::Unauthenticated => "gave no valid sign-in",
        PortErrorKind::Invalid => "cannot be used",
        PortErrorKind::Conflict { .. } => "has changed meanwhile",
        PortErrorKind::Bug => "was asked; internal error: a bug in widctl",
        PortErrorKind::Refused { .. }
        | PortErrorKind::Forbidden
        | PortErrorKind::NotFound
        | PortErrorKind::ParentNotFound
        | PortErrorKind::PrincipalNotFound
        | PortErrorKind::RoleAssignmentExists
        | PortErrorKind::PairTaken
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Throttled
        | PortErrorKind::ServiceFault => "failed",
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
