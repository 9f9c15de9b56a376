//! What a pipeline is told beside the log: outputs, a summary and marks, as its runner reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::pipelines::acted_on;
use super::support::{Ran, Stage, root, team};

/// The longest summary that GitHub takes.
const LONGEST: usize = 1024 * 1024;

/// A stage on which GitHub's runner runs a step.
fn on_github() -> Stage {
    let mut stage = Stage::quickstart();
    github(&mut stage);
    stage
}

fn github(stage: &mut Stage) {
    let (outputs, summary) = (stage.path("outputs"), stage.path("summary.md"));
    stage.set("GITHUB_ACTIONS", Some("true"));
    stage.set("GITHUB_OUTPUT", Some(outputs));
    stage.set("GITHUB_STEP_SUMMARY", Some(summary));
}

/// The outputs as GitHub's runner reads them: `name<<end`, lines, `end`.
/// <https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs>
fn outputs(stage: &Stage) -> BTreeMap<String, String> {
    let text = stage.read("outputs");
    let mut lines = text.lines();
    let mut outputs = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, end) = line.split_once("<<").unwrap_or_else(|| panic!("no output: {line}"));
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        outputs.insert(name.to_owned(), value.join("\n"));
    }
    outputs
}

/// The commands of Azure Pipelines in a log, each with its text.
fn commands(ran: &Ran) -> Vec<(String, String)> {
    let commands = acted_on(&ran.stderr);
    let parts = commands.iter().map(|line| line.split_once(']').unwrap());
    parts.map(|(command, text)| (command.to_owned(), text.to_owned())).collect()
}

fn absolute(stage: &Stage, name: &str) -> String {
    stage.path("").canonicalize().unwrap().join(name).to_str().unwrap().to_owned()
}

#[test]
fn github_gets_outputs_of_numbers_and_the_saved_plans_path() {
    let stage = on_github();
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json --out plan.json");
    let told = outputs(&stage);
    let expected = [
        ("adds", "5"),
        ("adopts", "0"),
        ("changes", "0"),
        ("destroys", "0"),
        ("has_changes", "true"),
        ("kept", "0"),
        ("not_compared", "0"),
        ("plan_file", &*absolute(&stage, "plan.json")),
        ("refused", "0"),
    ];
    let told: Vec<(&str, &str)> = told.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(told, expected);

    stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve --verify");
    let told = outputs(&stage);
    assert_eq!((&*told["adds"], &*told["failed"]), ("5", "0"));
    assert!(told["passed"].parse::<usize>().unwrap() > 10, "{told:?}");
    // An applied plan is what was done; the next one has nothing left.
    for line in [
        "sync teams.toml --sandbox=sandbox.json --check",
        "plan teams.toml --sandbox=sandbox.json --json",
        "plan teams.toml --sandbox=sandbox.json --format json",
    ] {
        stage.write("outputs", "");
        stage.expect(0, line);
        assert_eq!(outputs(&stage)["has_changes"], "false", "{line}");
    }
    stage.expect(0, "verify teams.toml --sandbox=sandbox.json");
    assert_eq!(outputs(&stage)["warnings"], "0");
}

#[test]
fn github_gets_one_summary_below_the_other() {
    let stage = on_github();
    stage.expect(0, "plan teams.toml --sandbox=sandbox.json --out plan.json");
    let summary = stage.read("summary.md");
    assert!(summary.starts_with("## widctl plan\n\n**Plan: 0 to adopt, 5 to add"), "{summary}");
    stage.write("summary.md", "");
    stage.expect(0, "apply teams.toml --sandbox=sandbox.json --plan plan.json");
    let summary = stage.read("summary.md");
    assert!(summary.starts_with("## widctl apply\n\n**Apply complete! 5 added"), "{summary}");
    stage.expect(0, "verify teams.toml --sandbox=sandbox.json");
    let summary = stage.read("summary.md");
    let headings: Vec<&str> = summary.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(headings, ["## widctl apply", "## widctl plan", "## widctl verify"]);
    assert!(summary.contains("\n\n## widctl verify\n\n**Verify: all of"), "{summary}");
}

#[test]
fn what_is_refused_or_ends_a_run_is_in_the_summary() {
    let stage = on_github();
    stage.edit("teams.toml", "Key Vault Secrets User", "Owner");
    for line in ["validate teams.toml", "plan teams.toml --sandbox=sandbox.json"] {
        stage.write("summary.md", "");
        stage.expect(7, line);
        let summary = stage.read("summary.md");
        assert!(summary.starts_with("## widctl ended without a result\n\n```text\n"), "{summary}");
        assert!(summary.contains("WID-DENIED-ROLE") && summary.ends_with("```\n\n"), "{summary}");
    }
    let told = outputs(&stage);
    assert_eq!(told.keys().collect::<Vec<_>>(), ["errors", "warnings"], "{told:?}");
    assert_eq!(told["errors"], "1");
}

