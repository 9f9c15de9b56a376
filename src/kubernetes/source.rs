//! What a connection is made from, and the errors of what is wrong with it: each says where it is and what.

use std::error::Error;

use kube::config::KubeconfigError;

use crate::model::text::ClusterName;
use crate::ports::error::{PortError, PortErrorKind, Service};
use crate::ports::place::{Fault, KubeconfigPlace, Origin, Place};

/// The flags of kubectl that set a certificate authority.
pub(super) const AUTHORITY_FLAGS: &str = "--certificate-authority FILE --embed-certs";
/// The flags that set a client certificate.
const CERTIFICATE_FLAGS: &str = "--client-certificate FILE --client-key FILE --embed-certs";
/// The flag that sets a server.
pub(super) const SERVER_FLAG: &str = "--server https://HOST:PORT";
/// The flag that sets a token.
pub(super) const TOKEN_FLAG: &str = "--token TOKEN";

/// What a connection is made from, and for which cluster.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The cluster.
    pub(super) cluster: ClusterName,
    /// The source, for people: "the kubeconfig `/home/me/.kube/config`".
    pub(super) name: String,
    /// Whose it is.
    pub(super) origin: Origin,
}

impl Source {
    /// The error of a source that is no use.
    pub(super) fn unusable(&self, message: impl Into<String>, fault: Fault) -> PortError {
        self.failed(PortErrorKind::Invalid, self.name.clone(), message, fault)
    }

    /// The error of something on this machine that the connection needs.
    pub(super) fn failed(
        &self,
        kind: PortErrorKind,
        what: String,
        message: impl Into<String>,
        fault: Fault,
    ) -> PortError {
        let mut operation = format!("connect to cluster `{}`", self.cluster);
        if let Origin::Context { context, .. } = &self.origin {
            operation = format!("{operation} by context `{context}`");
        }
        let mut error = PortError::new(kind, Service::Local(what), operation);
        error.message = Some(message.into());
        error.place = Some(Box::new(Place::Kubeconfig(KubeconfigPlace {
            cluster: self.cluster.clone(),
            origin: self.origin.clone(),
            fault,
        })));
        error
    }

    /// The error of what kube could not make of a kubeconfig. Of a parse error only the place is kept:
    /// its text quotes the file, which holds secrets.
    pub(super) fn unreadable(&self, error: KubeconfigError) -> PortError {
        use KubeconfigError as Why;
        let authority = Fault::OfCluster(AUTHORITY_FLAGS);
        let pair = Fault::OfUser(CERTIFICATE_FLAGS);
        let (message, fault, below): (_, _, Box<dyn Error + Send + Sync>) = match error {
            Why::Parse(error) => {
                let place = error.location().map_or_else(String::new, |at| {
                    format!(" (line {}, column {})", at.line(), at.column())
                });
                return self.unusable(format!("it is not a kubeconfig{place}"), Fault::Unparsed);
            }
            Why::ReadConfig(error, _) => ("it cannot be read", Fault::Unreadable, Box::new(error)),
            Why::LoadCertificateAuthority(error) => {
                ("its certificate authority cannot be read", authority, Box::new(error))
            }
            Why::ParseCertificates(error) => {
                ("its certificate authority cannot be read", authority, Box::new(error))
            }
            Why::LoadClientCertificate(error) => {
                ("its client certificate cannot be read", pair, Box::new(error))
            }
            Why::LoadClientKey(error) => ("its client key cannot be read", pair, Box::new(error)),
            error @ (Why::KindMismatch | Why::ApiVersionMismatch) => {
                ("the files do not fit together", Fault::Mismatched, Box::new(error))
            }
            error @ (Why::CurrentContextNotSet
            | Why::LoadContext(_)
            | Why::LoadClusterOfContext(_)
            | Why::FindPath
            | Why::MissingClusterUrl
            | Why::ParseClusterUrl(_)
            | Why::ParseProxyUrl(_)
            | Why::ParseNoProxy(_)) => ("it is incomplete", Fault::Incomplete, Box::new(error)),
        };
        let mut unusable = self.unusable(message, fault);
        unusable.source = Some(below);
        unusable
    }

    /// The error of credentials that no client can be built with.
    pub(super) fn unbuildable(&self, error: kube::Error) -> PortError {
        if let kube::Error::InferKubeconfig(error) = error {
            return self.unreadable(error);
        }
        let (message, fault) = if matches!(error, kube::Error::Auth(_)) {
            ("its user cannot sign in", Fault::SignIn)
        } else {
            ("its user's credentials make no connection", Fault::OfUser(CERTIFICATE_FLAGS))
        };
        let mut unusable = self.unusable(message, fault);
        unusable.source = Some(Box::new(error));
        unusable
    }
}
