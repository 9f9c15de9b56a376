//! The words that the project does not use, as docs/architecture.md lists them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// What people read: sources with their messages and comments, and pages.
const ROOMS: [&str; 6] = ["src", "docs", "profiles", "README.md", "CHANGELOG.md", ".github"];
const ENDINGS: [&str; 4] = ["", "s", "ed", "ing"];

/// A page on one line in lower case, without the marks of comments.
fn plain(text: &str) -> String {
    let lines = text.lines().map(|line| line.trim().trim_start_matches(['/', '!', '#', '|', '>']));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    format!(" {} ", words.join(" ").to_lowercase())
}

/// Where a phrase is used, with the words around it.
fn uses(plain: &str, phrase: &str) -> Vec<String> {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    let found = plain.match_indices(phrase).filter(|(at, _)| {
        let rest = &plain[at + phrase.len()..];
        let ends = ENDINGS.iter().filter_map(|ending| rest.strip_prefix(ending));
        is_edge(plain[..*at].chars().next_back())
            && ends.map(|rest| rest.chars().next()).any(is_edge)
    });
    let around = |at: usize| {
        let before = plain[..at].char_indices().rev().nth(30).map_or(0, |(at, _)| at);
        plain[before..].chars().take(80).collect()
    };
    found.map(|(at, _)| around(at)).collect()
}

#[test]
fn words_that_the_vocabulary_replaces_are_not_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vocabulary = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let (_, table) = vocabulary.split_once("| not | but |\n|---|---|\n").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let replaced: Vec<&str> =
        table.lines().map(|row| row.split('|').nth(1).unwrap().trim()).collect();
    assert!(replaced.len() > 5, "{replaced:?}");
    let mut wrong = Vec::new();
    for entry in ROOMS.iter().flat_map(|room| WalkDir::new(root.join(room))) {
        let path: PathBuf = entry.unwrap().into_path();
        let read = ["rs", "md", "toml", "json", "yml"].map(OsStr::new);
        if !path.extension().is_some_and(|end| read.contains(&end)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap().replace(table, "");
        let text = plain(&text);
        for phrase in &replaced {
            let found = uses(&text, phrase).into_iter();
            wrong.extend(found.map(|around| format!("{phrase}: {}: {around}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_phrase_is_found_in_its_forms_and_across_lines_but_not_inside_of_other_words() {
    let found = |text: &str, phrase: &str| uses(&plain(text), phrase).len();
    assert_eq!(found("/// what mends it\n/// is\n/// well", "mend"), 1);
    assert_eq!(found("/// what mends it\n/// is\n/// well", "is well"), 1);
    assert_eq!(found("recommend, amend, `mend_it`, this wellness", "mend"), 0);
    assert_eq!(found("this well", "is well"), 0);
}
