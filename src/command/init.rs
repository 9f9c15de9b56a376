//! `init`: writes a starter profile, or a team's file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;
use crate::command::{profile_files, write_file};
use crate::files;
use crate::model::shell;
use crate::profile::SourceFile;
use crate::profile::starter::{self, NoStarter};

/// The estate of a starter profile, to be replaced by a name of one's own.
const ESTATE: &str = "my-estate";
/// The folder of team files, where there is one.
const TEAMS: &str = "teams";

/// What was written.
#[derive(Debug)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// What `validate` is given next; nothing where no root file is known.
    pub profile: Option<PathBuf>,
}

/// Writes a root file. An existing file is an error and stays as it is.
pub fn root(file: Option<&Path>) -> Result<Written, Failure> {
    let text = starter::root(ESTATE).map_err(refused)?;
    let path = file.map_or_else(|| "teams.toml".into(), Path::to_owned);
    create(&path, &text, "teams.toml")?;
    Ok(Written { profile: Some(path.clone()), path })
}

/// Writes a team's file: for a profile within what its root file grants, so that the profile is valid with it; without
/// one for the starter's root file. An existing file is an error and stays as it is.
pub fn team(name: &str, file: Option<&Path>, profile: Option<&Path>) -> Result<Written, Failure> {
    let own = format!("{name}.toml");
    let Some(profile) = profile else {
        let text = starter::team(name).map_err(refused)?;
        let path = file.map_or_else(|| own.clone().into(), Path::to_owned);
        create(&path, &text, &own)?;
        return Ok(Written { path, profile: None });
    };
    let folder = if profile.is_dir() { profile } else { files::folder_of(profile) };
    let path = file.map_or_else(
        || {
            let teams = folder.join(TEAMS);
            let inside = if teams.is_dir() { teams } else { folder.to_owned() };
            inside.strip_prefix(".").unwrap_or(&inside).join(&own)
        },
        Path::to_owned,
    );
    let all = profile_files::of_folder(folder)?;
    let environment = profile_files::environment();
    let text = starter::team_of(name, &all, &environment).map_err(refused)?;
    let Some(text) = text else {
        // What keeps it from being read is told by its own errors.
        profile_files::check(folder, &all, &environment)?;
        return Err(Failure::Input {
            what: format!("the profile `{}` could not be read", folder.display()),
            hint: "validate it first".into(),
        });
    };
    let place = place(folder, &path)?;
    let with = SourceFile { path: place, text: text.clone().into_bytes() };
    profile_files::check(folder, &[all, vec![with]].concat(), &environment)?;
    create(&path, &text, &own)?;
    Ok(Written { path, profile: Some(folder.to_owned()) })
}

/// Where a file is in a profile's folder.
fn place(folder: &Path, path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::file("write", path, source);
    let real = files::folder_of(path).canonicalize().map_err(failed)?;
    let root = folder.canonicalize().map_err(failed)?;
    let Ok(inside) = real.strip_prefix(&root) else {
        let (path, folder) = (path.display(), folder.to_string_lossy());
        return Err(Failure::Input {
            what: format!(
                "`{path}` would be no part of the profile in `{folder}`, and was not written"
            ),
            hint: format!("name a file in `{folder}` or a folder below it, or another `--profile`"),
        });
    };
    let name = path.file_name().unwrap_or_default();
    Ok(inside.join(name).to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
}

fn refused(why: NoStarter) -> Failure {
    Failure::Input { what: why.what, hint: why.hint }
}

/// Writes a new file, whole or not at all.
fn create(path: &Path, text: &str, usual: &str) -> Result<(), Failure> {
    if path.is_dir() {
        let shown = path.to_string_lossy();
        let file = path.join(usual).to_string_lossy().into_owned();
        return Err(Failure::Input {
            what: format!("`{shown}` is a folder, and nothing was written: init writes a file"),
            hint: format!("name the file, `widctl init {}`", shell::quote(&file)),
        });
    }
    match write_file::create(path, text.as_bytes()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Input {
            what: format!("`{}` exists and is never overwritten", path.display()),
            hint: "name another file: `widctl init FILE`".into(),
        }),
        Err(source) => Err(Failure::file("write", path, source)),
    }
}
