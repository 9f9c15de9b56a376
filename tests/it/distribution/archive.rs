//! The archive of this platform, and the list of what is in the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{TARGET, has, program, root, script, succeed, tools};

/// Packs the program for a platform into a folder.
pub(super) fn pack(target: &str, folder: &Path) -> PathBuf {
    let mut command = script(".ci/release/archive.py");
    PathBuf::from(succeed(command.arg(program()).arg(target).arg(folder)).trim())
}

#[test]
#[ignore = "packs the program: just test-release"]
fn the_archive_has_program_licences_pages_and_completions_and_the_same_bytes_each_time() {
    if !has("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = pack("x86_64-unknown-linux-gnu", &folder.path().join("one"));
    assert_eq!(archive.file_name().unwrap().to_str(), Some(&*format!("widctl-{TARGET}.tar.gz")));
    let again = pack("x86_64-unknown-linux-gnu", &folder.path().join("two"));
    assert!(fs::read(&archive).unwrap() == fs::read(again).unwrap(), "the bytes differ");

    succeed(Command::new("tar").arg("-xzf").arg(&archive).current_dir(folder.path()));
    let top = folder.path().join(format!("widctl-{TARGET}"));
    let printed = succeed(Command::new(top.join("widctl")).arg("--version"));
    assert_eq!(printed, concat!("widctl ", env!("CARGO_PKG_VERSION"), "\n"));
    let has = |name: &str| top.join(name).metadata().is_ok_and(|found| found.len() > 100);
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "README.md", "CHANGELOG.md"] {
        assert_eq!(fs::read(top.join(name)).unwrap(), fs::read(root().join(name)).unwrap());
    }
    for name in
        ["man/widctl.1", "man/widctl-plan.1", "completions/_widctl", "completions/widctl.fish"]
    {
        assert!(has(name), "{name}");
    }
    let zip = pack("x86_64-pc-windows-msvc", folder.path());
    let listed = succeed(Command::new("python3").args(["-m", "zipfile", "-l"]).arg(zip));
    assert!(listed.contains("-x86_64-pc-windows-msvc/completions/_widctl.ps1"), "{listed}");
}

#[test]
#[ignore = "builds cargo-cyclonedx: just test-release"]
fn the_list_of_components_is_valid_and_has_what_the_program_is_made_of() {
    let Some(python) = tools() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = root().join(".ci/release/sbom");
    let written = succeed(Command::new("bash").arg(script).arg(folder.path()));
    let check = root().join("tests/release/sbom.py");
    let listed = succeed(Command::new(python).arg(check).arg(written.trim()));
    let listed: BTreeSet<&str> = listed.lines().collect();
    let lock: toml::Table = toml::from_str(include_str!("../../../Cargo.lock")).unwrap();
    let locked = lock["package"].as_array().unwrap().iter();
    let locked: BTreeSet<String> = locked
        .map(|package| {
            let of = |key: &str| package[key].as_str().unwrap();
            format!("{} {}", of("name"), of("version"))
        })
        .collect();
    assert!(listed.len() > 200, "{listed:?}");
    assert!(listed.iter().all(|name| locked.contains(*name)), "{listed:?}");
    let has = |name: &str| listed.iter().any(|found| found.split(' ').next() == Some(name));
    for (name, is_in) in [("kube", true), ("rustls", true), ("insta", false), ("proptest", false)] {
        assert_eq!(has(name), is_in, "{name}");
    }
}
