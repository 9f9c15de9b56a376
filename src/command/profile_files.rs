//! Reads the files of a profile.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::path::Path;

use semver::Version;
use walkdir::DirEntry;
use walkdir::WalkDir;

use crate::command::failure::Failure;
use crate::profile;
use crate::profile::LARGEST_FILE;
use crate::profile::SourceFile;
use crate::profile::resolved::Profile;

/// Loads and checks the profile at this path: a file, or a folder whose `*.toml` files are one profile.
pub fn load(path: &Path) -> Result<Profile, Failure> {
    let files = read(path)?;
    let version = Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo knows no other versions");
    Ok(profile::load(&files, &environment(), &version)?)
}

/// The profile's files, sorted by path; paths are relative to the folder, or as given for a file.
pub fn read(path: &Path) -> Result<Vec<SourceFile>, Failure> {
    let failed = |source| Failure::file("read the profile", path, source);
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_dir() {
        let shown = path.to_string_lossy().into_owned();
        return Ok(vec![SourceFile {
            path: shown,
            text: bytes(path)?,
        }]);
    }
    let mut paths = Vec::new();
    let visible = |entry: &DirEntry| entry.depth() == 0 || !is_hidden(entry);
    for entry in WalkDir::new(path)
        .follow_links(true)
        .into_iter()
        .filter_entry(visible)
    {
        let entry = entry.map_err(|error| failed(error.into()))?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|e| e == "toml") {
            paths.push(entry.into_path());
        }
    }
    if paths.is_empty() {
        return Err(failed(io::Error::new(
            io::ErrorKind::NotFound,
            "the folder has no `*.toml` file; `widctl init` writes a first one",
        )));
    }
    paths.sort();
    paths
        .into_iter()
        .map(|file| source_file(path, &file))
        .collect()
}

fn source_file(folder: &Path, file: &Path) -> Result<SourceFile, Failure> {
    let relative = file.strip_prefix(folder).unwrap_or(file);
    let shown = relative
        .to_string_lossy()
        .replace(std::path::MAIN_SEPARATOR, "/");
    Ok(SourceFile {
        path: shown,
        text: bytes(file)?,
    })
}

/// A file's bytes, bounded: a growing or endless file is cut off with an error, not read to its end.
fn bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source| Failure::file("read the profile", path, source);
    let mut text = Vec::new();
    let mut bounded = File::open(path)
        .map_err(failed)?
        .take(LARGEST_FILE as u64 + 1);
    bounded.read_to_end(&mut text).map_err(failed)?;
    if text.len() > LARGEST_FILE {
        return Err(failed(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "a profile's file has at most 10 MiB; is this one a profile?",
        )));
    }
    Ok(text)
}

/// Kubernetes mounts a `ConfigMap`'s files through hidden folders; editors leave hidden copies.
fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// The environment that `variables` of a root file may name.
#[expect(
    clippy::disallowed_methods,
    reason = "commands read the profile's environment here"
)]
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
