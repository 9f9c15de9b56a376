//! The attack run: many damaged profiles and named lies of servers, with figures. `just attack` runs it; it
//! is too long for every `cargo test`.

#![expect(clippy::print_stdout, reason = "the figures are what it is run for")]

mod child;
mod lies;
mod plans;
mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use tempfile::TempDir;
use widctl::profile::SourceFile;

use self::child::Ran;
use super::engine::Input;
use super::{engine, harm, profile};

/// The most memory that a run may take, in MB.
const MOST_MEMORY: u64 = 300;
/// The longest that a run of the program may take that asks nobody, or only the sandbox.
const LONGEST: Duration = Duration::from_secs(5);

/// How often each thing went wrong.
#[derive(Default)]
struct Figures {
    counts: BTreeMap<&'static str, usize>,
    /// The first input of each thing.
    first: BTreeMap<&'static str, String>,
}

/// What is counted, and the words of a finding that it is known by.
const KINDS: &[(&str, &str)] = &[
    ("panics", "a panic"),
    ("over 5 s", "takes too long"),
    ("over 300 MB", "memory"),
    ("commands of a log", "a command of"),
    ("control characters", "a control character"),
    ("secrets shown", "shows"),
    ("over 1 MB of output", "is large"),
    ("places outside", "points outside"),
];

impl Figures {
    /// Counts what went wrong; the first input of each thing is kept.
    fn add(&mut self, input: &str, why: &str, keep: impl FnOnce() -> String) {
        let known = KINDS.iter().find(|(_, words)| why.contains(words));
        let kind = known.map_or("other", |(kind, _)| *kind);
        *self.counts.entry(kind).or_default() += 1;
        let why: String = why.chars().take(200).collect();
        let first = self.first.entry(kind);
        first.or_insert_with(|| format!("{input}: {why}\n         {}", keep()));
    }

    fn print(&self, title: &str, count: usize, seconds: f64, peak: u64) {
        println!("\n{title}: {count} inputs in {seconds:.0} s, peak memory {peak} MB");
        for (kind, _) in KINDS.iter().chain(&[("other", "")]) {
            println!("  {kind:<20} {:>6}", self.counts.get(kind).copied().unwrap_or_default());
        }
        for first in self.first.values() {
            println!("  first: {first}");
        }
    }
}

/// Damaged profiles, the same for the same seed.
fn inputs(count: usize) -> impl Iterator<Item = Input> {
    let seeds = profile::seeds();
    let mut runner = engine::runner(1, number("WIDCTL_ATTACK_SEED", 1) as u64);
    let recipes = engine::recipes();
    (0..count).map(move |_| {
        let recipe = recipes.new_tree(&mut runner).unwrap().current();
        engine::cook(&seeds, &recipe)
    })
}

#[test]
#[ignore = "minutes long: `just attack`"]
fn twenty_thousand_damaged_profiles_do_no_harm() {
    let count = number("WIDCTL_ATTACK_COUNT", 20_000);
    let (mut figures, begun) = (Figures::default(), engine::now());
    for (index, input) in inputs(count).enumerate() {
        if let Err(why) = profile::TARGET.judge(&input) {
            let kept = || profile::TARGET.keep(&input, false).display().to_string();
            figures.add(&format!("input {index}"), &why, kept);
        }
    }
    let peak = child::peak_of(std::process::id());
    if peak > MOST_MEMORY {
        figures.add("all", "memory", String::new);
    }
    figures.print("damaged profiles, in process", count, begun.elapsed().as_secs_f64(), peak);
    assert!(figures.counts.is_empty());
}

#[test]
#[ignore = "minutes long: `just attack`"]
fn damaged_profiles_given_to_the_program_do_no_harm() {
    through_the_program(number("WIDCTL_ATTACK_SAMPLE", 500));
}

#[test]
fn a_few_damaged_profiles_given_to_the_program_do_no_harm() {
    through_the_program(8);
}

/// Gives the program what ever failed and damaged profiles, and prints what came of it.
fn through_the_program(count: usize) {
    let commands: [&[&str]; 3] =
        [&["validate"], &["validate", "--format", "json"], &["plan", "--sandbox=../sandbox.json"]];
    let found = engine::found(profile::TARGET.name).into_iter();
    let inputs = found.map(|(_, input)| input).chain(inputs(count));
    let (mut figures, begun, mut peak, mut runs) = (Figures::default(), engine::now(), 0, 0);
    for (index, input) in inputs.enumerate() {
        let stage = TempDir::new().unwrap();
        let place = write(stage.path(), &input);
        for command in commands {
            let line = [command, &[&place]].concat();
            let folder = stage.path().join("profile");
            let ran = child::run(&line, &folder, &environment(), LONGEST * 2);
            (peak, runs) = (peak.max(ran.peak), runs + 1);
            for why in judge(&ran, LONGEST, command.contains(&"json")) {
                let name = format!("input {index}, {}", command.join(" "));
                let kept = || profile::TARGET.keep(&input, false).display().to_string();
                figures.add(&name, &why, kept);
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    figures.print("damaged profiles, through the program", runs, seconds, peak);
    assert!(figures.counts.is_empty());
}

/// Planted secrets, and what the profiles of the repository use.
fn environment() -> Vec<(String, String)> {
    profile::environment().into_iter().filter(|(name, _)| name != "CONTROL").collect()
}

/// Writes an input below a folder as far as its paths are names of files; answers what to give the program.
fn write(stage: &Path, input: &[SourceFile]) -> String {
    let folder = stage.join("profile");
    for (index, file) in input.iter().enumerate() {
        let plain = file.path.replace(['/', '\\', '\0', '\n', '\r'], "-");
        let name: String = plain.trim_start_matches('.').chars().take(60).collect();
        let name =
            if input.len() == 1 { "widctl.toml".into() } else { format!("{index}-{name}.toml") };
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), &file.text).unwrap();
    }
    let single = input.len() == 1;
    (if single { "widctl.toml" } else { "." }).to_owned()
}

/// Everything that is wrong with a run.
fn judge(ran: &Ran, longest: Duration, is_json: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    if ran.code == Some(101) || ran.stderr.contains("panicked at") {
        wrong.push(format!("a panic: {}", ran.stderr.trim()));
    }
    if ran.took > longest || ran.code.is_none() {
        wrong.push(format!("it takes too long: {:?}", ran.took));
    }
    if ran.peak > MOST_MEMORY {
        wrong.push(format!("memory: {} MB", ran.peak));
    }
    wrong.extend(harm::of_output(&ran.stderr).map(|harm| format!("stderr: {harm}")));
    wrong.extend(harm::of_output(&ran.stdout).map(|harm| format!("stdout: {harm}")));
    if is_json
        && serde_json::from_str::<serde_json::Value>(&ran.stdout).is_err()
        && ran.code != Some(64)
    {
        wrong.push("stdout is no JSON".into());
    }
    wrong
}

#[expect(clippy::disallowed_methods, reason = "how much to try")]
fn number(name: &str, otherwise: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("it is a number"))
}

/// A path of the repository's.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
