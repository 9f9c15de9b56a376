//! How long a sync takes where the services take their time, and where they enforce their documented rates,
//! beside the least that latency, parallelism and rates allow.
//!
//! `cargo bench --bench latency`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints it"
)]

mod estate;
mod rates;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use estate::Size;
use serde_json::Value;

const WIDCTL: &str = env!("CARGO_BIN_EXE_widctl");
/// The default of `--parallelism`.
const PARALLELISM: usize = 32;
/// Seconds that the services take: a read, a list, a write.
const READ: f64 = 0.06;
const LIST: f64 = 0.1;
const WRITE: f64 = 0.3;
const FAULTS: &str = "latency = { read_ms = 60, list_ms = 100, write_ms = 300 }\n";
const SIZE: Size = Size {
    teams: 100,
    accounts: 2,
    clusters: 2,
};
/// How often a sync is timed, in a sandbox of its own each time.
const RUNS: usize = 3;

fn main() {
    println!(
        "sync of {} teams, an identity each, {} credentials in all; read 60 ms, list 100 ms, write 300 ms",
        SIZE.teams,
        SIZE.workloads()
    );
    println!(
        "run     ARM reads  ARM writes  cluster reads  cluster writes  floor, each  floor, all     time"
    );
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder can be made");
        write(folder.path());
        for run in ["first", "second"] {
            sync(run, folder.path());
        }
    }
    rates::measure();
}

/// Syncs once and prints what it took and the least that it could take: with the parallelism for Azure and
/// for the clusters each, as it is, and with one for both.
fn sync(run: &str, folder: &Path) {
    let start = Instant::now();
    let output = Command::new(WIDCTL)
        .arg("sync")
        .arg(folder)
        .arg(format!(
            "--sandbox={}",
            folder.join("state/sandbox.json").display()
        ))
        .arg(format!(
            "--sandbox-faults={}",
            folder.join("state/faults").display()
        ))
        .args(["--auto-approve", "--format", "json", "-q"])
        .output()
        .expect("widctl starts");
    let time = start.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
    let count = |name: &str| report["run"]["requests"][name].as_u64().unwrap_or_default();
    let [arm_writes, cluster_writes] = ["arm_writes", "cluster_writes"].map(count);
    let credentials = if run == "second" { SIZE.teams } else { 0 };
    let each = reading(credentials) + writing(arm_writes.max(cluster_writes));
    let all = reading(credentials) + writing(arm_writes + cluster_writes);
    println!(
        "{run:<6}  {:>9}  {arm_writes:>10}  {:>13}  {cluster_writes:>14}  {each:>9.2} s  {all:>8.2} s  {time:>5.2} s",
        count("arm_reads"),
        count("cluster_reads"),
    );
}

/// The least time of reading: the identities, then their credentials; beside them each cluster's
/// kubeconfig, then its lists.
fn reading(credentials: usize) -> f64 {
    let lists = match credentials {
        0 => 0.0,
        _ => LIST.max(work(credentials as u64, LIST)),
    };
    (LIST + lists).max(READ + LIST)
}

/// The least time of writing: an identity, its credentials one by one, the account; or all the work.
fn writing(writes: u64) -> f64 {
    if writes == 0 {
        return 0.0;
    }
    let chain = 1 + SIZE.accounts + 1;
    work(writes, WRITE).max(work((chain * PARALLELISM) as u64, WRITE))
}

#[expect(clippy::cast_precision_loss, reason = "the counts are small")]
fn work(requests: u64, seconds: f64) -> f64 {
    requests as f64 * seconds / PARALLELISM as f64
}

fn write(folder: &Path) {
    for part in ["teams", "state"] {
        std::fs::create_dir_all(folder.join(part)).expect("a folder can be made");
    }
    std::fs::write(folder.join("state/faults"), FAULTS).expect("a file can be written");
    for file in estate::files(SIZE) {
        std::fs::write(folder.join(file.path), file.text).expect("a file can be written");
    }
}
