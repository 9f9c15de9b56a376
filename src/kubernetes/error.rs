//! From an API server's answers, and the lack of them, to [`PortError`].

use std::error::Error;
use std::time::Duration;

use kube::core::Status;

use super::cause::{Cause, chain, is_timeout, is_unmade_connection, tls_error};
use crate::model::text::ClusterName;
use crate::ports::answer;
use crate::ports::error::{PortError, PortErrorKind, Service};

/// The longest message that is kept of an answer, in characters.
const MESSAGE_LIMIT: usize = 600;
/// The longest verb that is taken from an answer, in characters: `deletecollection` has 16.
const LONGEST_VERB: usize = 20;
/// The most managers that are named of a conflict.
const MOST_MANAGERS: usize = 10;
/// What mends credentials of a kubeconfig that are not accepted any more.
pub(super) const FETCH_AGAIN: &str =
    "fetch the credentials again, for AKS with `az aks get-credentials --overwrite-existing`";

/// What to look for where those that AKS gave just now are not accepted.
pub(super) const CHECK_TENANT: &str = "check that the cluster's Entra tenant is the one that is signed in to: \
                                       `az aks show --query aadProfile.tenantID`";

/// What was asked of a cluster, for errors.
#[derive(Clone, Debug)]
pub(super) struct ClusterRequest {
    /// An infinitive phrase: `list the service accounts`.
    pub(super) operation: String,
    /// The RBAC verb that it needs.
    pub(super) verb: &'static str,
    /// The resource, `serviceaccounts`; for other paths the path.
    pub(super) resource: String,
    /// The resource's API group; empty for the core group.
    pub(super) group: String,
    /// The namespace; `None` for all of them and for cluster-wide kinds.
    pub(super) namespace: Option<String>,
}

/// Where a cluster's errors come from.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The cluster.
    pub(super) cluster: ClusterName,
    /// What its credentials were taken from, for hints.
    pub(super) credentials: String,
    /// What helps where they are not accepted.
    pub(super) renewal: &'static str,
}

impl Place {
    /// An error of the cluster.
    pub(super) fn error(&self, kind: PortErrorKind, asked: &ClusterRequest) -> PortError {
        PortError::new(kind, Service::Cluster(self.cluster.to_string()), asked.operation.clone())
    }

    /// The error of an answer that is no success.
    /// <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind>
    pub(super) fn answered(&self, asked: &ClusterRequest, status: u16, body: &[u8]) -> PortError {
        let said: Option<Status> = answer::parse(body).ok();
        let kind = kind_of(asked, status, said.as_ref());
        let hint = self.hint(asked, status, &kind, said.as_ref());
        let mut error = self.error(kind, asked);
        error.status = Some(status);
        error.hint = hint;
        if let Some(said) = said {
            error.code = Some(clean(&said.reason)).filter(|reason| !reason.is_empty());
            error.message = Some(clean(&said.message)).filter(|message| !message.is_empty());
        }
        error
    }

    /// The error of a request that was not answered within the limit. A write may have been done.
    pub(super) fn unanswered(
        &self,
        asked: &ClusterRequest,
        reads: bool,
        limit: Duration,
    ) -> PortError {
        let kind = if reads { PortErrorKind::TimedOut } else { PortErrorKind::AnswerLost };
        let mut error = self.error(kind, asked);
        error.hint = Some(format!(
            "the API server named in {} was given {} s for its answer: see that it is well with \
             `kubectl get --raw '/readyz?verbose'`, or allow more with --timeout, then run again: \
             what was written is found",
            self.credentials,
            limit.as_secs_f32()
        ));
        error
    }

    /// The error of a request that got no answer.
    pub(super) fn silent(&self, asked: &ClusterRequest, error: kube::Error) -> PortError {
        let boxed: Box<dyn Error + Send + Sync> =
            if let kube::Error::Service(inner) = error { inner } else { Box::new(error) };
        // The layer that fetches tokens fails with an error of its own.
        let boxed = match boxed.downcast::<PortError>() {
            Ok(own) => return *own,
            Err(other) => other,
        };
        let tls = chain(&*boxed).find_map(tls_error).cloned();
        let kind = match &tls {
            Some(rustls::Error::AlertReceived(alert)) if is_about_client_certificate(*alert) => {
                PortErrorKind::Unauthenticated
            }
            Some(_) => PortErrorKind::Unreachable,
            None if chain(&*boxed).any(is_unmade_connection) => PortErrorKind::Unreachable,
            None if chain(&*boxed).any(is_timeout) => PortErrorKind::TimedOut,
            None => PortErrorKind::AnswerLost,
        };
        let mut error = self.error(kind, asked);
        error.hint = match &tls {
            Some(tls) => Some(self.tls_hint(tls)),
            None => self.silence_hint(&error.kind),
        };
        error.source = Some(Box::new(Cause(boxed)));
        error
    }

