//! `render`: documents for the systems that run workloads, as text or as files.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;
use crate::command::{profile_files, write_file};
use crate::files;
use crate::render::cronjob::Job;
use crate::render::{Document, Given, Target, Unrendered};

/// What is rendered, beside the profile.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The target.
    pub target: &'static Target,
    /// The one team.
    pub team: Option<&'a str>,
    /// The one cluster.
    pub cluster: Option<&'a str>,
    /// The caller's own base job template of Prefect.
    pub base: Option<&'a Path>,
    /// Where workers reach the API of Prefect.
    pub prefect_api_url: Option<&'a str>,
    /// What `widctl status --format json` printed.
    pub status: Option<&'a Path>,
    /// How a job in the cluster runs.
    pub job: Job<'a>,
}

/// What is rendered.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The documents.
    pub documents: Vec<Document>,
    /// What chooses fewer of them, flags as they are written.
    pub choices: Vec<&'static str>,
}

/// The documents of a profile.
pub fn render(given: profile_files::Given<'_>, options: Options<'_>) -> Result<Rendered, Failure> {
    let (profile, files) = profile_files::load_with_files(given)?;
    let read = |path: &Path| {
        let text = files::read_text(path, files::LARGEST_TEXT);
        text.map_err(|source| Failure::file("read", path, source))
    };
    let base = options.base.map(read).transpose()?;
    let status = options.status.map(read).transpose()?;
    let given = Given {
        files: &files,
        team: options.team,
        cluster: options.cluster,
        base: base.as_deref(),
        prefect_api_url: options.prefect_api_url,
        status: status.as_deref(),
        job: options.job,
        ..Given::new(&profile)
    };
    let documents =
        options.target.render(&given).map_err(|Unrendered { what, hint, is_usage }| {
            if is_usage {
                Failure::Usage { what, hint }
            } else {
                Failure::Input { what: format!("{what}: nothing was written"), hint }
            }
        })?;
    Ok(Rendered { documents, choices: given.choices() })
}

/// A document and its file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placed {
    /// The file.
    pub path: PathBuf,
    /// The document.
    pub document: Document,
}

/// Which documents were written; the files of the others had their text already.
pub fn write(placed: &[Placed], force: bool) -> Result<Vec<&Placed>, Failure> {
    let mut changed = Vec::new();
    let mut differing = Vec::new();
    for each in placed {
        match files::read(&each.path, files::LARGEST_TEXT) {
            Ok(found) if found == each.document.text.as_bytes() => continue,
            Ok(_) => differing.push(format!("`{}`", each.path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(Failure::file("read", &each.path, source)),
        }
        changed.push(each);
    }
    if !force && !differing.is_empty() {
        return Err(Failure::Input {
            what: format!(
                "{} {} other text than what is rendered: nothing was written",
                differing.join(", "),
                if differing.len() == 1 { "has" } else { "have" }
            ),
            hint: "compare it with what the command prints without `--out` and `--out-dir`, or replace it with `--force`".into(),
        });
    }
    let texts = changed.iter().map(|each| (each.path.as_path(), each.document.text.as_bytes()));
    write_file::replace_all(texts)
        .map_err(|(path, source)| Failure::file("write", &path, source))?;
    Ok(changed)
}

/// Makes the folders of documents where they are missing.
pub fn make_folders(placed: &[Placed]) -> Result<(), Failure> {
    let folders: BTreeSet<&Path> = placed.iter().map(|each| files::folder_of(&each.path)).collect();
    for folder in folders {
        fs::create_dir_all(folder)
            .map_err(|source| Failure::file("make the folder", folder, source))?;
    }
    Ok(())
}
