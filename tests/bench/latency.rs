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
mod served;
mod waterfall;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use estate::Size;
use serde_json::Value;
use served::{Served, Takes};

const WIDCTL: &str = env!("CARGO_BIN_EXE_widctl");
/// The default of `--parallelism`.
const PARALLELISM: u64 = 32;
const SIZE: Size = Size { teams: 100, accounts: 2, clusters: 2 };
/// How often a sync is timed, in a sandbox of its own each time.
const RUNS: usize = 7;

fn main() {
    println!(
        "sync of {} teams, an identity each, {} credentials in all; read 60 ms, list 100 ms, write 300 ms",
        SIZE.teams,
        SIZE.workloads()
    );
    println!(
        "run     ARM reads  ARM writes  cluster reads  cluster writes   floor  fastest  median  slowest"
    );
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut takes = None;
    for _ in 0..RUNS {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::create_dir(folder.path().join("teams")).expect("a folder can be made");
        for file in estate::files(SIZE) {
            std::fs::write(folder.path().join(file.path), file.text)
                .expect("a file can be written");
        }
        let served = Served::start(folder.path());
        takes = Some(served.takes());
        first.push(sync(folder.path(), &served));
        second.push(sync(folder.path(), &served));
    }
    let takes = takes.expect("there was a run");
    print("first", first, takes);
    print("second", second, takes);
    trust();
    rates::measure();
}

/// Reads of Azure before a first sync of one page of identities writes: Azure's lists and clusters, and the resource
/// group with what may be done there.
const READS_BEFORE_WRITES: u64 = 8;

/// Syncs of estates that are trust alone: an identity and two credentials for each team, beside the floor of latency,
/// parallelism and the looks that safety needs, and what the last of them waited for.
fn trust() {
    println!("\nsync of identities and credentials alone, two credentials each, medians");
    println!("teams  runs  run      a list    floor   median  ratio");
    for (teams, runs) in [(10, 9), (100, 9), (1_000, 3)] {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut known = None;
        for _ in 0..runs {
            let folder = tempfile::tempdir().expect("a folder can be made");
            std::fs::write(folder.path().join("teams.toml"), trusting(teams))
                .expect("a file can be written");
            let served = Served::start(folder.path());
            let timed = sync(folder.path(), &served);
            known = Some((served.takes(), timed.requests[0].saturating_sub(READS_BEFORE_WRITES)));
            first.push(timed.seconds);
            second.push(sync(folder.path(), &served).seconds);
            if teams == 1_000 && second.len() == runs {
                waterfall::print(folder.path(), &served);
            }
        }
        let (takes, looks) = known.expect("there was a run");
        // Whether the resource group exists is asked once no identity proves it; an identity is looked at again where
        // its list is older than 5 s.
        let looked = share(3 * teams) * takes.write + share(looks) * takes.read;
        let writes =
            takes.list + takes.read + (rounds(3 * teams).max(3.0) * takes.write).max(looked);
        let reads = takes.list + rounds(teams) * takes.list;
        for (run, mut seconds, floor) in [("first", first, writes), ("second", second, reads)] {
            seconds.sort_by(f64::total_cmp);
            let median = seconds[runs / 2];
            println!(
                "{teams:>5}  {runs:>4}  {run:<6}  {:>5.1} ms  {floor:>5.2} s  {median:>5.2} s   {:.2}",
                takes.list * 1_000.0,
                median / floor
            );
        }
    }
}

/// A profile of trust alone.
fn trusting(teams: u64) -> String {
    let team = |number: u64| {
        let account = |name: &str| {
            format!("[[team.workload]]\nservice_account = \"{name}\"\nmode = \"trust-only\"\n")
        };
        format!(
            "[[team]]\nname = \"t-{number}\"\nowner = \"a@example.com\"\nnamespace = \"t-{number}\"\nclusters = [\"k\"]\n\
             [[team.identity]]\nname = \"id-t-{number}\"\n{}{}",
            account("one"),
            account("two")
        )
    };
    let root = format!(
        "version = 1\nestate = \"trust\"\n[azure]\nsubscription = \"{}\"\nresource_group = \"rg-wi\"\n\
         location = \"westeurope\"\n[clusters.k]\nresource_group = \"rg-aks\"\nname = \"aks-k\"\n",
        estate::SUBSCRIPTION
    );
    root + &(0..teams).map(team).collect::<String>()
}

/// A sync that was timed.
struct Timed {
    seconds: f64,
    /// Reads and writes of Azure, reads and writes of clusters.
    requests: [u64; 4],
}

/// Syncs once.
fn sync(folder: &Path, served: &Served) -> Timed {
    let start = Instant::now();
    let output = command(folder, served).arg("-q").output().expect("widctl starts");
    let seconds = start.elapsed().as_secs_f64();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
    let count = |name| report["run"]["requests"][name].as_u64().unwrap_or_default();
    let classes = ["arm_reads", "arm_writes", "cluster_reads", "cluster_writes"];
    Timed { seconds, requests: classes.map(count) }
}

/// A sync of the profile in a folder.
fn command(folder: &Path, served: &Served) -> Command {
    let mut command = Command::new(WIDCTL);
    command
        .arg("sync")
        .arg(folder)
        .arg(format!("--sandbox={}", served.base))
        .args(["--auto-approve", "--format", "json"])
        // A library would keep one with each header that an answer does not have.
        .env_remove("RUST_BACKTRACE");
    command
}

fn print(run: &str, mut timed: Vec<Timed>, takes: Takes) {
    timed.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let [arm_reads, arm_writes, cluster_reads, cluster_writes] = timed[0].requests;
    let seconds = |place: usize| timed[place].seconds;
    println!(
        "{run:<6}  {arm_reads:>9}  {arm_writes:>10}  {cluster_reads:>13}  {cluster_writes:>14}  {:>4.2} s  {:>5.2} s  {:>4.2} s   {:>4.2} s",
        reading(arm_writes == 0, takes) + writing(arm_writes, takes),
        seconds(0),
        seconds(RUNS / 2),
        seconds(RUNS - 1),
    );
}

/// The least time of reading: the identities, then the credentials of those that exist; beside them each
/// cluster's kubeconfig, then its lists.
fn reading(identities_exist: bool, takes: Takes) -> f64 {
    let lists = if identities_exist { rounds(SIZE.teams as u64) * takes.list } else { 0.0 };
    (takes.list + lists).max(takes.read + takes.list)
}

/// The least time of writing: Azure's part, which is the longest, then the account that waits for the last
/// credential.
fn writing(arm_writes: u64, takes: Takes) -> f64 {
    if arm_writes == 0 {
        return 0.0;
    }
    (rounds(arm_writes) + 1.0) * takes.write
}

/// How often all places are taken until this many requests are through; none can be shared.
#[expect(clippy::cast_precision_loss, reason = "the counts are small")]
pub(crate) fn rounds(requests: u64) -> f64 {
    requests.div_ceil(PARALLELISM) as f64
}

/// The same where a place that is free is taken at once.
#[expect(clippy::cast_precision_loss, reason = "the counts are small")]
fn share(requests: u64) -> f64 {
    requests as f64 / PARALLELISM as f64
}
