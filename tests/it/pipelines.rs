//! The ready pipelines of `profiles/pipelines`, and the project's own workflows: what linters say of them, and that widctl
//! takes each of their command lines.

#![expect(clippy::unwrap_used, reason = "a test that panics says where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::cli::support::{Stage, repository};
use crate::cluster::tools;
use crate::{page, python};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The files of a folder with this end.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == end));
    files.sort();
    assert!(!files.is_empty(), "{folder} has no .{end}");
    files
}

/// The ready workflows where they are in a repository that uses them, and the project's own.
fn laid_out() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [("profiles/pipelines/github", "ready"), (".github/workflows", "own")] {
        let workflows = folder.path().join(to).join(".github/workflows");
        fs::create_dir_all(&workflows).unwrap();
        // Without it a linter looks for the root of the repository further up.
        fs::create_dir_all(folder.path().join(to).join(".git")).unwrap();
        for file in files(from, "yml") {
            fs::copy(&file, workflows.join(file.file_name().unwrap())).unwrap();
        }
    }
    let actions = Path::new(ROOT).join(".github/actions");
    for entry in walkdir::WalkDir::new(&actions).into_iter().filter_map(Result::ok) {
        if entry.file_type().is_file() {
            let relative = entry.path().strip_prefix(ROOT).unwrap();
            let to = folder.path().join("own").join(relative);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(entry.path(), to).unwrap();
        }
    }
    folder
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// A program of the packages that `tests/pipelines/requirements.txt` pins.
fn program(name: &str) -> Option<Command> {
    let requirements = Path::new(ROOT).join("tests/pipelines/requirements.txt");
    let python = python::environment("pipelines", &requirements, tools::REQUIRED)?;
    Some(Command::new(python.with_file_name(name)))
}

#[test]
#[ignore = "needs Go: just test-pipelines"]
fn actionlint_finds_nothing_in_a_workflow() {
    let package = "github.com/rhysd/actionlint/cmd/actionlint";
    let Some(programs) = tools::build("pipelines", &[package]) else { return };
    let folder = laid_out();
    let lint = |of: &str| {
        let mut command = Command::new(programs.join("actionlint"));
        // Of the machine's other linters none is asked: not every machine has them.
        command.args(["-no-color", "-shellcheck=", "-pyflakes="]);
        command.current_dir(folder.path().join(of)).output().unwrap()
    };
    for of in ["ready", "own"] {
        let found = lint(of);
        assert!(found.status.success(), "{of}: {}", said(&found));
    }
    let workflow = folder.path().join("ready/.github/workflows/drift.yml");
    let text = fs::read_to_string(&workflow).unwrap();
    fs::write(&workflow, text.replace("steps.widctl.outputs", "steps.widctrl.outputs")).unwrap();
    assert!(said(&lint("ready")).contains("\"widctrl\" is not defined"), "a control");
}

#[test]
#[ignore = "needs Python and its packages: just test-pipelines"]
fn zizmor_finds_nothing_in_a_workflow() {
    let folder = laid_out();
    let audit = || {
        let mut command = program("zizmor")?;
        command.args(["--offline", "--no-progress", "--color=never", "--strict-collection", "."]);
        Some(command.current_dir(folder.path()).output().unwrap())
    };
    let Some(found) = audit() else { return };
    assert!(found.status.success(), "{}", said(&found));
    let workflow = folder.path().join("ready/.github/workflows/drift.yml");
    let text = fs::read_to_string(&workflow).unwrap();
    fs::write(&workflow, text.replace("\"$HAS_CHANGES:", "\"${{ github.head_ref }}:")).unwrap();
    let found = audit().unwrap();
    assert!(!found.status.success() && said(&found).contains("template-injection"), "a control");
}

