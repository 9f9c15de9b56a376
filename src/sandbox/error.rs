//! What can go wrong with the sandbox itself, as opposed to what its services answer.

use std::io;
use std::path::PathBuf;

/// A state file that cannot be used. Each text names the file and what fixes it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Another process holds the lock.
    #[error(
        "the sandbox file {} is in use by another process{}",
        path.display(),
        advice(*port)
    )]
    InUse {
        /// The state file.
        path: PathBuf,
        /// The loopback port at which that process serves it, where it does.
        port: Option<u16>,
    },
    /// The file is not JSON, or not what this version writes.
    #[error(
        "the sandbox file {} is damaged; fix it by hand, or delete it to start anew",
        path.display()
    )]
    Damaged {
        /// The state file.
        path: PathBuf,
        /// Where and why it could not be read.
        source: serde_json::Error,
    },
    /// The file was written in another format.
    #[error(
        "the sandbox file {} has format {found}, this version reads format {supported}; delete it to start anew, or use the version that wrote it",
        path.display()
    )]
    OtherFormat {
        /// The state file.
        path: PathBuf,
        /// The format that the file names.
        found: u64,
        /// The only format that this version reads.
        supported: u64,
    },
    /// A link, a folder, a pipe or a device is in the file's place.
    #[error(
        "the sandbox file {} is a link, a folder, a pipe or a device, and only a regular file is used; remove it, or name another file",
        path.display()
    )]
    NotAFile {
        /// The state file, or its lock.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("the sandbox file {} cannot be {doing}; check the folder and its permissions", path.display())]
    Io {
        /// The state file, or its lock.
        path: PathBuf,
        /// What was tried, in the past participle.
        doing: &'static str,
        /// The refusal.
        source: io::Error,
    },
}

/// What to do about a sandbox in use.
fn advice(port: Option<u16>) -> String {
    match port {
        Some(port) => format!(
            ", which serves it; join it with `--sandbox=http://127.0.0.1:{port}`, or stop that one"
        ),
        None => "; stop that one, or name another file".to_owned(),
    }
}

impl SandboxError {
    /// Whether the file can be read but means nothing to this version.
    pub fn is_damaged(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::OtherFormat { .. } => true,
            Self::InUse { .. } | Self::NotAFile { .. } | Self::Io { .. } => false,
        }
    }
}
