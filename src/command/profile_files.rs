//! Reads the files of a profile. Whoever wrote them may be a stranger: nothing outside the profile's
//! folder is quoted, and nothing in it can hold up or fill the machine.

mod left_out;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use semver::Version;
use walkdir::WalkDir;

use crate::command::failure::Failure;
use crate::profile::resolved::Profile;
use crate::profile::{LARGEST_FILE, SourceFile, Values};
use crate::{files, profile};

/// The most bytes of all files of a profile together.
const LARGEST_PROFILE: usize = 50 * 1024 * 1024;
/// The most `*.toml` files.
const MOST_FILES: usize = 10_000;
/// The most files and folders that are looked at, whatever their names.
const MOST_ENTRIES: usize = 100_000;
/// The most links to folders that are followed: links to each other multiply what there is to look at.
const MOST_LINKS: usize = 1_000;
/// How many folders deep.
const DEEPEST: usize = 32;
/// What helps where a folder holds more than a profile.
const NARROWER: &str = "give widctl the folder of the profile alone";

/// The profile that a command was given.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Where it is.
    pub path: &'a Path,
    /// Whether a root file is read without the team files that belong to it.
    pub root_only: bool,
    /// The command, `plan`.
    pub command: &'static str,
    /// Whether variables are filled in with placeholders, and the environment is not read.
    pub placeholders: bool,
}

/// Loads and checks a profile: a file, or a folder whose `*.toml` files are one profile.
pub fn load(given: Given<'_>) -> Result<Profile, Failure> {
    load_with_files(given).map(|(profile, _)| profile)
}

/// The same, with the files that it was read from.
pub fn load_with_files(given: Given<'_>) -> Result<(Profile, Vec<SourceFile>), Failure> {
    let path = given.path;
    let failed = |source| Failure::file("read the profile", path, source);
    let (folder, files) = if path.metadata().map_err(failed)?.is_dir() {
        (shown(path), Folder::new(path)?.files()?)
    } else {
        let text = files::read(path, LARGEST_FILE).map_err(failed)?;
        left_out::check(given, &text)?;
        let path = path.to_string_lossy().into_owned();
        (String::new(), vec![SourceFile { path, text }])
    };
    let environment = (!given.placeholders).then(environment);
    let values = environment.as_ref().map_or(Values::Placeholders, Values::Environment);
    let loaded = profile::load_from(&folder, &files, values, &version());
    if loaded.is_err() && files::leads_elsewhere(path).map_err(failed)? {
        return Ok((loaded.map_err(profile::ProfileErrors::unquoted)?, files));
    }
    Ok((loaded?, files))
}

/// The files of a profile in a folder.
pub fn of_folder(folder: &Path) -> Result<Vec<SourceFile>, Failure> {
    Folder::new(folder)?.files()
}

/// Checks a profile of these files in a folder.
pub fn check(
    folder: &Path,
    files: &[SourceFile],
    environment: &BTreeMap<String, String>,
) -> Result<Profile, Failure> {
    Ok(profile::load_from(&shown(folder), files, Values::Environment(environment), &version())?)
}

fn version() -> Version {
    Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo knows no other versions")
}

/// The folder of a profile.
struct Folder<'p> {
    /// As it was named.
    named: &'p Path,
    /// Without links.
    real: PathBuf,
}

impl<'p> Folder<'p> {
    fn new(named: &'p Path) -> Result<Self, Failure> {
        let real = named
            .canonicalize()
            .map_err(|source| Failure::file("read the profile", named, source))?;
        Ok(Self { named, real })
    }

