//! Which profile a command is about: the argument, or the search in its place.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::args::{Command, ConnectionArguments};
use crate::cli::sink;
use crate::command::failure::Failure;
use crate::command::profile_files::Given;
use crate::command::profile_search::{self, FILE_NAME, Folder, Owner, VARIABLE};
use crate::files;
use crate::profile::{LARGEST_FILE, Part, part as profile_part};
use crate::report::escape;

/// Where a profile is.
#[derive(Args, Clone, Debug)]
pub struct ProfileArgument {
    /// The profile: a file, or a folder whose *.toml files are read as one [default: `WIDCTL_PROFILE`, else
    /// `widctl.toml` here or above, no higher than a folder with `.git` or your home]
    #[arg(value_name = "PROFILE", value_hint = ValueHint::AnyPath)]
    pub profile: Option<PathBuf>,
    /// Read a root file without the team files in its folder
    #[arg(long)]
    pub root_only: bool,
}

impl ProfileArgument {
    /// Where it is; [`find`] has filled it in.
    pub fn path(&self) -> &Path {
        self.profile.as_deref().unwrap_or(Path::new(FILE_NAME))
    }

    /// The same for a command.
    pub fn given(&self, command: &'static str) -> Given<'_> {
        Given { path: self.path(), root_only: self.root_only, command, placeholders: false }
    }

    /// The same for a command that connects. Stand-ins need nothing of the environment, so that whoever plans the profile
    /// of a stranger on them shows nothing of it.
    pub fn connected(&self, command: &'static str, connection: &ConnectionArguments) -> Given<'_> {
        Given { placeholders: connection.sandbox.is_some(), ..self.given(command) }
    }
}

impl Command {
    /// The argument that may be left out, and the command's name.
    fn open(&mut self) -> Option<(&mut Option<PathBuf>, &'static str)> {
        let (argument, name) = match self {
            Self::Validate(arguments) => (&mut arguments.profile, "validate"),
            Self::Plan(arguments) => (&mut arguments.profile, "plan"),
            Self::Apply(arguments) => (&mut arguments.profile, "apply"),
            Self::Sync(arguments) => (&mut arguments.profile, "sync"),
            Self::Verify(arguments) => (&mut arguments.profile, "verify"),
            Self::Graph(arguments) => (&mut arguments.profile, "graph"),
            Self::Render(arguments) => (&mut arguments.profile, "render"),
            Self::Status(arguments) => (&mut arguments.profile, "status"),
            Self::Release(_)
            | Self::Init(_)
            | Self::Presets(_)
            | Self::Explain(_)
            | Self::Token(_)
            | Self::Show(_)
            | Self::Sandbox(_)
            | Self::Schema
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Version => return None,
        };
        argument.profile.is_none().then_some((&mut argument.profile, name))
    }
}

/// Finds the profile of a command that was given none, and says which one it is.
pub fn find(command: &mut Command, quiet: bool) -> Result<(), Failure> {
    let is_optional = matches!(command, Command::Verify(verify) if verify.pod.is_some());
    let Some((profile, name)) = command.open() else { return Ok(()) };
    let found = match search(name) {
        // A pod needs none.
        Err(_) if is_optional => return Ok(()),
        found => found?,
    };
    if !quiet {
        let shown = found.to_string_lossy();
        sink::say(&format!("Profile: {}\n", escape::terminal(&shown)));
    }
    *profile = Some(found);
    Ok(())
}

/// The profile of a command that was given none.
#[expect(clippy::disallowed_methods, reason = "the edge that hands the environment in")]
pub fn search(command: &str) -> Result<PathBuf, Failure> {
    let current = env::current_dir()
        .map_err(|source| Failure::file("find the folder of", Path::new("this process"), source))?;
    let variable = env::var_os(VARIABLE);
    profile_search::choose(command, variable.as_deref(), folders(&current))
}

/// The folder of the nearest root file: that of the file that is to be written or of this process, else one above it.
pub fn nearest_root(file: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let current = env::current_dir()
        .map_err(|source| Failure::file("find the folder of", Path::new("this process"), source))?;
    let begin = file.map_or_else(|| current.clone(), |file| current.join(files::folder_of(file)));
    for Folder { path, owner: _, is_last } in folders(&begin) {
        let roots = root_files(&path)?;
        match roots.as_slice() {
            [] => {}
            [root] => {
                if let Ok(Some(Owner::Another(user))) = owner(root) {
                    return Err(profile_search::of_another("init --profile", root, user));
                }
                let inside = path.strip_prefix(&current).unwrap_or(&path);
                let inside = if inside.as_os_str().is_empty() { Path::new(".") } else { inside };
                return Ok(Some(inside.to_owned()));
            }
            [one, other, ..] => {
                return Err(Failure::Usage {
                    what: format!(
                        "`{}` and `{}` are root files of one folder, so it is no profile",
                        one.display(),
                        other.display()
                    ),
                    hint: "name the profile's folder with `--profile`".to_owned(),
                });
            }
        }
        if is_last {
            break;
        }
    }
    Ok(None)
}

/// The root files that lie in a folder itself.
fn root_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |source| Failure::file("look for a root file in", folder, source);
    let mut roots = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_root = |text: Vec<u8>| profile_part(&text) == Part::Root;
        if files::is_toml(&path) && files::read(&path, LARGEST_FILE).is_ok_and(is_root) {
            roots.push(path);
        }
    }
    roots.sort();
    Ok(roots)
}

/// The folder and those above it, each looked at when its turn comes.
fn folders(current: &Path) -> impl Iterator<Item = Folder> {
    let home = env::home_dir().and_then(|home| home.canonicalize().ok());
    current.ancestors().map(move |folder| Folder {
        path: folder.to_owned(),
        owner: owner(&folder.join(FILE_NAME)),
        is_last: home.as_deref() == Some(folder) || folder.join(".git").symlink_metadata().is_ok(),
    })
}

/// Whose a file is: where it is a link, whose the link is, and then whose what it leads to is.
fn owner(file: &Path) -> io::Result<Option<Owner>> {
    let link = match file.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        link => of(&link?),
    };
    match link {
        Owner::Caller => Ok(Some(of(&file.metadata()?))),
        another @ Owner::Another(_) => Ok(Some(another)),
    }
}

#[cfg(unix)]
fn of(file: &fs::Metadata) -> Owner {
    use std::os::unix::fs::MetadataExt;
    match file.uid() {
        user if user == rustix::process::geteuid().as_raw() => Owner::Caller,
        user => Owner::Another(user),
    }
}

#[cfg(not(unix))]
fn of(_: &fs::Metadata) -> Owner {
    Owner::Caller
}
