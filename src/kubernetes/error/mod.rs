//! From an API server's answers, and the lack of them, to [`PortError`].

mod fields;
mod kind;
mod refusal;

use std::error::Error;
use std::time::Duration;

use kube::core::Status;

use super::cause::{Cause, is_timeout, is_unmade_connection};
use crate::model::text::ClusterName;
use crate::ports::answer;
use crate::ports::chain::chain;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place;
use crate::ports::place::{ClusterPlace, Symptom};
use crate::ports::tls::{Handshake, failed_handshake};

/// The longest message that is kept of an answer, in characters.
const MESSAGE_LIMIT: usize = 600;

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
    /// The context of the machine's kubeconfig, where they are from there.
    pub(super) context: Option<String>,
    /// Whether they are a token of the sign-in to Azure.
    pub(super) own_sign_in: bool,
}

impl Place {
    /// An error of the cluster.
    pub(super) fn error(&self, kind: PortErrorKind, asked: &ClusterRequest) -> PortError {
        let service = Service::Cluster(self.cluster.to_string());
        PortError::new(kind, service, asked.operation.clone())
    }

    /// An error of the cluster with what advice needs to know of it.
    pub(super) fn explained(
        &self,
        kind: PortErrorKind,
        asked: &ClusterRequest,
        symptom: Option<Symptom>,
    ) -> PortError {
        let mut error = self.error(kind, asked);
        error.place = Some(Box::new(place::Place::Cluster(ClusterPlace {
            credentials: self.credentials.clone(),
            context: self.context.clone(),
            own_sign_in: self.own_sign_in,
            verb: asked.verb.to_owned(),
            group: asked.group.clone(),
            resource: asked.resource.clone(),
            namespace: asked.namespace.clone(),
            symptom,
        })));
        error
    }

    /// The error of an answer that is no success.
    /// <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind>
    pub(super) fn answered(&self, asked: &ClusterRequest, status: u16, body: &[u8]) -> PortError {
        let said: Option<Status> = answer::parse(body).ok();
        let kind = kind::kind_of(asked, status, said.as_ref());
        let symptom = said.as_ref().and_then(refusal::symptom);
        let mut error = self.explained(kind, asked, symptom);
        error.status = Some(status);
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
        self.explained(kind, asked, Some(Symptom::NoAnswerFor(limit)))
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
        let handshake = failed_handshake(&*boxed).map(Handshake::of);
        let kind = match handshake {
            Some(Handshake::ClientCertificate) => PortErrorKind::Unauthenticated,
            Some(_) => PortErrorKind::Unreachable,
            None if chain(&*boxed).any(is_unmade_connection) => PortErrorKind::Unreachable,
            None if chain(&*boxed).any(is_timeout) => PortErrorKind::TimedOut,
            None => PortErrorKind::AnswerLost,
        };
        let mut error = self.explained(kind, asked, handshake.map(Symptom::Handshake));
        error.source = Some(Box::new(Cause(boxed)));
        error
    }
}

/// A server's text on one line, without control characters, bounded.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MESSAGE_LIMIT).collect()
}

/// Whether the connection failed at its TLS handshake.
pub(super) fn is_handshake(error: &PortError) -> bool {
    matches!(symptom(error), Some(Symptom::Handshake(_)))
}

/// Whether the API server could not call an admission webhook.
pub(super) fn is_webhook(error: &PortError) -> bool {
    matches!(symptom(error), Some(Symptom::Webhook { .. }))
}

fn symptom(error: &PortError) -> Option<&Symptom> {
    match error.place.as_deref() {
        Some(place::Place::Cluster(place)) => place.symptom.as_ref(),
        Some(_) | None => None,
    }
}
