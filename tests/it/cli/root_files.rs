//! A root file given instead of its folder: the teams beside it would count as gone.

use super::support::{Ran, Stage, root, team};

const SANDBOX: &str = "--sandbox=sandbox.json";

/// A folder with a root file, which holds one team, and another team in a file of its own.
fn folder(team_file: &str) -> Stage {
    let stage = Stage::new();
    let granted = "[policy.grants]\nnamespaces = [\"{team}\"]\nidentities = [\"id-{team}\"]\n\n";
    stage.write("profile/widctl.toml", root("acme", &["weu"]) + granted + &team("data", &["weu"]));
    stage.write(&format!("profile/{team_file}"), team("web", &["weu"]));
    stage
}

fn is_refused(ran: &Ran, command: &str) {
    let what = "`profile/widctl.toml` is the root file of 1 team file in its folder, `profile/teams/web.toml` for one, which would not be read";
    let help = format!(
        "give the folder, `widctl {command} profile`, or read the root file alone with `--root-only`"
    );
    assert!(ran.stderr.contains(what), "{ran:#?}");
    assert!(ran.stderr.contains(&help), "{ran:#?}");
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_root_file_without_its_team_files_is_refused_by_every_command_and_deletes_nothing() {
    let stage = folder("teams/web.toml");
    stage.expect(0, &format!("sync profile {SANDBOX} --auto-approve"));
    let before = stage.read("sandbox.json");
    for (command, flags) in [
        ("validate", ""),
        ("plan", SANDBOX),
        ("sync", "--sandbox=sandbox.json --auto-approve --prune"),
    ] {
        let ran = stage.expect(64, &format!("{command} profile/widctl.toml {flags}"));
        is_refused(&ran, command);
    }
    stage.expect(0, &format!("plan profile {SANDBOX} --out plan.json"));
    let ran = stage.expect(64, &format!("apply profile/widctl.toml {SANDBOX} --plan plan.json"));
    is_refused(&ran, "apply");
    let ran = stage.expect(64, "sandbox serve --profile profile/widctl.toml");
    is_refused(&ran, "sandbox serve --profile");
    assert_eq!(stage.read("sandbox.json"), before);
}

#[test]
fn whoever_means_the_root_file_alone_says_so_and_prunes_nothing() {
    let stage = folder("teams/web.toml");
    stage.expect(0, &format!("sync profile {SANDBOX} --auto-approve"));
    let plan = stage.expect(0, &format!("plan profile/widctl.toml {SANDBOX} --root-only"));
    assert!(plan.stdout.contains("azure/identity/id-web: kept"), "{plan:#?}");
    let line = format!("sync profile/widctl.toml {SANDBOX} --root-only --prune --auto-approve");
    assert!(stage.expect(64, &line).stderr.contains("--prune"));
}

#[test]
fn a_team_file_belongs_to_its_nearest_root_file_and_to_none_beyond_a_repository() {
    for file in ["web.toml", "a/b/web.toml"] {
        folder(file).expect(64, "validate profile/widctl.toml");
    }
    for file in [".hidden/web.toml", "other/web.toml", "vendor/x/web.toml", "web.txt"] {
        let stage = folder(file);
        stage.write("profile/other/root.toml", root("other", &[]));
        stage.write("profile/vendor/.git", "gitdir: elsewhere\n");
        stage.expect(0, "validate profile/widctl.toml");
    }
    let broken = folder("web.toml");
    broken.edit("profile/web.toml", "name = \"web\"", "name = \"web");
    broken.expect(64, "validate profile/widctl.toml");
    let mixed = folder("web.toml");
    mixed.edit("profile/web.toml", "[[team]]", "[tool]\n[[team]]");
    mixed.expect(0, "validate profile/widctl.toml");
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let stage = folder("web.txt");
    stage.write("elsewhere/ops.toml", team("ops", &["weu"]));
    let link = |to: &str, at: &str| std::os::unix::fs::symlink(stage.path(to), stage.path(at));
    link("elsewhere", "profile/linked").unwrap();
    link("elsewhere/ops.toml", "profile/ops.toml").unwrap();
    stage.expect(0, "validate profile/widctl.toml");
}

#[test]
fn the_repositorys_profiles_lie_side_by_side() {
    let stage = Stage::new();
    for path in ["quickstart.toml", "multi-cluster/widctl.toml", "multi-cluster/teams/web.toml"] {
        stage.write(path, super::support::repository(&format!("profiles/{path}")));
    }
    stage.expect(0, "validate quickstart.toml");
    stage.expect(64, "validate multi-cluster/widctl.toml");
}