    /// What helps where there was no answer.
    pub(super) fn silence_hint(&self, kind: &PortErrorKind) -> Option<String> {
        let credentials = &self.credentials;
        if *kind == PortErrorKind::Unreachable {
            Some(format!(
                "check that this machine reaches the API server named in {credentials}: a private cluster \
                 needs its network or a proxy (HTTPS_PROXY), a stopped AKS cluster `az aks start`"
            ))
        } else if matches!(kind, PortErrorKind::AnswerLost | PortErrorKind::TimedOut) {
            Some(format!(
                "the API server named in {credentials}, or a proxy before it, hung up: run again when it is \
                 well, which finds what was written"
            ))
        } else {
            None
        }
    }

    /// What helps against a failed handshake.
    fn tls_hint(&self, error: &rustls::Error) -> String {
        use rustls::CertificateError as Certificate;
        let Self { credentials, renewal, .. } = self;
        if let rustls::Error::AlertReceived(alert) = error
            && is_about_client_certificate(*alert)
        {
            return format!(
                "the client certificate in {credentials} was not accepted, it may have expired: {renewal}"
            );
        }
        let rustls::Error::InvalidCertificate(why) = error else {
            return format!("check the server's address in {credentials}");
        };
        if matches!(why, Certificate::Expired | Certificate::ExpiredContext { .. }) {
            format!(
                "the certificate of the API server named in {credentials} has expired: renew it on the \
                 cluster (`kubeadm certs renew all`), and check this machine's clock"
            )
        } else if matches!(why, Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) {
            format!(
                "the certificate of the API server named in {credentials} is not valid yet: check this \
                 machine's clock"
            )
        } else if matches!(
            why,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. }
        ) {
            format!(
                "the API server's certificate is for another name than the one in {credentials}: use one of \
                 its names as `server`, or as `tls-server-name` beside it"
            )
        } else {
            format!(
                "the certificate authority in {credentials} did not sign the certificate that was shown: \
                 {FETCH_AGAIN}, or look for a proxy that shows its own"
            )
        }
    }

    /// What helps against an answer.
    fn hint(
        &self,
        asked: &ClusterRequest,
        status: u16,
        kind: &PortErrorKind,
        said: Option<&Status>,
    ) -> Option<String> {
        if status == 401 {
            return Some(format!(
                "the credentials in {} were not accepted, they may have expired: {}",
                self.credentials, self.renewal
            ));
        }
        if is_terminating(said) {
            return Some("the namespace is being deleted: run again once it is gone".into());
        }
        match kind {
            PortErrorKind::Refused { action, .. } => Some(rule_hint(asked, action.as_deref())),
            PortErrorKind::Forbidden => Some(
                "an admission policy of the cluster refused it: have its owner allow it, or change what the \
                 policy's message complains about, then run again"
                    .into(),
            ),
            PortErrorKind::ParentNotFound => {
                Some("create the namespace, or set `create_namespace = true` for the team".into())
            }
            PortErrorKind::Conflict { managers } if !managers.is_empty() => Some(format!(
                "the fields are managed by {}: change them there, or take them with --force-conflicts",
                managers.join(" and ")
            )),
            PortErrorKind::Conflict { .. } => {
                Some("the object has changed since it was read: plan again".into())
            }
            PortErrorKind::ServiceFault => Some(format!(
                "the API server named in {} is not well: `kubectl get --raw '/readyz?verbose'` says why; \
                 run again when it is",
                self.credentials
            )),
            PortErrorKind::Throttled => {
                Some("the API server has too much to do: run again later".into())
            }
            PortErrorKind::Unauthenticated
            | PortErrorKind::NotFound
            | PortErrorKind::PrincipalNotFound
            | PortErrorKind::RoleAssignmentExists
            | PortErrorKind::PairTaken
            | PortErrorKind::ConcurrentWrite
            | PortErrorKind::Invalid
            | PortErrorKind::Unreachable
            | PortErrorKind::AnswerLost
            | PortErrorKind::TimedOut
            | PortErrorKind::Malformed
            | PortErrorKind::Bug => None,
            PortErrorKind::ForeignOrigin => Some(format!(
                "it sends on to another address, where no credentials go: name the API server itself, not \
                 what stands before it, as the server of {}",
                self.credentials
            )),
        }
    }
}

