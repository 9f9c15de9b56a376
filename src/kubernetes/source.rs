//! What a connection is made from, and the errors of what is wrong with it: each says where it is and which
//! command or edit fixes it.

use std::error::Error;

use kube::config::KubeconfigError;

use super::error::clean;
use crate::model::shell;
use crate::model::text::ClusterName;
use crate::ports::error::{PortError, PortErrorKind, Service};

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

/// Whose a source is: only what is the user's own can be edited.
#[derive(Clone, Debug)]
pub(super) enum Origin {
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

impl Source {
    /// The error of a source that is no use.
    pub(super) fn unusable(
        &self,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) -> PortError {
        self.failed(PortErrorKind::Invalid, self.name.clone(), message, hint)
    }

    /// The error of something on this machine that the connection needs.
    pub(super) fn failed(
        &self,
        kind: PortErrorKind,
        what: String,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) -> PortError {
        let mut operation = format!("connect to cluster `{}`", self.cluster);
        if let Origin::Context { context, .. } = &self.origin {
            operation = format!("{operation} by context `{context}`");
        }
        let mut error = PortError::new(kind, Service::Local(what), operation);
        error.message = Some(message.into());
        error.hint = hint.into();
        error
    }

    /// The error of what kube could not make of a kubeconfig. Of a parse error only the place is kept:
    /// its text quotes the file, which holds secrets.
    pub(super) fn unreadable(&self, error: KubeconfigError) -> PortError {
        use KubeconfigError as Why;
        let authority = || self.set_cluster("--certificate-authority FILE --embed-certs");
        let pair = || self.set_user("--client-certificate FILE --client-key FILE --embed-certs");
        let (message, hint, below): (_, _, Box<dyn Error + Send + Sync>) = match error {
            Why::Parse(error) => {
                let place = error.location().map_or_else(String::new, |at| {
                    format!(" (line {}, column {})", at.line(), at.column())
                });
                let hint = self.own("correct it there until `kubectl config view` shows it");
                return self.unusable(format!("it is not a kubeconfig{place}"), hint);
            }
            Why::ReadConfig(error, _) => {
                let hint = self.own("set KUBECONFIG to a file that you may read");
                ("it cannot be read", hint, Box::new(error))
            }
            Why::LoadCertificateAuthority(error) => {
                ("its certificate authority cannot be read", authority(), Box::new(error))
            }
            Why::ParseCertificates(error) => {
                ("its certificate authority cannot be read", authority(), Box::new(error))
            }
            Why::LoadClientCertificate(error) => {
                ("its client certificate cannot be read", pair(), Box::new(error))
            }
            Why::LoadClientKey(error) => ("its client key cannot be read", pair(), Box::new(error)),
            error @ (Why::KindMismatch | Why::ApiVersionMismatch) => (
                "the files do not fit together",
                self.own("each must have `kind: Config` and `apiVersion: v1`"),
                Box::new(error),
            ),
            error @ (Why::CurrentContextNotSet
            | Why::LoadContext(_)
            | Why::LoadClusterOfContext(_)
            | Why::FindPath
            | Why::MissingClusterUrl
            | Why::ParseClusterUrl(_)
            | Why::ParseProxyUrl(_)
            | Why::ParseNoProxy(_)) => (
                "it is incomplete",
                self.own("see what is missing with `kubectl config view`"),
                Box::new(error),
            ),
        };
        let mut unusable = self.unusable(message, hint);
        unusable.source = Some(below);
        unusable
    }

    /// The error of credentials that no client can be built with.
    pub(super) fn unbuildable(&self, error: kube::Error) -> PortError {
        if let kube::Error::InferKubeconfig(error) = error {
            return self.unreadable(error);
        }
        let (message, hint) = if matches!(error, kube::Error::Auth(_)) {
            ("its user cannot sign in", self.by_hand())
        } else {
            let flags = "--client-certificate FILE --client-key FILE --embed-certs";
            ("its user's credentials make no connection", self.set_user(flags))
        };
        let mut unusable = self.unusable(message, hint);
        unusable.source = Some(Box::new(error));
        unusable
    }

    /// What corrects the entry of the cluster.
    pub(super) fn set_cluster(&self, flags: &str) -> String {
        self.edit(|_, cluster, _| format!("set-cluster {cluster} {flags}"))
    }

    /// What corrects the entry of the user.
    pub(super) fn set_user(&self, flags: &str) -> String {
        self.edit(|_, _, user| format!("set-credentials {user} {flags}"))
    }

    /// What corrects the context.
    pub(super) fn set_context(&self, flags: &str) -> String {
        self.edit(|context, _, _| format!("set-context {context} {flags}"))
    }

    /// What shows the sign-in at work, where somebody can answer it.
    pub(super) fn by_hand(&self) -> String {
        self.edit_with(|context, _, _| {
            format!("see it fail, and sign in, with `kubectl --context {context} get namespaces`")
        })
    }

    fn edit(&self, command: impl Fn(&str, &str, &str) -> String) -> String {
        self.edit_with(|context, cluster, user| {
            format!("set it with `kubectl config {}`", command(context, cluster, user))
        })
    }

    fn edit_with(&self, words: impl Fn(&str, &str, &str) -> String) -> String {
        match &self.origin {
            Origin::Context { context, cluster, user } => {
                let [context, cluster, user] = [context, cluster, user].map(|name| clean(name));
                words(&shell::quote(&context), &shell::quote(&cluster), &shell::quote(&user))
            }
            Origin::Aks => self.own(""),
        }
    }

    /// What helps where the file is the user's own, else where to look.
    pub(super) fn own(&self, hint: &str) -> String {
        match &self.origin {
            Origin::Context { .. } => hint.to_owned(),
            Origin::Aks => {
                "it is what Azure answered: see it with `az aks get-credentials --file -`".into()
            }
        }
    }
}
