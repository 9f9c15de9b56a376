//! What no output may hold, whoever wrote the input.

use std::error::Error;

use widctl::cli::terminal::Terminal;
use widctl::cli::{diagnostic, sink};
use widctl::command::failure::Failure;
use widctl::ports::error::PortError;

/// The most bytes that are printed about one input.
pub(super) const MOST_BYTES: usize = 1_000_000;

/// Values that no output may show. The environment of every run holds them under the names of secrets.
pub(super) const SECRETS: &[(&str, &str)] = &[
    ("AZURE_CLIENT_SECRET", "planted-Jq8-client-secret"),
    ("GITHUB_TOKEN", "planted-Vx2-github-token"),
    ("DATABASE_PASSWORD", "planted-Kd5-password"),
    ("SIGNING_KEY", "planted-Rz9-signing-key"),
];

/// What is wrong with an output, in words; `None` where it is harmless.
pub(super) fn of_output(text: &str) -> Option<String> {
    if text.len() > MOST_BYTES {
        return Some(format!("the output is large: {} bytes", text.len()));
    }
    if let Some((name, _)) = SECRETS.iter().find(|(_, value)| text.contains(value)) {
        return Some(format!("the output shows {name}"));
    }
    let hostile = |character: &char| is_hostile(*character);
    if let Some(character) = text.chars().find(hostile) {
        return Some(format!("a control character in the output: {character:?}"));
    }
    let command = text.lines().find(|line| is_command(line));
    command.map(|line| format!("a command of a pipeline's log in the output: {line:?}"))
}

/// A failure as it is printed where nobody's terminal is.
pub(super) fn printed(failure: &Failure) -> String {
    sink::lines(&diagnostic::render(failure, Terminal::plain())).into_owned()
}

/// What is wrong with an error: with what people see of it, and with what can be got out of it at all.
pub(super) fn of_error(error: PortError, secrets: &[&str]) -> Result<(), String> {
    // What developers see of an error is logged, on the way that everything printed takes.
    let everything = sink::lines(&all_of(&error)).into_owned();
    let printed = printed(&Failure::Port(error));
    let shown = |text: &str| secrets.iter().find(|secret| text.contains(**secret)).copied();
    if let Some(secret) = shown(&printed) {
        return Err(format!("an error prints {secret}"));
    }
    if let Some(secret) = shown(&everything) {
        return Err(format!("the Debug text of an error shows {secret}"));
    }
    of_output(&printed).map_or(Ok(()), Err)
}

/// Everything that an error can be made to say: its text, what lies below it, and both for developers.
pub(super) fn all_of(error: &(dyn Error + 'static)) -> String {
    let mut text = format!("{error}\n{error:?}");
    let mut below = error.source();
    while let Some(source) = below {
        text = format!("{text}\n{source}\n{source:?}");
        below = source.source();
    }
    text
}

/// Whether a pipeline's log takes a line for a command. GitHub's runner trims Unicode white space before
/// it looks for `::`, and finds `##[` anywhere, as the agent of Azure Pipelines finds `##vso[`.
/// <https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>
/// <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#formatting-commands>
pub(super) fn is_command(line: &str) -> bool {
    let named = line.trim_start().strip_prefix("::");
    named.is_some_and(|rest| rest.contains("::")) || line.contains("##[") || line.contains("##vso[")
}

/// Whether a character moves the cursor, hides, or turns the reading direction. A line break is the
/// program's own.
fn is_hostile(character: char) -> bool {
    (character.is_control() && character != '\n' && character != '\t')
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[test]
fn the_watchman_sees_what_is_harmful_and_nothing_else() {
    for harmful in [
        "::error::x",
        "a\n \u{2003}::add-mask::x",
        "see ##[error]x",
        "x ##vso[task.setvariable variable=a]b",
        "\u{1b}[31m",
        "a\rb",
        "\u{202e}",
        SECRETS[0].1,
        &"x".repeat(MOST_BYTES + 1),
    ] {
        let start: String = harmful.chars().take(40).collect();
        assert!(of_output(harmful).is_some(), "{start:?}");
    }
    for harmless in ["a::b::c", "  12 | ::error::x", ":: x", "## [error]", "é\t\n"] {
        assert_eq!(of_output(harmless), None);
    }
}
