//! Writes files whole or not at all.

use std::fs::{File, OpenOptions};
use std::io;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Writes a new file, or replaces one: a reader sees the old text or the new one, never a part.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    replaceable(path)?;
    written(path, text)?.persist(path)?;
    Ok(())
}

/// Opens a file to write at its end, or makes one that its owner alone can read.
pub fn append(path: &Path) -> io::Result<File> {
    replaceable(path)?;
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // What comes in its place meanwhile is neither followed nor waited for.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

/// Writes several files: every text is on the disk before the first file is replaced, so that a full disk or a
/// folder without leave changes none of them.
pub fn replace_all<'a>(
    texts: impl Iterator<Item = (&'a Path, &'a [u8])>,
) -> Result<(), (PathBuf, io::Error)> {
    let mut ready = Vec::new();
    for (path, text) in texts {
        let prepared = replaceable(path).and_then(|()| written(path, text));
        ready.push((path, prepared.map_err(|error| (path.to_owned(), error))?));
    }
    for (path, file) in ready {
        file.persist(path).map_err(|error| (path.to_owned(), error.error))?;
    }
    Ok(())
}

/// Only a regular file is replaced. A link would be lost, or lead to a file that nobody named, and a
/// device in `/dev` would be gone for every other program.
fn replaceable(path: &Path) -> io::Result<()> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let why = if found.is_symlink() {
        "it is a link, and nothing is written through one: remove it, or name the file that it leads to"
    } else if found.is_file() {
        return Ok(());
    } else {
        "it is a folder, a pipe or a device, not a file: name another file"
    };
    Err(io::Error::new(ErrorKind::InvalidInput, why))
}

/// Writes a new file; an existing one is an error and stays as it is.
pub fn create(path: &Path, text: &[u8]) -> io::Result<()> {
    written(path, text)?.persist_noclobber(path)?;
    Ok(())
}

fn written(path: &Path, text: &[u8]) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(folder).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            let missing = format!("there is no folder `{}`", folder.display());
            io::Error::new(ErrorKind::NotFound, missing)
        } else {
            error
        }
    })?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;

    #[test]
    fn an_existing_file_is_never_overwritten_by_create() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("teams.toml");
        super::create(&path, b"first").unwrap();
        assert_eq!(super::create(&path, b"second").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        super::replace(&path, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }
}
