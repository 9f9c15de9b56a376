//! `validate`: what can be said of a profile without any service.

use std::fmt::Write;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use crate::cli::pipeline::command::Command;
use crate::cli::pipeline::told::{Output, Told};
use crate::cli::profile::ProfileArgument;
use crate::cli::run::printed;
use crate::cli::sink;
use crate::cli::terminal::Terminal;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::profile_files;
use crate::command::profile_files::Given;
use crate::model::plural;
use crate::plan::contents::Note;
use crate::plan::notes::of_profile;
use crate::ports::chain;
use crate::profile::ProfileErrors;
use crate::profile::resolved::Profile;
use crate::report::profile as report;
use crate::report::refusal::note;
use crate::report::sarif;
use crate::report::sarif::Judged;
use crate::report::style::Style;

/// `validate`.
#[derive(Args, Debug)]
pub struct ValidateArguments {
    /// Where the profile is.
    #[command(flatten)]
    pub profile: ProfileArgument,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = ValidateFormat::Text)]
    pub format: ValidateFormat,
    /// Fill in `${NAME}` with a placeholder of the right form, and read nothing of the environment
    #[arg(long, env = "WIDCTL_PLACEHOLDER_VARIABLES", value_parser = FalseyValueParser::new())]
    pub placeholder_variables: bool,
}

/// Formats of what is wrong with a profile.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValidateFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
}

/// `validate`.
pub fn validate(arguments: &ValidateArguments, terminal: Terminal) -> Result<Condition, Failure> {
    let placeholders = arguments.placeholder_variables;
    let given = Given { placeholders, ..arguments.profile.given("validate") };
    let loaded = profile_files::load(given);
    tell(terminal, arguments.format, &loaded);
    let document = match arguments.format {
        ValidateFormat::Text => {
            printed(sink::result(&valid(&loaded?)))?;
            return Ok(Condition::Done);
        }
        ValidateFormat::Json => json(&loaded),
        ValidateFormat::Sarif => scanned(&loaded, terminal),
    };
    printed(sink::document(&format!("{document:#}\n")))?;
    match loaded {
        Ok(_) => Ok(Condition::Done),
        // The document tells them, place by place.
        Err(failure @ Failure::Profile(_)) => Ok(failure.condition()),
        Err(failure) => Err(failure),
    }
}

/// Tells the pipeline what came of it. Whoever shows SARIF marks lines by it, and whoever ends with a failure marks them then.
fn tell(terminal: Terminal, format: ValidateFormat, loaded: &Result<Profile, Failure>) {
    let Some(pipeline) = terminal.pipeline else { return };
    let marks = match (format, loaded) {
        (ValidateFormat::Text | ValidateFormat::Json, Ok(profile)) => {
            Command::warnings(&profile.remarks)
        }
        (ValidateFormat::Json, Err(Failure::Profile(errors))) => Command::marks(errors),
        (ValidateFormat::Text | ValidateFormat::Json, Err(_)) | (ValidateFormat::Sarif, _) => {
            vec![]
        }
    };
    for mark in &marks {
        sink::command(mark, pipeline);
    }
    let (errors, warnings) = match loaded {
        Ok(profile) => (0, profile.remarks.len()),
        Err(Failure::Profile(errors)) => (errors.count(), 0),
        Err(_) => (1, 0),
    };
    let told = Told::new(pipeline);
    told.output(Output::count("errors", errors));
    told.output(Output::count("warnings", warnings));
    told.end(loaded.as_ref().err());
}

fn json(loaded: &Result<Profile, Failure>) -> serde_json::Value {
    match loaded {
        Ok(profile) => serde_json::json!({
            "valid": true,
            "estate": profile.estate,
            "sha256": profile.sha256,
            "placeholders": profile.placeholders,
            "errors": [],
            "errors_left_out": 0,
            "notes": notes(profile),
        }),
        Err(Failure::Profile(errors)) => invalid(errors),
        Err(failure) => unread(failure),
    }
}

fn scanned(loaded: &Result<Profile, Failure>, terminal: Terminal) -> serde_json::Value {
    let place = |path: &str| match terminal.pipeline {
        Some(pipeline) => pipeline.place(path),
        None => path.to_owned(),
    };
    let judged = match loaded {
        Ok(profile) => Judged::Right(&profile.remarks),
        Err(Failure::Profile(errors)) => Judged::Wrong(errors),
        Err(failure) => Judged::Unread(message(failure)),
    };
    sarif::document(&judged, env!("CARGO_PKG_VERSION"), &place)
}

/// What the profile has for people to know.
fn notes(profile: &Profile) -> Vec<Note> {
    profile.remarks.iter().map(of_profile).collect()
}

fn valid(profile: &Profile) -> String {
    let identities = profile.teams.iter().map(|team| team.identities.len()).sum();
    let workloads = profile.teams.iter().map(|team| team.workloads.len()).sum();
    let retired = match profile.retired.len() {
        0 => String::new(),
        leave => format!(" and {leave} that {}", if leave == 1 { "leaves" } else { "leave" }),
    };
    let mut text = format!(
        "Valid: estate {} with {}{retired}, {}, {} on {}.\n",
        profile.estate,
        plural::count(profile.teams.len(), "team"),
        plural::count(identities, "identity"),
        plural::count(workloads, "workload"),
        plural::count(profile.clusters.len(), "cluster"),
    );
    if let Some(said) = report::placeholders(&profile.placeholders) {
        text.push_str(&said);
        text.push('\n');
    }
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
    let error = serde_json::json!({
        "code": "WID-RUN",
        "file": null,
        "line": null,
        "column": null,
        "message": message(failure),
        "hint": failure.hint(),
    });
    serde_json::json!({ "valid": false, "errors": [error], "errors_left_out": 0 })
}

fn message(failure: &Failure) -> String {
    let mut message = vec![failure.to_string()];
    message.extend(chain::reasons(failure));
    message.join(": ")
}
