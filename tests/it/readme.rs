//! The README's transcripts are what really prints.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::collections::BTreeSet;
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
fn the_first_screen_shows_how_the_first_command_ends_and_what_the_second_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("profiles")).unwrap();
    fs::copy(
        concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/quickstart.toml"),
        folder.path().join("profiles/quickstart.toml"),
    )
    .unwrap();
    let (first, second) = blocks("console")[0].split_once('\n').unwrap();
    let (stdout, stderr) = run(first, folder.path());
    // The two streams meet on the reader's terminal, and changes end in no fixed order.
    let ending = stdout.lines().skip_while(|line| !line.starts_with("Plan: "));
    let written = stderr.lines().skip_while(|line| !line.starts_with("  create "));
    let mut printed: Vec<&str> = ending.chain(written).collect();
    let mut shown: Vec<&str> = blocks("text")[0].lines().collect();
    printed.sort_unstable();
    shown.sort_unstable();
    assert_eq!(printed, shown);
    let (_, said) = second.split_once(" # ").unwrap();
    assert_eq!(run(second, folder.path()).0.trim_end(), said);
}

#[test]
fn the_profile_shown_is_the_quickstart() {
    let file = include_str!("../../profiles/quickstart.toml");
    let value = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
    assert_eq!(value(blocks("toml")[0]), value(file));
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Resource type and verb of an action, `federatedidentitycredentials/write`.
fn ends(action: &str) -> String {
    let mut segments = action.rsplit('/');
    let (verb, kind) = (segments.next().unwrap(), segments.next().unwrap());
    format!("{kind}/{verb}").to_lowercase()
}

/// The kinds of requests that the matrix of faults met with, as verb and last type: `GET managedclusters`. It is
/// written from what the clients really send.
fn requests() -> Vec<(&'static str, &'static str)> {
    let table = include_str!("../../docs/faults.md");
    let (_, table) = table.split_once("\n| request |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| ")?.split(" |").next());
    rows.filter_map(|request| request.split_once(' ')).collect()
}

#[test]
fn the_permissions_of_the_readme_are_those_of_the_requests_that_are_sent() {
    // Everybody signed in may ask for them.
    const FREE: [&str; 4] = ["subscriptions", "permissions", "token", "selfsubjectaccessreviews"];
    let (_, chapter) = README.split_once("\n## Permissions\n").unwrap();
    let (azure, cluster) = chapter.split_once("| for | Kubernetes verbs |").unwrap();
    let (cluster, _) = cluster.split_once("\n\n").unwrap();
    let said: BTreeSet<String> =
        quoted(azure).filter(|text| text.contains('/')).map(ends).collect();
    let mut sent = BTreeSet::new();
    for (method, kind) in requests().into_iter().filter(|(_, kind)| !FREE.contains(kind)) {
        let verbs: &[&str] = match method {
            "GET" => &["get"],
            "LIST" => &["list"],
            "PATCH" => &["create", "patch"],
            "DELETE" => &["delete"],
            "PUT" | "POST" => &[],
            other => panic!("{other} {kind} needs a right"),
        };
        let parts = cluster.split([';', '\n']);
        let mut of_kind = parts.filter(|part| quoted(part).any(|text| text.ends_with(kind)));
        if of_kind.clone().next().is_some() {
            let names =
                |part: &str| verbs.iter().all(|verb| quoted(part).any(|text| text == *verb));
            let is_document = kind == "openid-configuration";
            assert!(is_document || of_kind.any(names), "{method} {kind} on a cluster");
            continue;
        }
        sent.insert(match method {
            "GET" | "LIST" => format!("{kind}/read"),
            "PUT" | "PATCH" => format!("{kind}/write"),
            "POST" => format!("{kind}/action"),
            _ => format!("{kind}/delete"),
        });
    }
    // The estate of the matrix has no cluster of Arc.
    let said: Vec<&String> = said.iter().filter(|&end| end != "connectedclusters/read").collect();
    assert_eq!(said, sent.iter().collect::<Vec<_>>());
}
