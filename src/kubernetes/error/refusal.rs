//! What a refusal says in words: which verb is missing, which policy denied it, which webhook failed.

use kube::core::Status;

use super::{ClusterRequest, clean};
use crate::ports::error::PortErrorKind;
use crate::ports::place::Symptom;

/// The longest verb that is taken from an answer, in characters: `deletecollection` has 16.
const LONGEST_VERB: usize = 20;

/// What a 403 means. The API server gives RBAC, admission policies and its own lifecycle rules one and the
/// same reason, `Forbidden`; only the message tells the first from the others.
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/handlers/responsewriters/errors.go>
pub(super) fn of_forbidden(asked: &ClusterRequest, said: Option<&Status>) -> PortErrorKind {
    let message = said.map_or("", |said| said.message.as_str());
    let missing = |verb: &str| PortErrorKind::Refused {
        action: Some(format!("{verb} {}", asked.resource)),
        scope: Some(asked.namespace.as_ref().map_or_else(
            || "the whole cluster".to_owned(),
            |namespace| format!("namespace {namespace}"),
        )),
    };
    if is_anonymous(message) {
        return PortErrorKind::Unauthenticated;
    }
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

/// Whether the authorizer saw a request without credentials.
fn is_anonymous(message: &str) -> bool {
    message.contains("User \"system:anonymous\" cannot ") && denied_verb(message).is_some()
}

/// What the words of an answer tell beside its status and reason.
pub(super) fn symptom(said: &Status) -> Option<Symptom> {
    let message = said.message.as_str();
    if is_terminating(said) {
        Some(Symptom::Terminating)
    } else if is_anonymous(message) {
        Some(Symptom::Anonymous)
    } else if let Some((_, rest)) = message.split_once("failed calling webhook \"") {
        let (name, rest) = rest.split_once('"')?;
        Some(Symptom::Webhook { name: clean(name), service: service(rest) })
    } else {
        None
    }
}

/// The namespace and name of the service in `Post "https://NAME.NAMESPACE.svc:443/…"`.
fn service(message: &str) -> Option<(String, String)> {
    let (_, url) = message.split_once("\"https://")?;
    let host = url.split(['/', ':', '?', '"']).next()?;
    let mut labels = host.split('.');
    let (name, namespace) = (labels.next()?, labels.next()?);
    (labels.next() == Some("svc")).then(|| (clean(namespace), clean(name)))
}

/// Whether an admission policy denied it, by the words that the API server itself puts there. A policy may
/// answer with any status; what the API server validates itself does not begin so.
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/webhook/errors/statuserror.go>
/// <https://github.com/kubernetes/apiserver/blob/master/pkg/admission/plugin/policy/validating/dispatcher.go>
pub(super) fn is_denial(said: &Status) -> bool {
    let message = said.message.as_str();
    let message = message.split_once(" is forbidden: ").map_or(message, |(_, rest)| rest);
    let denied = |begins: &str, goes_on: &str| {
        message.strip_prefix(begins).is_some_and(|rest| rest.contains(goes_on))
    };
    denied("admission webhook \"", "\" denied the request")
        || denied("ValidatingAdmissionPolicy '", " denied request")
}

/// Whether the namespace is being deleted.
/// <https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#namespacelifecycle>
fn is_terminating(said: &Status) -> bool {
    let causes = said.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}
