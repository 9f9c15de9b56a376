//! The state file: JSON that a person may read and edit, under a lock, written whole or not at all.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::Deserialize;
use tempfile::NamedTempFile;

use super::error::SandboxError;
use super::state::{FORMAT, State};

/// The largest state that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

/// A state file held by this process until dropped.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// The lock lives as long as the handle. It holds the port that the state is served at.
    lock: File,
}

impl StateFile {
    /// Takes the lock and reads the file; a missing one is an empty world.
    pub(super) fn open(path: &Path) -> Result<(Self, State), SandboxError> {
        // What is no state of ours gets no lock beside it.
        if !lock_path(path).exists()
            && let Some(bytes) = read(path)?
        {
            parse(path, &bytes)?;
        }
        let lock = lock(path)?;
        let state = match read(path)? {
            Some(bytes) => parse(path, &bytes)?,
            None => State::default(),
        };
        Ok((Self { path: path.to_owned(), lock }, state))
    }

    /// Tells whoever finds the lock taken at which port of 127.0.0.1 the state is served.
    pub(super) fn announce(&self, port: u16) {
        // Without it the message that the file is in use names no address, and nothing else is lost.
        let _ = (&self.lock).write_all(format!("{port}\n").as_bytes());
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

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".lock");
    path.with_file_name(name)
}

fn lock(path: &Path) -> Result<File, SandboxError> {
    let lock_path = lock_path(path);
    fs::create_dir_all(folder(path)).map_err(|source| refused(path, "created", source))?;
    // Not truncated: until it is locked, it is not ours.
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = open(&lock_path, &mut options, "created")?;
    match file.try_lock() {
        Ok(()) => {
            // What a process left that was killed is not about this one.
            file.set_len(0).map_err(|source| refused(&lock_path, "locked", source))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            Err(SandboxError::InUse { path: path.to_owned(), port: announced(&file) })
        }
        Err(TryLockError::Error(source)) => Err(refused(&lock_path, "locked", source)),
    }
}

/// The port that the holder of a lock has announced; a number and nothing else, whoever wrote the file.
fn announced(lock: &File) -> Option<u16> {
    let mut text = String::new();
    lock.take(8).read_to_string(&mut text).ok()?;
    text.trim().parse().ok().filter(|port| *port != 0)
}

/// The file's bytes; `None` where it is missing.
fn read(path: &Path) -> Result<Option<Vec<u8>>, SandboxError> {
    let file = match open(path, OpenOptions::new().read(true), "read") {
        Err(SandboxError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| refused(path, "read", source))?;
    if bytes.len() as u64 > LARGEST {
        let source = io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 256 MiB");
        return Err(refused(path, "read", source));
    }
    Ok(Some(bytes))
}

/// Opens a regular file. A link is not followed, since a checkout can bring one along that leads to a
/// file of the caller's; a pipe would be waited for.
fn open(path: &Path, options: &mut OpenOptions, doing: &'static str) -> Result<File, SandboxError> {
    let irregular = || SandboxError::NotAFile { path: path.to_owned() };
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return Err(irregular());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Whatever came in its place since then is not followed or waited for either.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let failed = |source| refused(path, doing, source);
    let file = options.open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_file() { Ok(file) } else { Err(irregular()) }
}

/// What is read before all else.
#[derive(Deserialize)]
struct Format {
    format: u64,
}

fn parse(path: &Path, bytes: &[u8]) -> Result<State, SandboxError> {
    let damaged = |source| SandboxError::Damaged { path: path.to_owned(), source };
    match serde_json::from_slice(bytes) {
        Ok(Format { format: found }) if found != FORMAT => {
            Err(SandboxError::OtherFormat { path: path.to_owned(), found, supported: FORMAT })
        }
        _ => serde_json::from_slice(bytes).map_err(damaged),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn refused(path: &Path, doing: &'static str, source: io::Error) -> SandboxError {
    SandboxError::Io { path: path.to_owned(), doing, source }
}
