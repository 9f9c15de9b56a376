//! The pipeline that runs this process: what it is told, where, and in which form. Nothing else that is
//! printed is a command: [`super::sink`] sees to that.

pub mod command;
pub mod told;

use std::env;
use std::path::{Path, PathBuf};

/// A pipeline that takes outputs, a summary and marks at the lines of files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pipeline {
    /// GitHub Actions.
    GitHub,
    /// Azure Pipelines.
    Azure,
}

impl Pipeline {
    /// The pipeline that this process runs in.
    /// <https://docs.github.com/actions/reference/variables-reference>
    /// <https://learn.microsoft.com/azure/devops/pipelines/build/variables#system-variables-devops-services>
    pub fn of_process() -> Option<Self> {
        let is_set = |name| {
            variable(name).is_some_and(|value| value.to_string_lossy().eq_ignore_ascii_case("true"))
        };
        let known = [("GITHUB_ACTIONS", Self::GitHub), ("TF_BUILD", Self::Azure)];
        known.into_iter().find_map(|(name, pipeline)| is_set(name).then_some(pipeline))
    }

    /// The current folder within the sources that the pipeline checked out, with a slash at its end where it is another
    /// one: pipelines look for files from there.
    fn folder(self) -> String {
        let sources = match self {
            Self::GitHub => "GITHUB_WORKSPACE",
            Self::Azure => "BUILD_SOURCESDIRECTORY",
        };
        let within = || {
            let sources = Path::new(&variable(sources)?).canonicalize().ok()?;
            let current = env::current_dir().ok()?.canonicalize().ok()?;
            let within = current.strip_prefix(sources).ok()?.join("");
            Some(within.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/"))
        };
        within().unwrap_or_default()
    }

    /// A file of a message as the pipeline finds it.
    pub fn place(self, file: &str) -> String {
        if Path::new(file).is_absolute() {
            return file.to_owned();
        }
        self.folder() + file
    }
}

/// Where a variable leads that the pipeline sets for each step.
fn file(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

/// A variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "the command line reads its own environment")]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
