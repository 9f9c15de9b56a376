//! The README's transcripts are what really prints.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::fs;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../README.md");

/// The blocks of this language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    let behind = README.split(opening.as_str()).skip(1);
    behind.map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// Runs the README's `cargo run -- …` in a folder with the sample profiles, and answers what both
/// streams hold.
fn run(command: &str, folder: &Path) -> (String, String) {
    let command = command.split(" #").next().unwrap();
    let arguments = command.strip_prefix("$ cargo run -- ").unwrap().split_whitespace();
    let output = Command::new(env!("CARGO_BIN_EXE_widctl"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_two_transcripts_of_the_first_screen_are_what_prints() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("profiles")).unwrap();
    fs::copy(
        concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/quickstart.toml"),
        folder.path().join("profiles/quickstart.toml"),
    )
    .unwrap();
    let transcripts = blocks("console");
    for transcript in &transcripts[1..3] {
        let (command, shown) = transcript.split_once('\n').unwrap();
        let (stdout, stderr) = run(command, folder.path());
        // The two streams meet on the reader's terminal, and changes end in no fixed order.
        let mut printed: Vec<&str> = stderr.lines().chain(stdout.lines()).collect();
        let mut shown: Vec<&str> = shown.lines().collect();
        printed.sort_unstable();
        shown.sort_unstable();
        assert_eq!(printed, shown, "{command}");
    }
}

#[test]
fn the_profile_shown_is_the_quickstart() {
    let file = include_str!("../../profiles/quickstart.toml");
    let value = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
    assert_eq!(value(blocks("toml")[0]), value(file));
}
