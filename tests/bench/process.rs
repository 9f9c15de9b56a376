//! The whole process: start-up, validating a folder of 1,000 team files, and what a sync asks of the services.
//!
//! `cargo bench --bench process`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints it"
)]

mod estate;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use estate::Size;
use serde_json::Value;

const WIDCTL: &str = env!("CARGO_BIN_EXE_widctl");
/// How often each command is timed; the median counts.
const RUNS: usize = 21;

fn main() {
    println!("start-up: widctl --help, median of {RUNS}: {}", millis(median(&["--help"])));

    let folder = tempfile::tempdir().expect("a folder can be made");
    let large = Size { teams: 1_000, accounts: 10, clusters: 20 };
    write(large, folder.path());
    let path = folder.path().to_string_lossy();
    println!(
        "validate: a folder of {} team files, {} workloads, median of {RUNS}: {}",
        large.teams,
        large.workloads(),
        millis(median(&["validate", &path]))
    );

    println!(
        "\nrequests of a sync on the sandbox (ARM bound of a no-change plan: T + 3C + 2S + 1)"
    );
    println!(
        "   T    C  run     ARM reads  bound  ARM writes  cluster reads  cluster writes  tokens     time"
    );
    for size in [
        Size { teams: 5, accounts: 2, clusters: 1 },
        Size { teams: 50, accounts: 2, clusters: 3 },
        Size { teams: 200, accounts: 2, clusters: 4 },
    ] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        write(size, folder.path());
        for run in ["first", "second"] {
            requests(size, run, folder.path());
        }
    }
}

fn requests(size: Size, run: &str, folder: &Path) {
    let sandbox = format!("--sandbox={}", folder.join("state/sandbox.json").display());
    let path = folder.to_string_lossy();
    let output = Command::new(WIDCTL)
        .args(["sync", &path, &sandbox, "--auto-approve", "--format", "json", "-q"])
        .output()
        .expect("widctl starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
    let count = |name: &str| report["run"]["requests"][name].as_u64().unwrap_or_default();
    println!(
        "{:>4} {:>4}  {run:<6}  {:>9}  {:>5}  {:>10}  {:>13}  {:>14}  {:>6}  {:>5} s",
        size.teams,
        size.clusters,
        count("arm_reads"),
        size.teams + 3 * size.clusters + 3,
        count("arm_writes"),
        count("cluster_reads"),
        count("cluster_writes"),
        count("token_requests"),
        report["run"]["seconds"],
    );
}

fn write(size: Size, folder: &Path) {
    std::fs::create_dir_all(folder.join("teams")).expect("a folder can be made");
    for file in estate::files(size) {
        std::fs::write(folder.join(file.path), file.text).expect("a file can be written");
    }
}

fn median(arguments: &[&str]) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let output = Command::new(WIDCTL).args(arguments).output().expect("widctl starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[RUNS / 2]
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}
