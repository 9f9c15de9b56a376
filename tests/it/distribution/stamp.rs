//! A tag that is not ready for a release is refused before anything is built.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{has, root, succeed, text};

const URL: &str = "https://github.com/example/widctl";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A copy of what the script reads, with the changelog's first heading replaced.
fn source(heading: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".ci/release")).unwrap();
    for name in [".ci/release/stamp.py", "Cargo.toml"] {
        fs::copy(root().join(name), folder.path().join(name)).unwrap();
    }
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let changelog = changelog.replacen("## Unreleased", heading, 1);
    fs::write(folder.path().join("CHANGELOG.md"), changelog).unwrap();
    folder
}

fn stamp(folder: &TempDir, tag: &str, url: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(folder.path().join(".ci/release/stamp.py"));
    command.args([tag, url, "notes.md"]).current_dir(folder.path());
    command
}

#[test]
#[ignore = "needs Python: just test-release"]
fn a_release_names_its_repository_and_has_its_section_of_the_changelog() {
    if !has("python3") {
        return;
    }
    let folder = source(&format!("## {VERSION} - 2026-12-01"));
    let tag = format!("v{VERSION}");
    for _ in 0..2 {
        assert_eq!(succeed(&mut stamp(&folder, &tag, URL)), format!("version={VERSION}\n"));
    }
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    assert_eq!(manifest["package"]["repository"].as_str(), Some(URL));
    assert!(read("notes.md").starts_with("### Added\n"));
}

#[test]
#[ignore = "needs Python: just test-release"]
fn what_is_not_ready_is_refused_and_named() {
    if !has("python3") {
        return;
    }
    let heading = format!("## {VERSION} - 2026-12-01");
    let (tag, other) = (format!("v{VERSION}"), "https://github.com/other/widctl");
    let named = source(&heading);
    succeed(&mut stamp(&named, &tag, other));
    for (folder, tag, url, said) in [
        (source(&heading), "v9.9.9", URL, "the tag is `v9.9.9`, and Cargo.toml has version"),
        (source("## Unreleased"), &*tag, URL, "CHANGELOG.md has no section"),
        (source(&heading), &*tag, "https:///", "is no address of a repository"),
        (source(&heading), &*tag, "", "TAG REPOSITORY_URL NOTES_FILE"),
        (named, &*tag, URL, "Cargo.toml names the repository https://github.com/other/widctl"),
    ] {
        let before = fs::read(folder.path().join("Cargo.toml")).unwrap();
        let Output { status, stderr, .. } = stamp(&folder, tag, url).output().unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(text(&stderr).contains(said), "{}", text(&stderr));
        assert_eq!(fs::read(folder.path().join("Cargo.toml")).unwrap(), before);
    }
}
