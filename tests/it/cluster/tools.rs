//! Programs that are built from the Go modules beside the tests and run as long as the tests do.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, fs, io};

use serde_json::Value;

/// Set to 1 where a cluster test that cannot run has to fail, as in CI.
pub(crate) const REQUIRED: &str = "WIDCTL_REQUIRE_CLUSTER";
/// What to do where there is no Go.
const NO_GO: &str = "Go is not installed, so the API server of the tests cannot be built: install Go 1.26 or \
                     later from https://go.dev/doc/install, or name another cluster's kubeconfig in \
                     WIDCTL_TEST_KUBECONFIG";

/// The folder of the built programs and their logs.
fn folder() -> PathBuf {
    // With the slash at its end, `go build` takes it for a folder.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cluster/");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Builds packages of a module under `tests/` and answers the folder that they are in; Go's own cache
/// makes it cheap the second time. `None` where there is no Go, unless the cluster tests are required.
pub(crate) fn build(module: &str, arguments: &[&str]) -> Option<PathBuf> {
    let folder = folder();
    let output = folder.to_str().unwrap();
    go(module, &[&["build", "-o", output], arguments].concat())?;
    Some(folder)
}

/// What `go` prints in a module under `tests/`.
pub(crate) fn go(module: &str, arguments: &[&str]) -> Option<String> {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(module);
    let mut command = Command::new("go");
    match command.current_dir(&module).args(arguments).output() {
        Ok(done) if done.status.success() => Some(String::from_utf8(done.stdout).unwrap()),
        Ok(done) => panic!(
            "go {} in {}:\n{}",
            arguments.join(" "),
            module.display(),
            String::from_utf8_lossy(&done.stderr)
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            skip(NO_GO);
            None
        }
        Err(error) => panic!("go: {error}"),
    }
}

/// Says why a test is skipped, or fails where it must not be.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
#[expect(clippy::disallowed_methods, reason = "the switch of the tests is the environment's")]
pub(crate) fn skip(why: &str) {
    assert!(env::var_os(REQUIRED).is_none_or(|set| set != "1"), "{REQUIRED} is set, and {why}");
    eprintln!("skipped: {why}");
}

/// A running program. It ends when its standard input is closed: when this value goes, or the process.
pub(super) struct Program {
    /// What it said when it was ready.
    pub(super) ready: Value,
    _child: Child,
}

impl Program {
    /// Starts a program and waits for its line of JSON; it bounds the wait itself.
    pub(super) fn start(program: &Path, arguments: &[&str]) -> Self {
        let log = program.with_extension("log");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| {
            let said = fs::read_to_string(&log).unwrap();
            let last: Vec<&str> = said.lines().rev().take(20).collect();
            panic!("{} did not start:\n{}", program.display(), last.join("\n"))
        });
        Self { ready, _child: child }
    }
}
