//! Finds a context in the machine's kubeconfig files.
//! <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use kube::config::{AuthInfo, Kubeconfig, KubeconfigError};

use super::audience;
use super::environment::Environment;
use super::error::clean;
use super::source::{Origin, Source};
use crate::model::text::ClusterName;
use crate::ports::error::PortError;

/// How alike a context must be to be suggested, 0 to 1.
const ALIKE: f64 = 0.7;
/// The largest file that is read, in bytes: thousands of clusters with their certificates fit in.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;
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
    /// The audience of the Entra token that it asks for in place of a program's credential.
    pub(super) audience: Option<String>,
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
        let of = |paths: &[PathBuf]| Source {
            cluster: cluster.clone(),
            name: name(paths),
            origin: Origin::Context {
                context: context.to_owned(),
                cluster: String::new(),
                user: String::new(),
            },
        };
        let source = of(&paths);
        if context.is_empty() {
            return Err(source.unusable(
                "the profile names no context of it",
                Some(format!("set `context` in `[clusters.{cluster}]`")),
            ));
        }
        let mut merged: Option<Kubeconfig> = None;
        for path in &paths {
            let Some(file) = read(path, &of(std::slice::from_ref(path)))? else {
                continue;
            };
            merged = Some(match merged {
                None => file,
                Some(merged) => merged.merge(file).map_err(|error| source.unreadable(error))?,
            });
        }
        let kubeconfig = merged.ok_or_else(|| {
            source.unusable(
                "there is no such file",
                Some(format!(
                    "set KUBECONFIG to the file that has context `{context}`; an AKS cluster needs no \
                     context, only `resource_group` and `name`"
                )),
            )
        })?;
        let mut found = Self::new(kubeconfig, context.to_owned(), source).named().checked()?;
        found.audience = found.sign_in().and_then(audience::asked_for);
        Ok(found)
    }

    /// A context that is not checked yet.
    pub(super) fn new(kubeconfig: Kubeconfig, context: String, source: Source) -> Self {
        Self { kubeconfig, context, source, audience: None }
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

    /// The cluster that the context refers to.
    pub(super) fn cluster(&self) -> Option<&kube::config::Cluster> {
        let cluster = &self.context()?.cluster;
        let clusters = &self.kubeconfig.clusters;
        let found = clusters.iter().find(|named| named.name == *cluster)?;
        found.cluster.as_ref()
    }

    /// With the names of the entries that the context refers to, for hints.
    fn named(mut self) -> Self {
        if let Some(found) = self.context() {
            self.source.origin = Origin::Context {
                context: self.context.clone(),
                cluster: found.cluster.clone(),
                user: found.user.clone().unwrap_or_default(),
            };
        }
        self
    }

    /// Checks that everything the context refers to is there: kube would go on without credentials.
    pub(super) fn checked(self) -> Result<Self, PortError> {
        let Self { kubeconfig, source, .. } = &self;
        let context = &clean(&self.context);
        if kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty() {
            let hint = format!("set KUBECONFIG to the file that has context `{context}`");
            return Err(source.unusable("it is empty", source.own(&hint)));
        }
        let Some(found) = self.context() else {
            let names = kubeconfig.contexts.iter().map(|named| named.name.as_str());
            return Err(source.unusable(
                format!("it has no context `{context}`"),
                source.own(&suggestion(source, context, &names.collect::<Vec<_>>())),
            ));
        };
        if self.server().is_none_or(str::is_empty) {
            let cluster = clean(&found.cluster);
            let what = match self.cluster() {
                Some(_) => "has no server",
                None => "it does not have",
            };
            return Err(source.unusable(
                format!("its context `{context}` refers to the cluster `{cluster}`, which {what}"),
                source.set_cluster("--server https://HOST:PORT"),
            ));
        }
        if self.sign_in().is_none() {
            let user = clean(found.user.as_deref().unwrap_or_default());
            return Err(source.unusable(
                format!(
                    "its context `{context}` refers to the user `{user}`, which it does not have"
                ),
                source.set_context("--user NAME"),
            ));
        }
        Ok(self)
    }
}

/// Reads one file of the list; `None` where it is missing, as kubectl does.
fn read(path: &Path, source: &Source) -> Result<Option<Kubeconfig>, PortError> {
    // Anything but a file might never end, and a pipe can be read for one cluster only.
    if let Ok(found) = fs::metadata(path) {
        if !found.is_file() {
            let hint = "set KUBECONFIG to a file: a folder, a pipe or a device is not read";
            return Err(source.unusable("it is not a regular file", Some(hint.into())));
        }
        if found.len() > FILE_LIMIT {
            let megabytes = FILE_LIMIT / 1024 / 1024;
            let hint = "set KUBECONFIG to a file that has the context alone, as `kubectl --context NAME config view --minify --raw` writes it";
            return Err(
                source.unusable(format!("it is larger than {megabytes} MB"), Some(hint.into()))
            );
        }
    }
    match Kubeconfig::read_from(path) {
        Ok(file) => Ok(Some(file)),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(source.unreadable(error)),
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
            let paths: Vec<String> =
                paths.iter().map(|path| format!("`{}`", path.display())).collect();
            format!("the kubeconfig {}", paths.join(", "))
        }
    }
}

/// The context that was probably meant, else those that there are.
fn suggestion(source: &Source, wanted: &str, names: &[&str]) -> String {
    let place = format!("`context` in `[clusters.{}]` of the profile", source.cluster);
    let alike = names
        .iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    if let Some((_, name)) = alike {
        return format!("did you mean `{name}`? It is {place}");
    }
    let listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    let more = match names.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let has = match listed.as_slice() {
        [] => String::new(),
        listed => format!("; it has {}{more}", listed.join(", ")),
    };
    format!("set {place}, or KUBECONFIG to the file that has it{has}")
}
