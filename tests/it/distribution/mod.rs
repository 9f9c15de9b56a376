//! What a release publishes, made and tried on this machine: `just test-release`.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

mod action;
mod archive;
mod hooks;
mod image;
mod stamp;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::python;
use crate::python::{succeed, text};

/// Set to 1 where these tests have to run, as in CI.
const REQUIRED: &str = "WIDCTL_REQUIRE_RELEASE";
/// The version and platform of the archive that is made here.
const TARGET: &str = concat!(env!("CARGO_PKG_VERSION"), "-x86_64-unknown-linux-gnu");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A script of the release, or one that tries what it makes.
fn script(path: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(root().join(path)).env("SOURCE_DATE_EPOCH", "1700000000");
    command
}

/// Whether a program is there; one that is not is said.
fn has(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        python::skip(REQUIRED, &format!("there is no `{program}`"));
    }
    is_there
}

/// The program without what only debuggers read, as a release has it.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release");
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("widctl");
        let built = env!("CARGO_BIN_EXE_widctl");
        succeed(Command::new("strip").arg("-o").arg(&program).arg(built));
        program
    })
}

/// The Python with what is tried here.
fn tools() -> Option<PathBuf> {
    let requirements = root().join("tests/release/requirements.txt");
    python::environment("release-tools", &requirements, REQUIRED)
}
