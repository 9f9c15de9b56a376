//! What helps against a failure of an API server.

use std::time::Duration;

use super::catalogue;
use super::template::Words;
use crate::model::right::ClusterRight;
use crate::model::shell;
use crate::model::text::Namespace;
use crate::ports::error::PortErrorKind;
use crate::ports::place::{ClusterPlace, Symptom};
use crate::ports::tls::Handshake;

/// What helps, where more is known than the kind of failure.
pub(super) fn advice(
    kind: &PortErrorKind,
    place: &ClusterPlace,
    message: Option<&str>,
) -> Option<String> {
    let ClusterPlace { credentials, symptom, .. } = place;
    let renewal = place.renewal();
    let row = |code: &str| Some(catalogue::row(code)?.hint(&|name| place.value(name)));
    match symptom {
        Some(Symptom::Handshake(handshake)) => return Some(place.tls(*handshake)),
        Some(Symptom::NoAnswerFor(limit)) => return Some(place.no_answer_for(*limit)),
        Some(Symptom::Strange) => {
            return Some(format!(
                "no API server answers so: find out who does at the address in {credentials}"
            ));
        }
        Some(Symptom::Terminating) => {
            return Some("the namespace is being deleted: run again once it is gone".into());
        }
        Some(Symptom::Unaskable) => return Some("see to it with kubectl".into()),
        Some(Symptom::Anonymous) => return row(catalogue::ANONYMOUS),
        Some(Symptom::Webhook { .. }) => {
            return row(catalogue::webhook(message.unwrap_or_default()));
        }
        None => {}
    }
    match kind {
        PortErrorKind::Unauthenticated => Some(format!(
            "the credentials in {credentials} were not accepted, they may have expired: {renewal}"
        )),
        PortErrorKind::Refused { action, .. } => Some(place.missing_rule(action.as_deref())),
        PortErrorKind::Forbidden => row(catalogue::DENIED),
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
            "the API server named in {credentials} is not healthy: `{} get --raw '/readyz?verbose'` says why; \
             run again when it is",
            place.kubectl()
        )),
        PortErrorKind::Throttled => {
            Some("the API server has too much to do: run again later".into())
        }
        PortErrorKind::Unreachable => Some(format!(
            "check that this machine reaches the API server named in {credentials}: a private cluster \
             needs its network or a proxy (HTTPS_PROXY), a stopped AKS cluster `az aks start`"
        )),
        PortErrorKind::AnswerLost | PortErrorKind::TimedOut => Some(format!(
            "the API server named in {credentials}, or a proxy before it, hung up: run again when it is \
             healthy, which finds what was written"
        )),
        PortErrorKind::ForeignOrigin => Some(format!(
            "it sends on to another address, where no credentials go: name the API server itself, not \
             what stands before it, as the server of {credentials}"
        )),
        PortErrorKind::NotFound
        | PortErrorKind::PrincipalNotFound
        | PortErrorKind::RoleAssignmentExists
        | PortErrorKind::PairTaken
        | PortErrorKind::ConcurrentWrite
        | PortErrorKind::Invalid
        | PortErrorKind::Malformed
        | PortErrorKind::Bug => None,
    }
}

impl ClusterPlace {
    /// What helps where the credentials are not accepted.
    fn renewal(&self) -> &'static str {
        if self.own_sign_in {
            "check that the cluster's Entra tenant is the one that is signed in to: \
             `az aks show --query aadProfile.tenantID`"
        } else {
            "fetch the credentials again, for AKS with `az aks get-credentials --overwrite-existing`"
        }
    }

    /// kubectl, asking the same cluster as far as it is known how.
    fn words_of_kubectl(&self) -> Words {
        let context = self.context.iter().flat_map(|context| ["--context", context]);
        ["kubectl"].into_iter().chain(context).map(str::to_owned).collect()
    }

    fn kubectl(&self) -> String {
        let words = self.words_of_kubectl();
        words.iter().map(|word| shell::quote(word)).collect::<Vec<_>>().join(" ")
    }

    /// What a row's text names.
    fn value(&self, name: &str) -> Option<Words> {
        let webhook = match &self.symptom {
            Some(Symptom::Webhook { name, service }) => Some((name, service.as_ref())),
            _ => None,
        };
        let service = webhook.and_then(|(_, service)| service);
        match name {
            "kubectl" => Some(self.words_of_kubectl()),
            "credentials" => Some(vec![self.credentials.clone()]),
            "webhook" => webhook.map(|(name, _)| vec![name.clone()]),
            "service_namespace" => service.map(|(namespace, _)| vec![namespace.clone()]),
            "service" => service.map(|(_, name)| vec![name.clone()]),
            _ => None,
        }
    }

    fn no_answer_for(&self, limit: Duration) -> String {
        format!(
            "the API server named in {} was given {} s for its answer: see that it is healthy with \
             `{} get --raw '/readyz?verbose'`, or allow more with --timeout, then run again: \
             what was written is found",
            self.credentials,
            limit.as_secs_f32(),
            self.kubectl()
        )
    }

    /// What helps against a failed handshake.
    fn tls(&self, handshake: Handshake) -> String {
        let Self { credentials, .. } = self;
        match handshake {
            Handshake::ClientCertificate => format!(
                "the client certificate in {credentials} was not accepted, it may have expired: {}",
                self.renewal()
            ),
            Handshake::Protocol => format!("check the server's address in {credentials}"),
            Handshake::Expired => format!(
                "the certificate of the API server named in {credentials} has expired: renew it on the \
                 cluster (`kubeadm certs renew all`), and check this machine's clock"
            ),
            Handshake::NotYetValid => format!(
                "the certificate of the API server named in {credentials} is not valid yet: check this \
                 machine's clock"
            ),
            Handshake::OtherName => format!(
                "the API server's certificate is for another name than the one in {credentials}: use one of \
                 its names as `server`, or as `tls-server-name` beside it"
            ),
            Handshake::Untrusted => format!(
                "the certificate authority in {credentials} did not sign the certificate that was shown: \
                 fetch the credentials again, for AKS with `az aks get-credentials --overwrite-existing`, \
                 or look for a proxy that shows its own"
            ),
        }
    }

    /// The RBAC rule that would allow what was refused.
    fn missing_rule(&self, action: Option<&str>) -> String {
        let verb = action.and_then(|action| action.split(' ').next()).unwrap_or(&self.verb);
        let resource = &self.resource;
        if resource.starts_with('/') {
            return format!(
                "allow it in a ClusterRole: {{nonResourceURLs: [\"{resource}\"], verbs: [\"{verb}\"]}}"
            );
        }
        // Escalation is checked on the role, `roles` or `clusterroles`, not on the binding.
        let resource = if verb == "bind" { "roles" } else { resource };
        rule(self.namespace.as_deref(), &self.group, resource, &[verb])
    }
}

/// The RBAC rule that gives a right, with these verbs instead of its own.
pub fn granting(right: &ClusterRight, verbs: &[&str]) -> String {
    rule(right.namespace.as_ref().map(Namespace::as_str), right.group, right.resource, verbs)
}

/// The RBAC rule that allows verbs on a resource, and where it can stand.
fn rule(namespace: Option<&str>, group: &str, resource: &str, verbs: &[&str]) -> String {
    let role = match namespace {
        Some(namespace) => format!("a Role of namespace {namespace} or in a ClusterRole"),
        None => "a ClusterRole".into(),
    };
    format!(
        "allow it in {role}: {{apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{}\"]}}",
        verbs.join("\", \"")
    )
}
