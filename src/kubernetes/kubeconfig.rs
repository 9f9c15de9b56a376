//! Finds a context in the machine's kubeconfig files, or in the one that AKS gave.
//! <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>

use std::env;
use std::io;
use std::path::PathBuf;

use kube::config::AuthInfo;
use kube::config::Kubeconfig;
use kube::config::KubeconfigError;

use super::environment::Environment;
use crate::model::text::ClusterName;
use crate::ports::error::PortError;
use crate::ports::error::PortErrorKind;
use crate::ports::error::Service;

/// How alike a context must be to be suggested, 0 to 1.
const ALIKE: f64 = 0.7;
/// How many contexts are listed at most.
const LISTED: usize = 5;

/// A kubeconfig with the context that is used of it.
pub(super) struct Selected {
    /// The merged files.
    pub(super) kubeconfig: Kubeconfig,
    /// The context.
    pub(super) context: String,
    /// What it was read from, for people.
    pub(super) source: Source,
}

/// What a kubeconfig was read from, and for which cluster.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The cluster.
    pub(super) cluster: ClusterName,
    /// The source, for people: "the kubeconfig `/home/me/.kube/config`".
    pub(super) name: String,
}

impl Source {
    /// The error of a kubeconfig that is no use.
    pub(super) fn unusable(&self, message: impl Into<String>, hint: Option<String>) -> PortError {
        self.failed(PortErrorKind::Invalid, self.name.clone(), message, hint)
    }

    /// The error of something on this machine that the connection needs.
    pub(super) fn failed(
        &self,
        kind: PortErrorKind,
        what: String,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> PortError {
        let operation = format!("connect to cluster `{}`", self.cluster);
        let mut error = PortError::new(kind, Service::Local(what), operation);
        error.message = Some(message.into());
        error.hint = hint;
        error
    }

    /// The error of what kube could not make of a kubeconfig. Of a parse error only the place is kept:
    /// its text quotes the file, which holds secrets.
    pub(super) fn unreadable(&self, error: KubeconfigError) -> PortError {
        if let KubeconfigError::Parse(error) = &error {
            let place = error.location().map_or_else(String::new, |at| {
                format!(" (line {}, column {})", at.line(), at.column())
            });
            return self.unusable(format!("it is not a kubeconfig{place}"), None);
        }
        let mut unusable =
            self.unusable("it is incomplete or names a file that cannot be read", None);
        unusable.source = Some(Box::new(error));
        unusable
    }
}

impl Selected {
    /// The context of the machine's kubeconfig. It has to be named: the current context is whatever
    /// somebody last worked with.
    pub(super) fn of_machine(
        environment: &Environment,
        cluster: &ClusterName,
        context: &str,
    ) -> Result<Self, PortError> {
        let paths = paths(environment);
        let source = Source {
            cluster: cluster.clone(),
            name: name(&paths),
        };
        let mut merged: Option<Kubeconfig> = None;
        for path in &paths {
            let file = match Kubeconfig::read_from(path) {
                Ok(file) => file,
                // As kubectl does: a file of the list may be missing.
                Err(KubeconfigError::ReadConfig(error, _))
                    if error.kind() == io::ErrorKind::NotFound =>
                {
                    continue;
                }
                Err(error) => {
                    let source = Source {
                        cluster: cluster.clone(),
                        name: name(std::slice::from_ref(path)),
                    };
                    return Err(source.unreadable(error));
                }
            };
            merged = Some(match merged {
                None => file,
                Some(merged) => merged
                    .merge(file)
                    .map_err(|error| source.unreadable(error))?,
            });
        }
        let kubeconfig = merged.ok_or_else(|| {
            source.unusable(
                "there is no such file",
                Some(
                    "set KUBECONFIG to the file that has the context; an AKS cluster needs no context, only \
                     `resource_group` and `name`"
                        .into(),
                ),
            )
        })?;
        Self {
            kubeconfig,
            context: context.to_owned(),
            source,
        }
        .checked()
    }