/// The kind of failure that an answer means.
fn kind_of(asked: &ClusterRequest, status: u16, said: Option<&Status>) -> PortErrorKind {
    match status {
        401 => PortErrorKind::Unauthenticated,
        403 => refusal(asked, said),
        404 if is_about_namespace(said) && asked.resource != "namespaces" => {
            PortErrorKind::ParentNotFound
        }
        404 => PortErrorKind::NotFound,
        409 => PortErrorKind::Conflict { managers: managers(said) },
        422 if is_bound_elsewhere(said) => PortErrorKind::Conflict { managers: Vec::new() },
        429 => PortErrorKind::Throttled,
        // Nobody follows it: the token is for the server that was asked.
        300..=399 => PortErrorKind::ForeignOrigin,
        // 499 is a proxy's, in front of an API server that took too long for it.
        408 | 499 | 500.. => PortErrorKind::ServiceFault,
        _ => PortErrorKind::Invalid,
    }
}

/// What a 403 means. The API server gives RBAC, admission policies and its own lifecycle rules one and the
/// same reason, `Forbidden`; only the message tells the first from the others.
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/responsewriters/errors.go>
fn refusal(asked: &ClusterRequest, said: Option<&Status>) -> PortErrorKind {
    let message = said.map_or("", |said| said.message.as_str());
    let missing = |verb: &str| PortErrorKind::Refused {
        action: Some(format!("{verb} {}", asked.resource)),
        scope: Some(asked.namespace.as_ref().map_or_else(
            || "the whole cluster".to_owned(),
            |namespace| format!("namespace {namespace}"),
        )),
    };
    if message.contains("attempting to grant RBAC permissions not currently held") {
        let bind = asked.resource == "rolebindings";
        return missing(if bind { "bind" } else { "escalate" });
    }
    match denied_verb(message) {
        Some(verb) => missing(verb),
        // Proxies and gateways in front of an API server refuse without a Status.
        None if said.is_none() => missing(asked.verb),
        None => PortErrorKind::Forbidden,
    }
}

/// The verb in an authorizer's `User "ada" cannot patch resource "roles" …`, or `… cannot get path "/x"`. A
/// policy's own words may hold a "cannot" as well.
fn denied_verb(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("User \"")?;
    let (_, rest) = rest.split_once("\" cannot ")?;
    let (verb, rest) = rest.split_once(' ')?;
    let of_authorizer = rest.starts_with("resource \"") || rest.starts_with("path \"");
    // It goes into a rule for somebody to paste.
    let is_verb = verb.len() <= LONGEST_VERB && verb.bytes().all(|c| c.is_ascii_lowercase());
    (of_authorizer && is_verb).then_some(verb)
}

/// The RBAC rule that would allow what was refused.
fn rule_hint(asked: &ClusterRequest, action: Option<&str>) -> String {
    let verb = action.and_then(|action| action.split(' ').next()).unwrap_or(asked.verb);
    let ClusterRequest { resource, group, namespace, .. } = asked;
    if resource.starts_with('/') {
        return format!(
            "allow it in a ClusterRole: {{nonResourceURLs: [\"{resource}\"], verbs: [\"{verb}\"]}}"
        );
    }
    // Escalation is checked on the role, `roles` or `clusterroles`, not on the binding.
    let resource = if verb == "bind" { "roles" } else { resource };
    rule(namespace.as_deref(), group, resource, &[verb])
}

/// The RBAC rule that allows verbs on a resource, and where it can stand.
pub(super) fn rule(namespace: Option<&str>, group: &str, resource: &str, verbs: &[&str]) -> String {
    let role = match namespace {
        Some(namespace) => format!("a Role of namespace {namespace} or in a ClusterRole"),
        None => "a ClusterRole".into(),
    };
    format!(
        "allow it in {role}: {{apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{}\"]}}",
        verbs.join("\", \"")
    )
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

/// Whether the namespace is being deleted.
/// <https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#namespacelifecycle>
fn is_terminating(said: Option<&Status>) -> bool {
    said.and_then(|said| said.details.as_ref()).is_some_and(|details| {
        details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
    })
}

/// The managers that hold the fields of a refused apply: `conflict with "helm" using v1`.
/// <https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts>
fn managers(said: Option<&Status>) -> Vec<String> {
    let mut managers: Vec<String> = said
        .and_then(|said| said.details.as_ref())
        .into_iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .filter_map(|cause| cause.message.split('"').nth(1))
        .map(clean)
        .collect();
    managers.sort();
    managers.dedup();
    managers.truncate(MOST_MANAGERS);
    managers
}

/// A server's text on one line, without control characters, bounded.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_LIMIT).collect()
}

/// Whether the connection failed at its TLS handshake.
pub(super) fn is_handshake(error: &PortError) -> bool {
    error
        .source
        .as_deref()
        .is_some_and(|source| chain(source).any(|error| tls_error(error).is_some()))
}

/// Whether the server turned down the certificate that it was shown.
fn is_about_client_certificate(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::CertificateRequired
            | Alert::UnknownCA
    )
}
