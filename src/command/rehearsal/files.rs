//! The files of a sandbox: its state, the faults to rehearse with, a kubeconfig of its clusters.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use crate::command::failure::Failure;
use crate::command::rehearsal::server::RunningSandbox;
use crate::files;
use crate::sandbox::{Faults, World, kubeconfig};

/// Opens the world of a state file; its folder is made if it is missing.
pub fn open(file: &Path) -> Result<World, Failure> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .map_err(|source| Failure::file("make the sandbox's folder", folder, source))?;
    }
    Ok(World::open(file)?)
}

/// Reads the faults to rehearse with.
pub fn faults(file: &Path) -> Result<Faults, Failure> {
    let text = files::read_text(file, files::LARGEST_TEXT)
        .map_err(|source| Failure::file("read the sandbox's faults", file, source))?;
    toml::from_str(&text).map_err(|mut error: toml::de::Error| {
        // The line that is wrong is shown, unless it stands in a file that nobody named.
        if files::leads_elsewhere(file).unwrap_or(true) {
            error.set_input(None);
        }
        Failure::Input {
            what: format!("`{}` does not describe faults: {error}", file.display()),
            hint: "docs/sandbox.md shows each fault with an example".to_owned(),
        }
    })
}

/// A kubeconfig of all clusters in the sandbox, in a file that goes with the value.
pub fn kubeconfig_file(running: &RunningSandbox) -> Result<NamedTempFile, Failure> {
    let failed = |source| Failure::file("write a kubeconfig in", &std::env::temp_dir(), source);
    let mut file = NamedTempFile::new().map_err(failed)?;
    let text = kubeconfig(&running.world, &running.base);
    file.write_all(text.as_bytes()).map_err(failed)?;
    Ok(file)
}
