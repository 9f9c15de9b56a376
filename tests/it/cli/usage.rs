//! The command line itself: mistakes, help, exit codes, generated texts.

use std::collections::{BTreeMap, BTreeSet};

use widctl::cli::exit;
use widctl::command::condition::{Condition, Signal};

use super::support::{Stage, repository};

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let stage = Stage::quickstart();
    for line in [
        "",
        "--unknown",
        "frobnicate",
        "plan",
        "plan teams.toml --unknown",
        "plan teams.toml --timeout soon",
        "plan teams.toml --parallelism 0",
        "plan teams.toml --sandbox-strict",
        "plan teams.toml --auth telepathy",
        "plan teams.toml --json --format text",
        "sync teams.toml --check --auto-approve",
        "sync teams.toml --prune --team data-eng",
        "plan teams.toml --prune --cluster weu",
        "plan teams.toml --sandbox --out -",
        "sync teams.toml --allow-mass-delete",
        "sync teams.toml --require-all --allow-incomplete",
        "apply teams.toml",
        "validate teams.toml --quiet --verbose",
        "sandbox",
    ] {
        let ran = stage.expect(64, line);
        assert_eq!(ran.stdout, "", "{line}");
        assert!(ran.stderr.contains("Usage: ") || ran.stderr.starts_with("error: "));
    }
    let wrong = stage.expect(64, "plan teams.toml --sandbx");
    assert!(wrong.stderr.contains("--sandbox"), "{wrong:#?}");
    assert!(!stage.exists(".widctl"));
}

#[test]
fn help_and_version_are_results() {
    let stage = Stage::new();
    let version = stage.expect(0, "--version");
    assert_eq!(version.stdout, format!("widctl {}\n", env!("CARGO_PKG_VERSION")));
    for line in ["--help", "-h", "plan --help", "sandbox serve --help"] {
        let help = stage.expect(0, line);
        assert!(help.stdout.contains("Usage: widctl"), "{help:#?}");
        assert_eq!(help.stderr, "");
    }
}

/// The codes and meanings of the README's table.
fn readme() -> BTreeMap<String, String> {
    let readme = repository("README.md");
    let section = readme.split("## Exit codes").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        Some((cells.next()?.to_owned(), cells.next()?.to_owned()))
    });
    rows.filter(|(code, _)| code.starts_with(char::is_numeric)).collect()
}

#[test]
fn the_readme_the_help_and_the_program_name_the_same_exit_codes() {
    let help = Stage::new().expect(0, "--help").stdout;
    assert!(help.contains(exit::TABLE), "{help}");
    let readme = readme();
    for (code, meaning) in readme.iter().filter(|(code, _)| !code.contains(',')) {
        let line = format!("{code:>5}  {meaning}");
        assert!(help.lines().any(|found| found == line), "{line}\n{help}");
    }
    let numbers: BTreeSet<u8> = readme
        .keys()
        .flat_map(|codes| codes.split(", "))
        .map(|code| code.parse().unwrap())
        .collect();
    let conditions = [
        Condition::Usage,
        Condition::Interrupted(Signal::Interrupt),
        Condition::Interrupted(Signal::Terminate),
        Condition::GuardrailRefused,
        Condition::PlanStale,
        Condition::NotSignedIn,
        Condition::PartlyApplied,
        Condition::Unverified,
        Condition::Failed,
        Condition::Pending,
        Condition::Done,
    ];
    assert_eq!(numbers, conditions.map(exit::code).into());
    for number in numbers {
        assert!(help.contains(&number.to_string()));
    }
}

#[test]
fn a_sync_that_nobody_can_confirm_fails_and_writes_nothing() {
    let stage = Stage::quickstart();
    for flags in ["", "--no-input", "--json", "--format json", "--quiet"] {
        let line = format!("sync teams.toml --sandbox=sandbox.json {flags}");
        let ran = stage.expect(1, &line);
        for said in ["nothing was written", "--auto-approve", "--plan"] {
            assert!(ran.stderr.contains(said), "{line}: {ran:#?}");
        }
    }
    let pending = stage.expect(0, "plan teams.toml --sandbox=sandbox.json");
    assert_eq!(pending.last(), "Plan: 0 to adopt, 5 to add, 0 to change, 0 to destroy.");
}

#[test]
fn only_those_who_ask_for_it_learn_of_changes_by_the_exit_code() {
    let stage = Stage::quickstart();
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json");
    for line in [
        "plan teams.toml --sandbox=sandbox.json --detailed-exitcode",
        "sync teams.toml --sandbox=sandbox.json --check",
    ] {
        let ran = stage.expect(2, line);
        assert_eq!(ran.last(), "Plan: 0 to adopt, 5 to add, 0 to change, 0 to destroy.");
    }
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json --detailed-exitcode");
    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --check");
}

