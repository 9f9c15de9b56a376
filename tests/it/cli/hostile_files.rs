//! Links, pipes and devices where widctl reads or writes a file: nothing outside the profile's folder is
//! shown, nothing is written through a link, and nothing is waited for.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use super::support::{Ran, Stage, root, team};

/// What must never be printed.
const SECRET: &str = "S3cr3t-of-the-runner";

/// A profile in `profile/`, and beside it files that are none of its business.
fn stage() -> Stage {
    let mut stage = Stage::new();
    stage.write("profile/widctl.toml", root("acme", &["weu"]));
    stage.write("profile/teams/one.toml", team("one", &["weu"]));
    stage.write("outside/secret.toml", format!("password = \"{SECRET}\"\n"));
    stage.write("outside/team.toml", team("two", &["weu"]));
    stage.set("AZURE_CLIENT_SECRET", Some(SECRET));
    stage
}

fn link(stage: &Stage, target: impl AsRef<Path>, name: &str) {
    let path = stage.path(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink(target, path).unwrap();
}

fn pipe(stage: &Stage, name: &str) {
    let made = Command::new("mkfifo").arg(stage.path(name)).status();
    assert!(made.unwrap().success());
}

/// Runs it in every format; nothing secret is printed. The text's answer.
fn refused(stage: &Stage, profile: &str) -> Ran {
    for line in [
        format!("validate {profile} --format json"),
        format!("plan {profile} --sandbox=state/sandbox.json --json"),
        format!("sync {profile} --sandbox=state/sandbox.json --auto-approve"),
    ] {
        let ran = stage.expect(1, &line);
        let printed = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!printed.contains(SECRET), "{line}: {printed}");
    }
    let ran = stage.expect(1, &format!("validate {profile}"));
    assert!(!ran.stderr.contains(SECRET), "{ran:#?}");
    ran
}

#[test]
fn a_link_that_leaves_the_folder_is_refused_and_nothing_of_its_target_is_shown() {
    let links = [
        ("/proc/self/environ", "profile/teams/x.toml"),
        ("../../outside/secret.toml", "profile/teams/x.toml"),
        ("../outside/team.toml", "profile/x.toml"),
        ("../outside", "profile/more"),
        ("/", "profile/everything"),
        // Two links, each of which alone looks harmless.
        ("y.toml", "profile/x.toml"),
    ];
    for (target, name) in links {
        let stage = stage();
        link(&stage, "../outside/secret.toml", "profile/y.toml.moved");
        if target == "y.toml" {
            link(&stage, "../outside/secret.toml", "profile/y.toml");
        }
        link(&stage, target, name);
        let ran = refused(&stage, "profile");
        let said =
            format!("`{name}` is a link that leaves the profile's folder: it leads to `{target}`");
        assert!(ran.stderr.contains(&said), "{target}: {ran:#?}");
    }
}

#[test]
fn a_link_to_a_hidden_or_another_file_of_the_folder_is_refused() {
    let config = format!("[http]\n\textraheader = AUTHORIZATION: basic {SECRET}\n");
    for (target, why) in [
        (".git/config", "leads to a hidden file or folder"),
        (".cargo/credentials.toml", "leads to a hidden file or folder"),
        ("deploy.env", "leads to a file that is no `*.toml`"),
    ] {
        let stage = stage();
        stage.write(&format!("profile/{target}"), &config);
        link(&stage, target, "profile/x.toml");
        let ran = refused(&stage, "profile");
        assert!(ran.stderr.contains(why), "{ran:#?}");
    }
}

#[test]
fn the_mount_of_a_config_map_and_links_inside_the_folder_are_read() {
    let stage = stage();
    let mount = "mount/..2026_11_26_07_00_00.123";
    stage.write(&format!("{mount}/widctl.toml"), root("acme", &["weu"]));
    stage.write(&format!("{mount}/one.toml"), team("one", &["weu"]));
    link(&stage, "..2026_11_26_07_00_00.123", "mount/..data");
    link(&stage, "..data/widctl.toml", "mount/widctl.toml");
    link(&stage, "..data/one.toml", "mount/one.toml");
    assert!(stage.expect(0, "validate mount").stdout.contains("1 team"));
    // A file of the mount by its name, and what is wrong in it is shown.
    stage.expect(64, "validate mount/widctl.toml");
    stage.expect(0, "validate mount/widctl.toml --root-only");
    stage.write(&format!("{mount}/widctl.toml"), "version = 1\nestat = \"a\"\n");
    let ran = stage.expect(1, "validate mount/widctl.toml");
    assert!(ran.stderr.contains("2 | estat = "), "{ran:#?}");

    stage.write("profile/shared/two.toml", team("two", &["weu"]));
    link(&stage, "../shared", "profile/teams/shared");
    fs::rename(stage.path("profile/shared/two.toml"), stage.path("profile/shared/two.txt"))
        .unwrap();
    // A lock of an editor leads nowhere.
    link(&stage, "me@host.1", "profile/.#widctl.toml");
    assert!(stage.expect(0, "validate profile").stdout.contains("1 team"));
}

