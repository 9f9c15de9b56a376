//! The GitHub Action's two scripts, with a loopback server for the releases.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::archive::pack;
use super::{has, root, succeed, text};
use crate::cli::support::repository;

/// A runner, and a server with the archive of this release.
struct Runner {
    folder: TempDir,
    digest: String,
    base: String,
    server: Child,
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Runner {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let releases = folder.path().join("served/example/widctl/releases/download");
        let version = concat!("v", env!("CARGO_PKG_VERSION"));
        let archive = pack("x86_64-unknown-linux-gnu", &releases.join(version));
        let digest = Sha256::digest(fs::read(archive).unwrap());
        let digest = data_encoding::HEXLOWER.encode(&digest);
        fs::create_dir(folder.path().join("temp")).unwrap();
        let mut server = Command::new("python3");
        server.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]);
        server.arg(folder.path().join("served")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = server.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        // Serving HTTP on 127.0.0.1 port 40123 (http://127.0.0.1:40123/) ...
        let base = line.split(['(', ')']).nth(1).unwrap().trim_end_matches('/').to_owned();
        Self { folder, digest, base, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new("bash");
        command.arg(root().join(".github/actions/widctl").join(name)).current_dir(self.path(""));
        command
    }

    fn install(&self, version: &str, digest: &str) -> Output {
        let mut install = self.script("install.sh");
        install
            .envs([("VERSION", version), ("SHA256", digest), ("REPOSITORY", "example/widctl")])
            .envs([
                ("RUNNER_OS", "Linux"),
                ("RUNNER_ARCH", "X64"),
                ("GITHUB_SERVER_URL", &self.base),
            ])
            .env("RUNNER_TEMP", self.path("temp"))
            .env("GITHUB_PATH", self.path("path"));
        install.output().unwrap()
    }

    /// What is below the runner's folder for temporary files.
    fn unpacked(&self) -> Vec<PathBuf> {
        let entries = walkdir::WalkDir::new(self.path("temp")).into_iter().map(Result::unwrap);
        let names = entries.map(walkdir::DirEntry::into_path);
        names.filter(|path| path.file_name().unwrap() == "widctl").collect()
    }
}

#[test]
#[ignore = "packs the program: just test-release"]
fn a_release_with_the_given_digest_is_installed_and_run() {
    if !has("python3") {
        return;
    }
    let runner = Runner::new();
    let installed = runner.install(env!("CARGO_PKG_VERSION"), &runner.digest);
    assert!(installed.status.success(), "{}", text(&installed.stdout));
    let folder = fs::read_to_string(runner.path("path")).unwrap();
    assert!(Path::new(folder.trim()).join("widctl").is_file());

    fs::write(runner.path("my teams.toml"), repository("profiles/quickstart.toml")).unwrap();
    let path = succeed(Command::new("sh").args(["-c", "printf %s \"$PATH\""]));
    let mut run = runner.script("run.sh");
    run.env("PATH", format!("{}:{path}", folder.trim()));
    let line = "validate\n\nmy teams.toml\n--format\njson\n";
    let said = succeed(run.env("ARGUMENTS", line));
    assert!(said.contains("\"estate\": \"quickstart\""), "{said}");
    let refused = run.env("ARGUMENTS", "validate\n$(touch ran)").output().unwrap();
    assert!(!refused.status.success() && !runner.path("ran").exists());
}

#[test]
#[ignore = "packs the program: just test-release"]
fn an_archive_with_another_digest_is_neither_unpacked_nor_put_on_the_path() {
    if !has("python3") {
        return;
    }
    let runner = Runner::new();
    let version = env!("CARGO_PKG_VERSION");
    let (other, short) = ("0".repeat(64), &runner.digest[..40]);
    for (version, digest, said) in [
        (version, other.as_str(), "and `sha256` is 0000"),
        (version, short, "`sha256` is no SHA-256"),
        ("9.9.9", other.as_str(), "could not download"),
        ("../../evil", other.as_str(), "`version` is no version"),
    ] {
        let Output { status, stdout, .. } = runner.install(version, digest);
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(text(&stdout).contains(said), "{}", text(&stdout));
        assert_eq!(runner.unpacked(), Vec::<PathBuf>::new());
        assert!(!runner.path("path").exists());
    }
}
