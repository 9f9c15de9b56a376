//! Texts of strangers on every way out: whatever a pipeline's log is made of, none of it is a command there.

use super::support::{Ran, Stage};

/// What a team or a server would like a pipeline to do.
const COMMAND: &str = "##vso[task.setvariable variable=PATH]/evil";
/// The same for GitHub's runner, which trims every white space before it, and for its older form.
const WORKFLOW: &str = "\u{a0}::add-path::/evil";
const OLD: &str = "##[add-path]/evil";

/// The lines that a pipeline would act on, and what moves a terminal's cursor.
/// <https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs>
pub(super) fn acted_on(text: &str) -> Vec<&str> {
    let is_hostile = |line: &&str| {
        let lower = line.to_lowercase();
        line.trim_start().starts_with("::")
            || lower.contains("##[")
            || lower.contains("##vso[")
            || line.contains(|c: char| c.is_control() && c != '\t')
    };
    text.split('\n').filter(is_hostile).collect()
}

fn is_told_and_harmless(what: &str, ran: &Ran) {
    let told = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(acted_on(&told), Vec::<&str>::new(), "{what}: {told}");
    let named = ["vso[", "evil"].iter().any(|part| told.contains(part));
    assert!(named, "{what}: the hostile text got as far as the output: {told}");
}

fn quickstart_with_tags() -> Stage {
    let stage = Stage::quickstart();
    let tags = format!(
        "name  = \"id-data-eng\"\ntags = {{ a = \"{COMMAND}\", b = \"{WORKFLOW}\", c = \"{OLD}\" }}\n"
    );
    stage.edit("teams.toml", "name  = \"id-data-eng\"\n", &tags);
    stage
}

#[test]
fn a_teams_values_are_no_commands_in_any_format_of_any_command() {
    for format in ["", "--format markdown", "--format json", "--json"] {
        let stage = quickstart_with_tags();
        for line in [
            "plan teams.toml --sandbox=sandbox.json --out plan.json -vvv",
            "apply teams.toml --sandbox=sandbox.json --plan plan.json -vvv",
        ] {
            let ran = stage.expect(0, &format!("{line} {format}"));
            assert_eq!(acted_on(&format!("{}\n{}", ran.stdout, ran.stderr)), Vec::<&str>::new());
        }
        let line = "sandbox show --file sandbox.json --format json";
        is_told_and_harmless(line, &stage.expect(0, line));
        stage.edit("teams.toml", "/evil", "/worse-evil");
        let line = format!("sync teams.toml --sandbox=sandbox.json --check {format}");
        is_told_and_harmless(&line, &stage.expect(2, &line));
    }
}

#[test]
fn json_has_the_same_values_and_a_saved_plan_is_raw() {
    let stage = quickstart_with_tags();
    let plan = "plan teams.toml --sandbox=sandbox.json --out plan.json --format json";
    let printed = stage.expect(0, plan).json();
    assert_eq!(printed["changes"], stage.json("plan.json")["changes"]);
    assert!(stage.read("plan.json").contains(COMMAND));
}

#[test]
fn a_servers_words_are_no_commands() {
    for (what, effect) in [
        ("a refusal", "status = 403, code = \"AuthorizationFailed\""),
        ("a code", &*format!("status = 400, code = \"{COMMAND}\"")),
    ] {
        for format in ["", "--format markdown", "--format json", "--json"] {
            let stage = Stage::quickstart();
            stage.write(
                "faults.toml",
                format!(
                    "[[rules]]\npath = \"*/userAssignedIdentities/*\"\nmethod = \"PUT\"\neffect = {{ answer = {{ {effect}, message = \"\\n{WORKFLOW} {COMMAND} {OLD}\" }} }}\n"
                ),
            );
            let line = format!(
                "sync teams.toml --sandbox=sandbox.json --auto-approve --sandbox-faults faults.toml -vvv {format}"
            );
            is_told_and_harmless(&format!("{what} {format}"), &stage.widctl(&line));
        }
    }
}

