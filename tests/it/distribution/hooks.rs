//! The hook of pre-commit, run by pre-commit itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::{root, succeed, text, tools};
use crate::cli::support::repository;

fn git(folder: &Path, line: &str) {
    let mut git = Command::new("git");
    git.args(["-c", "user.name=ada", "-c", "user.email=ada@example.com"]);
    succeed(git.args(line.split(' ')).current_dir(folder));
}

#[test]
#[ignore = "needs Python and its packages: just test-release"]
fn pre_commit_stops_a_profile_that_is_not_valid() {
    let Some(python) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (hooks, mine) = (folder.path().join("hooks"), folder.path().join("mine"));
    for path in [&hooks, &mine] {
        fs::create_dir(path).unwrap();
        git(path, "init --quiet");
    }
    fs::copy(root().join(".pre-commit-hooks.yaml"), hooks.join(".pre-commit-hooks.yaml")).unwrap();
    git(&hooks, "add .");
    git(&hooks, "commit --quiet -m hooks");
    let program = Path::new(env!("CARGO_BIN_EXE_widctl")).parent().unwrap();
    let path = succeed(Command::new("sh").args(["-c", "printf %s \"$PATH\""]));
    let run = |profile: &str| {
        fs::write(mine.join("widctl.toml"), profile).unwrap();
        git(&mine, "add .");
        let mut command = Command::new(&python);
        command.args(["-m", "pre_commit", "try-repo"]).arg(&hooks);
        command.args(["widctl-validate", "--all-files", "--verbose"]).current_dir(&mine);
        command.env("PATH", format!("{}:{path}", program.display()));
        command.env("PRE_COMMIT_HOME", folder.path().join("cache"));
        command.output().unwrap()
    };
    let profile = repository("profiles/quickstart.toml");
    let Output { status, stdout, stderr } = run(&profile);
    assert!(status.success(), "{}{}", text(&stdout), text(&stderr));
    assert!(text(&stdout).contains("Passed"), "{}", text(&stdout));
    let Output { status, stdout, .. } = run(&profile.replace("estate ", "estat "));
    assert!(!status.success());
    assert!(text(&stdout).contains("did you mean `estate`"), "{}", text(&stdout));
}
