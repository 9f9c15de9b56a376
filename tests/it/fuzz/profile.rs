//! A folder of files as somebody's pull request leaves it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use semver::Version;
use widctl::command::failure::Failure;
use widctl::profile;
use widctl::profile::resolved::Profile;
use widctl::profile::{Piece, ProfileError, ProfileErrors, SourceFile};

use super::engine::{Input, Target};
use super::harm;

/// Uses what the environment gives, as roots do.
const VARIABLES: &str = r#"version = 1
estate = "variables"
variables = ["SET", "AZURE_SUBSCRIPTION_ID", "AZURE_CLIENT_SECRET", "GITHUB_TOKEN"]

[azure]
subscription = "${AZURE_SUBSCRIPTION_ID}"
resource_group = "rg-${SET}"
location = "westeurope"

[clusters.weu]
resource_group = "rg-aks"
name = "aks-${SET}"

[[team]]
name = "web"
namespace = "web"
clusters = ["weu"]
[[team.identity]]
name = "id-${GITHUB_TOKEN}"
tags = { cost = "${AZURE_CLIENT_SECRET}" }
[[team.workload]]
service_account = "frontend"
"#;

pub(super) const TARGET: Target = Target { name: "profile", seeds, check, cases: 250 };

#[test]
fn a_damaged_profile_is_explained_without_harm() {
    TARGET.run();
}

/// The environment of every load: planted secrets, and what a profile may well use.
pub(super) fn environment() -> BTreeMap<String, String> {
    let useful = [
        ("SET", "from-the-environment"),
        ("CONTROL", "\u{1b}[31m"),
        ("AZURE_SUBSCRIPTION_ID", "00000000-0000-4000-8000-000000000001"),
    ];
    let all = useful.iter().chain(harm::SECRETS);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The profiles of the repository, good and bad.
pub(super) fn seeds() -> Vec<Input> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<PathBuf> = ["profiles", "tests/it/profile/bad"]
        .iter()
        .flat_map(|folder| fs::read_dir(repository.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "toml"))
        .collect();
    paths.sort();
    let variables = SourceFile { path: "widctl.toml".into(), text: VARIABLES.into() };
    let read = paths.iter().map(|path| files(path));
    read.chain([vec![variables]]).collect()
}

/// A file, or the `*.toml` files below a folder.
fn files(path: &Path) -> Input {
    let folder = if path.is_dir() { path } else { path.parent().unwrap() };
    let entries = walkdir::WalkDir::new(path).sort_by_file_name();
    let entries = entries.into_iter().map(|entry| entry.unwrap().into_path());
    let toml = entries.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    toml.filter(|path| path.is_file())
        .map(|path| SourceFile {
            text: fs::read(&path).unwrap(),
            path: path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/"),
        })
        .collect()
}

fn load(files: &[SourceFile]) -> Result<Profile, ProfileErrors> {
    profile::load(files, &environment(), &Version::new(0, 1, 0))
}

pub(super) fn check(files: &[SourceFile]) -> Result<(), String> {
    match (load(files), load(files)) {
        (Ok(first), Ok(second)) if first == second => {
            match harm::of_output(&format!("{first:?}")) {
                Some(harm) if harm.contains("shows") => Err(format!("the profile: {harm}")),
                Some(_) | None => Ok(()),
            }
        }
        (Err(first), Err(second)) => {
            first.iter().try_for_each(|error| place_is_inside(error, files))?;
            let (first, second) =
                (harm::printed(&Failure::Profile(first)), harm::printed(&Failure::Profile(second)));
            if first != second {
                return Err("two loads have different errors".into());
            }
            harm::of_output(&first).map_or(Ok(()), Err)
        }
        _ => Err("two loads end differently".into()),
    }
}

/// An error points into the text that it is about.
fn place_is_inside(error: &ProfileError, files: &[SourceFile]) -> Result<(), String> {
    let (line, column) = error.position();
    let is_shown =
        |piece: &Piece| piece.marks.iter().all(|mark| piece.text.get(mark.range.clone()).is_some());
    let shown = error.excerpt().iter().all(is_shown);
    let is_inside = |file: &SourceFile| {
        let text = String::from_utf8_lossy(&file.text);
        text.split('\n').nth(line - 1).is_some_and(|text| column <= text.chars().count() + 1)
    };
    let of_path = |file: &&SourceFile| file.path == error.path();
    if shown && (files.is_empty() || files.iter().filter(of_path).any(is_inside)) {
        return Ok(());
    }
    Err(format!("an error points outside its file: {line}:{column}, or its excerpt: {error}"))
}
