//! The state file: JSON that a person may read and edit, under a lock, written whole or not at all.

use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::error::SandboxError;
use super::state::FORMAT;
use super::state::State;

/// A state file held by this process until dropped.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// The lock lives as long as the handle.
    _lock: File,
}

impl StateFile {
    /// Takes the lock and reads the file; a missing one is an empty world.
    pub(super) fn open(path: &Path) -> Result<(Self, State), SandboxError> {
        let lock = lock(path)?;
        let state = match fs::read(path) {
            Ok(bytes) => parse(path, &bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(source) => return Err(refused(path, "read", source)),
        };
        Ok((
            Self {
                path: path.to_owned(),
                _lock: lock,
            },
            state,
        ))
    }

    /// Replaces the file in one step.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), SandboxError> {
        let written = || -> io::Result<()> {
            let mut file = NamedTempFile::new_in(folder(&self.path))?;
            file.write_all(bytes)?;
            file.as_file().sync_data()?;
            file.persist(&self.path).map_err(|error| error.error)?;
            Ok(())
        };
        written().map_err(|source| refused(&self.path, "written", source))
    }
}

fn lock(path: &Path) -> Result<File, SandboxError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    let lock_path = path.with_file_name(name);
    fs::create_dir_all(folder(path)).map_err(|source| refused(path, "created", source))?;
    let file = File::create(&lock_path).map_err(|source| refused(&lock_path, "created", source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SandboxError::InUse {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(refused(&lock_path, "locked", source)),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<State, SandboxError> {
    let damaged = |source| SandboxError::Damaged {
        path: path.to_owned(),
        source,
    };
    let value: Value = serde_json::from_slice(bytes).map_err(damaged)?;
    match value["format"].as_u64() {
        Some(found) if found != FORMAT => Err(SandboxError::OtherFormat {
            path: path.to_owned(),
            found,
            supported: FORMAT,
        }),
        _ => serde_json::from_value(value).map_err(damaged),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn refused(path: &Path, doing: &'static str, source: io::Error) -> SandboxError {
    SandboxError::Io {
        path: path.to_owned(),
        doing,
        source,
    }
}
