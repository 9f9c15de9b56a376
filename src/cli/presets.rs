//! `presets` as people and programs read it.

use std::fmt::Write as _;

use clap::Args;

use crate::cli::args::TextFormat;
use crate::cli::run::printed;
use crate::cli::sink;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::presets::{self, Rule, Shown};
use crate::presets::{Preset, Shape};

/// `presets`.
#[derive(Args, Debug)]
pub struct PresetsArguments {
    /// Show this preset whole [default: a line for each]
    #[arg(value_name = "NAME", value_parser = presets::find)]
    pub name: Option<&'static Preset>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = TextFormat::Text)]
    pub format: TextFormat,
}

/// `presets`.
pub fn presets(arguments: &PresetsArguments) -> Result<Condition, Failure> {
    match (arguments.format, arguments.name) {
        (TextFormat::Text, None) => printed(sink::result(&table(&presets::all()))),
        (TextFormat::Text, Some(preset)) => printed(sink::result(&text(&presets::show(preset)))),
        (TextFormat::Json, None) => printed(sink::document(&json(&presets::all()))),
        (TextFormat::Json, Some(preset)) => printed(sink::document(&json(&presets::show(preset)))),
    }?;
    Ok(Condition::Done)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("every key of a preset is a string") + "\n"
}

/// What a shape is, for people.
fn meaning(shape: Shape) -> &'static str {
    match shape {
        Shape::Pod => "account and label are set in the template of each pod",
        Shape::Controller => "the controller's own pod signs in",
        Shape::Token => "a controller asks for tokens of the account; no pod needs a label",
    }
}

fn word(shape: Shape) -> &'static str {
    match shape {
        Shape::Pod => "pod",
        Shape::Controller => "controller",
        Shape::Token => "token",
    }
}

fn table(all: &[Shown]) -> String {
    let mut text = String::new();
    let mut row = |[name, system, shape, role, grant]: [&str; 5]| {
        let written = writeln!(text, "{name:<17}  {system:<16}  {shape:<10}  {role:<4}  {grant}");
        written.expect("writing to a string does not fail");
    };
    row(["PRESET", "SYSTEM", "SHAPE", "ROLE", "GRANT"]);
    for preset in all {
        let role = if preset.rules.is_empty() { "no" } else { "yes" };
        let grant = if preset.needs_grant_for.is_empty() { "no" } else { "yes" };
        row([preset.name, preset.system, word(preset.shape), role, grant]);
    }
    text.push_str("\nGRANT: a team in its own file needs the root file's.\n`widctl presets NAME` shows settings, rules and source.\n");
    text
}

/// One preset for people.
fn text(of: &Shown) -> String {
    let mut text = format!("{}: {}\n", of.name, of.does);
    let mut line = |label: &str, value: &str| {
        let label = if label.is_empty() { String::new() } else { format!("{label}:") };
        let written = writeln!(text, "  {label:<9} {value}");
        written.expect("writing to a string does not fail");
    };
    line("system", of.system);
    line("shape", &format!("{}: {}", word(of.shape), meaning(of.shape)));
    for place in &of.places {
        line("account", &format!("{}: {}", place.kind, place.account));
        if let Some(label) = &place.label {
            line("label", &format!("{}: {label}", place.kind));
        }
    }
    for settings in of.settings {
        line("set in", &settings.of);
        for (path, value) in &settings.values {
            line("", &format!("{path} = {value}"));
        }
    }
    for rule in &of.rules {
        line("rule", &sentence(rule));
    }
    if !of.needs_grant_for.is_empty() {
        let rights = of.needs_grant_for.join(", ");
        let grant = format!("[policy.grants] presets = [\"{}\"]", of.name);
        line("grant", &format!("`{grant}`, because of {rights}"));
    }
    for note in of.notes {
        line("note", note);
    }
    line("source", of.source);
    text
}

fn sentence(rule: &Rule) -> String {
    let groups: Vec<&str> =
        rule.api_groups.iter().map(|group| if group.is_empty() { "core" } else { group }).collect();
    let names = match &rule.resource_names[..] {
        [] => String::new(),
        names => format!(" named {}", names.join(", ")),
    };
    let (verbs, resources) = (rule.verbs.join(", "), rule.resources.join(", "));
    format!("{verbs} on {resources}{names} ({})", groups.join(", "))
}