#[test]
fn folders_that_link_to_each_other_end() {
    let stage = stage();
    link(&stage, "..", "profile/teams/up");
    let ran = refused(&stage, "profile");
    assert!(ran.stderr.contains("File system loop"), "{ran:#?}");

    // Two links a level: the walk would double with each.
    let stage = Stage::new();
    stage.write("profile/widctl.toml", root("acme", &["weu"]));
    for level in 0..30 {
        stage.write(&format!("profile/{level}/none.txt"), "");
        if level < 29 {
            for name in ["a", "b"] {
                let target = format!("../{}", level + 1);
                link(&stage, target, &format!("profile/{level}/{name}"));
            }
        }
    }
    let ran = refused(&stage, "profile");
    assert!(ran.stderr.contains("more than 1000 links to folders"), "{ran:#?}");
}

#[test]
fn a_profile_that_is_named_through_a_link_is_read_and_not_quoted() {
    let stage = stage();
    stage.write("elsewhere/good.toml", root("acme", &["weu"]) + &team("two", &["weu"]));
    link(&stage, "../elsewhere/good.toml", "checkout/teams.toml");
    stage.expect(0, "validate checkout/teams.toml");
    for (target, name, profile) in [
        ("/proc/self/environ", "checkout/a.toml", "checkout/a.toml"),
        ("../outside/secret.toml", "checkout/b.toml", "checkout/b.toml"),
        (".env", "checkout/c.toml", "checkout/c.toml"),
        ("../outside", "checkout/folder", "checkout/folder/secret.toml"),
        ("../outside", "checkout/other", "checkout/other"),
    ] {
        stage.write("checkout/.env", format!("password = \"{SECRET}\"\n"));
        link(&stage, target, name);
        let ran = refused(&stage, profile);
        assert!(!ran.stderr.contains("password"), "{ran:#?}");
        assert!(ran.stderr.contains("a link leads out of its folder"), "{ran:#?}");
    }
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let stage = stage();
    pipe(&stage, "pipe.toml");
    let _socket = UnixListener::bind(stage.path("socket.toml")).unwrap();
    link(&stage, "/dev/zero", "device.toml");
    for profile in ["pipe.toml", "socket.toml", "device.toml", "/dev/zero", "/dev/stdin"] {
        let ran = refused(&stage, profile);
        assert!(ran.stderr.contains("only regular files are read"), "{ran:#?}");
    }
    for name in ["teams/pipe.toml", "pipe.toml"] {
        let path = format!("profile/{name}");
        pipe(&stage, &path);
        let ran = refused(&stage, "profile");
        assert!(ran.stderr.contains(&path), "{ran:#?}");
        fs::remove_file(stage.path(&path)).unwrap();
    }
}

#[test]
fn what_the_shell_connects_to_stdin_is_read_where_it_is_a_file() {
    let stage = stage();
    let text = root("acme", &["weu"]) + "estat = \"b\"\n";
    stage.write("teams.toml", &text);
    let read = |line: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", line]).current_dir(stage.path(""));
        let output = command.env("WIDCTL", env!("CARGO_BIN_EXE_widctl")).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let said = read("\"$WIDCTL\" validate /dev/stdin < teams.toml");
    assert!(said.contains("estat = \"b\""), "{said}");
    for line in [
        "cat teams.toml | \"$WIDCTL\" validate /dev/stdin",
        "\"$WIDCTL\" validate <(cat teams.toml)",
    ] {
        let said = read(line);
        assert!(said.contains("only regular files are read"), "{said}");
    }
}

