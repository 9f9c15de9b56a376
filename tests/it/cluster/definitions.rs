//! Kinds of other projects as they are defined in the Go modules that publish them, on a real cluster.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use super::control_plane::{ControlPlane, another};
use super::tools::Program;
use super::{tools, webhook};

/// The module of Argo Workflows.
pub(super) const ARGO: &str = "github.com/argoproj/argo-workflows/v4";
/// Each module, and the files in it that define what is rendered for. Of Argo's definitions the full ones, which know
/// every field; the others take whatever is written.
const DEFINITIONS: [(&str, &[&str]); 3] = [
    (
        ARGO,
        &[
            "manifests/base/crds/full/argoproj.io_cronworkflows.yaml",
            "manifests/base/crds/full/argoproj.io_workflowtaskresults.yaml",
            "manifests/base/crds/full/argoproj.io_workflowtemplates.yaml",
        ],
    ),
    (
        "github.com/fluxcd/kustomize-controller",
        &["config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml"],
    ),
    ("istio.io/api", &["kubernetes/customresourcedefinitions.gen.yaml"]),
];

/// What Go says of a module of `tests/definitions`; `None` where there is no Go.
fn downloaded(path: &str, field: &str) -> Option<String> {
    let found = tools::go("definitions", &["mod", "download", "-json", path])?;
    let found: Value = serde_json::from_str(&found).unwrap();
    Some(found[field].as_str().unwrap().to_owned())
}

/// The folder of a module.
pub(super) fn module(path: &str) -> Option<PathBuf> {
    downloaded(path, "Dir").map(PathBuf::from)
}

/// The version of a module.
pub(super) fn version(path: &str) -> Option<String> {
    downloaded(path, "Version")
}

/// A cluster with these kinds. It is one of its own: whatever a cluster has of Argo is read by each `verify`, and other
/// tests look at what that asks for.
pub(super) fn plane() -> Option<&'static ControlPlane> {
    static PLANE: OnceLock<Option<&'static ControlPlane>> = OnceLock::new();
    *PLANE.get_or_init(|| {
        let plane = another()?;
        for (path, files) in DEFINITIONS {
            let module = module(path)?;
            for file in files {
                define(plane, &module.join(file));
            }
        }
        Some(plane)
    })
}

/// The same with the webhook, which then stays.
pub(super) fn plane_with_webhook() -> Option<&'static ControlPlane> {
    static WEBHOOK: OnceLock<Option<Program>> = OnceLock::new();
    let plane = plane()?;
    WEBHOOK.get_or_init(|| webhook::start(plane)).as_ref().map(|_| plane)
}

/// Defines what a file does. On the server: the files are larger than the annotation that `kubectl apply` keeps.
pub(super) fn define(plane: &ControlPlane, file: &Path) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let run = |words: &str| {
        let words: Vec<&str> = words.split(' ').chain(["-f", file.to_str().unwrap()]).collect();
        plane.kubectl(folder, &words)
    };
    let (code, said) = run("apply --server-side");
    assert_eq!(code, 0, "{said}");
    // `kubectl wait` gives up at once on a definition that has no status yet.
    let mut waits = (0..300).map(|_| run("wait --for=condition=Established --timeout=60s"));
    assert!(waits.any(|(code, _)| code == 0), "{} is not served", file.display());
}