#[test]
fn the_schema_in_the_documentation_is_the_programs() {
    let printed = Stage::new().expect(0, "schema").stdout;
    assert_eq!(printed, repository("docs/profile.schema.json"));
}

#[test]
fn completions_and_the_manual_are_printed() {
    let stage = Stage::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stage.expect(0, &format!("completions {shell}")).stdout;
        assert!(script.contains("WIDCTL_COMPLETE"), "{shell}");
    }
    let manual = stage.expect(0, "man").stdout;
    for part in [".TH widctl", "Exit codes", "auto\\-approve", "sandbox"] {
        assert!(manual.contains(part), "{part}");
    }
}

#[test]
fn a_mistake_on_the_command_line_says_what_was_meant() {
    let stage = Stage::quickstart();
    for (line, told) in [
        ("plan teams.toml --auth az", "did you mean `azure-cli`? known: environment, "),
        (
            "plan --sandbox sb.json teams.toml",
            "hint: `--sandbox` takes a file behind an equals sign: `--sandbox=sb.json`",
        ),
        ("plan teams.toml --out -", "`--format json` prints the plan on stdout"),
    ] {
        let ran = stage.expect(64, line);
        assert!(ran.stderr.contains(told), "{line}: {ran:#?}");
    }
    let ran = stage.expect(1, "init .");
    assert!(ran.stderr.contains("`.` is a folder, and nothing was written"), "{ran:#?}");
    assert!(ran.stderr.contains("hint: name the file, `widctl init ./teams.toml`"), "{ran:#?}");
}

#[test]
fn a_sandbox_file_that_cannot_be_meant_leaves_nothing_behind() {
    let stage = Stage::quickstart();
    for file in [".", "teams.toml", "missing/folder/sandbox.json"] {
        let ran = stage.expect(1, &format!("plan teams.toml --sandbox={file}"));
        assert!(ran.stderr.starts_with("error: "), "{ran:#?}");
    }
    let left: Vec<_> = std::fs::read_dir(stage.path(".")).unwrap().collect();
    assert_eq!(left.len(), 1, "the profile alone: {left:?}");
}

#[test]
fn a_failed_sign_in_tells_each_method_on_a_line() {
    let stage = Stage::quickstart();
    let ran = stage.expect(4, "plan teams.toml --timeout 1s");
    for line in ["  environment: AZURE_CLIENT_ID is not set", "  azure-cli: "] {
        assert!(ran.stderr.lines().any(|told| told.starts_with(line)), "{ran:#?}");
    }
}

#[test]
fn a_wrong_value_of_a_variable_names_the_variable_and_a_flag_wins_over_it() {
    let mut stage = Stage::quickstart();
    stage.set("WIDCTL_TIMEOUT", Some("soon"));
    let ran = stage.expect(64, "plan teams.toml --sandbox");
    assert!(ran.stderr.contains("environment variable WIDCTL_TIMEOUT"), "{ran:#?}");
    stage.expect(0, "plan teams.toml --sandbox --timeout 5s");
    stage.set("WIDCTL_TIMEOUT", None::<&str>);
    let ran = stage.expect(64, "plan teams.toml --timeout soon");
    assert!(!ran.stderr.contains("environment variable"), "{ran:#?}");
    stage.set("WIDCTL_FORMAT", Some("json"));
    stage.set("WIDCTL_SANDBOX", Some("sandbox.json"));
    let ran = stage.expect(0, "plan teams.toml");
    assert!(ran.stdout.starts_with('{'), "{ran:#?}");
}

#[test]
fn help_and_version_are_commands_and_what_all_have_stands_at_the_end() {
    let stage = Stage::new();
    assert_eq!(stage.expect(0, "version").stdout, stage.expect(0, "--version").stdout);
    assert!(stage.expect(0, "help plan").stdout.contains("Usage: widctl plan"));
    let help = stage.expect(0, "sync -h").stdout;
    let places = ["What:", "Writing:", "Connection:", "Output:", "Global:", "Examples:"]
        .map(|heading| help.find(heading).unwrap_or_else(|| panic!("{heading}: {help}")));
    let global = places[4];
    assert!(places[..4].iter().all(|place| *place < global) && global < places[5], "{help}");
    for flag in ["--color", "--quiet", "--no-input", "--verbose", "--log-file"] {
        assert!(help.find(flag).unwrap() > global, "{flag}: {help}");
    }
}

#[test]
fn each_manual_page_is_a_file_that_the_others_refer_to_by_its_name() {
    let stage = Stage::new();
    stage.write("man/keep", "");
    stage.expect(0, "man --out-dir man");
    let main = stage.read("man/widctl.1");
    assert!(main.contains("widctl\\-plan(1)"), "{main}");
    assert!(stage.read("man/widctl-plan.1").contains(".TH widctl-plan 1"));
    assert!(stage.exists("man/widctl-sandbox-serve.1"));
}
