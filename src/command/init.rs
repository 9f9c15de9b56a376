//! `init`: writes a starter profile, or a team's file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;
use crate::command::write_file;
use crate::model::shell;
use crate::profile::starter;

/// The estate of a starter profile, to be replaced by a name of one's own.
const ESTATE: &str = "my-estate";

/// Writes the starter and answers where it is. An existing file is an error and stays as it is.
pub fn init(team: Option<&str>, file: Option<&Path>) -> Result<PathBuf, Failure> {
    let text = match team {
        None => starter::root(ESTATE),
        Some(team) => starter::team(team),
    };
    let text = text.map_err(|error| Failure::Input {
        what: error.to_string(),
        hint: "name it with lower-case letters, digits and hyphens: `data-eng`".into(),
    })?;
    let path = file.map_or_else(|| path_of(team), Path::to_owned);
    if path.is_dir() {
        let shown = path.to_string_lossy();
        let file = path.join(path_of(team)).to_string_lossy().into_owned();
        return Err(Failure::Input {
            what: format!("`{shown}` is a folder, and nothing was written: init writes a file"),
            hint: format!("name the file, `widctl init {}`", shell::quote(&file)),
        });
    }
    match write_file::create(&path, text.as_bytes()) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Input {
            what: format!("`{}` exists and is never overwritten", path.display()),
            hint: "name another file: `widctl init FILE`".into(),
        }),
        Err(source) => Err(Failure::file("write", &path, source)),
    }
}

/// The file that is written unless one is named.
fn path_of(team: Option<&str>) -> PathBuf {
    team.map_or_else(|| "teams.toml".into(), |team| format!("{team}.toml").into())
}
