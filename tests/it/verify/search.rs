//! Commands that are given no profile: where it is looked for, and whose it may be.

use crate::cli::support::{Ran, Stage};

/// A repository in a home: both have a profile.
fn repository() -> Stage {
    let stage = Stage::quickstart();
    for path in ["widctl.toml", "repository/widctl.toml"] {
        stage.write(path, stage.read("teams.toml"));
    }
    stage.write("repository/.git/HEAD", "");
    stage.write("repository/below/deep/file", "");
    stage
}

fn run(stage: &Stage, folder: &str, line: &str) -> Ran {
    let mut command = stage.command(line);
    command.current_dir(stage.path(folder));
    Ran::of(command)
}

/// The first line on stderr.
fn first(ran: &Ran) -> &str {
    ran.stderr.lines().next().unwrap_or_default()
}

#[test]
fn a_profile_is_found_upwards_by_every_command_and_named_first() {
    let stage = repository();
    let found = stage.path("repository/widctl.toml").canonicalize().unwrap();
    for line in ["validate", "plan --sandbox", "sync --sandbox --auto-approve", "verify --sandbox"]
    {
        let ran = run(&stage, "repository/below/deep", line);
        assert_eq!(ran.code, 0, "{line}: {ran:#?}");
        assert_eq!(first(&ran), format!("Profile: {}", found.display()), "{line}");
    }
    let here = run(&stage, "repository", "validate");
    assert_eq!(first(&here), "Profile: widctl.toml");
    assert_eq!(run(&stage, "repository", "validate --quiet").stderr, "");
}

#[test]
fn nobody_looks_above_a_repository_or_the_home() {
    let mut stage = repository();
    std::fs::remove_file(stage.path("repository/widctl.toml")).unwrap();
    let ran = run(&stage, "repository/below", "plan --sandbox");
    let root = stage.path("repository").canonicalize().unwrap();
    let (root, below) = (root.display(), root.join("below"));
    assert_eq!(ran.code, 64, "{ran:#?}");
    assert_eq!(
        ran.stderr,
        format!(
            "error: no profile was given, WIDCTL_PROFILE is not set, and there is no `widctl.toml` in `{}`, `{root}`: nothing was written\n  hint: give the profile, `widctl plan teams.toml`, or write one with `widctl init widctl.toml`\n",
            below.display()
        )
    );
    std::fs::remove_dir_all(stage.path("repository/.git")).unwrap();
    assert_eq!(run(&stage, "repository/below", "validate").code, 0);
    stage.set("HOME", Some(stage.path("repository")));
    assert_eq!(run(&stage, "repository/below", "validate").code, 64);
}

#[test]
fn the_variable_wins_over_the_search_and_the_argument_over_both() {
    let mut stage = repository();
    stage.write("repository/named.toml", "version = 2\n");
    stage.set("WIDCTL_PROFILE", Some("named.toml"));
    let ran = run(&stage, "repository", "validate");
    assert_eq!((ran.code, first(&ran)), (1, "Profile: named.toml"), "{ran:#?}");
    let ran = run(&stage, "repository", "validate widctl.toml");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:#?}");
}

#[cfg(unix)]
#[test]
fn what_another_user_owns_is_read_only_where_it_is_named() {
    use std::os::unix::fs::{chown, lchown, symlink};
    let mut stage = repository();
    let file = stage.path("repository/widctl.toml").canonicalize().unwrap();
    // Nobody but root gives files away.
    if chown(&file, Some(12_345), None).is_err() {
        return;
    }
    let refused = |stage: &Stage, user: u32| {
        let ran = run(stage, "repository/below", "validate");
        let (path, code) = (file.display(), ran.code);
        assert_eq!(code, 64, "{ran:#?}");
        assert_eq!(
            ran.stderr,
            format!(
                "error: `{path}` belongs to another user (id {user}) and was not read: nothing was written\n  hint: if you trust it, name it: `widctl validate {path}`, or set WIDCTL_PROFILE\n"
            )
        );
    };
    refused(&stage, 12_345);
    assert_eq!(run(&stage, "repository", "validate widctl.toml").code, 0);
    // Neither a link of one's own to another's file, nor another's link to one's own.
    std::fs::rename(&file, stage.path("theirs.toml")).unwrap();
    symlink(stage.path("theirs.toml"), &file).unwrap();
    refused(&stage, 12_345);
    std::fs::remove_file(&file).unwrap();
    symlink(stage.path("teams.toml"), &file).unwrap();
    lchown(&file, Some(54_321), None).unwrap();
    refused(&stage, 54_321);
    stage.set("WIDCTL_PROFILE", Some(&file));
    assert_eq!(run(&stage, "repository", "validate").code, 0);
}
