//! Finds a context in the machine's kubeconfig files.
//! <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster,
    NamedContext,
};

use super::environment::Environment;
use super::error::clean;
use super::kubelogin::Asked;
use super::source::{SERVER_FLAG, Source};
use super::{entries, namesakes};
use crate::model::text::ClusterName;
use crate::ports::error::PortError;
use crate::ports::place::{Fault, Origin};

/// The largest file that is read, in bytes: thousands of clusters with their certificates fit in.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;
/// The name of the one cluster, user and context of what is taken of a kubeconfig.
const ONLY: &str = "only";

/// A context of a kubeconfig: what it connects to and how it signs in.
pub(super) struct Selected {
    /// What it was read from, for people.
    pub(super) source: Source,
    /// The cluster.
    pub(super) cluster: Cluster,
    /// The user.
    pub(super) user: AuthInfo,
    /// The Entra token that it asks for in place of a program's credential.
    pub(super) asked: Option<Asked>,
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
                context: clean(context),
                cluster: String::new(),
                user: String::new(),
            },
        };
        let mut source = of(&paths);
        if context.is_empty() {
            return Err(source.unusable("the profile names no context of it", Fault::Unnamed));
        }
        let files = read_all(&paths, of)?;
        let mut all = files.iter().map(|(_, file)| file.clone());
        let missing = || source.unusable("there is no such file", Fault::NoFile);
        let first = all.next().ok_or_else(missing)?;
        let merged =
            all.try_fold(first, Kubeconfig::merge).map_err(|error| source.unreadable(error))?;
        source.name.push_str(&namesakes::of(&files, &merged, context));
        Self::of(&merged, context, source)?.settled()
    }

    /// What a context refers to, which has to be there: kube would go on without credentials.
    pub(super) fn of(
        kubeconfig: &Kubeconfig,
        context: &str,
        mut source: Source,
    ) -> Result<Self, PortError> {
        let shown = &clean(context);
        if kubeconfig.contexts.is_empty() && kubeconfig.clusters.is_empty() {
            return Err(source.unusable("it is empty", Fault::Empty));
        }
        let found = kubeconfig.contexts.iter().find(|named| named.name == context);
        let Some(found) = found.and_then(|named| named.context.as_ref()) else {
            let names = kubeconfig.contexts.iter().map(|named| clean(&named.name));
            let fault = Fault::NoContext(names.collect());
            return Err(source.unusable(format!("it has no context `{shown}`"), fault));
        };
        let user = found.user.as_deref().unwrap_or_default();
        if let Origin::Context { cluster, user: named, .. } = &mut source.origin {
            *cluster = clean(&found.cluster);
            *named = clean(user);
        }
        let clusters = &kubeconfig.clusters;
        let cluster = clusters.iter().find(|named| named.name == found.cluster);
        let cluster = cluster.and_then(|named| named.cluster.as_ref()).map(entries::read);
        let Some(cluster) = cluster.as_ref().filter(|cluster| cluster.server.is_some()) else {
            let what = if cluster.is_some() { "has no server" } else { "it does not have" };
            let name = clean(&found.cluster);
            return Err(source.unusable(
                format!("its context `{shown}` refers to the cluster `{name}`, which {what}"),
                Fault::OfCluster(SERVER_FLAG),
            ));
        };
        let users = &kubeconfig.auth_infos;
        let sign_in = users.iter().find(|named| named.name == user);
        let Some(sign_in) = sign_in.and_then(|named| named.auth_info.as_ref()) else {
            let user = clean(user);
            return Err(source.unusable(
                format!(
                    "its context `{shown}` refers to the user `{user}`, which it does not have"
                ),
                Fault::OfContext("--user NAME"),
            ));
        };
        let (cluster, user) = (cluster.clone(), entries::read(sign_in));
        Ok(Self { source, cluster, user, asked: None })
    }

    /// The same with one way to sign in, if kubectl would find one in it too.
    pub(super) fn settled(mut self) -> Result<Self, PortError> {
        entries::check(&self.source, &self.cluster, &self.user)?;
        entries::settle(&mut self.user);
        self.asked = Asked::by(&self.user);
        Ok(self)
    }
}

/// The contexts of the machine's kubeconfig.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contexts {
    /// The current one.
    pub current: Option<String>,
    /// The names of all.
    pub names: Vec<String>,
}

impl Contexts {
    /// Those of the machine; none where it has no kubeconfig.
    pub fn of_machine(environment: &Environment) -> Result<Self, PortError> {
        let paths = paths(environment);
        let of = |paths: &[PathBuf]| Source {
            cluster: ClusterName::from(""),
            name: name(paths),
            origin: Origin::Context {
                context: String::new(),
                cluster: String::new(),
                user: String::new(),
            },
        };
        let files = read_all(&paths, of).map_err(|mut error| {
            error.operation = "find the contexts".into();
            error
        })?;
        let mut current = files.iter().filter_map(|(_, file)| file.current_context.as_ref());
        let contexts = files.iter().flat_map(|(_, file)| &file.contexts);
        Ok(Self {
            current: current.find(|current| !current.is_empty()).cloned(),
            names: contexts.map(|named| named.name.clone()).collect(),
        })
    }
}

/// The files of a list that there are.
fn read_all(
    paths: &[PathBuf],
    of: impl Fn(&[PathBuf]) -> Source,
) -> Result<Vec<(&Path, Kubeconfig)>, PortError> {
    let mut files = Vec::new();
    for path in paths {
        if let Some(file) = read(path, &of(std::slice::from_ref(path)))? {
            files.push((path.as_path(), file));
        }
    }
    Ok(files)
}

/// A kubeconfig of these entries alone.
pub(super) fn only(cluster: Cluster, user: AuthInfo) -> Kubeconfig {
    let context = Context { cluster: ONLY.into(), user: Some(ONLY.into()), ..Context::default() };
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: ONLY.into(),
            cluster: Some(cluster),
            ..NamedCluster::default()
        }],
        auth_infos: vec![NamedAuthInfo {
            name: ONLY.into(),
            auth_info: Some(user),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: ONLY.into(),
            context: Some(context),
            ..NamedContext::default()
        }],
        current_context: Some(ONLY.into()),
        ..Kubeconfig::default()
    }
}

/// Reads one file of the list; `None` where it is missing, as kubectl does.
fn read(path: &Path, source: &Source) -> Result<Option<Kubeconfig>, PortError> {
    // Anything but a file might never end, and a pipe can be read for one cluster only.
    if let Ok(found) = fs::metadata(path) {
        if !found.is_file() {
            return Err(source.unusable("it is not a regular file", Fault::Irregular));
        }
        if found.len() > FILE_LIMIT {
            let megabytes = FILE_LIMIT / 1024 / 1024;
            let message = format!("it is larger than {megabytes} MB");
            return Err(source.unusable(message, Fault::TooLarge));
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
