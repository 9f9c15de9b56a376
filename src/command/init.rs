//! `init`: writes a starter profile, or a team's file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;
use crate::command::write_file;
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
    let path = file.map_or_else(
        || team.map_or_else(|| PathBuf::from("teams.toml"), |team| format!("{team}.toml").into()),
        Path::to_owned,
    );
    match write_file::create(&path, text.as_bytes()) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(Failure::Input {
            what: format!("`{}` exists and is never overwritten", path.display()),
            hint: "name another file: `widctl init FILE`".into(),
        }),
        Err(source) => Err(Failure::file("write", &path, source)),
    }
}
