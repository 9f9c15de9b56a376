//! Profiles from text to their resolved form, and every message about bad ones.

mod bad;
mod good;
mod limits;
mod names;
mod presets;
mod properties;
mod remarks;
mod rights;
mod scopes;
mod services;
mod subjects;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use semver::Version;
use widctl::profile;
use widctl::profile::resolved::Profile;
use widctl::profile::{ProfileErrors, SourceFile};

/// The version that the tests load profiles with, so that messages stay the same.
const VERSION: Version = Version::new(0, 1, 0);

/// A path in the repository.
fn repository(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file, or all `*.toml` files below a folder, with paths relative to it.
fn files(path: &Path) -> Vec<SourceFile> {
    if path.is_file() {
        let name = path.file_name().expect("the path names a file").to_string_lossy().into_owned();
        return vec![SourceFile {
            path: name,
            text: fs::read(path).expect("the file can be read"),
        }];
    }
    let entries = walkdir::WalkDir::new(path).sort_by_file_name();
    let entries = entries.into_iter().map(|entry| entry.expect("the folder can be read"));
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
    load(&[SourceFile { path: "widctl.toml".into(), text: text.into() }])
}

/// The codes of all errors, in their order.
fn codes(errors: &ProfileErrors) -> Vec<&'static str> {
    errors.iter().map(|error| error.rule().code).collect()
}

/// A root file with one cluster and what else is given, to which teams are added.
fn root_file(policy: &str) -> String {
    format!(
        "version = 1\nestate = \"e\"\n{policy}\n[azure]\n\
         subscription = \"00000000-0000-4000-8000-000000000001\"\nresource_group = \"rg\"\n\
         location = \"westeurope\"\n[clusters.weu]\nresource_group = \"rg-aks\"\nname = \"aks\"\n"
    )
}

/// A team with the identity `id-NAME`, to which `rest` is added.
fn team_table(name: &str, rest: &str) -> String {
    format!(
        "[[team]]\nname = {name:?}\nnamespace = {name:?}\nclusters = [\"weu\"]\n\
         [[team.identity]]\nname = \"id-{name}\"\n{rest}\n"
    )
}

/// What a profile was refused for; empty where it loads.
struct Refused(Option<ProfileErrors>);

impl Refused {
    fn of(files: &[(String, String)]) -> Self {
        let files: Vec<SourceFile> = files
            .iter()
            .map(|(path, text)| SourceFile { path: path.clone(), text: text.clone().into() })
            .collect();
        Self(load(&files).err())
    }

    fn codes(&self) -> Vec<&'static str> {
        self.0.as_ref().map_or(vec![], codes)
    }

    /// The messages under a code; it is a mistake of the test if there are others.
    fn refusals(&self, code: &str) -> Vec<String> {
        let all = self.0.iter().flatten();
        all.map(|error| {
            assert_eq!(error.rule().code, code, "{error}");
            error.to_string()
        })
        .collect()
    }

    fn helps(&self, code: &str) -> Vec<String> {
        let all = self.0.iter().flatten();
        all.filter(|error| error.rule().code == code).map(|error| error.hint().to_owned()).collect()
    }
}

/// A folder with a root file and one team in a file of its own.
fn team_file(policy: &str, name: &str, rest: &str) -> Refused {
    let team = ("team.toml".to_owned(), team_table(name, rest));
    Refused::of(&[("widctl.toml".to_owned(), root_file(policy)), team])
}

/// A root file with a team in it.
fn root_team(policy: &str, name: &str, rest: &str) -> Refused {
    let text = root_file(policy) + &team_table(name, rest);
    Refused::of(&[("widctl.toml".to_owned(), text)])
}
