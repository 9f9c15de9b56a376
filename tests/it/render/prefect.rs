//! Rendered templates on Prefect's own code, in the releases that the files of requirements pin: `just test-prefect`.
//!
//! prefect-kubernetes 0.5.10 is the last line that gives labels to the Job alone, 0.8.0 the newest; each shows
//! mistakes that the other hides.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use super::prefect;
use crate::python;
use crate::python::{succeed, text};

/// Set to 1 where these tests have to run, as in CI.
const REQUIRED: &str = "WIDCTL_REQUIRE_PREFECT";
/// The files of these tests.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/prefect");

/// Prints the template of a new work pool.
const DEFAULT: &str = "import json; from prefect_kubernetes import KubernetesWorker; \
                       print(json.dumps(KubernetesWorker.get_default_base_job_template()))";

/// The Python of an environment with these requirements, made where it is missing; `None` without Python or its
/// packages, unless these tests are required.
pub(crate) fn python(version: &str) -> Option<PathBuf> {
    let requirements = Path::new(FOLDER).join(format!("requirements-{version}.txt"));
    python::environment(&format!("prefect-{version}"), &requirements, REQUIRED)
}

/// Tries the ways out of a template of the account `training` in `ml`.
fn tried(python: &Path, template: &Path) -> Output {
    let mut command = Command::new(python);
    command.arg(Path::new(FOLDER).join("template.py")).arg(template).args(["ml", "training"]);
    command.output().unwrap()
}

/// No way out of the rendered template, neither of Prefect's own nor of the release's; but out of what is not rendered.
fn holds(version: &str) {
    let Some(python) = python(version) else { return };
    let stage = prefect();
    let base = succeed(Command::new(&python).args(["-c", DEFAULT]));
    stage.write("default.json", &base);
    stage.expect(0, "render teams.toml --target prefect --team ml --out embedded.json");
    stage.expect(
        0,
        "render teams.toml --target prefect --team ml --base default.json --out own.json",
    );
    let mut rendered = vec!["embedded.json"];
    if stage.read("own.json") != stage.read("embedded.json") {
        rendered.push("own.json");
    }
    assert_eq!(rendered.len() == 1, version == "0.8.0", "the embedded template is that of 0.8.0");
    for rendered in rendered {
        let Output { status, stdout, stderr } = tried(&python, &stage.path(rendered));
        assert!(status.success(), "{version} {rendered}: {}{}", text(&stdout), text(&stderr));
        assert!(text(&stdout).contains(" refused by the server, "), "{version} {rendered}");
    }
    assert!(!tried(&python, &stage.path("default.json")).status.success(), "{version}: a control");
}

#[test]
#[ignore = "needs Python and its packages: just test-prefect"]
fn no_job_variable_changes_who_a_flow_run_is() {
    let newest = thread::spawn(|| holds("0.8.0"));
    holds("0.5.10");
    newest.join().unwrap();
}
