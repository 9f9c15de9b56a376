//! Which profile a command is about that was given none: a decision over what the folders on the way up hold.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;
use crate::model::shell;

/// The name of the file that is looked for.
pub const FILE_NAME: &str = "widctl.toml";
/// The variable that names a profile.
pub const VARIABLE: &str = "WIDCTL_PROFILE";

/// A folder that a profile may be in.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// Whose the file of this name in it is, if there is one.
    pub owner: io::Result<Option<Owner>>,
    /// Whether the search ends here: it has a `.git`, or is the caller's home.
    pub is_last: bool,
}

/// Whose a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The caller's.
    Caller,
    /// That of the user with this id.
    Another(u32),
}

/// The profile that the variable names, else the first in the folders, the current one first.
pub fn choose(
    command: &str,
    variable: Option<&OsStr>,
    folders: impl IntoIterator<Item = Folder>,
) -> Result<PathBuf, Failure> {
    if let Some(named) = variable.filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    let mut searched: Vec<PathBuf> = Vec::new();
    for Folder { path, owner, is_last } in folders {
        let file = path.join(FILE_NAME);
        match owner.map_err(|source| Failure::file("look for a profile at", &file, source))? {
            Some(Owner::Caller) if searched.is_empty() => return Ok(FILE_NAME.into()),
            Some(Owner::Caller) => return Ok(file),
            Some(Owner::Another(user)) => return Err(of_another(command, &file, user)),
            None => searched.push(path),
        }
        if is_last {
            break;
        }
    }
    Err(nowhere(command, &searched))
}

/// What somebody else put in the way is read only where it is named, as git does with repositories
/// (<https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory>).
pub fn of_another(command: &str, file: &Path, user: u32) -> Failure {
    let path = file.to_string_lossy();
    Failure::Usage {
        what: format!("`{path}` belongs to another user (id {user}) and was not read"),
        hint: format!(
            "if you trust it, name it: `widctl {command} {}`, or set {VARIABLE}",
            shell::quote(&path)
        ),
    }
}

fn nowhere(command: &str, searched: &[PathBuf]) -> Failure {
    let searched: Vec<String> =
        searched.iter().map(|folder| format!("`{}`", folder.display())).collect();
    Failure::Usage {
        what: format!(
            "no profile was given, {VARIABLE} is not set, and there is no `{FILE_NAME}` in {}",
            searched.join(", ")
        ),
        hint: format!(
            "give the profile, `widctl {command} teams.toml`, or write one with `widctl init {FILE_NAME}`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::{Path, PathBuf};

    use super::{Folder, Owner, choose};
    use crate::command::failure::Failure;

    fn folder(path: &str, owner: Option<Owner>, is_last: bool) -> Folder {
        Folder { path: path.into(), owner: Ok(owner), is_last }
    }

    fn found(folders: Vec<Folder>) -> PathBuf {
        choose("plan", None, folders).unwrap()
    }

    #[test]
    fn the_nearest_is_taken_and_nobody_looks_above_the_last_folder() {
        let caller = Some(Owner::Caller);
        assert_eq!(found(vec![folder("/a/b", caller, false)]), Path::new("widctl.toml"));
        let above = || vec![folder("/a/b", None, false), folder("/a", caller, true)];
        assert_eq!(found(above()), Path::new("/a/widctl.toml"));
        let beyond = vec![folder("/a/b", None, true), folder("/a", caller, false)];
        let failure = choose("plan", None, beyond).unwrap_err().to_string();
        assert!(failure.contains("in `/a/b`:"), "{failure}");
        assert_eq!(choose("plan", Some("x.toml".as_ref()), above()).unwrap(), Path::new("x.toml"));
        assert_eq!(choose("plan", Some("".as_ref()), above()).unwrap(), found(above()));
    }

    #[test]
    fn a_folder_that_cannot_be_looked_at_is_named() {
        let denied = Err(io::ErrorKind::PermissionDenied.into());
        let folders = [Folder { path: "/a".into(), owner: denied, is_last: false }];
        let failure = choose("plan", None, folders).unwrap_err();
        assert!(
            matches!(failure, Failure::File { path, .. } if path == Path::new("/a/widctl.toml"))
        );
    }
}
