//! The files of a sandbox: its state, the faults to rehearse with, a kubeconfig of its clusters.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;
use url::Url;

use crate::command::failure::Failure;
use crate::files;
use crate::model::shell;
use crate::sandbox::{Faults, World, kubeconfig};

/// Where a sandbox keeps its state unless a file is named.
pub const DEFAULT_FILE: &str = ".widctl/sandbox.json";

/// Opens the world of a state file. Only the default's folder is made if it is missing: another one may be mistyped.
pub fn open(file: &Path) -> Result<World, Failure> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        if file == Path::new(DEFAULT_FILE) {
            std::fs::create_dir_all(folder)
                .map_err(|source| Failure::file("make the sandbox's folder", folder, source))?;
        } else if !folder.is_dir() {
            let path = folder.to_string_lossy();
            return Err(Failure::Input {
                what: format!("there is no folder `{path}` for the sandbox's state"),
                hint: format!("make it, `mkdir -p {}`, or name another file", shell::quote(&path)),
            });
        }
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

/// A kubeconfig of these clusters of a sandbox, in a file that goes with the value.
pub fn kubeconfig_file(
    clusters: &[(String, String)],
    base: &Url,
) -> Result<NamedTempFile, Failure> {
    let failed = |source| Failure::file("write a kubeconfig in", &std::env::temp_dir(), source);
    let mut file = NamedTempFile::new().map_err(failed)?;
    file.write_all(kubeconfig(clusters, base).as_bytes()).map_err(failed)?;
    Ok(file)
}
