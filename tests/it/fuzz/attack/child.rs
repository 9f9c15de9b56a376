//! A run of the program with its time and the most memory that it held.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::engine;

/// How often a run is looked at.
const PULSE: Duration = Duration::from_millis(2);

/// What came of a run.
#[derive(Debug)]
pub(super) struct Ran {
    /// The exit code; `None` where it was stopped.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) took: Duration,
    /// The most memory, in MB; 0 where the system does not tell.
    pub(super) peak: u64,
}

/// Runs the program in a folder with these variables and no others, no longer than that.
pub(super) fn run(
    line: &[&str],
    folder: &Path,
    environment: &[(String, String)],
    longest: Duration,
) -> Ran {
    let output = tempfile::tempdir().unwrap();
    let path = |name: &str| output.path().join(name);
    let begun = engine::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_widctl"))
        .args(line)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .env("HOME", output.path())
        .stdin(Stdio::null())
        .stdout(File::create(path("stdout")).unwrap())
        .stderr(File::create(path("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_of(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > longest {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        wait();
    };
    let text = |name: &str| String::from_utf8_lossy(&fs::read(path(name)).unwrap()).into_owned();
    Ran {
        code: status.and_then(|status| status.code()),
        stdout: text("stdout"),
        stderr: text("stderr"),
        took: begun.elapsed(),
        peak,
    }
}

#[expect(clippy::disallowed_methods, reason = "another process is waited for")]
fn wait() {
    std::thread::sleep(PULSE);
}

/// The most memory that a process has held so far, in MB; 0 where the system does not tell.
/// <https://docs.kernel.org/filesystems/proc.html>
pub(super) fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
