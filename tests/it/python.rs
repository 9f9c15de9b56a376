//! Environments of Python for tests, below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// Says why a test is skipped, or fails where this variable says that it has to run, as in CI.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
#[expect(clippy::disallowed_methods, reason = "the switch of the tests is the environment's")]
pub(crate) fn skip(required: &str, why: &str) {
    assert!(env::var_os(required).is_none_or(|set| set != "1"), "{required} is set, and {why}");
    eprintln!("skipped: {why}");
}

/// The Python of an environment with the packages of a file of requirements, made where it is missing; `None` without
/// Python or its packages, unless `required` is set.
pub(crate) fn environment(name: &str, requirements: &Path, required: &str) -> Option<PathBuf> {
    let wanted = fs::read_to_string(requirements).expect("the requirements can be read");
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (python, stamp) = (made.join("bin/python"), made.join("requirements.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Some(python);
    }
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear"]).arg(&made);
    let mut packages = Command::new(&python);
    packages.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]);
    packages.arg("-r").arg(requirements);
    for command in [&mut environment, &mut packages] {
        let why = match command.output() {
            Ok(done) if done.status.success() => continue,
            Ok(done) => format!("{command:?} failed: {}", String::from_utf8_lossy(&done.stderr)),
            Err(error) => format!("there is no Python: {error}"),
        };
        skip(required, &why);
        return None;
    }
    fs::write(stamp, wanted).expect("the environment can be written to");
    Some(python)
}

/// What a program printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a program that has to succeed, and answers what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    assert!(status.success(), "{command:?}: {}{}", text(&stdout), text(&stderr));
    text(&stdout)
}