    /// The profile's files, sorted by path; paths are relative to the folder.
    fn files(&self) -> Result<Vec<SourceFile>, Failure> {
        let mut paths = self.paths()?;
        if paths.is_empty() {
            let why = "the folder has no `*.toml` file; `widctl init` writes a first one";
            let source = io::Error::new(io::ErrorKind::NotFound, why);
            return Err(Failure::file("read the profile", self.named, source));
        }
        paths.sort();
        let mut total = 0;
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let text = self.read(&path)?;
            total += text.len();
            if total > LARGEST_PROFILE {
                let most = files::size(LARGEST_PROFILE);
                return Err(self.too_much(&format!("its files have more than {most} together")));
            }
            let path = with_slashes(self.relative(&path));
            files.push(SourceFile { path, text });
        }
        Ok(files)
    }

    /// Where the `*.toml` files are. What is hidden is passed over: Kubernetes mounts a `ConfigMap`'s
    /// files through hidden folders, and editors leave hidden copies.
    fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut walk = WalkDir::new(self.named).follow_links(true).into_iter();
        let (mut paths, mut seen, mut links) = (Vec::new(), 0, 0);
        while let Some(entry) = walk.next() {
            seen += 1;
            if seen > MOST_ENTRIES {
                let what = format!("it holds more than {MOST_ENTRIES} files and folders");
                return Err(self.too_much(&what));
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.depth() > 0 && error.path().is_some_and(is_hidden) => continue,
                Err(error) => {
                    let path = error.path().unwrap_or(self.named).to_owned();
                    return Err(Failure::file("read the profile", &path, error.into()));
                }
            };
            let (path, folder) = (entry.path(), entry.file_type().is_dir());
            if entry.depth() > 0 && is_hidden(path) {
                if folder {
                    walk.skip_current_dir();
                }
                continue;
            }
            if entry.depth() > DEEPEST {
                return Err(self.too_much(&format!("it is more than {DEEPEST} folders deep")));
            }
            if folder && entry.depth() > 0 && entry.path_is_symlink() {
                self.inside(path)?;
                links += 1;
                if links > MOST_LINKS {
                    let what = format!("it holds more than {MOST_LINKS} links to folders");
                    return Err(self.too_much(&what));
                }
            } else if !folder && files::is_toml(path) {
                paths.push(entry.into_path());
            }
            if paths.len() > MOST_FILES {
                let what = format!("it holds more than {MOST_FILES} `*.toml` files");
                return Err(self.too_much(&what));
            }
        }
        Ok(paths)
    }

    /// A file's bytes. Where it lies is asked of the file that was opened, so that a link which changes
    /// meanwhile decides nothing.
    fn read(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let failed = |source| Failure::file("read the profile", path, source);
        let file: File = files::open(path).map_err(failed)?;
        let real = self.inside(path)?;
        if !files::lies_at(&file, &real).map_err(failed)? {
            let why = "it was replaced by another file while it was read";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        files::bounded(&file, LARGEST_FILE).map_err(failed)
    }

    /// Where a path leads. A link may lead to what the folder itself shows: a file or folder in it that
    /// is not hidden, so that no secret of the checkout (`.git/config`) is taken for a profile.
    fn inside(&self, path: &Path) -> Result<PathBuf, Failure> {
        let real = path
            .canonicalize()
            .map_err(|source| Failure::file("read the profile", path, source))?;
        let relative = real.strip_prefix(&self.real);
        if relative == Ok(self.relative(path)) {
            return Ok(real);
        }
        let why = match relative {
            Err(_) => "leaves the profile's folder",
            Ok(relative) if !files::is_shown(relative) => "leads to a hidden file or folder",
            Ok(_) if real.is_dir() || files::is_toml(&real) => return Ok(real),
            Ok(_) => "leads to a file that is no `*.toml`",
        };
        let target = path.read_link().unwrap_or(real);
        Err(Failure::Input {
            what: format!(
                "`{}` is a link that {why}: it leads to `{}`, which was not read",
                path.display(),
                target.display()
            ),
            hint: "put the file or folder itself in the link's place, or remove the link".into(),
        })
    }

    fn relative<'f>(&self, path: &'f Path) -> &'f Path {
        path.strip_prefix(self.named).unwrap_or(path)
    }

    fn too_much(&self, what: &str) -> Failure {
        Failure::Input {
            what: format!("the profile's folder `{}` is too large: {what}", self.named.display()),
            hint: NARROWER.into(),
        }
    }
}

/// A folder as it stands before the paths of its files: `infra/`, and nothing for the current one.
fn shown(folder: &Path) -> String {
    with_slashes(&folder.strip_prefix(".").unwrap_or(folder).join(""))
}

fn with_slashes(path: &Path) -> String {
    path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// The environment that `variables` of a root file may name.
#[expect(clippy::disallowed_methods, reason = "commands read the profile's environment here")]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
