//! The real cluster of a test run: one for all tests.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde::Deserialize;
use tempfile::TempDir;

use super::tools;
use super::tools::Program;

/// Points the tests at another cluster, by the current context of a kubeconfig.
const OTHER: &str = "WIDCTL_TEST_KUBECONFIG";
/// Whom RBAC grants nothing until a test does.
const RESTRICTED_USER: &str = "widctl-restricted";

/// A real cluster.
pub(super) struct ControlPlane {
    /// A kubeconfig of an administrator, by its current context.
    pub(super) kubeconfig: PathBuf,
    /// A kubeconfig of [`Self::restricted_user`], by its current context.
    pub(super) restricted_kubeconfig: PathBuf,
    /// Whom RBAC grants nothing until a test does.
    pub(super) restricted_user: String,
    running: Running,
}

impl ControlPlane {
    /// Runs `kubectl` in a folder as an administrator: its exit code, and what it printed on both streams.
    pub(super) fn kubectl(&self, folder: &Path, words: &[&str]) -> (i32, String) {
        let Output { status, stdout, stderr } = Command::new(programs().unwrap().join("kubectl"))
            .args(words)
            .current_dir(folder)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", folder)
            .output()
            .unwrap();
        let printed = [stdout, stderr].concat();
        (status.code().unwrap(), String::from_utf8(printed).unwrap())
    }

    /// Whether it was started for this test run alone.
    pub(super) fn is_own(&self) -> bool {
        matches!(self.running, Running::Program(_))
    }
}

/// What goes when the cluster does.
#[expect(dead_code, reason = "they are kept for what their end does")]
enum Running {
    /// Our own.
    Program(Program),
    /// The folder of the restricted kubeconfig.
    Other(TempDir),
}

/// What the control plane says when it is ready.
#[derive(Deserialize)]
struct Ready {
    kubeconfig: PathBuf,
    restricted_kubeconfig: PathBuf,
    restricted_user: String,
}

/// The cluster of this test run; `None` where there is none and none is required.
pub(super) fn control_plane() -> Option<&'static ControlPlane> {
    static PLANE: OnceLock<Option<ControlPlane>> = OnceLock::new();
    PLANE
        .get_or_init(|| other().or_else(|| Some(start(&programs()?.join("controlplane")))))
        .as_ref()
}

/// Another cluster, for a test that changes what all tests of a cluster share. It ends with the process.
pub(super) fn another() -> Option<&'static ControlPlane> {
    let own = start(&programs()?.join("controlplane"));
    Some(Box::leak(Box::new(own)))
}

/// The folder of the built control plane and `kubectl`.
pub(crate) fn programs() -> Option<&'static Path> {
    static PROGRAMS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let built = PROGRAMS.get_or_init(|| {
        let version = kubernetes_version()?;
        let (major, minor) = version[1..].split_once('.').unwrap();
        let minor = minor.split('.').next().unwrap();
        // The version that a release build would be stamped with.
        let package = "k8s.io/component-base/version";
        let stamps = format!(
            "-X {package}.gitVersion={version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"
        );
        let packages = [".", "k8s.io/kubernetes/cmd/kubectl"];
        let arguments = [&["-ldflags", stamps.as_str()], &packages[..]].concat();
        tools::build("controlplane", &arguments)
    });
    built.as_deref()
}

/// The version of Kubernetes that the module names, `v1.36.3`; `None` where there is no Go.
fn kubernetes_version() -> Option<String> {
    let list = ["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"];
    let version = tools::go("controlplane", &list)?;
    Some(version.trim().to_owned())
}

fn start(program: &Path) -> ControlPlane {
    let program = Program::start(program, &[]);
    let ready = Ready::deserialize(&program.ready).unwrap();
    ControlPlane {
        kubeconfig: ready.kubeconfig,
        restricted_kubeconfig: ready.restricted_kubeconfig,
        restricted_user: ready.restricted_user,
        running: Running::Program(program),
    }
}

/// The cluster that the environment names; its restricted user is impersonated.
#[expect(clippy::disallowed_methods, reason = "the switch of the tests is the environment's")]
fn other() -> Option<ControlPlane> {
    let kubeconfig = PathBuf::from(env::var_os(OTHER)?);
    let mut restricted = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
    impersonate(&mut restricted, RESTRICTED_USER);
    let folder = TempDir::new().unwrap();
    let restricted_kubeconfig = folder.path().join("restricted.kubeconfig");
    let text = serde_json::to_string(&restricted).unwrap();
    std::fs::write(&restricted_kubeconfig, text).unwrap();
    Some(ControlPlane {
        kubeconfig,
        restricted_kubeconfig,
        restricted_user: RESTRICTED_USER.into(),
        running: Running::Other(folder),
    })
}

/// Lets whoever uses a kubeconfig act as somebody else.
pub(super) fn impersonate(kubeconfig: &mut kube::config::Kubeconfig, user: &str) {
    for signing_in in &mut kubeconfig.auth_infos {
        let sign_in = signing_in.auth_info.get_or_insert_default();
        sign_in.impersonate = Some(user.into());
    }
}
