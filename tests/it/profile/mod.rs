//! Profiles from text to their resolved form, and every message about bad ones.

mod bad;
mod good;
mod properties;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use semver::Version;
use widctl::profile;
use widctl::profile::ProfileErrors;
use widctl::profile::SourceFile;
use widctl::profile::resolved::Profile;

/// The version that the tests load profiles with, so that messages stay the same.
const VERSION: Version = Version::new(0, 1, 0);

/// A path in the repository.
fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file, or all `*.toml` files below a folder, with paths relative to it.
fn files(path: &Path) -> Vec<SourceFile> {
    if path.is_file() {
        let name = path
            .file_name()
            .expect("the path names a file")
            .to_string_lossy()
            .into_owned();
        return vec![SourceFile {
            path: name,
            text: fs::read(path).expect("the file can be read"),
        }];
    }
    let entries = walkdir::WalkDir::new(path).sort_by_file_name();
    let entries = entries
        .into_iter()
        .map(|entry| entry.expect("the folder can be read"));
    let toml = entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "toml"));
    toml.map(|entry| {
        let relative = entry.path().strip_prefix(path).expect("it lies below");
        SourceFile {
            path: relative.to_string_lossy().replace('\\', "/"),
            text: fs::read(entry.path()).expect("the file can be read"),
        }
    })
    .collect()
}

/// Loads with an empty environment.
fn load(files: &[SourceFile]) -> Result<Profile, ProfileErrors> {
    profile::load(files, &BTreeMap::new(), &VERSION)
}

/// Loads one text as a whole profile.
fn load_text(text: &str) -> Result<Profile, ProfileErrors> {
    load(&[SourceFile {
        path: "widctl.toml".into(),
        text: text.into(),
    }])
}

/// The codes of all errors, in their order.
fn codes(errors: &ProfileErrors) -> Vec<&'static str> {
    errors.iter().map(|error| error.rule().code).collect()
}
