//! Reading files that somebody else may have put there: regular files alone, bounded, and never a wait
//! for the other end of a pipe.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The most bytes of a file that a person wrote or could read: a cloud file, faults, certificates.
pub const LARGEST_TEXT: usize = 10 * 1024 * 1024;
/// The most bytes of a file that widctl wrote: a saved plan of 100,000 workloads has about 100 MiB.
pub const LARGEST_PLAN: usize = 256 * 1024 * 1024;

/// Opens a regular file. A device is not even opened, since that alone may do something.
pub fn open(path: &Path) -> io::Result<File> {
    regular(&path.metadata()?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Whatever came in its place since then does not hold up the run.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    regular(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most this many bytes.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    bounded(&open(path)?, most)
}

/// Reads a regular file of at most this many bytes as UTF-8.
pub fn read_text(path: &Path, most: usize) -> io::Result<String> {
    String::from_utf8(read(path, most)?)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

/// The rest of an open file; one that grows meanwhile is cut off with an error, not read to its end.
pub fn bounded(file: &File, most: usize) -> io::Result<Vec<u8>> {
    let too_large = || {
        let why = format!("it is too large: at most {} are read", size(most));
        io::Error::new(ErrorKind::FileTooLarge, why)
    };
    if file.metadata()?.len() > most as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Whether an open file is the one that lies at a path without links, so that nothing came in its place
/// between looking and opening.
pub fn lies_at(file: &File, path: &Path) -> io::Result<bool> {
    let (open, named) = (file.metadata()?, path.symlink_metadata()?);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
    }
    #[cfg(not(unix))]
    {
        Ok(open.file_type() == named.file_type() && open.len() == named.len())
    }
}

/// A number of bytes as people say it.
pub fn size(bytes: usize) -> String {
    const MEBIBYTE: usize = 1024 * 1024;
    if bytes >= MEBIBYTE { format!("{} MiB", bytes / MEBIBYTE) } else { format!("{bytes} bytes") }
}

/// Whether a part of the path that was named is a link out of the folder that it lies in. A pull request
/// can put such a link where a pipeline names a file, so what is wrong there is told without its
/// text.
pub fn leads_elsewhere(path: &Path) -> io::Result<bool> {
    // What the shell connects is chosen by who runs the command.
    if path.starts_with("/dev") {
        return Ok(false);
    }
    let here = Path::new(".").canonicalize()?;
    for part in path.ancestors().filter(|part| *part != Path::new("")) {
        if !part.symlink_metadata()?.is_symlink() {
            continue;
        }
        let target = part.canonicalize()?;
        let folder = folder_of(part).canonicalize()?;
        let inside = target.strip_prefix(folder).is_ok_and(is_shown)
            && (target.is_dir() || is_toml(&target));
        // A link that the caller works behind, a home folder for instance, is the caller's own.
        if !inside && !here.starts_with(target) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The folder that a file lies in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether no part of a path is hidden but the folders of a `ConfigMap`'s mount: `..data`, and what it
/// leads to. <https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go>
pub fn is_shown(path: &Path) -> bool {
    path.components().all(|part| {
        let name = part.as_os_str().to_string_lossy();
        !name.starts_with('.') || name.starts_with("..")
    })
}

/// Whether a file is named as TOML.
pub fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "toml")
}

fn regular(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let (kind, what) = if found.is_dir() {
        (ErrorKind::IsADirectory, "it is a folder, not a file")
    } else {
        (
            ErrorKind::InvalidInput,
            "it is a pipe, a device or a socket; only regular files are read: save what it holds in one",
        )
    };
    Err(io::Error::new(kind, what))
}
