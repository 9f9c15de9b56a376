//! The OCI image: read back by skopeo, and its root run without a container engine.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{REQUIRED, has, program, root, script, succeed};
use crate::cli::support::repository;
use crate::python;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn layout(path: &Path) -> String {
    format!("oci:{}", path.display())
}

fn build(folder: &Path) -> String {
    let mut command = script(".ci/release/image.py");
    command.env("WIDCTL_REPOSITORY", "https://github.com/example/widctl");
    succeed(command.arg("build").arg(program()).arg(folder))
}

#[test]
#[ignore = "needs skopeo: just test-release"]
fn skopeo_reads_the_image_and_the_one_of_several_platforms() {
    if !has("skopeo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let digest = build(&path("one"));
    assert_eq!(build(&path("two")), digest, "the bytes differ");
    let image = json(&succeed(Command::new("skopeo").arg("inspect").arg(layout(&path("one")))));
    assert_eq!(image["Digest"], digest.trim());
    let label = |name: &str| &image["Labels"][format!("org.opencontainers.image.{name}")];
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("source"), "https://github.com/example/widctl");
    let config =
        Command::new("skopeo").args(["inspect", "--config"]).arg(layout(&path("one"))).output();
    let config = json(&String::from_utf8(config.unwrap().stdout).unwrap());
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"][0], "/usr/bin/widctl");

    // Another platform is stood in for by the same layout.
    let mut join = script(".ci/release/image.py");
    let joined = succeed(join.arg("join").arg(path("all")).arg(path("one")).arg(path("two")));
    let mut copy = Command::new("skopeo");
    copy.args(["copy", "--all", "--quiet"]).arg(layout(&path("all"))).arg(layout(&path("copy")));
    succeed(&mut copy);
    let raw = Command::new("skopeo").args(["inspect", "--raw"]).arg(layout(&path("copy"))).output();
    let raw = raw.unwrap().stdout;
    assert_eq!(json(&String::from_utf8(raw).unwrap())["manifests"][0]["digest"], digest.trim());
    let index = json(&fs::read_to_string(path("copy/index.json")).unwrap());
    assert_eq!(index["manifests"][0]["digest"], joined.trim());
}

#[test]
#[ignore = "needs skopeo and root: just test-release"]
fn the_program_finds_names_and_trusts_the_authorities_of_the_image_alone() {
    if !has("skopeo") || !has("openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    build(&path("image"));
    let mut copy = Command::new("skopeo");
    let files = format!("dir:{}", path("files").display());
    succeed(copy.args(["copy", "--quiet"]).arg(layout(&path("image"))).arg(files));
    let manifest = json(&fs::read_to_string(path("files/manifest.json")).unwrap());
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().replace("sha256:", "files/");
    fs::create_dir(path("root")).unwrap();
    succeed(Command::new("tar").arg("-xzf").arg(path(&layer)).arg("-C").arg(path("root")));
    let profile = repository("profiles/quickstart.toml");
    fs::write(path("root/teams.toml"), profile.replace("[azure]", "[azure]\ncloud = \"test\""))
        .unwrap();

    let is_root = succeed(Command::new("id").arg("-u")).trim() == "0";
    let mut run = Command::new(if is_root { "python3" } else { "sudo" });
    if !is_root {
        run.args(["--non-interactive", "python3"]);
        if !Command::new("sudo").args(["-n", "true"]).status().is_ok_and(|status| status.success())
        {
            python::skip(REQUIRED, "the root of the image can be tried by root alone");
            return;
        }
    }
    run.arg(root().join("tests/release/chroot.py")).arg(path("root"));
    let said = json(&succeed(&mut run));
    let names = said["names"].as_array().unwrap();
    assert!(names.contains(&"login.widctl.test".into()), "{said}");
    let stderr = |of: &str| said[of]["stderr"].as_str().unwrap();
    assert!(stderr("untrusted").contains("does not trust who signed the certificate"), "{said}");
    let asked = said["requests"].as_array().unwrap();
    let token = "POST /00000000-0000-4000-8000-000000000001/oauth2/v2.0/token HTTP/1.1";
    assert!(asked.iter().all(|line| line == token) && !asked.is_empty(), "{said}");
    assert_eq!(said["trusted"]["code"], 4, "{said}");
    assert!(stderr("trusted").contains("AADSTS90002"), "{said}");
}