#[test]
#[ignore = "needs Python and its packages: just test-pipelines"]
fn the_published_schema_of_azure_pipelines_holds() {
    let check = |files: &[PathBuf]| {
        let mut command = program("check-jsonschema")?;
        // The schema's patterns are none of Unicode's.
        command.args([
            "--regex-variant",
            "nonunicode",
            "--builtin-schema",
            "vendor.azure-pipelines",
        ]);
        command.args(["--data-transform", "azure-pipelines"]).args(files);
        Some(command.output().unwrap())
    };
    let files = files("profiles/pipelines/azure", "yml");
    let Some(found) = check(&files) else { return };
    assert!(found.status.success(), "{}", said(&found));
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("drift.yml");
    let text = repository("profiles/pipelines/azure/drift.yml");
    fs::write(&wrong, text.replace("displayName: Plan", "displayNme: Plan")).unwrap();
    assert!(!check(&[wrong]).unwrap().status.success(), "a control");
}

#[test]
fn widctl_takes_each_command_line_of_the_pipelines() {
    let stage = Stage::new();
    let mut lines = Vec::new();
    for folder in ["profiles/pipelines/github", "profiles/pipelines/azure"] {
        for file in files(folder, "yml") {
            let text = fs::read_to_string(&file).unwrap();
            let commands = text.lines().filter_map(|line| line.split_once(": widctl "));
            let commands = commands.map(|(_, command)| command.split(" > ").next().unwrap());
            lines.extend(commands.filter(|command| command.contains(' ')).map(str::to_owned));
        }
    }
    assert!(lines.len() > 12, "{lines:#?}");
    for line in &lines {
        let line = line.replace('"', "");
        // Flags are read before help is shown: an unknown one is an error first.
        stage.expect(0, &format!("{line} --help"));
    }
    stage.expect(64, "plan infra --no-such-flag --help");
}

#[test]
fn a_plan_of_the_pipelines_is_approved_as_it_was_saved_and_drift_in_between_is_refused() {
    let stage = Stage::quickstart();
    let at = "--sandbox=sandbox.json";
    stage.expect(0, &format!("plan teams.toml {at} --out plan.json"));
    stage.edit("teams.toml", "\"etl\"", "\"other\"");
    stage.expect(3, &format!("apply teams.toml {at} --plan plan.json"));
    stage.edit("teams.toml", "\"other\"", "\"etl\"");
    stage.expect(0, &format!("apply teams.toml {at} --plan plan.json"));
    stage.expect(0, &format!("verify teams.toml {at} --wait 5m"));
    stage.expect(0, &format!("sync teams.toml {at} --check"));
}

#[cfg(unix)]
#[test]
fn the_script_installs_an_archive_of_the_given_digest_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("made/widctl-0.1.0")).unwrap();
    fs::write(path("made/widctl-0.1.0/widctl"), "#!/bin/sh\necho installed\n").unwrap();
    let packed = Command::new("tar")
        .args(["-czf", "archive.tar.gz", "-C", "made", "widctl-0.1.0"])
        .current_dir(folder.path())
        .status();
    assert!(packed.unwrap().success());
    // In the place of the network: it hands out the archive, and only over https.
    fs::create_dir_all(path("bin")).unwrap();
    let curl = "#!/bin/sh\ncase \"$*\" in *\"--proto =https\"*https://releases.example/*) ;; *) exit 1 ;; esac\n\
                while [ \"$1\" != --output ]; do shift; done\ncp \"$ARCHIVE\" \"$2\"\n";
    fs::write(path("bin/curl"), curl).unwrap();
    fs::set_permissions(path("bin/curl"), fs::Permissions::from_mode(0o755)).unwrap();
    let digest = Command::new("sha256sum").arg(path("archive.tar.gz")).output().unwrap();
    let digest = String::from_utf8(digest.stdout).unwrap()[..64].to_owned();
    let install = |digest: &str, temporary: &str, github: bool| {
        fs::create_dir_all(path(temporary)).unwrap();
        let mut command = Command::new("bash");
        command.arg(Path::new(ROOT).join("profiles/pipelines/install.sh"));
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", path("bin").display()));
        command.env("ARCHIVE", path("archive.tar.gz")).env("WIDCTL_SHA256", digest);
        command.env("WIDCTL_ARCHIVE", "https://releases.example/widctl.tar.gz");
        command.env("AGENT_TEMPDIRECTORY", path(temporary)).env_remove("GITHUB_PATH");
        if github {
            command.env("RUNNER_TEMP", path(temporary)).env("GITHUB_PATH", path("github-path"));
        }
        command.output().unwrap()
    };
    let wrong = install(&"0".repeat(64), "wrong", true);
    assert!(!wrong.status.success() && !path("wrong/widctl").exists(), "{}", said(&wrong));
    assert!(!path("github-path").exists());

    let installed = install(&digest, "github", true);
    assert!(installed.status.success(), "{}", said(&installed));
    let found = fs::read_to_string(path("github-path")).unwrap();
    let ran = Command::new(Path::new(found.trim_end()).join("widctl")).output().unwrap();
    assert_eq!(ran.stdout, b"installed\n");
    let installed = install(&digest, "azure", false);
    let told = said(&installed);
    assert!(told.starts_with("##vso[task.prependpath]/") && installed.status.success(), "{told}");
}

