//! The commands that touch no service.

use std::fmt::Write;
use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::{Arguments, InitArguments, TextFormat, ValidateArguments};
use crate::cli::run::printed;
use crate::cli::sink;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::{init, profile_files, write_file};
use crate::model::plural;
use crate::plan::contents::Note;
use crate::plan::notes::of_profile;
use crate::ports::chain;
use crate::profile;
use crate::profile::ProfileErrors;
use crate::profile::resolved::Profile;
use crate::report::escape;
use crate::report::refusal::note;
use crate::report::style::Style;

/// `init`.
pub fn init(arguments: &InitArguments) -> Result<Condition, Failure> {
    let path = init::init(arguments.team.as_deref(), arguments.file.as_deref())?;
    let shown = escape::terminal(&path.to_string_lossy()).into_owned();
    let next = match arguments.team {
        None => format!("Wrote {shown}. Fill it in, then: widctl validate {shown}\n"),
        Some(_) => format!("Wrote {shown}. Put it beside the root file of the profile's folder.\n"),
    };
    printed(sink::result(&next))?;
    Ok(Condition::Done)
}

/// `validate`.
pub fn validate(arguments: &ValidateArguments) -> Result<Condition, Failure> {
    let loaded = profile_files::load(arguments.profile.given("validate"));
    match (arguments.format, loaded) {
        (TextFormat::Text, Ok(profile)) => printed(sink::result(&valid(&profile)))?,
        (TextFormat::Json, Ok(profile)) => {
            let result = serde_json::json!({
                "valid": true,
                "estate": profile.estate,
                "sha256": profile.sha256,
                "errors": [],
                "errors_left_out": 0,
                "notes": notes(&profile),
            });
            printed(sink::document(&format!("{result:#}\n")))?;
        }
        (TextFormat::Json, Err(Failure::Profile(errors))) => {
            printed(sink::document(&format!("{:#}\n", invalid(&errors))))?;
            return Ok(Failure::Profile(errors).condition());
        }
        (TextFormat::Json, Err(failure)) => {
            printed(sink::document(&format!("{:#}\n", unread(&failure))))?;
            return Err(failure);
        }
        (TextFormat::Text, Err(failure)) => return Err(failure),
    }
    Ok(Condition::Done)
}

/// What the profile has for people to know.
fn notes(profile: &Profile) -> Vec<Note> {
    profile.remarks.iter().map(of_profile).collect()
}

fn valid(profile: &Profile) -> String {
    let identities = profile.teams.iter().map(|team| team.identities.len()).sum();
    let workloads = profile.teams.iter().map(|team| team.workloads.len()).sum();
    let mut text = format!(
        "Valid: estate {} with {}, {}, {} on {}.\n",
        profile.estate,
        plural::count(profile.teams.len(), "team"),
        plural::count(identities, "identity"),
        plural::count(workloads, "workload"),
        plural::count(profile.clusters.len(), "cluster"),
    );
    for each in notes(profile) {
        let written = write!(text, "\n{}", note(&each, Style::PLAIN));
        written.expect("writing to a string does not fail");
    }
    text
}

fn invalid(errors: &ProfileErrors) -> serde_json::Value {
    let left_out = errors.left_out();
    let errors: Vec<serde_json::Value> = errors
        .iter()
        .map(|error| {
            let (line, column) = error.position();
            serde_json::json!({
                "code": error.rule().code,
                "file": error.path(),
                "line": line,
                "column": column,
                "message": error.to_string(),
                "hint": error.hint(),
            })
        })
        .collect();
    serde_json::json!({ "valid": false, "errors": errors, "errors_left_out": left_out })
}

/// A profile that could not even be read has no place to point at.
fn unread(failure: &Failure) -> serde_json::Value {
    let mut message = vec![failure.to_string()];
    message.extend(chain::reasons(failure));
    let error = serde_json::json!({
        "code": "WID-RUN",
        "file": null,
        "line": null,
        "column": null,
        "message": message.join(": "),
        "hint": failure.hint(),
    });
    serde_json::json!({ "valid": false, "errors": [error], "errors_left_out": 0 })
}

/// `schema`.
pub fn schema() -> Result<Condition, Failure> {
    printed(sink::document(&profile::schema_json()))?;
    Ok(Condition::Done)
}

/// `man`: the main page and one for each command below it, printed or each in a file of its own.
pub fn man(folder: Option<&Path>) -> Result<Condition, Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    push_pages(&command, &mut pages);
    let Some(folder) = folder else {
        let text: String = pages.into_iter().map(|(_, text)| text).collect();
        printed(sink::result(&text))?;
        return Ok(Condition::Done);
    };
    for (name, text) in &pages {
        let path = folder.join(name);
        write_file::replace(&path, text.as_bytes())
            .map_err(|source| Failure::file("write", &path, source))?;
    }
    let shown = folder.to_string_lossy();
    let count = plural::count(pages.len(), "page");
    printed(sink::result(&format!("Wrote {count} to {}.\n", escape::terminal(&shown))))?;
    Ok(Condition::Done)
}

/// The pages of a command and those below it, each with the name of its file.
fn push_pages(command: &clap::Command, pages: &mut Vec<(String, String)>) {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text).expect("writing to memory does not fail");
    pages.push((page.get_filename(), String::from_utf8_lossy(&text).into_owned()));
    for below in command.get_subcommands() {
        push_pages(below, pages);
    }
}

/// `version`.
pub fn version() -> Result<Condition, Failure> {
    printed(sink::result(concat!("widctl ", env!("CARGO_PKG_VERSION"), "\n")))?;
    Ok(Condition::Done)
}
