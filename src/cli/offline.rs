//! The commands that touch no service.

use std::path::Path;

use clap::CommandFactory;

use crate::cli::args::{Arguments, InitArguments};
use crate::cli::profile::nearest_root;
use crate::cli::run::printed;
use crate::cli::sink;
use crate::command::condition::Condition;
use crate::command::failure::Failure;
use crate::command::{init, write_file};
use crate::model::{plural, shell};
use crate::profile;
use crate::report::escape;

/// `init`.
pub fn init(arguments: &InitArguments) -> Result<Condition, Failure> {
    let InitArguments { team, profile, file } = arguments;
    let file = file.as_deref();
    let written = match team {
        None => init::root(file),
        Some(team) => {
            let nearest = || nearest_root(file);
            let profile = profile.clone().map_or_else(nearest, |named| Ok(Some(named)))?;
            init::team(team, file, profile.as_deref())
        }
    }?;
    let shown = |path: &Path| escape::terminal(&shell::quote(&path.to_string_lossy())).into_owned();
    let path = shown(&written.path);
    let next = match &written.profile {
        Some(profile) => {
            format!("Wrote {path}. Fill it in, then: widctl validate {}\n", shown(profile))
        }
        None => format!(
            "Wrote {path}, for the root file that `widctl init` writes. Put it beside the root file of the profile's folder.\n"
        ),
    };
    printed(sink::result(&next))?;
    Ok(Condition::Done)
}

/// `schema`.
pub fn schema() -> Result<Condition, Failure> {
    printed(sink::document(&profile::schema_json()))?;
    Ok(Condition::Done)
}

/// `man`: the main page and one for each command below it, printed or each in a file of its own.
pub fn man(folder: Option<&Path>) -> Result<Condition, Failure> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    push_pages(&command, &mut pages);
    let Some(folder) = folder else {
        let text: String = pages.into_iter().map(|(_, text)| text).collect();
        printed(sink::result(&text))?;
        return Ok(Condition::Done);
    };
    for (name, text) in &pages {
        let path = folder.join(name);
        write_file::replace(&path, text.as_bytes())
            .map_err(|source| Failure::file("write", &path, source))?;
    }
    let shown = folder.to_string_lossy();
    let count = plural::count(pages.len(), "page");
    printed(sink::result(&format!("Wrote {count} to {}.\n", escape::terminal(&shown))))?;
    Ok(Condition::Done)
}

/// The pages of a command and those below it, each with the name of its file.
fn push_pages(command: &clap::Command, pages: &mut Vec<(String, String)>) {
    let page = clap_mangen::Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text).expect("writing to memory does not fail");
    pages.push((page.get_filename(), String::from_utf8_lossy(&text).into_owned()));
    for below in command.get_subcommands() {
        push_pages(below, pages);
    }
}

/// `version`.
pub fn version() -> Result<Condition, Failure> {
    printed(sink::result(concat!("widctl ", env!("CARGO_PKG_VERSION"), "\n")))?;
    Ok(Condition::Done)
}