#[test]
fn a_profiles_mistakes_are_no_commands() {
    let root = "version = 1\nestate = \"a\"\n";
    for (what, text) in [
        ("a syntax error", format!("{root}a = = \"{COMMAND}\"\n")),
        ("an unknown key", format!("{root}\"{COMMAND}\" = 1\n")),
        ("a key that begins a line", format!("{root}\"::add-path::/evil\" = 1\n")),
        ("a value", format!("{root}required_version = \"{COMMAND}\"\n")),
        (
            "a text of several lines",
            format!("{root}required_version = '''\n{WORKFLOW}\n{OLD}\n'''\n"),
        ),
        ("a carriage return", format!("{root}a = = 1 # \r::add-path::/evil\r\n")),
    ] {
        let stage = Stage::new();
        stage.write("teams.toml", &text);
        for line in [
            "validate teams.toml",
            "validate teams.toml --format json",
            "plan teams.toml --sandbox --json",
            "plan teams.toml --sandbox --color always",
        ] {
            let ran = stage.widctl(line);
            assert_ne!(ran.code, 0, "{what}");
            if line == "validate teams.toml" {
                is_told_and_harmless(what, &ran);
            }
            let told = format!("{}\n{}", ran.stdout, ran.stderr).replace("\u{1b}[", "");
            assert_eq!(acted_on(&told), Vec::<&str>::new(), "{what}: {line}: {told}");
        }
    }
}

#[cfg(unix)]
#[test]
fn names_of_files_and_arguments_are_no_commands() {
    let hostile = format!("\n{WORKFLOW}\u{1b}[2J{COMMAND}").replace('/', "_");
    let stage = Stage::quickstart();
    stage.write(&format!("team{hostile}/root.toml"), "version = 1\nestate = = 1\n");
    stage.write(&format!("teams/{hostile}.toml"), "version = 1\nestate = = 1\n");
    for arguments in [
        &["validate", &hostile][..],
        &["validate", &format!("team{hostile}")],
        &["validate", "teams"],
        &["validate", "teams", "--format", "json"],
        &["plan", "teams.toml", "--out", &format!("no{hostile}/x"), "--sandbox"],
        &["apply", "teams.toml", "--plan", &hostile, "--sandbox"],
        &["plan", "teams.toml", "--cloud-file", &hostile],
        &["plan", "teams.toml", "--sandbox", "--sandbox-faults", &hostile],
        &["plan", "teams.toml", "--sandbox", "--team", &hostile],
        &["init", &hostile, "--team", &hostile],
        &[&hostile],
        &["plan", &format!("--{hostile}")],
        &["plan", "teams.toml", "--color", &hostile],
    ] {
        let mut command = stage.command("");
        command.args(arguments);
        let ran = Ran::of(command);
        let told = format!("{}\n{}", ran.stdout, ran.stderr);
        assert_eq!(acted_on(&told), Vec::<&str>::new(), "{arguments:?}: {told}");
    }
}

#[test]
fn a_profiles_errors_are_marked_at_their_lines_and_by_nothing_else() {
    let mistakes =
        format!("version = 1\nestate = 1\n\"{COMMAND}\" = 1\n\"::add-path::/evil\" = 1\n");
    for (name, value, mark) in [
        ("GITHUB_ACTIONS", "true", "::error file=folder/root.toml,line=2,col=10,title=WID-TYPE::"),
        (
            "TF_BUILD",
            "True",
            "##vso[task.logissue type=error;sourcepath=folder/root.toml;linenumber=2;columnnumber=10;code=WID-TYPE]",
        ),
    ] {
        let mut stage = Stage::new();
        stage.write("folder/root.toml", &mistakes);
        let quiet = stage.expect(1, "validate folder");
        assert_eq!(acted_on(&quiet.stderr), Vec::<&str>::new());
        stage.set(name, Some(value));
        let marked = stage.expect(1, "validate folder");
        let of_run = ["##vso[task.setvariable variable=", "##vso[task.uploadsummary]"];
        let mut marks = acted_on(&marked.stderr);
        marks.retain(|line| !of_run.iter().any(|begin| line.starts_with(begin)));
        assert!(marks[0].starts_with(mark), "{marks:#?}");
        assert_eq!(marks.len(), 3, "one for each error: {marks:#?}");
        let own = &mark[..mark.find('=').unwrap()];
        for mark in marks {
            assert!(mark.starts_with(own) && mark.matches("##").count() <= 1, "{mark}");
        }
    }
}

#[test]
fn scripts_and_pages_of_our_own_are_printed_as_they_are() {
    let stage = Stage::new();
    for line in [
        "completions bash",
        "completions zsh",
        "completions fish",
        "completions powershell",
        "completions elvish",
        "man",
        "schema",
        "--help",
    ] {
        let printed = stage.expect(0, line).stdout;
        assert!(!printed.contains("\\u{") && !printed.contains("\\u00"), "{line}");
    }
}
