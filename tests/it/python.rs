//! Python's packages for tests: environments below `target/tmp`, made from files of pinned requirements.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of an environment of this name with these requirements, made where it is missing; or why there is none.
pub(crate) fn environment(requirements: &Path, name: &str) -> Result<PathBuf, String> {
    let wanted = fs::read_to_string(requirements).unwrap();
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (python, stamp) = (made.join("bin/python"), made.join("requirements.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
        return Ok(python);
    }
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear"]).arg(&made);
    let mut packages = Command::new(&python);
    packages.args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check"]);
    packages.arg("-r").arg(requirements);
    for command in [&mut environment, &mut packages] {
        let done = command.output().map_err(|error| format!("there is no Python: {error}"))?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr);
            return Err(format!("{command:?} failed: {why}"));
        }
    }
    fs::write(stamp, wanted).unwrap();
    Ok(python)
}
