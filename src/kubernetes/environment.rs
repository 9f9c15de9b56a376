//! What the machine says about clusters, read in one place so that nothing else depends on it.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use jiff::Timestamp;

/// The surroundings that connections to clusters depend on.
#[derive(Clone, Debug)]
pub struct Environment {
    /// `KUBECONFIG`: a list of files as `PATH` is one.
    /// <https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/>
    pub kubeconfig: Option<OsString>,
    /// The home directory, whose `.kube/config` is read where `KUBECONFIG` is not set.
    pub home: Option<PathBuf>,
    /// `HTTPS_PROXY`: the proxy for API servers.
    pub https_proxy: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks that no proxy is used for.
    pub no_proxy: Option<String>,
    /// The wall clock, which the expiry of an exec plugin's credential is held against.
    pub now: fn() -> Timestamp,
}

impl Environment {
    /// The surroundings of this process.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place where the Kubernetes side reads them"
    )]
    pub fn of_process() -> Self {
        let text = |names: [&str; 2]| {
            names.into_iter().find_map(|name| env::var(name).ok()).filter(|value| !value.is_empty())
        };
        Self {
            kubeconfig: env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            home: env::home_dir(),
            https_proxy: text(["HTTPS_PROXY", "https_proxy"]),
            no_proxy: text(["NO_PROXY", "no_proxy"]),
            now: Timestamp::now,
        }
    }
}