#[test]
fn azure_pipelines_gets_outputs_as_variables_and_the_summary_as_a_file() {
    let mut stage = Stage::quickstart();
    stage.write("temp/kept", "");
    let temp = stage.path("temp");
    stage.set("TF_BUILD", Some("True"));
    stage.set("AGENT_TEMPDIRECTORY", Some(&temp));
    let ran = stage.expect(0, "plan teams.toml --sandbox=sandbox.json --out plan.json --json");
    let told: BTreeMap<_, _> = commands(&ran).into_iter().collect();
    let output = |name: &str| {
        let command = format!("##vso[task.setvariable variable={name};isOutput=true");
        told.get(&command).unwrap_or_else(|| panic!("no {name} in {told:#?}")).as_str()
    };
    assert_eq!((output("has_changes"), output("adds"), output("refused")), ("true", "5", "0"));
    assert_eq!(output("plan_file"), absolute(&stage, "plan.json"));
    let summary = std::path::Path::new(&told["##vso[task.uploadsummary"]);
    assert!(summary.is_absolute() && summary.parent() == Some(&temp), "{summary:?}");
    let text = std::fs::read_to_string(summary).unwrap();
    assert!(text.starts_with("## widctl plan\n\n**Plan: 0 to adopt, 5 to add"), "{text}");
    assert_eq!(told.len(), 10, "{told:#?}");
}