#[test]
fn other_files_that_are_read_are_regular_ones_too() {
    let stage = Stage::quickstart();
    pipe(&stage, "pipe");
    stage.write("cloud.toml", "[clouds.mine]\narm = \"https://arm.example\"\nauthority_host = \"https://login.example\"\narm_audience = \"https://arm.example\"\nca_file = \"pipe\"\n");
    stage.write(
        "mine.toml",
        stage.read("teams.toml").replace("[azure]", "[azure]\ncloud = \"mine\""),
    );
    for line in [
        "apply teams.toml --plan pipe --sandbox",
        "apply teams.toml --plan /dev/zero --sandbox",
        "plan teams.toml --sandbox --sandbox-faults pipe",
        "plan teams.toml --cloud-file pipe",
        "plan teams.toml --cloud-file /dev/zero",
        "plan mine.toml --cloud-file cloud.toml",
    ] {
        let ran = stage.widctl(line);
        assert_ne!(ran.code, 0, "{line}: {ran:#?}");
        assert!(ran.stderr.contains("only regular files are read"), "{line}: {ran:#?}");
    }
    let huge = fs::File::create(stage.path("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    for line in [
        "apply teams.toml --plan huge --sandbox",
        "plan teams.toml --cloud-file huge",
        "validate huge",
    ] {
        let ran = stage.expect(1, line);
        assert!(ran.stderr.contains("it is too large: at most"), "{line}: {ran:#?}");
    }
}

#[test]
fn no_file_is_written_through_a_link() {
    for name in [".widctl/sandbox.json", ".widctl/sandbox.json.lock"] {
        let stage = Stage::quickstart();
        stage.write("precious", SECRET);
        link(&stage, stage.path("precious"), name);
        for line in ["sync teams.toml --sandbox --auto-approve", "sandbox show", "sandbox reset"] {
            // `show` looks at the state alone, and there is none beside the lock.
            if line == "sandbox show" && name.ends_with("lock") {
                continue;
            }
            let ran = stage.expect(1, line);
            assert!(ran.stderr.contains(name), "{line}: {ran:#?}");
            assert!(ran.stderr.contains("is a link"), "{line}: {ran:#?}");
            assert!(!ran.stderr.contains(SECRET), "{line}: {ran:#?}");
        }
        assert_eq!(stage.read("precious"), SECRET);
        assert!(stage.path(name).is_symlink());
    }
    let stage = Stage::quickstart();
    stage.write("precious", SECRET);
    link(&stage, stage.path("precious"), "plan.json");
    let ran = stage.expect(1, "plan teams.toml --sandbox --out plan.json");
    assert!(ran.stderr.contains("nothing is written through one"), "{ran:#?}");
    let ran = stage.widctl("init plan.json");
    assert_ne!(ran.code, 0, "{ran:#?}");
    assert_eq!(stage.read("precious"), SECRET);
    assert!(stage.path("plan.json").is_symlink());
}

#[test]
fn a_plan_is_not_put_in_the_place_of_a_pipe_or_a_device() {
    let stage = Stage::quickstart();
    pipe(&stage, "pipe");
    let ran = stage.expect(1, "plan teams.toml --sandbox --out pipe");
    assert!(ran.stderr.contains("name another file"), "{ran:#?}");
    fs::create_dir(stage.path(".lock")).unwrap();
    pipe(&stage, "state.json.lock");
    let ran = stage.expect(1, "plan teams.toml --sandbox=state.json");
    assert!(ran.stderr.contains("only a regular file is used"), "{ran:#?}");
    pipe(&stage, "piped.json");
    let ran = stage.expect(1, "plan teams.toml --sandbox=piped.json");
    assert!(ran.stderr.contains("only a regular file is used"), "{ran:#?}");
}

#[test]
fn a_description_that_is_named_through_a_link_is_not_quoted() {
    let stage = Stage::quickstart();
    stage.write("outside/environ", format!("AZURE_CLIENT_SECRET={SECRET}"));
    link(&stage, "../outside/environ", "checkout/clouds.toml");
    link(&stage, "../outside/environ", "checkout/faults.toml");
    link(&stage, "../outside/environ", "checkout/plan.json");
    for line in [
        "plan teams.toml --cloud-file checkout/clouds.toml",
        "plan teams.toml --sandbox --sandbox-faults checkout/faults.toml",
        "apply teams.toml --sandbox --plan checkout/plan.json",
    ] {
        let ran = stage.widctl(line);
        assert_ne!(ran.code, 0, "{line}: {ran:#?}");
        assert!(ran.stderr.contains("checkout/"), "{line}: {ran:#?}");
        assert!(!ran.stderr.contains(SECRET), "{line}: {ran:#?}");
    }
    // What the caller wrote is shown.
    stage.write("clouds.toml", "clouds = mine\n");
    let ran = stage.expect(1, "plan teams.toml --cloud-file clouds.toml");
    assert!(ran.stderr.contains("clouds = mine"), "{ran:#?}");
}