#[cfg(unix)]
#[test]
fn drift_is_one_work_item_that_is_opened_updated_and_closed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // In the place of Azure DevOps: it answers the query, notes what else it is told, and shows the description.
    let az = "#!/bin/sh\nprintf '%s|' \"$@\" >> told\ncase \"$2\" in query) cat open ;; esac\n\
              for word; do case \"$word\" in @*) cp \"${word#@}\" described ;; esac; done\n";
    fs::write(path("az"), az).unwrap();
    fs::set_permissions(path("az"), fs::Permissions::from_mode(0o755)).unwrap();
    let run = |drift: &str, open: &str, plan: &str| {
        for (file, text) in [("open", open), ("plan.txt", plan), ("told", ""), ("described", "")] {
            fs::write(path(file), text).unwrap();
        }
        let mut command = Command::new("bash");
        command.arg(Path::new(ROOT).join("profiles/pipelines/azure/work-item.sh"));
        command.args([drift, "plan.txt"]).current_dir(folder.path());
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder.path().display()));
        command.env("SYSTEM_COLLECTIONURI", "https://dev.azure.com/contoso/");
        command.env("SYSTEM_TEAMPROJECT", "Joe's infra").env_remove("WIDCTL_CLOSED_STATE");
        let output = command.output().unwrap();
        let [told, described] =
            ["told", "described"].map(|file| fs::read_to_string(path(file)).unwrap());
        (output.status.success(), told, described)
    };
    let (ok, told, described) = run("true", "", "+ id-a <script> & more\n");
    assert!(ok && told.contains("[System.TeamProject] = 'Joe''s infra' AND"), "{told}");
    assert!(told.contains("|--type|Task|") && told.contains("System.Tags=widctl-drift"), "{told}");
    assert_eq!(described, "<pre>+ id-a &lt;script&gt; &amp; more\n</pre>");
    let (ok, told, described) = run("true", "17\n", &"~ a credential of ä\n".repeat(20_000));
    assert!(ok && told.contains("work-item|update|") && told.contains("|--id|17|"), "{told}");
    assert!(!told.contains("work-item|create|") && described.len() < 210_000, "{told}");
    assert!(described.contains("ä\n</pre><p>Cut here."), "the last line is a whole one");
    let (ok, told, _) = run("false", "17\n", "");
    assert!(
        ok && told.contains("work-item|update|") && told.contains("|--state|Closed|"),
        "{told}"
    );
    let (ok, told, _) = run("false", "", "");
    assert!(ok && !told.contains("work-item"), "{told}");
    let (ok, told, _) = run("", "17\n", "");
    assert!(!ok && !told.contains("work-item"), "{told}");
}

#[test]
fn the_page_names_every_file_of_the_pipelines() {
    let page = repository("docs/pipelines.md");
    for entry in walkdir::WalkDir::new(Path::new(ROOT).join("profiles/pipelines")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() {
            let path = entry.path().strip_prefix(ROOT).unwrap().to_str().unwrap().to_owned();
            assert!(page.contains(&format!("(../{path})")), "{path}");
        }
    }
    let stage = Stage::new();
    stage.write("runners.toml", repository("profiles/pipelines/runners.toml"));
    let ran = stage.expect(0, "plan runners.toml --sandbox=sandbox.json");
    page::shows("docs/pipelines.md", ("--sandbox\n…\n", "```"), &format!("{}\n", ran.last()));
}
