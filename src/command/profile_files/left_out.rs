//! Team files that belong to a root file which was given without its folder: their teams would count as gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use crate::command::failure::Failure;
use crate::command::profile_files::{
    DEEPEST, Folder, Given, LARGEST_PROFILE, MOST_ENTRIES, MOST_FILES, is_hidden,
};
use crate::model::{plural, shell};
use crate::profile::{LARGEST_FILE, Part};
use crate::{files, profile};

/// Refuses a root file that team files belong to, unless it is read alone on purpose.
pub(super) fn check(given: Given<'_>, text: &[u8]) -> Result<(), Failure> {
    if given.root_only {
        return Ok(());
    }
    let above = files::folder_of(given.path);
    // As the search names it.
    let root = above.join(given.path.file_name().unwrap_or_default());
    let found = Search::new(Folder::new(above)?, root).team_files();
    // The file itself may be large: it is not looked into where there is no other.
    let Some(first) = found.first().filter(|_| profile::part(text) == Part::Root) else {
        return Ok(());
    };
    let what = format!(
        "`{}` is the root file of {} in its folder, `{}` for one, which would not be read",
        given.path.display(),
        plural::count(found.len(), "team file"),
        first.display()
    );
    let folder = above.to_string_lossy();
    let hint = format!(
        "give the folder, `widctl {} {}`, or read the root file alone with `--root-only`",
        given.command,
        shell::quote(&folder)
    );
    Err(Failure::Usage { what, hint })
}

/// Looks through the folder of a root file. What goes beyond the bounds of a profile is no part of one, so the search
/// ends there; what cannot be read is passed over.
struct Search<'p> {
    folder: Folder<'p>,
    /// The root file.
    root: PathBuf,
    /// Folders with another root file.
    roots: BTreeSet<PathBuf>,
    teams: Vec<PathBuf>,
    files: usize,
    bytes: usize,
}

impl<'p> Search<'p> {
    fn new(folder: Folder<'p>, root: PathBuf) -> Self {
        Self { folder, root, roots: BTreeSet::new(), teams: Vec::new(), files: 0, bytes: 0 }
    }

    /// The team files whose nearest root file, in their folder or upwards, lies in the folder itself.
    fn team_files(mut self) -> Vec<PathBuf> {
        let named = self.folder.named;
        let walk = WalkDir::new(named).follow_links(true).max_depth(DEEPEST).into_iter();
        let entries = walk.filter_entry(is_searched).take(MOST_ENTRIES);
        for entry in entries.filter_map(Result::ok) {
            if entry.file_type().is_file() && files::is_toml(entry.path()) {
                self.look(entry.path());
            }
            if self.files > MOST_FILES || self.bytes > LARGEST_PROFILE {
                break;
            }
        }
        let Self { roots, mut teams, .. } = self;
        teams.retain(|path| {
            let folders = path.ancestors().skip(1).take_while(|folder| *folder != named);
            !folders.into_iter().any(|folder| roots.contains(folder))
        });
        teams.sort();
        teams
    }

    fn look(&mut self, path: &Path) {
        if path == self.root || self.folder.inside(path).is_err() {
            return;
        }
        self.files += 1;
        let Ok(text) = files::read(path, LARGEST_FILE) else { return };
        self.bytes += text.len();
        match profile::part(&text) {
            Part::Teams => self.teams.push(path.to_owned()),
            Part::Root => self.roots.extend(path.parent().map(Path::to_owned)),
            Part::Other => {}
        }
    }
}

/// Nothing hidden, no link to a folder elsewhere, and no repository within this one.
fn is_searched(entry: &DirEntry) -> bool {
    let path = entry.path();
    let is_folder = entry.file_type().is_dir();
    entry.depth() == 0
        || !(is_hidden(path)
            || (is_folder && (entry.path_is_symlink() || path.join(".git").exists())))
}