#[test]
fn nothing_changes_where_no_known_pipeline_runs_it_or_it_is_switched_off() {
    let plain = Stage::quickstart().expect(0, "plan teams.toml --sandbox=sandbox.json");
    let cases: [(&[(&'static str, &str)], &str); 5] = [
        (&[("CI", "true"), ("GITLAB_CI", "true")], ""),
        (&[("GITHUB_ACTIONS", "false"), ("TF_BUILD", "")], ""),
        (&[("GITHUB_ACTIONS", "true")], "--no-pipeline"),
        (&[("TF_BUILD", "True")], "--no-pipeline"),
        (&[("GITHUB_ACTIONS", "true"), ("WIDCTL_NO_PIPELINE", "1")], ""),
    ];
    for (variables, flag) in cases {
        let mut stage = on_github();
        stage.set("GITHUB_ACTIONS", None::<&str>);
        for (name, value) in variables {
            stage.set(name, Some(*value));
        }
        let ran = stage.expect(0, &format!("plan teams.toml --sandbox=sandbox.json {flag}"));
        assert_eq!(ran.stdout, plain.stdout, "{variables:?}");
        assert_eq!(acted_on(&ran.stderr), Vec::<&str>::new(), "{variables:?}");
        assert!(!stage.exists("outputs") && !stage.exists("summary.md"), "{variables:?}");
    }
}

#[test]
fn a_run_goes_on_where_the_pipeline_can_be_told_nothing() {
    let mut stage = on_github();
    let (missing, folder) = (stage.path("missing/outputs"), stage.path(""));
    stage.set("GITHUB_OUTPUT", Some(missing));
    stage.set("GITHUB_STEP_SUMMARY", Some(folder));
    let ran = stage.expect(0, "sync teams.toml --sandbox=sandbox.json --auto-approve");
    assert!(ran.stdout.contains("Apply complete! 5 added"), "{ran:#?}");
    for what in ["outputs", "summary"] {
        let warning = format!("warning: could not write the {what} of this step in `");
        assert!(ran.stderr.contains(&warning), "{ran:#?}");
    }
    let mut stage = Stage::quickstart();
    let missing = stage.path("missing");
    stage.set("TF_BUILD", Some("True"));
    stage.set("AGENT_TEMPDIRECTORY", Some(missing));
    let ran = stage.expect(0, "plan teams.toml --sandbox=sandbox.json");
    assert!(ran.stderr.contains("warning: could not write the summary of this step"), "{ran:#?}");
}

#[test]
fn a_summary_never_grows_beyond_what_github_takes() {
    let stage = on_github();
    let plan = "plan teams.toml --sandbox=sandbox.json";
    for (room, cut) in [(100_000, false), (1_000, true), (20, false), (0, false)] {
        stage.write("summary.md", "x".repeat(LONGEST - room));
        stage.expect(0, plan);
        let summary = stage.read("summary.md");
        assert!(summary.len() <= LONGEST, "{room}: {}", summary.len());
        let added = &summary[LONGEST - room..];
        assert_eq!(added.contains("**Cut here.** The rest is in the log"), cut, "{room}: {added}");
        assert_eq!(added.starts_with("\n## widctl plan"), room == 100_000, "{room}: {added}");
    }
    // More teams than fit into a comment do fit into a summary.
    let mut profile = root("acme", &["weu"]);
    (0..60).for_each(|n| write!(profile, "{}", team(&format!("team-{n:02}"), &["weu"])).unwrap());
    stage.write("teams.toml", profile);
    stage.write("summary.md", "");
    let printed = stage.expect(0, &format!("{plan} --format markdown")).stdout;
    assert!(printed.contains("**Cut here.**") && printed.len() <= 60_000, "{}", printed.len());
    let summary = stage.read("summary.md");
    assert!(summary.len() > 60_000 && !summary.contains("**Cut here.**"), "{}", summary.len());
}

#[cfg(unix)]
#[test]
fn no_name_of_a_file_or_team_is_an_output_or_a_command_of_its_own() {
    let hostile = "plan\nadds=7\nEOF\n::add-path::_evil\n##vso[task.complete]%0A]; .json";
    for (name, value) in [("GITHUB_ACTIONS", "true"), ("TF_BUILD", "True")] {
        let mut stage = on_github();
        stage.set("GITHUB_ACTIONS", None::<&str>);
        stage.set(name, Some(value));
        let temp = stage.path("");
        stage.set("AGENT_TEMPDIRECTORY", Some(temp));
        let tag = "::set-output name=x::y ##vso[task.complete] %0A::add-path::/evil ]; @octocat <img src=x>";
        let tags = format!("name  = \"id-data-eng\"\ntags = {{ a = \"{tag}\" }}\n");
        stage.edit("teams.toml", "name  = \"id-data-eng\"\n", &tags);
        let mut command = stage.command("plan teams.toml --sandbox=sandbox.json --out");
        command.arg(hostile);
        let ran = Ran::of(command);
        assert_eq!(ran.code, 0, "{ran:#?}");
        let commands = acted_on(&ran.stderr);
        let summary = if name == "TF_BUILD" {
            let own = |line: &&str| {
                let is_own = ["##vso[task.setvariable variable=", "##vso[task.uploadsummary]"];
                is_own.iter().any(|begin| line.starts_with(begin))
                    && line.matches("##").count() == 1
            };
            assert!(commands.iter().all(own), "{commands:#?}");
            let path = commands.iter().find(|line| line.contains("=plan_file;")).unwrap();
            assert_eq!(path.matches([';', ']']).count(), 2, "{path}");
            let (_, file) = commands.last().unwrap().split_once(']').unwrap();
            std::fs::read_to_string(file).unwrap()
        } else {
            assert_eq!(commands, Vec::<&str>::new());
            let told = outputs(&stage);
            assert_eq!((told.len(), &*told["adds"]), (9, "5"), "{told:#?}");
            assert!(told["plan_file"].ends_with(hostile), "{told:#?}");
            stage.read("summary.md")
        };
        assert!(summary.contains("octocat"), "the text got as far as the summary: {summary}");
        assert_eq!(acted_on(&summary), Vec::<&str>::new(), "{summary}");
    }
}

#[test]
fn marks_are_told_from_the_root_of_the_sources() {
    for (name, value, sources, mark) in [
        ("GITHUB_ACTIONS", "true", "GITHUB_WORKSPACE", "::error file=infra/c#/teams.toml,line=2,"),
        (
            "TF_BUILD",
            "True",
            "BUILD_SOURCESDIRECTORY",
            "##vso[task.logissue type=error;sourcepath=infra/c#/teams.toml;linenumber=2;",
        ),
    ] {
        let mut stage = Stage::new();
        stage.write("infra/c#/teams.toml", "version = 1\nestate = 1\n");
        let root = stage.path("");
        stage.set(name, Some(value));
        stage.set(sources, Some(&root));
        for format in ["text", "json"] {
            let mut command = stage.command(&format!("validate teams.toml --format {format}"));
            command.current_dir(stage.path("infra/c#"));
            let ran = Ran::of(command);
            assert_eq!(ran.code, 1, "{ran:#?}");
            let is_mark = |line: &&&str| line.contains(" file=") || line.contains("logissue");
            let marks: Vec<&str> = acted_on(&ran.stderr).iter().filter(is_mark).copied().collect();
            assert!(marks.len() == 1 && marks[0].starts_with(mark), "{marks:#?}");
        }
    }
}

#[test]
fn what_a_valid_profile_is_remarked_for_is_a_warning_at_its_line() {
    let mut stage = on_github();
    let federation = "[[team.identity.federation]]\nname = \"main\"\n\
                      issuer = \"https://token.actions.githubusercontent.com\"\n\
                      subject = \"repo:contoso/web:ref:refs/heads/main\"\n\n[[team.workload]]";
    stage.edit("teams.toml", "[[team.workload]]", federation);
    let ran = stage.expect(0, "validate teams.toml");
    let marks = acted_on(&ran.stderr);
    let text = stage.read("teams.toml");
    let line = 1 + text.lines().position(|line| line.starts_with("subject")).unwrap();
    let mark = format!("::warning file=teams.toml,line={line},col=");
    assert!(marks.len() == 1 && marks[0].starts_with(&mark), "{marks:#?}");
    assert!(marks[0].contains(",title=WID-MUTABLE-SUBJECT::"), "{marks:#?}");
    assert_eq!(outputs(&stage)["warnings"], "1");
    stage.set("GITHUB_ACTIONS", None::<&str>);
    assert_eq!(acted_on(&stage.expect(0, "validate teams.toml").stderr), Vec::<&str>::new());
}
