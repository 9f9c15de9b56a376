//! What a shell is told after Tab: commands, flags and values from the arguments themselves, names of teams and
//! clusters from the profile that the line names or that is found without one.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use crate::cli::args::Arguments;
use crate::cli::profile;
use crate::cli::run::printed;
use crate::cli::sink;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::profile_files::{self, Given};
use crate::profile::resolved::Profile;

/// What the scripts set to the shell's name where they ask.
const VARIABLE: &str = "WIDCTL_COMPLETE";

/// Answers a shell that asks, and ends the process then.
pub fn answer() {
    CompleteEnv::with_factory(Arguments::command).var(VARIABLE).complete();
}

/// `completions`: the script that makes a shell ask.
pub fn completions(shell: clap_complete::Shell) -> Result<Condition, Failure> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let found = shells.completer(&name).expect("the library knows the shells that it names");
    let mut script = Vec::new();
    let written = found.write_registration(VARIABLE, "widctl", "widctl", "widctl", &mut script);
    written.expect("writing to memory does not fail");
    printed(sink::result(&String::from_utf8_lossy(&script)))?;
    Ok(Condition::Done)
}

/// The teams of the profile.
pub fn teams() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        names(|profile| {
            let teams = profile.teams.iter().chain(&profile.retired);
            teams.map(|team| team.name.to_string()).collect()
        })
    })
}

/// The clusters of the profile.
pub fn clusters() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        names(|profile| profile.clusters.keys().map(ToString::to_string).collect())
    })
}

/// Nobody reads an error behind a Tab: without a profile that can be loaded there are no names.
fn names(of: impl Fn(&Profile) -> Vec<String>) -> Vec<CompletionCandidate> {
    let words = env::args_os().skip_while(|word| word != "--").skip(1);
    let named = named(words).or_else(|| profile::search("complete").ok());
    let loaded = named.and_then(|path| {
        profile_files::load(Given {
            path: &path,
            root_only: false,
            command: "complete",
            placeholders: true,
        })
        .ok()
    });
    loaded
        .map(|profile| of(&profile))
        .unwrap_or_default()
        .into_iter()
        .map(CompletionCandidate::new)
        .collect()
}

/// The profile that an unfinished line names.
fn named(words: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let matches = Arguments::command().ignore_errors(true).try_get_matches_from(words).ok()?;
    let (_, matches): (&str, &ArgMatches) = matches.subcommand()?;
    matches.try_get_one::<PathBuf>("profile").ok().flatten().cloned()
}
