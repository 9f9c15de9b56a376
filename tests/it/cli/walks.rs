//! The walk-throughs of the documentation: each command is run as it is written, in a folder of its own, and prints
//! what the page shows.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use super::support::repository;

/// A command of a page, and the lines that the page shows below it.
#[derive(Default, Debug)]
struct Step<'p> {
    command: String,
    shown: Vec<&'p str>,
}

/// The commands of a page's `console` blocks: behind `$ `, further lines of one behind `> `.
fn steps(page: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.lines().take_while(|line| *line != "```") {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step { command: command.to_owned(), shown: Vec::new() });
            } else if let Some(step) = steps.last_mut() {
                match line.strip_prefix('>').filter(|_| step.shown.is_empty()) {
                    Some(more) => {
                        let more = more.strip_prefix(' ').unwrap_or(more);
                        step.command = format!("{}\n{more}", step.command);
                    }
                    None => step.shown.push(line),
                }
            }
        }
    }
    steps
}

/// What a command prints, both streams in the order in which they were written.
fn run(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_widctl"));
    let mut path = OsString::from(program.parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{command}\n{printed}");
    printed
}

/// Runs all commands of a page of the repository. A line `…` stands for whatever is left out; changes end in no fixed order.
fn walk(page: &str) {
    let folder = tempfile::tempdir().unwrap();
    let page = repository(page);
    let steps = steps(&page);
    assert!(steps.len() > 5, "the page has commands");
    for Step { command, shown } in steps {
        let printed = run(&command, folder.path());
        let mut left: Vec<&str> = printed.lines().collect();
        for line in shown.iter().filter(|line| **line != "…") {
            let at = left.iter().position(|printed| printed == line);
            let at =
                at.unwrap_or_else(|| panic!("`{line}` is not printed by {command}\n{printed}"));
            left.remove(at);
        }
        let is_whole = !shown.contains(&"…");
        assert!(!is_whole || left.is_empty(), "the page leaves out {left:#?} of {command}");
    }
}

#[test]
fn a_team_comes_from_its_file_to_a_verified_token() {
    walk("docs/onboarding.md");
}

#[test]
fn a_cluster_is_made_anew_without_a_gap() {
    walk("docs/moving.md");
}