    /// The one context of the kubeconfig that AKS gave.
    pub(super) fn of_aks(cluster: &ClusterName, bytes: &[u8]) -> Result<Self, PortError> {
        let source = Source {
            cluster: cluster.clone(),
            name: "the kubeconfig that AKS gave".into(),
        };
        let text = std::str::from_utf8(bytes)
            .map_err(|_| source.unusable("it is not text in UTF-8", None))?;
        let kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| source.unreadable(error))?;
        let context = kubeconfig
            .current_context
            .clone()
            .ok_or_else(|| source.unusable("it names no context", None))?;
        Self {
            kubeconfig,
            context,
            source,
        }
        .checked()
    }

    /// How the context signs in.
    pub(super) fn sign_in(&self) -> Option<&AuthInfo> {
        let context = self.context()?;
        let user = context.user.as_ref()?;
        let users = &self.kubeconfig.auth_infos;
        let found = users.iter().find(|named| named.name == *user)?;
        found.auth_info.as_ref()
    }

    /// The API server's address.
    pub(super) fn server(&self) -> Option<&str> {
        self.cluster()?.server.as_deref()
    }

    /// The proxy that the kubeconfig names for the server.
    pub(super) fn proxy(&self) -> Option<&str> {
        self.cluster()?.proxy_url.as_deref()
    }

    fn context(&self) -> Option<&kube::config::Context> {
        let contexts = &self.kubeconfig.contexts;
        let found = contexts.iter().find(|named| named.name == self.context)?;
        found.context.as_ref()
    }

    fn cluster(&self) -> Option<&kube::config::Cluster> {
        let cluster = &self.context()?.cluster;
        let clusters = &self.kubeconfig.clusters;
        let found = clusters.iter().find(|named| named.name == *cluster)?;
        found.cluster.as_ref()
    }

    /// Checks that everything the context refers to is there: kube would go on without credentials.
    fn checked(self) -> Result<Self, PortError> {
        let Self {
            kubeconfig,
            context,
            source,
        } = &self;
        if kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty() {
            return Err(source.unusable("it is empty", None));
        }
        let Some(found) = self.context() else {
            let names = kubeconfig.contexts.iter().map(|named| named.name.as_str());
            return Err(source.unusable(
                format!("it has no context `{context}`"),
                suggestion(context, &names.collect::<Vec<_>>()),
            ));
        };
        if self.server().is_none_or(str::is_empty) {
            let cluster = &found.cluster;
            return Err(source.unusable(
                format!("its context `{context}` refers to a cluster `{cluster}` without a server"),
                None,
            ));
        }
        if self.sign_in().is_none() {
            let user = found.user.as_deref().unwrap_or_default();
            return Err(source.unusable(
                format!("its context `{context}` refers to a user `{user}` that it does not have"),
                None,
            ));
        }
        Ok(self)
    }
}

/// The files to read: those of `KUBECONFIG`, else the home directory's.
fn paths(environment: &Environment) -> Vec<PathBuf> {
    let listed: Vec<PathBuf> = environment
        .kubeconfig
        .iter()
        .flat_map(env::split_paths)
        .filter(|path| !path.as_os_str().is_empty())
        .collect();
    if !listed.is_empty() {
        return listed;
    }
    let home = environment.home.iter();
    home.map(|home| home.join(".kube").join("config")).collect()
}

/// The files for people.
fn name(paths: &[PathBuf]) -> String {
    match paths {
        [] => "the kubeconfig (neither KUBECONFIG nor a home directory is set)".into(),
        [path] => format!("the kubeconfig `{}`", path.display()),
        paths => {
            let paths: Vec<String> = paths
                .iter()
                .map(|path| format!("`{}`", path.display()))
                .collect();
            format!("the kubeconfig {}", paths.join(", "))
        }
    }
}

/// The context that was probably meant, else those that there are.
fn suggestion(wanted: &str, names: &[&str]) -> Option<String> {
    let alike = names
        .iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    if let Some((_, name)) = alike {
        return Some(format!("did you mean `{name}`?"));
    }
    let listed: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = names.len().saturating_sub(LISTED);
    match (listed.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("it has {}", listed.join(", "))),
        (false, more) => Some(format!("it has {} and {more} more", listed.join(", "))),
    }
}
