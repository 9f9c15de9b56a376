//! Every bad profile in `bad/` gives exactly the message in the `.stderr` beside it. A case is a file or a
//! folder; its environment is `SET=from-the-environment` and `CONTROL` with an escape sequence.
//! `WIDCTL_BLESS=1 cargo test --test it profile::bad` writes the messages anew; read them before you commit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use widctl::model::rule::{Rule, RuleKind};
use widctl::profile::{ProfileError, ProfileErrors};
use widctl::report::style::Style;
use widctl::{profile, report};

use super::{VERSION, files, repository};

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository("tests/it/profile/bad")).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut cases: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_none_or(|end| end != "stderr")).collect();
    cases.sort();
    cases
}

fn environment() -> BTreeMap<String, String> {
    let set = [("SET", "from-the-environment"), ("CONTROL", "\u{1b}[31m"), ("EMPTY", "")];
    set.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The messages as the command line prints them without colour, and whether they are refusals.
pub(super) fn render(errors: &ProfileErrors) -> String {
    format!("{}refused: {}\n", report::profile::text(errors, Style::PLAIN), errors.refused())
}

fn expected(case: &Path) -> PathBuf {
    case.with_extension("stderr")
}

#[test]
fn every_bad_profile_is_explained_as_written_down() {
    #[expect(clippy::disallowed_methods, reason = "whether to write the messages anew")]
    let bless = std::env::var_os("WIDCTL_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let Err(errors) = profile::load(&files(&case), &environment(), &VERSION) else {
            wrong.push(format!("{name}: loads without an error"));
            continue;
        };
        let found = render(&errors);
        if bless {
            fs::write(expected(&case), &found).unwrap();
        }
        let written = fs::read_to_string(expected(&case)).unwrap_or_default();
        if written != found {
            wrong.push(format!("{name}: expected\n{written}\nfound\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_rule_is_broken_by_a_bad_profile() {
    let mut broken = BTreeSet::new();
    for case in cases() {
        if let Err(errors) = profile::load(&files(&case), &environment(), &VERSION) {
            broken.extend(errors.iter().map(|error| error.rule().code));
        }
    }
    let rules: BTreeSet<&str> = profile::rules().map(|rule| rule.code).collect();
    let unbroken: Vec<&&str> = rules.difference(&broken).collect();
    assert!(unbroken.is_empty(), "no bad profile breaks {unbroken:?}");
    assert!(broken.is_subset(&rules), "not in the table: {:?}", broken.difference(&rules));
}

#[test]
fn a_policy_that_could_not_be_read_refuses_nothing() {
    let by_policy = [RuleKind::Guardrail, RuleKind::Grant, RuleKind::Isolation];
    for case in cases() {
        let mut files = files(&case);
        for file in &mut files {
            file.text.extend_from_slice(b"\n[policy.misspelt]\n");
        }
        let Err(errors) = profile::load(&files, &environment(), &VERSION) else {
            panic!("{case:?}: `policy.misspelt` is no key");
        };
        // Which variables hold secrets is not the policy's to say.
        let rules = errors.iter().map(ProfileError::rule);
        let rules = rules.filter(|rule| rule.code != "WID-SECRET-VARIABLE");
        let refused: Vec<&Rule> = rules.filter(|rule| by_policy.contains(&rule.kind)).collect();
        assert!(refused.is_empty(), "{case:?}: {refused:?}");
    }
}

#[test]
fn every_message_says_where_and_how_to_mend() {
    for case in cases() {
        let Err(errors) = profile::load(&files(&case), &environment(), &VERSION) else {
            continue;
        };
        for error in &errors {
            let (message, code) = (error.to_string(), error.rule().code);
            assert!(!error.hint().is_empty() || code == "WID-SYNTAX", "{case:?}: {message}");
            assert!(!message.ends_with('.'), "{case:?}: {message}");
            assert!(error.position().0 >= 1 && error.position().1 >= 1);
        }
    }
}
